"""One process at a time plans a job, so that two that start it at once make one run, and share its chunks.

On SQL Server a lock on the job's name, which ends with its session, however that ends; for SQLite, whose users are on one
machine, a locked file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from etl import connect, file_locks, spool, statements
from etl.connect import LOCK_TIMEOUT_MS
from etl.errors import LedgerError
from etl.job import Job


@contextmanager
def held(job: Job) -> Iterator[None]:
    """Wait for the lock and hold it. Raises LedgerError when another process plans the job for longer than a lock may take."""
    with _server_lock(job) if job.target_endpoint.dialect == "mssql" else _file_lock(job):
        yield


@contextmanager
def _server_lock(job: Job) -> Iterator[None]:
    statement = sa.text(statements.load("lock_planning"))
    with job.target_endpoint.connect() as connection:
        with connect.statement(f"locking the planning of {job.target_table}"):
            parameters = {"resource": _name(job), "timeout_ms": LOCK_TIMEOUT_MS}
            result = connection.execute(statement, parameters).scalar_one()
        if result < 0:
            raise _taken(job)
        yield


@contextmanager
def _file_lock(job: Job) -> Iterator[None]:
    folder = spool.default_folder().parent / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / _name(job)).open("w") as file:
        if not file_locks.took_one([file.fileno()], LOCK_TIMEOUT_MS / 1000):
            raise _taken(job)
        yield


def _name(job: Job) -> str:
    return f"etl planning {job.hash()}"


def _taken(job: Job) -> LedgerError:
    return LedgerError(
        f"another process has been planning the copy to {job.target_table} for a minute",
        state="Nothing was written.",
        advice="Start the job again when it moves rows: then both share its chunks.",
    )
