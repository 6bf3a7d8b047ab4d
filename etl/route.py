"""The way that a run's rows take into the target, chosen once from target, types and driver, with its reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import connect, statements
from etl.bulk import freetds, lengths, probe, records
from etl.bulk.copy import MEANING
from etl.connect import Endpoint
from etl.statements import TableName
from etl.types import Column

Way = Literal["bulk copy", "staging table", "insert"]


@dataclass(frozen=True, slots=True)
class Route:
    """How chunks are written. Plain data: it is stored in the plan."""

    way: Way
    why: str
    ordinals: tuple[int, ...] = ()
    """For bulk copy: the place of each column in the target table, from 1."""
    hints: tuple[str, ...] = ()
    """What follows WITH in INSERT BULK."""
    shape: tuple[tuple[str, str], ...] = ()
    """For bulk copy: name and type of every column of the table, which must still be these when a chunk is written: rows are
    bound by place, and FreeTDS ends the process at a column that nothing is bound to (`src/odbc/bcp.c`, assert)."""
    writers: int | None = None
    """How many chunks are written at once; None for as many as there are workers."""

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Route:
        """The route that `dataclasses.asdict` and JSON made a dictionary of."""
        shape = tuple((name, sql_type) for name, sql_type in fields["shape"])
        hints, ordinals = tuple(fields["hints"]), tuple(fields["ordinals"])
        return cls(fields["way"], fields["why"], ordinals, hints, shape, fields["writers"])

    @property
    def disarmed(self) -> bool:
        """Whether bulk copy goes past checks or triggers, which an INSERT meets."""
        return self.way == "bulk copy" and not set(MEANING) <= set(self.hints)

    def __str__(self) -> str:
        missing = [hint for hint in MEANING if self.way == "bulk copy" and hint not in self.hints]
        without = f", without {' and '.join(missing)}" if missing else ""
        at_once = "" if self.writers is None else f"; {self.writers} at once"
        return f"{self.way}: {self.why}{without}{at_once}"


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a target."""

    name: str
    kind: str
    """CLUSTERED, NONCLUSTERED, …"""
    leading_column: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a job asks of its route."""

    without: Collection[str] = frozenset()
    """Hints to do without: `check_constraints`, `fire_triggers`."""
    table_lock: bool = False
    """TABLOCK although others may need the table."""
    writers: int | None = None
    """How many chunks may be written at once, whatever the target's indexes say."""
    key: str | None = None
    """The column whose ranges the chunks are."""


WRITERS_IN_INDEXES = 2
"""Where chunks meet in an index: one that writes, and one that is ready when it commits. Each takes its keys in another order,
so more of them deadlock more often."""

NO_ROUTE = Route("insert", "nothing is written")


def choose(
    target: Endpoint,
    connection: Connection,
    table: TableName,
    existing: list[Column],
    columns: list[Column],
    *,
    is_new: bool,
    wishes: Wishes = Wishes(),
) -> Route:
    """The route into `table`, which has the columns `existing` and whose `columns` are filled.

    `connection` is one to `target`, and may hold the transaction that made the table; `is_new` says that this run made
    the table.
    """
    indexes = _indexes(connection, table)
    way = _way(target, connection, existing, columns, wishes, is_bare=is_new and not indexes)
    at_once = wishes.writers if wishes.writers is not None else _writers(connection, indexes, way, wishes.key)
    return replace(way, writers=at_once)


def _way(
    target: Endpoint,
    connection: Connection,
    existing: list[Column],
    columns: list[Column],
    wishes: Wishes,
    *,
    is_bare: bool,
) -> Route:
    """`is_bare`: this run made the table and it has no index."""
    obstacle = _obstacle(target, connection)
    if obstacle is not None:
        return Route("insert", obstacle)
    hints = tuple(hint for hint in MEANING if hint.lower() not in wishes.without)
    stray = [column.name for column in columns if records.kind(column) is None]
    if stray:
        return Route("staging table", f"bulk copy cannot carry {', '.join(stray)}", hints=hints)
    left = _left_out(existing, columns)
    if left:
        return Route("staging table", f"{', '.join(left)} get their defaults", hints=hints)
    places = {column.name.casefold(): place for place, column in enumerate(existing, start=1)}
    ordinals = tuple(places[column.name.casefold()] for column in columns)
    # TABLOCK's bulk-update lock lets other loads in but no INSERT: two workers that hold it and then need one deadlock.
    one_way = not any(map(lengths.may_be_large, columns))
    if one_way and (wishes.table_lock or is_bare):
        reason = (
            "the job asks for TABLOCK" if wishes.table_lock else "a new table without indexes, loaded under TABLOCK"
        )
        return Route("bulk copy", reason, ordinals, (*hints, "TABLOCK"), shape_of(existing))
    return Route("bulk copy", "all columns travel as they are", ordinals, hints, shape_of(existing))


def _writers(connection: Connection, indexes: list[Index], way: Route, key: str | None) -> int | None:
    """How many loads the target takes at once without that they wait for, or deadlock, each other."""
    if connection.dialect.name == "sqlite" or ("TABLOCK" in way.hints and indexes):
        return 1  # The lock is the whole table's: bulk-update locks go together on a heap without indexes only.
    if not indexes:
        return None
    if [(index.kind, index.leading_column) for index in indexes] == [("CLUSTERED", key)]:
        return None  # Chunks are ranges of the only index: they do not meet in it.
    return WRITERS_IN_INDEXES


def shape_of(columns: list[Column]) -> tuple[tuple[str, str], ...]:
    """Name and type of each column, in order."""
    return tuple((column.name, column.sql_type) for column in columns)


def _obstacle(target: Endpoint, connection: Connection) -> str | None:
    """Why there can be no bulk copy, or None."""
    if connection.dialect.name != "mssql":
        return "SQLite has no bulk copy"
    if freetds.version(connection.connection.dbapi_connection) is None:
        return "bulk copy needs FreeTDS and pyodbc 5.5 or newer"
    if not probe.holds(target):
        return "this FreeTDS does not keep dates in bulk copy"
    return None


def _left_out(existing: list[Column], columns: list[Column]) -> list[str]:
    """Columns that FreeTDS sends and the rows do not fill.

    It sends all but rowversion, computed and, unless one is filled, identity columns (`src/tds/bulk.c`).
    """
    filled = {column.name.casefold() for column in columns}
    with_identity = any(column.identity for column in columns)
    return [
        column.name
        for column in existing
        if column.writable and (with_identity or not column.identity) and column.name.casefold() not in filled
    ]


def _indexes(connection: Connection, table: TableName) -> list[Index]:
    if connection.dialect.name != "mssql":
        return []
    with connect.statement(f"reading the indexes of {table}"):
        rows = connection.execute(sa.text(statements.load("indexes_mssql")), {"table": table.quoted("mssql")})
        return [Index(*row) for row in rows]
