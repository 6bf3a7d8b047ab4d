"""Rows into a table with pandas' `to_sql`, an INSERT of many rows a statement: for SQLite, and where bulk copy cannot go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import connect, types
from etl.errors import DatabaseError, SchemaError
from etl.odbc import packets
from etl.statements import TableName, quote
from etl.types import Column, OdbcType

MAX_PARAMETERS = {"mssql": 2_000, "sqlite": 30_000}
"""In one statement: SQL Server takes 2,100 ("Maximum capacity specifications"), SQLite 32,766 (SQLITE_MAX_VARIABLE_NUMBER).
Over FreeTDS it is fewer, `etl.odbc.packets` says why."""
LONG_TEXT_CHARS = 1_000
"""Longer text is bound as SQL_WLONGVARCHAR: pyodbc sends what has more than 4,000 bytes of UTF-16 piece by piece, which FreeTDS
refuses for SQL_WVARCHAR (HY090). A character may take four bytes."""
MAX_INSERT_ROWS = 1_000
"""Rows of one VALUES list in SQL Server ("Table value constructor", limitations)."""


class Declared(sa.types.UserDefinedType[Any]):
    """A column type by its own SQL text, with the type that its parameters are declared as."""

    cache_ok = True

    def __init__(self, sql_type: str, parameter: OdbcType | None) -> None:
        self.sql_type = sql_type
        self.parameter = parameter

    def get_col_spec(self, **_options: Any) -> str:
        """The type in CREATE TABLE."""
        return self.sql_type


def append_rows(connection: Connection, table: TableName, rows: pa.Table, columns: list[Column]) -> int:
    """Append the rows to the table inside the connection's transaction, with `to_sql`; returns how many.

    `rows` has one column for each of `columns`, in order. Raises DatabaseError when the server refuses.
    """
    dialect = connection.dialect.name
    bound = {
        column.name: bound_values(dialect, rows.column(position), column) for position, column in enumerate(columns)
    }
    declared = {
        column.name: Declared(column.sql_type, _parameter(dialect, column, bound[column.name])) for column in columns
    }
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in bound.items()})
    with connect.statement(f"appending to {table}"), identity_insert(connection, table, columns):
        frame.to_sql(
            table.name,
            connection,
            schema=table.schema,
            if_exists="append",
            index=False,
            dtype=declared,
            chunksize=_batch_rows(connection, table, columns),
            method=_insert_batch,
        )
    return len(frame)


def bound_values(dialect: str, values: pa.ChunkedArray, column: Column) -> list[Any]:
    """The column's values as the driver gets them: text where it would change the value itself.

    ISO text for dates, times and datetimes, plain digits for decimals; everything else as Python has it.
    """
    arrow = values.type
    if dialect == "mssql":
        refuse_infinity(values, column)
    as_text = dialect == "sqlite" or types.rule(column.sql_type).bind_text
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        utc = _moment_text(values.cast(pa.timestamp(arrow.unit, tz="UTC")).cast(pa.timestamp(arrow.unit)))
        values = pc.binary_join_element_wise(utc, "+00:00", " ")  # datetimeoffset reads it under every DATEFORMAT
    elif as_text and pa.types.is_decimal(arrow):
        # Arrow's own text of a small decimal is 1E-10, which SQL Server does not read as a decimal.
        return [None if value is None else format(value, "f") for value in values.to_pylist()]
    elif as_text and any(is_kind(arrow) for is_kind in AS_TEXT):
        values = _moment_text(values)
        if dialect == "mssql":
            # With the T it is ISO 8601, which `datetime` too reads the same under every language and DATEFORMAT.
            values = pc.replace_substring(values, " ", "T")
    bound: list[Any] = values.to_pylist()
    return bound


def _moment_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Arrow's text, of nanoseconds without the last two digits: they are 0, and SQL Server takes no more than seven (241)."""
    text = pc.cast(values, pa.string())
    in_ns = not pa.types.is_date(values.type) and values.type.unit == "ns"
    return pc.utf8_slice_codeunits(text, 0, -2) if in_ns else text


def refuse_infinity(values: pa.ChunkedArray, column: Column) -> None:
    """Raise SchemaError, naming column and row, for a float that SQL Server cannot hold."""
    if not pa.types.is_floating(values.type):
        return
    infinite = pc.index(pc.fill_null(pc.is_inf(values), False), True).as_py()
    if infinite >= 0:
        raise SchemaError(
            f"column {column.name}, row {infinite} of the chunk: {values[infinite].as_py()}, which SQL Server cannot hold",
            advice="Replace infinite values in the transform.",
        )


AS_TEXT: list[Callable[[pa.DataType], bool]] = [
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
]


def _parameter(dialect: str, column: Column, values: list[Any]) -> OdbcType | None:
    """How the column's parameters are declared; a batch with long text has them all declared as long."""
    if dialect != "mssql":
        return None
    declared = types.rule(column.sql_type).parameter
    is_long = declared == types.WIDE_TEXT and any(
        value is not None and len(value) > LONG_TEXT_CHARS for value in values
    )
    return (types.SQL_WLONGVARCHAR, 0) if is_long else declared


def _insert_batch(table: Any, connection: Connection, keys: list[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """`to_sql`'s method: one INSERT with all rows of the batch, since every statement costs a round trip."""
    dialect = connection.dialect.name
    batch = list(rows)
    table_name = TableName(table.name, table.schema)
    row = "(" + ", ".join("?" * len(keys)) + ")"
    statement = f"{_insert(dialect, table_name, keys)} VALUES {', '.join([row] * len(batch))}"
    parameters = tuple(value for values in batch for value in values)
    declared = [table.table.columns[key].type.parameter for key in keys]
    with connect.cursor(connection) as cursor:
        if dialect == "mssql":
            cursor.setinputsizes([(*parameter, 0) for parameter in declared] * len(batch))
            arrived = cursor.execute(counted(statement), parameters).fetchval()
        else:
            arrived = cursor.execute(statement, parameters).rowcount
    if arrived != len(batch):
        raise DatabaseError(f"appending to {table_name}: {len(batch)} rows were sent and {arrived} arrived")
    return len(batch)


def _batch_rows(connection: Connection, table: TableName, columns: Sequence[Column]) -> int:
    """Rows of one statement."""
    dialect = connection.dialect.name
    rows = max(1, min(MAX_INSERT_ROWS, MAX_PARAMETERS[dialect] // len(columns)))
    if dialect != "mssql":
        return rows
    other_chars = len(counted(_insert(dialect, table, [column.name for column in columns]))) + len(" VALUES ")
    return min(rows, packets.most_rows(connection.connection.dbapi_connection, len(columns), other_chars))


def _insert(dialect: str, table: TableName, columns: Iterable[str]) -> str:
    return f"INSERT INTO {table.quoted(dialect)} ({', '.join(quote(dialect, column) for column in columns)})"


def counted(statement: str) -> str:
    """The T-SQL statement as a batch whose one result is how many rows it changed.

    The driver's own count is the first that comes, which is that of a trigger's statement where there is one.
    """
    return f"SET NOCOUNT ON; {statement}; SELECT @@ROWCOUNT; SET NOCOUNT OFF"


@contextmanager
def identity_insert(connection: Connection, table: TableName, columns: Sequence[Column]) -> Iterator[None]:
    """Let the rows bring their own values of an IDENTITY column."""
    if not any(column.identity for column in columns):
        yield
        return
    name = table.quoted(connection.dialect.name)
    connection.exec_driver_sql(f"SET IDENTITY_INSERT {name} ON")
    yield
    connection.exec_driver_sql(f"SET IDENTITY_INSERT {name} OFF")
