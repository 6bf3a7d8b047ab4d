"""The tables on the server: made, filled, emptied for one more load, dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pyodbc
import sqlalchemy as sa

from etl import ledger
from tests.benchmarks.arrived import changed_columns
from tests.benchmarks.case import DLT_SCHEMA, TABLE_PREFIX, Place
from tests.benchmarks.frame import arrow_frame

SMALL_TABLE = f"{TABLE_PREFIX}small_rows"
"""Of the statements of one row."""


def connected(place: Place) -> pyodbc.Connection:
    """A connection in autocommit mode."""
    return pyodbc.connect(place.odbc(), autocommit=True)


@contextmanager
def made(place: Place) -> Iterator[None]:
    """The full and the empty table, while the block lasts. Raises `RuntimeError` where the full one is not what was sent."""
    connection = connected(place)
    try:
        with without_ledger(place):
            _drop_all(place, connection)
            for table in (place.full_table, place.empty_table):
                connection.execute(place.dataset.create_table(table))
            write(arrow_frame(place), place.full_table, place)
            changed = changed_columns(place, place.full_table)
            if changed:
                raise RuntimeError(
                    f"{place.full_table} cannot be filled: {', '.join(changed)} are not as they were sent"
                )
            yield
    finally:
        _drop_all(place, connection)


@contextmanager
def without_ledger(place: Place) -> Iterator[None]:
    """Take this project's ledger away after the block, where there was none before it."""
    engine = sa.create_engine(place.url())
    was_there = sa.inspect(engine).has_table(ledger.runs.name)
    try:
        yield
    finally:
        if not was_there:
            ledger.metadata.drop_all(engine)


def write(frame: pd.DataFrame, table: str, place: Place) -> int:
    """Append a frame to a table by this project's `to_sql`."""
    import etl

    return etl.to_sql(frame, table, place.url(), if_exists="append", index=False)


def _drop_all(place: Place, connection: pyodbc.Connection) -> None:
    for table in (place.full_table, place.empty_table, SMALL_TABLE):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    in_schema = "SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID(?)"
    for (table,) in connection.execute(in_schema, DLT_SCHEMA).fetchall():
        connection.execute(f"DROP TABLE {DLT_SCHEMA}.{table}")
    connection.execute(f"DROP SCHEMA IF EXISTS {DLT_SCHEMA}")


def emptied(place: Place) -> pyodbc.Connection:
    """A connection; the table to fill has no rows."""
    connection = connected(place)
    connection.execute(f"TRUNCATE TABLE {place.empty_table}")
    return connection
