"""Rows into a table by bulk copy, inside the connection's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import errors
from etl.bulk import records
from etl.bulk.freetds import BulkCopy, BulkCopyError
from etl.bulk.records import Block
from etl.insert import identity_insert
from etl.statements import TableName
from etl.types import Column

MEANING = ("KEEP_NULLS", "CHECK_CONSTRAINTS", "FIRE_TRIGGERS")
"""Without these hints bulk copy turns NULL into the column's DEFAULT, skips checks and foreign keys and marks them untrusted,
and fires no trigger (documentation of BULK INSERT); `to_sql`, and an INSERT, do none of that."""


def copy_rows(
    connection: Connection,
    table: TableName,
    rows: pa.Table,
    columns: Sequence[Column],
    ordinals: Sequence[int],
    *,
    table_columns: int,
    hints: Sequence[str] = MEANING,
) -> int:
    """Send rows, one column for each of `columns`, which stand at `ordinals` (from 1) in the table; returns how many arrived.

    `columns` must be all of the table's that can be written, `table_columns` the number of all it has, and `lengths.split`
    must have taken out what is too long. Raises DatabaseError for what the server refuses, SchemaError for a value that its
    column cannot hold. A connection on which a load has begun and failed is invalidated: what it would send next would be
    part of that load.
    """
    if not rows.num_rows:
        return 0
    with identity_insert(connection, table, columns):
        # The first records are made before the load begins: a value that is refused there costs no connection.
        blocks = records.blocks(rows, columns, ordinals)
        first = next(blocks)
        try:
            arrived = _send(connection, table, chain([first], blocks), columns, table_columns, hints)
        except BaseException:
            connection.invalidate()
            raise
    if arrived != rows.num_rows:
        raise errors.DatabaseError(f"{_doing(table)}: {rows.num_rows} rows were sent and {arrived} arrived")
    return arrived


def _send(
    connection: Connection,
    table: TableName,
    blocks: Iterable[Block],
    columns: Sequence[Column],
    table_columns: int,
    hints: Sequence[str],
) -> int:
    raw = connection.connection.dbapi_connection
    keeps_identity = any(column.identity for column in columns)
    with _told(table), BulkCopy(raw, table.quoted("mssql"), hints=hints, keep_identity=keeps_identity) as bulk:
        if not bulk.has_columns(table_columns):
            raise errors.SchemaError(
                f"{table} has not the {table_columns} columns that it had when the rows were laid out",
                state="Nothing of these rows was written.",
                advice="Start again.",
            )
        for block in blocks:
            with _told(table, block.first_row):
                bulk.bind(block.fields, block.records.shape[1])
                bulk.send(block.records)
        return bulk.done()


def _doing(table: TableName) -> str:
    return f"appending to {table} by bulk copy"


@contextmanager
def _told(table: TableName, first_row: int = 0) -> Iterator[None]:
    try:
        yield
    except BulkCopyError as error:
        where = f", row {first_row + error.args[2]}" if len(error.args) > 2 else ""
        raise errors.from_statement(error, f"{_doing(table)}{where}") from error
