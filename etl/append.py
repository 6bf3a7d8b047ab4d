"""Rows into the target, the way that the run's route says, inside the connection's transaction."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import catalog, code_pages, insert
from etl.bulk import copy, lengths, records, staging
from etl.errors import SchemaError
from etl.route import Route, shape_of
from etl.statements import TableName
from etl.types import Column


def append(connection: Connection, table: TableName, rows: pa.Table, columns: list[Column], route: Route) -> int:
    """Append the rows, one column for each of `columns` in order, and return how many.

    Rows with a value that is too long for bulk copy go by parameters. Raises DatabaseError when the server refuses,
    SchemaError for a value that its column cannot hold; nothing may be committed then.
    """
    if connection.dialect.name == "mssql":
        columns = _collated(connection, table, columns)
        code_pages.refuse_foreign(rows, columns)
    if route.way == "insert":
        if connection.dialect.name == "mssql":
            records.refuse_unfit(rows, columns)
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
        arrived = copy.copy_rows(
            connection, table, split.small, columns, route.ordinals, table_columns=len(route.shape), hints=route.hints
        )
    if split.large.num_rows:
        records.refuse_unfit(split.large, columns)
        arrived += insert.append_rows(connection, table, split.large, columns)
    return arrived


def _collated(connection: Connection, table: TableName, columns: list[Column]) -> list[Column]:
    if all(column.collation is not None or not code_pages.is_encoded(column) for column in columns):
        return columns
    return collated(connection, table, columns)


def collated(connection: Connection, table: TableName, columns: list[Column]) -> list[Column]:
    """The columns with the collations that the table gave them."""
    given = {column.name.casefold(): column.collation for column in catalog.table_columns(connection, table)}
    return [replace(column, collation=given.get(column.name.casefold())) for column in columns]
