"""Reading: rows of a chunk or a stream as Arrow record batches in the types that the source declares."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import pyarrow as pa

from etl import read_arrow, read_rows, types
from etl.connect import Endpoint
from etl.selection import Selection


def read_batches(source: Endpoint, selection: Selection) -> Generator[pa.RecordBatch]:
    """Run the selection on a connection of its own and yield its rows as record batches of the declared types.

    In C over arrow-odbc where that can carry every column, else through the driver's rows. Raises DatabaseError when the
    server refuses or breaks off, SchemaError for a value that its declared type or the driver cannot carry whole.
    """
    if read_arrow.can_read(source, selection):
        with source.connect_arrow() as connection:
            widths = read_arrow.measure(connection, selection)
            if widths.fit:
                yield from read_arrow.read_batches(connection, selection, widths)
                return
    with source.connect() as connection:
        yield from read_rows.read_batches(connection, selection)


def read_table(source: Endpoint, selection: Selection) -> pa.Table:
    """All rows of the selection as one table; for a chunk, whose size the plan bounds."""
    schema = types.schema(source.dialect, selection.columns)
    return pa.Table.from_batches(read_batches(source, selection), schema=schema)


def read_head(source: Endpoint, selection: Selection, rows: int) -> pa.Table:
    """The first rows of the selection, at most `rows`, without looking at the others."""
    taken: list[pa.RecordBatch] = []
    with source.connect() as connection, closing(read_rows.read_batches(connection, selection)) as batches:
        for batch in batches:
            taken.append(batch.slice(0, rows))
            rows -= batch.num_rows
            if rows <= 0:
                break
    return pa.Table.from_batches(taken, schema=types.schema(source.dialect, selection.columns))
