"""Writing: target tables with faithful types, chunks appended with pandas' `to_sql`, and the swap of `replace`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import catalog, connect, statements, types
from etl.errors import DatabaseError, JobError, SchemaError
from etl.job import Job
from etl.statements import TableName, quote
from etl.types import Column, OdbcType

MAX_PARAMETERS = {"mssql": 2_000, "sqlite": 30_000}
"""In one statement: SQL Server takes 2,100 ("Maximum capacity specifications"), SQLite 32,766 (SQLITE_MAX_VARIABLE_NUMBER)."""
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


def target_columns(
    job: Job, dialect: str, output: pa.Schema, source: list[Column], source_dialect: str
) -> list[Column]:
    """The columns of a target table that is to be made: the source's own type where a column came through as it was.

    Raises JobError for a declared type of a column that the output does not have.
    """
    unknown = sorted(set(job.column_types) - set(output.names))
    if unknown:
        raise JobError(
            f"column_types names {', '.join(unknown)}, which the output does not have",
            advice=f"The output's columns: {', '.join(output.names)}.",
        )
    by_name = {column.name: column for column in source}
    passed_on = types.schema(source_dialect, source)
    columns = []
    for field in output:
        origin = by_name.get(field.name)
        keeps = origin is not None and dialect == source_dialect and passed_on.field(field.name).type == field.type
        declared = job.column_types.get(field.name)
        if declared is not None:
            types.arrow_type(dialect, declared)
            columns.append(Column(field.name, declared, field.nullable))
        elif keeps:
            assert origin is not None
            sql_type = types.stored_as(dialect, origin.sql_type)
            columns.append(Column(field.name, sql_type, field.nullable, collation=origin.collation))
        elif dialect == "mssql":
            columns.append(Column(field.name, types.mssql_type(field.name, field.type), field.nullable))
        else:
            columns.append(Column(field.name, types.sqlite_type(field.name, field.type), field.nullable))
    return columns


def fit_existing(table: TableName, dialect: str, output: pa.Schema, existing: list[Column]) -> list[Column]:
    """The existing target's columns that the output fills, in the output's order.

    Raises SchemaError where an output column has no place, or a column that needs a value gets none.
    """
    by_name = {column.name.casefold(): column for column in existing}
    homeless = [name for name in output.names if name.casefold() not in by_name]
    if homeless:
        raise SchemaError(
            f"{table} has no column {', '.join(homeless)}",
            state="Nothing was written.",
            advice=f"It has {', '.join(column.name for column in existing)}. Drop the rest in a transform, add the "
            "columns to the table, or use --mode replace.",
        )
    columns = [by_name[name.casefold()] for name in output.names]
    unwritable = [column.name for column in columns if not _is_writable(dialect, column)]
    if unwritable:
        raise SchemaError(
            f"{table}: {', '.join(unwritable)} cannot be written: computed or rowversion",
            state="Nothing was written.",
            advice="Drop these columns in a transform.",
        )
    return columns


def landing_schema(dialect: str, output: pa.Schema, columns: list[Column]) -> pa.Schema:
    """The output's fields in the types that the target's columns hold; SQLite holds what it is given."""
    if dialect != "mssql":
        return pa.schema([pa.field(field.name, field.type) for field in output])
    fields = []
    for field, column in zip(output, columns, strict=True):
        wanted = types.arrow_type(dialect, column.sql_type)
        # An instant goes into a datetimeoffset as it is; everything else as that type's text.
        is_instant = pa.types.is_timestamp(field.type) and field.type.tz and pa.types.is_string(wanted)
        fields.append(pa.field(field.name, field.type if is_instant else wanted, nullable=column.nullable))
    return pa.schema(fields)


def create_table(connection: Connection, table: TableName, columns: list[Column]) -> None:
    """CREATE TABLE with exactly these columns. Raises DatabaseError, e.g. when the schema is missing."""
    dialect = connection.dialect.name
    lines = []
    for column in columns:
        collate = f" COLLATE {column.collation}" if column.collation and dialect == "mssql" else ""
        null = "NULL" if column.nullable else "NOT NULL"
        lines.append(f"    {quote(dialect, column.name)} {column.sql_type}{collate} {null}")
    with connect.statement(f"making the table {table}"):
        connection.exec_driver_sql(f"CREATE TABLE {table.quoted(dialect)} (\n" + ",\n".join(lines) + "\n)")


def append(connection: Connection, table: TableName, rows: pa.Table, columns: list[Column]) -> int:
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
    batch_rows = max(1, min(MAX_INSERT_ROWS, MAX_PARAMETERS[dialect] // len(columns)))
    with connect.statement(f"appending to {table}"), _identity_insert(connection, table, columns):
        frame.to_sql(
            table.name,
            connection,
            schema=table.schema,
            if_exists="append",
            index=False,
            dtype=declared,
            chunksize=batch_rows,
            method=_insert_batch,
        )
    return len(frame)


def swap(connection: Connection, staging: TableName, target: TableName) -> None:
    """Put the staging table in the target's place, inside the connection's transaction."""
    dialect = connection.dialect.name
    with connect.statement(f"swapping {staging} in for {target}", state=f"{target} is as it was."):
        if catalog.table_exists(connection, target):
            connection.exec_driver_sql(f"DROP TABLE {target.quoted(dialect)}")
        rename = statements.load(f"rename_table_{dialect}")
        if dialect == "mssql":
            connection.exec_driver_sql(rename, (staging.quoted(dialect), target.name))
        else:
            connection.exec_driver_sql(
                rename.format(table=staging.quoted(dialect), new_name=quote(dialect, target.name))
            )


def drop_if_exists(connection: Connection, table: TableName) -> None:
    """Remove a table that a run left over."""
    with connect.statement(f"dropping {table}"):
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table.quoted(connection.dialect.name)}")


def count(connection: Connection, table: TableName) -> int:
    """How many rows the table has."""
    with connect.statement(f"counting the rows of {table}"):
        statement = statements.load(f"count_rows_{connection.dialect.name}").format(
            table=table.quoted(connection.dialect.name)
        )
        return int(connection.exec_driver_sql(statement).scalar_one())


def bound_values(dialect: str, values: pa.ChunkedArray, column: Column) -> list[Any]:
    """The column's values as the driver gets them: text where it would change the value itself.

    ISO text for dates, times and datetimes, plain digits for decimals; everything else as Python has it.
    """
    arrow = values.type
    if dialect == "mssql" and pa.types.is_floating(arrow):
        _refuse_infinity(values, column)
    as_text = dialect == "sqlite" or types.rule(column.sql_type).bind_text
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        utc = pc.cast(values.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us")), pa.string())
        values = pc.binary_join_element_wise(utc, "+00:00", " ")  # datetimeoffset reads it under every DATEFORMAT
    elif as_text and pa.types.is_decimal(arrow):
        # Arrow's own text of a small decimal is 1E-10, which SQL Server does not read as a decimal.
        return [None if value is None else format(value, "f") for value in values.to_pylist()]
    elif as_text and any(is_kind(arrow) for is_kind in AS_TEXT):
        values = pc.cast(values, pa.string())
        if dialect == "mssql":
            # With the T it is ISO 8601, which `datetime` too reads the same under every language and DATEFORMAT.
            values = pc.replace_substring(values, " ", "T")
    bound: list[Any] = values.to_pylist()
    return bound


def _refuse_infinity(values: pa.ChunkedArray, column: Column) -> None:
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


def _is_writable(dialect: str, column: Column) -> bool:
    return not column.computed if dialect == "sqlite" else column.writable


def _insert_batch(table: Any, connection: Connection, keys: list[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """`to_sql`'s method: one INSERT with all rows of the batch, since every statement costs a round trip."""
    dialect = connection.dialect.name
    batch = list(rows)
    name = TableName(table.name, table.schema).quoted(dialect)
    columns = ", ".join(quote(dialect, key) for key in keys)
    row = "(" + ", ".join("?" * len(keys)) + ")"
    statement = f"INSERT INTO {name} ({columns}) VALUES {', '.join([row] * len(batch))}"
    parameters = tuple(value for values in batch for value in values)
    declared = [table.table.columns[key].type.parameter for key in keys]
    with connect.cursor(connection) as cursor:
        if dialect == "mssql":
            cursor.setinputsizes([(*parameter, 0) for parameter in declared] * len(batch))
        cursor.execute(statement, parameters)
        arrived = cursor.rowcount
    if arrived != len(batch):
        raise DatabaseError(f"appending to {name}: {len(batch)} rows were sent and {arrived} arrived")
    return len(batch)


@contextmanager
def _identity_insert(connection: Connection, table: TableName, columns: list[Column]) -> Iterator[None]:
    """Let the rows bring their own values of an IDENTITY column."""
    if not any(column.identity for column in columns):
        yield
        return
    name = table.quoted(connection.dialect.name)
    connection.exec_driver_sql(f"SET IDENTITY_INSERT {name} ON")
    yield
    connection.exec_driver_sql(f"SET IDENTITY_INSERT {name} OFF")
