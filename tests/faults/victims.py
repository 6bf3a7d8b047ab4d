"""Processes that run a job and are killed on the way, at an exact point or at any moment.

They come from a fork server that has imported everything once: a victim starts in milliseconds and shares no thread, no
connection and no lock with the test.
"""

from __future__ import annotations

import importlib
import multiprocessing as mp
import os
import signal
from collections.abc import Callable
from functools import wraps
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from etl.job import Job
from etl.main_module import without_main_module

CONTEXT = mp.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["tests.faults.victims", "etl.pipeline", "sqlalchemy.dialects.mssql", "pyodbc", "sqlite3"]
)

POINTS = {
    "before the claim": ("etl.ledger", "claim", "before"),
    "after the claim": ("etl.ledger", "claim", "after"),
    "between two inserts": ("etl.insert", "_insert_batch", "after"),
    "before the seal": ("etl.ledger", "seal", "before"),
    "before the commit": ("etl.ledger", "seal", "after"),
    "after the commit": ("etl.worker", "ChunkWork._commit", "after"),
}
"""Moments in a chunk's transaction on SQLite: module, function, and on which side of its call."""

BULK_POINTS = {
    **{name: point for name, point in POINTS.items() if name != "between two inserts"},
    "before the bulk copy's end": ("etl.bulk.freetds", "BulkCopy.done", "before"),
    "after the bulk copy": ("etl.bulk.freetds", "BulkCopy.done", "after"),
}
"""The same on a server, where rows go by bulk copy."""

RUN_POINTS = {
    "before the plan": ("etl.ledger", "start_run", "after"),
    "before the plan is stored": ("etl.ledger", "store_plan", "before"),
    "before the plan is committed": ("etl.ledger", "store_plan", "after"),
    "when the plan is committed": ("etl.pipeline", "execute", "before"),
    "before the end": ("etl.pipeline", "_finish", "before"),
    "before the end is committed": ("etl.ledger", "end_run", "after"),
    "after the end": ("etl.pipeline", "_finish", "after"),
}
"""Moments of a run outside its chunks."""


def die() -> None:
    """End this process as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(module: str, name: str, side: str, nth_call: int) -> None:
    """Make this process die on one side of the n-th call of a function, or of a method as `Class.method`."""
    owner, _, name = name.rpartition(".")
    home = importlib.import_module(module)
    home = getattr(home, owner) if owner else home
    function = getattr(home, name)
    calls = 0

    @wraps(function)
    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth_call and side == "before":
            die()
        result = function(*args, **kwargs)
        if calls == nth_call and side == "after":
            die()
        return result

    setattr(home, name, deadly)


def killed_at(job: Job, point: tuple[str, str, str], nth_call: int) -> None:
    """Run the job in a victim that dies at that point; returns when it is dead."""
    process = start(_run_to_its_death, job, point, nth_call)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def killed_after(job: Job, seconds: float) -> bool:
    """Run the job in a victim and kill it so long after its run began. Returns whether it was still running."""
    ours, theirs = CONTEXT.Pipe()
    process = start(_run_and_tell, job, theirs)
    theirs.close()
    assert ours.recv() == "ready"
    process.join(seconds)
    process.kill()
    process.join(60)
    return process.exitcode == -signal.SIGKILL


def run_together(jobs: list[Job]) -> list[str]:
    """Run the jobs at the same time, a process each. Returns what each ended with: done, or its error."""
    started = []
    for job in jobs:
        ours, theirs = CONTEXT.Pipe()
        started.append((start(_run_and_report, job, theirs), ours))
        theirs.close()
    for _, pipe in started:
        assert pipe.recv() == "ready"
    for _, pipe in started:
        pipe.send("go")
    ends = [pipe.recv() for _, pipe in started]
    for process, _ in started:
        process.join(60)
    return ends


def start(target: Callable[..., None], *arguments: Any, daemon: bool = True) -> ForkServerProcess:
    """Start a process that calls the function; a daemon ends with the test, and may start no processes."""
    process = CONTEXT.Process(target=target, args=arguments, daemon=daemon)
    with without_main_module():
        process.start()
    return process


def _run_to_its_death(job: Job, point: tuple[str, str, str], nth_call: int) -> None:
    import etl

    die_at(*point, nth_call)
    etl.run(job)


def _run_and_tell(job: Job, pipe: Connection) -> None:
    import etl

    pipe.send("ready")
    etl.run(job)


def _run_and_report(job: Job, pipe: Connection) -> None:
    import etl

    pipe.send("ready")
    pipe.recv()
    try:
        etl.run(job)
    except etl.EtlError as error:
        pipe.send(f"{type(error).__name__}: {error.message}")
    else:
        pipe.send("done")
