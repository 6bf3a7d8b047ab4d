"""Target tables: their columns with faithful types, made, fitted to, and swapped in by `replace`."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import catalog, connect, lineage, statements, types
from etl.errors import JobError, SchemaError
from etl.job import Job
from etl.selection import EVERY_ROW, Condition
from etl.statements import TableName, quote
from etl.types import Column


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
    declared_types = {**(lineage.COLUMN_TYPES[dialect] if job.lineage else {}), **job.column_types}
    columns = []
    for field in output:
        origin = by_name.get(field.name)
        keeps = origin is not None and dialect == source_dialect and passed_on.field(field.name).type == field.type
        declared = declared_types.get(field.name)
        if declared is not None:
            types.arrow_type(dialect, declared)
            columns.append(Column(field.name, declared, field.nullable))
        elif keeps:
            assert origin is not None
            sql_type = types.stored_as(dialect, origin.sql_type)
            columns.append(Column(field.name, sql_type, field.nullable, collation=origin.collation))
        else:
            columns.append(Column(field.name, types.declare(dialect, field.name, field.type), field.nullable))
    return columns


def fit_existing(table: TableName, dialect: str, names: Sequence[str], existing: list[Column]) -> list[Column]:
    """The existing target's columns that columns of these names fill, in that order.

    Raises SchemaError where a name has no place, or a column that needs a value gets none.
    """
    by_name = {column.name.casefold(): column for column in existing}
    homeless = [name for name in names if name.casefold() not in by_name]
    if homeless:
        raise SchemaError(
            f"{table} has no column {', '.join(homeless)}",
            state="Nothing was written.",
            advice=f"It has {', '.join(column.name for column in existing)}. Drop the rest in a transform, add the "
            "columns to the table, or use --mode replace.",
        )
    columns = [by_name[name.casefold()] for name in names]
    unwritable = [column.name for column in columns if not _is_writable(dialect, column)]
    if unwritable:
        raise SchemaError(
            f"{table}: {', '.join(unwritable)} cannot be written: computed or rowversion",
            state="Nothing was written.",
            advice="Drop these columns in a transform.",
        )
    return columns


def landing_schema(dialect: str, output: pa.Schema, columns: list[Column]) -> pa.Schema:
    """The output's fields in the types that the target's columns hold."""
    fields = []
    for field, column in zip(output, columns, strict=True):
        nullable = column.nullable or dialect != "mssql"
        fields.append(pa.field(field.name, types.landing_type(dialect, field.type, column), nullable=nullable))
    return pa.schema(fields)


def create_table(connection: Connection, table: TableName, columns: list[Column]) -> None:
    """CREATE TABLE with exactly these columns. Raises DatabaseError, e.g. when the schema is missing."""
    with connect.statement(f"making the table {table}"):
        connection.exec_driver_sql(create_statement(connection.dialect.name, table, columns))


def create_statement(dialect: str, table: TableName, columns: list[Column]) -> str:
    """The CREATE TABLE that `create_table` sends."""
    lines = []
    for column in columns:
        collate = f" COLLATE {column.collation}" if column.collation and dialect == "mssql" else ""
        null = "NULL" if column.nullable else "NOT NULL"
        lines.append(f"    {quote(dialect, column.name)} {column.sql_type}{collate} {null}")
    return f"CREATE TABLE {table.quoted(dialect)} (\n" + ",\n".join(lines) + "\n)"


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


def count(connection: Connection, table: TableName, rows: Condition = EVERY_ROW) -> int:
    """How many rows the table has, or how many meet the condition."""
    with connect.statement(f"counting the rows of {table}"):
        statement = statements.load(f"count_rows_{connection.dialect.name}").format(
            table=table.quoted(connection.dialect.name), rows=rows.sql
        )
        return int(connection.exec_driver_sql(statement, rows.bounds).scalar_one())


def is_empty(connection: Connection, table: TableName) -> bool:
    """Whether the table has no rows, neither committed ones nor others'."""
    dialect = connection.dialect.name
    uncommitted = " WITH (READUNCOMMITTED)" if dialect == "mssql" else ""
    with connect.statement(f"looking for rows in {table}"):
        statement = statements.load("has_rows").format(table=table.quoted(dialect), uncommitted=uncommitted)
        return not connection.exec_driver_sql(statement).scalar_one()


def _is_writable(dialect: str, column: Column) -> bool:
    return not column.computed if dialect == "sqlite" else column.writable
