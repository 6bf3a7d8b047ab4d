"""Kills sweeps again and again: `python -m tests.soak sweep --count 10000 --seed 1`."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from etl.sandbox import serve
from tests.databases import Database, SqliteDatabase, fresh_database
from tests.sweep.trial import Trial, Victim

KILLS = 6
"""Of a sweep of each database."""


def soak(count: int, seed: int) -> list[str]:
    """A sweep of so many inputs on each database, killed again and again; returns what was wrong."""
    wrong: list[str] = []
    exported = []
    with tempfile.TemporaryDirectory() as folder, _databases(Path(folder)) as databases:
        os.environ["XDG_CACHE_HOME"] = folder
        for database in databases:
            place = Path(folder) / database.dialect
            place.mkdir()
            trial = Trial(database, place, count, Random(seed))
            _run(trial)
            wrong += [f"{database.dialect}: {line}" for line in trial.wrong]
            exported.append(trial.exported())
    if len(set(exported)) > 1:
        wrong.append("the exported files differ")
    return wrong


@contextmanager
def _databases(folder: Path) -> Iterator[list[Database]]:
    with serve() as server, fresh_database(server.url()) as database:
        yield [SqliteDatabase(folder / "results.db"), database]


def _run(trial: Trial) -> None:
    """Kill a worker or the command at moments spread over the sweep, then let it end."""
    started = time.monotonic()
    moments = sorted(trial.random.sample(range(trial.count // 20, trial.count * 19 // 20), KILLS))
    strikes: list[tuple[Victim, int]] = []
    for number, moment in enumerate(moments):
        last = number == len(moments) - 1
        victim: Victim = "parent" if last or trial.random.random() < 0.5 else "worker"
        strikes.append((victim, moment))
        if victim == "parent":
            trial.strike(*strikes)
            strikes = []
    trial.finish()
    ended = trial.calls_that("ended")
    print(
        f"{trial.database.dialect}: {trial.count:,} inputs in {time.monotonic() - started:.0f} s; killed: "
        f"{trial.killed['parent']} commands, {trial.killed['worker']} workers; "
        f"{ended.total() - trial.count} inputs ended twice, since a kill came before their result was stored",
        flush=True,
    )
