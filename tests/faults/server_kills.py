"""A job through kills of its server, which is started again on the same data and the same port each time."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from tests.databases import MssqlDatabase
from tests.faults.copies import COLUMNS
from tests.faults.runners import Ended, Runner
from tests.faults.sandbox_process import PASSWORD, SandboxProcess, data_folder
from tests.pipeline.jobs import job, make_orders

LIFETIME_SEC = (0.2, 1.5)
MOST_STARTS = 10
FIRST_DELAY_SEC = 0.5
"""Six tries then wait for up to fifteen seconds, which a server takes to come back on a machine that is busy."""


@dataclass
class Killed:
    """How a job went."""

    kinds: Counter[str] = field(default_factory=Counter)
    ends: list[Ended] = field(default_factory=list)
    rows_lost: int = 0
    rows_doubled: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def retries(self) -> int:
        """Chunks that were tried again."""
        return sum(len(end.retried) for end in self.ends)

    @property
    def starts(self) -> int:
        """How often the job was started."""
        return len(self.ends)


def copy_through_server_kills(random: Random, chunks: int, chunk_rows: int, *, kills: int = 3, **fields: Any) -> Killed:
    """Copy so many chunks while the server is killed so often, as a whole or its Python alone; then compare."""
    killed = Killed()
    with data_folder() as folder:
        first = SandboxProcess(folder)
        server = _Restarting(folder, first, random, kills)
        url = f"mssql+pyodbc://sa:{PASSWORD}@127.0.0.1:{first.port}/sandbox"
        database = MssqlDatabase(url)
        make_orders(database, chunks * chunk_rows)
        database.connection.close()
        copied = job(database, chunk_rows=chunk_rows, **fields)
        server.start()
        while killed.starts < MOST_STARTS:
            server.up.wait()
            killed.ends.append(Runner(copied, first_delay_sec=FIRST_DELAY_SEC).ended())
            if killed.ends[-1].done or killed.ends[-1].hung:
                break
        server.finish()
        killed.kinds = server.killed
        _compare(killed, MssqlDatabase(url), chunks, chunk_rows)
        server.sandbox.stop()
    return killed


class _Restarting(threading.Thread):
    """Kills a server and starts it again, at random moments."""

    def __init__(self, folder: Path, sandbox: SandboxProcess, random: Random, kills: int) -> None:
        super().__init__(name="server-kills", daemon=True)
        self.sandbox = sandbox
        self.killed: Counter[str] = Counter()
        self.up = threading.Event()
        self.up.set()
        self._folder = folder
        self._lives = [random.uniform(*LIFETIME_SEC) for _ in range(kills)]
        self._wholly = [random.random() < 0.5 for _ in range(kills)]
        self._finished = threading.Event()

    def run(self) -> None:
        """Until all kills are done, or nobody is there any more to feel them."""
        for life_sec, wholly in zip(self._lives, self._wholly, strict=True):
            if self._finished.wait(life_sec):
                return
            port = self.sandbox.port
            self.up.clear()
            if wholly:
                self.sandbox.kill()
            else:
                self.sandbox.kill_python()
            self.killed["SIGKILL of the server" if wholly else "SIGKILL of the server's front"] += 1
            self.sandbox = SandboxProcess(self._folder, port)
            self.up.set()

    def finish(self) -> None:
        """No more kills."""
        self._finished.set()
        self.join()


def _compare(killed: Killed, database: MssqlDatabase, chunks: int, chunk_rows: int) -> None:
    with database.connection:
        try:
            source, target = database.rows("orders", COLUMNS), database.rows("copies", COLUMNS)
            ledger, states = database.ledger(), database.run_states()
        except sa.exc.DBAPIError as error:
            killed.wrong.append(f"{error}; the last run ended with {killed.ends[-1]}")
            return
    killed.rows_lost, killed.rows_doubled = (source - target).total(), (target - source).total()
    if source.total() != chunks * chunk_rows or source != target:
        killed.wrong.append(f"{killed.rows_lost} rows lost, {killed.rows_doubled} doubled")
    if ledger != [(number, "done", chunk_rows) for number in range(chunks)] or states != ["done"]:
        killed.wrong.append(f"ledger {ledger}, runs {states}, the last run ended with {killed.ends[-1]}")
