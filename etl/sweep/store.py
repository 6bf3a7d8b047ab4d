"""The tables of sweeps, read and written: each function in the caller's session, or in short transactions of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from etl import connect, here_and_now
from etl.connect import Endpoint
from etl.errors import DatabaseError, JobError, LedgerError
from etl.odbc import packets
from etl.sweep.function import Failed
from etl.sweep.inputs import Input
from etl.sweep.model import Base, State, StoredInput, StoredSweep, sweep_id

ALREADY_THERE = frozenset({2714, 2627, 2601})
"""SQL Server's numbers for an object, and for a key, that another transaction has made meanwhile."""
SELECT_CHARS = 400
"""Of a statement about some keys, without these; rounded up."""
SQLITE_KEYS = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What is stored of an input, without its values."""

    state: State
    attempt: int
    run_id: str
    function_hash: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """An input that the function was called on."""

    input: Input
    outcome: str | Failed
    """Its result as JSON, or how it failed."""
    seconds: float
    started_at: dt.datetime
    ended_at: dt.datetime

    @property
    def state(self) -> State:
        """What it is stored as."""
        return "failed" if isinstance(self.outcome, Failed) else "done"


@contextmanager
def session(database: Endpoint) -> Iterator[Session]:
    """A session on a connection of its own; what is not committed at the end is discarded. Raises as `Endpoint.connect`."""
    with database.connect() as connection:
        opened = Session(connection)
        yield opened
        # Not after an error: its ROLLBACK could only fail, where the server has rolled back by itself or the link is lost.
        opened.close()


@contextmanager
def reading(database: Endpoint) -> Iterator[Session]:
    """The same for reading only: nothing is locked, and a database that is not there is not made. Raises ConnectError."""
    with session(replace(database, role="reader")) as opened:
        yield opened


def create_tables(database: Endpoint) -> None:
    """Make the tables where they are missing."""
    try:
        _create_tables(database)
    except DatabaseError as error:
        if error.number not in ALREADY_THERE:
            raise
        _create_tables(database)  # another process was making them


def _create_tables(database: Endpoint) -> None:
    with (
        database.connect() as connection,
        connect.statement(f"making the tables {', '.join(Base.metadata.tables)} in {database.label}"),
    ):
        Base.metadata.create_all(connection)
        connection.commit()


def enter(database: Endpoint, name: str, function: str) -> None:
    """Make the sweep where it is missing. Raises JobError where it is another function's."""
    try:
        stored = _entered(database, name, function)
    except DatabaseError as error:
        if error.number not in ALREADY_THERE:
            raise
        stored = find(database, name).function  # another process was making it
    if stored != function:
        raise JobError(
            f"the sweep {name} holds results of {stored}, not of {function}",
            advice="Give this one a name of its own: --name.",
        )


def _entered(database: Endpoint, name: str, function: str) -> str:
    """The function of the sweep, which is made where it is missing."""
    with session(database) as opened, connect.statement(f"beginning the sweep {name}"):
        stored = opened.get(StoredSweep, sweep_id(name))
        if stored is not None:
            return stored.function
        opened.add(StoredSweep(sweep_id=sweep_id(name), name=name, function=function, started_at=here_and_now.now()))
        opened.commit()
        return function


def sweeps(database: Endpoint) -> list[StoredSweep]:
    """All sweeps, latest first."""
    with reading(database) as opened:
        if not exists(opened.connection()):
            return []
        with connect.statement("listing the sweeps"):
            return list(opened.scalars(sa.select(StoredSweep).order_by(StoredSweep.started_at.desc())))


def find(database: Endpoint, name: str) -> StoredSweep:
    """The sweep of that name. Raises LedgerError where there is none."""
    with reading(database) as opened, connect.statement(f"looking for the sweep {name}"):
        found = opened.get(StoredSweep, sweep_id(name)) if exists(opened.connection()) else None
    if found is None:
        raise LedgerError(
            f"there is no sweep {name} in {database.label}", advice="List the sweeps with `etl sweep show`."
        )
    return found


def exists(connection: Connection) -> bool:
    """Whether this database has sweeps."""
    with connect.statement("looking for the tables of sweeps"):
        return sa.inspect(connection).has_table(StoredSweep.__tablename__)


def standings(opened: Session, name: str, keys: Sequence[str] | None = None) -> dict[str, Standing]:
    """What is stored of the sweep's inputs, or of those with these keys, by key."""
    columns = (
        StoredInput.input_key,
        StoredInput.state,
        StoredInput.attempt,
        StoredInput.run_id,
        StoredInput.function_hash,
    )
    of_sweep = sa.select(*columns).where(StoredInput.sweep_id == sweep_id(name))
    found: dict[str, Standing] = {}
    with connect.statement(f"reading how far the sweep {name} is"):
        parts = [of_sweep]
        if keys is not None:
            parts = [of_sweep.where(StoredInput.input_key.in_(some)) for some in _slices(opened.connection(), keys)]
        for part in parts:
            for key, state, attempt, run_id, function_hash in opened.execute(part):
                found[key] = Standing(state, attempt, run_id, function_hash)
    return found


def _slices(connection: Connection, keys: Sequence[str]) -> Iterable[Sequence[str]]:
    """As many keys at once as a statement may have parameters."""
    most = SQLITE_KEYS
    if connection.dialect.name == "mssql":
        most = packets.most_rows(connection.connection.dbapi_connection, 1, SELECT_CHARS)
    return (keys[start : start + most] for start in range(0, len(keys), most))
