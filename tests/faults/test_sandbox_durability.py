"""What the sandbox has told a client to be committed is there after SIGKILL of all its processes; nothing else is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyodbc
import pytest

from tests.faults.sandbox_process import SandboxProcess, data_folder

WRITERS = 4
COMMITS_BEFORE_THE_KILL = 200
WAIT_SEC = 60.0


@pytest.fixture
def data() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


def keys(sandbox: SandboxProcess, table: str = "t") -> list[int]:
    connection = sandbox.connect()
    found = [key for (key,) in connection.execute(f"SELECT k FROM {table} ORDER BY k").fetchall()]
    connection.close()
    return found


def prepare(sandbox: SandboxProcess) -> None:
    connection = sandbox.connect()
    connection.execute("CREATE TABLE t (k int NOT NULL PRIMARY KEY, n int IDENTITY)")
    connection.close()


def insert(connection: pyodbc.Connection, key: int) -> None:
    connection.execute("INSERT INTO t (k) VALUES (?)", key)


@pytest.mark.parametrize("kill", [SandboxProcess.kill, SandboxProcess.kill_python], ids=["all", "python"])
def test_committed_data_survive_and_uncommitted_do_not(data: Path, kill: Callable[[SandboxProcess], None]) -> None:
    sandbox = SandboxProcess(data)
    prepare(sandbox)
    committed, open_, by_text = (sandbox.connect(autocommit=False) for _ in range(3))
    insert(committed, 1)
    committed.commit()
    by_text.execute("BEGIN TRANSACTION")
    insert(by_text, 2)
    by_text.execute("COMMIT; COMMIT")
    insert(open_, 3)
    open_.execute("CREATE TABLE half_made (k int)")
    insert(committed, 4)
    insert(sandbox.connect(), 5)
    kill(sandbox)

    again = SandboxProcess(data)
    assert keys(again) == [1, 2, 5]
    connection = again.connect()
    assert connection.execute("SELECT OBJECT_ID(N'half_made')").fetchval() is None
    insert(connection, 6)
    numbers = [n for (n,) in connection.execute("SELECT n FROM t").fetchall()]
    assert len(set(numbers)) == 4
    connection.close()
    again.stop()


class Writer(threading.Thread):
    """Commits one key after another, and notes each when the server has said that it is committed."""

    def __init__(self, sandbox: SandboxProcess, number: int, noted: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self._connection = sandbox.connect(autocommit=bool(number % 2))
        self._number = number
        self._noted = noted
        self.told: list[int] = []

    def run(self) -> None:
        try:
            for key in range(self._number, 1_000_000, WRITERS):
                insert(self._connection, key)
                if not self._connection.autocommit:
                    self._connection.commit()
                self.told.append(key)
                self._noted.release()
        except pyodbc.Error:
            return  # the server is gone


def test_under_load_every_commit_that_was_answered_is_there(data: Path) -> None:
    sandbox = SandboxProcess(data)
    prepare(sandbox)
    noted = threading.Semaphore(0)
    writers = [Writer(sandbox, number, noted) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for _ in range(COMMITS_BEFORE_THE_KILL):
        assert noted.acquire(timeout=WAIT_SEC)
    sandbox.kill()
    for writer in writers:
        writer.join(WAIT_SEC)

    again = SandboxProcess(data)
    found = set(keys(again))
    again.stop()
    for number, writer in enumerate(writers):
        own = {key for key in found if key % WRITERS == number}
        assert set(writer.told) <= own
        assert len(own) - len(writer.told) <= 1
    assert len(found) >= COMMITS_BEFORE_THE_KILL
