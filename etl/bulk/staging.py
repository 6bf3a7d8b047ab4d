"""Bulk copy by way of a temporary table, for what cannot go straight into the target.

A column that the rows lack gets its default from the INSERT, and a type that bulk copy cannot carry travels as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, load
from etl.bulk import copy, records
from etl.errors import DatabaseError
from etl.insert import counted, identity_insert
from etl.statements import TableName, quote
from etl.types import Column

STAGE = TableName("#etl_stage")
"""A temporary table is the connection's own; two workers do not meet in it."""


def copy_rows(connection: Connection, table: TableName, rows: pa.Table, columns: Sequence[Column]) -> int:
    """Bulk copy into the temporary table, then one INSERT … SELECT into the target; returns how many rows arrived."""
    if not rows.num_rows:
        return 0
    waiting = [staged(column) for column in columns]
    load.create_table(connection, STAGE, waiting)
    places = range(1, len(columns) + 1)
    hints = ("KEEP_NULLS", "TABLOCK")
    sent = copy.copy_rows(connection, STAGE, rows, waiting, places, table_columns=len(columns), hints=hints)
    names = ", ".join(quote("mssql", column.name) for column in columns)
    with connect.statement(f"appending to {table}"), identity_insert(connection, table, columns):
        insertion = f"INSERT INTO {table.quoted('mssql')} ({names}) SELECT {names} FROM {STAGE.quoted('mssql')}"
        arrived = connection.exec_driver_sql(counted(insertion)).scalar_one()
        connection.exec_driver_sql(f"DROP TABLE {STAGE.quoted('mssql')}")
    if arrived != sent:
        raise DatabaseError(f"appending to {table}: {sent} rows were staged and {arrived} arrived")
    return int(arrived)


def staged(column: Column) -> Column:
    """The column of a staging table in which the column's values wait."""
    sql_type = records.carried_as(column)
    # Text that waits in UTF-16 needs no collation, and is not under every one of them.
    collation = column.collation if sql_type == column.sql_type else None
    return replace(column, sql_type=sql_type, collation=collation, foreign_page=False, identity=False, nullable=True)
