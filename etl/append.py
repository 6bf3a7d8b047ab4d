"""Rows into the target, the way that the run's route says, inside the connection's transaction."""

from __future__ import annotations

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import catalog, insert
from etl.bulk import copy, lengths, staging
from etl.errors import SchemaError
from etl.route import Route, shape_of
from etl.statements import TableName
from etl.types import Column


def append(connection: Connection, table: TableName, rows: pa.Table, columns: list[Column], route: Route) -> int:
    """Append the rows, one column for each of `columns` in order, and return how many.

    Rows with a value that is too long for bulk copy go by parameters. Raises DatabaseError when the server refuses,
    SchemaError for a value that its column cannot hold; nothing may be committed then.
    """
    if route.way == "insert":
        return insert.append_rows(connection, table, rows, columns)
    if route.way == "bulk copy" and shape_of(catalog.table_columns(connection, table)) != route.shape:
        raise SchemaError(
            f"the columns of {table} have changed since the run was planned",
            state="Nothing of this chunk was written.",
            advice="Change them back and go on, or start the job again with --new-run.",
        )
    split = lengths.split(rows, columns)
    if route.way == "staging table":
        arrived = staging.copy_rows(connection, table, split.small, columns)
    else:
        arrived = copy.copy_rows(connection, table, split.small, columns, route.ordinals, hints=route.hints)
    if split.large.num_rows:
        arrived += insert.append_rows(connection, table, split.large, columns)
    return arrived
