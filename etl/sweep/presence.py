"""Whether an execution of a sweep is alive, so that what it has begun is left to it, and taken over once it is dead.

On SQL Server it holds a lock on its name, which ends with its session; for SQLite, whose users are on one machine, a locked
file beside the database. Both end with the process, however that ends. No clock is asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from etl import connect, file_locks, statements
from etl.connect import Endpoint
from etl.errors import LedgerError


@contextmanager
def shown(database: Endpoint, run_id: str) -> Iterator[None]:
    """Be alive for all to see.

    Where the link to a server is lost meanwhile, others may begin the same inputs too; one result of each is stored.
    """
    with _locked(database, run_id) if database.dialect == "mssql" else _locked_file(database, run_id):
        yield


def is_alive(database: Endpoint, run_id: str) -> bool:
    """Whether that execution is."""
    if database.dialect == "sqlite":
        return _is_locked(_file(database, run_id))
    with _connected(database) as connection:
        return not _took(connection, run_id)


@contextmanager
def _locked(database: Endpoint, run_id: str) -> Iterator[None]:
    with _connected(database) as connection:
        if not _took(connection, run_id):
            raise LedgerError(f"another session says that it is the execution {run_id} of a sweep")
        yield


@contextmanager
def _connected(database: Endpoint) -> Iterator[sa.Connection]:
    # A reader's connection is in autocommit mode: no transaction stays open on the server for hours.
    with replace(database, role="reader").connect() as connection:
        yield connection


def _took(connection: sa.Connection, run_id: str) -> bool:
    with connect.statement(f"locking the execution {run_id} of a sweep"):
        statement = sa.text(statements.load("lock_planning"))
        parameters = {"resource": f"etl sweep {run_id}", "timeout_ms": 0}
        return bool(connection.execute(statement, parameters).scalar_one() >= 0)


@contextmanager
def _locked_file(database: Endpoint, run_id: str) -> Iterator[None]:
    """A file of that name, which is locked as long as it is there. What executions that were killed have left goes first."""
    path = _file(database, run_id)
    for left in [found for found in path.parent.iterdir() if found.name.startswith(_file(database, "").name)]:
        _is_locked(left)
    # Locked before it has its name: nobody finds it without its lock.
    new = path.with_name(f".{path.name}")
    file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        file_locks.took(file)
        new.rename(path)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _is_locked(path: Path) -> bool:
    """Whether there is such a file and its maker is alive. One that is left by a dead one is removed."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not file_locks.took(file):
            return True
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(file)


def _file(database: Endpoint, run_id: str) -> Path:
    return Path(f"{database.label}-sweep-{run_id}")
