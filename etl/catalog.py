"""What a database says about its tables: columns with their exact types, primary keys, whether a table is there."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import code_pages, connect, statements
from etl.errors import JobError, SchemaError
from etl.statements import TableName, quote
from etl.types import Column

SQLITE_VIEW = "etl_described"
SQLITE_STORAGE = {"integer": "INTEGER", "real": "REAL", "text": "TEXT", "blob": "BLOB"}


def table_exists(connection: Connection, table: TableName) -> bool:
    """Whether a table or view of that name is there and visible to the login."""
    with connect.statement(f"looking for {table}"):
        return sa.inspect(connection).has_table(
            table.name, schema=None if table.schema is None else _whole(table.schema)
        )


def require_schema(connection: Connection, table: TableName) -> None:
    """Raise JobError when the schema in which a table is to be made is not there."""
    if table.schema is None or connection.dialect.name != "mssql":
        return
    with connect.statement(f"looking for the schema {table.schema}"):
        known = sa.inspect(connection).has_schema(_whole(table.schema))
    if not known:
        raise JobError(
            f"there is no schema {table.schema} to make {table} in",
            state="Nothing was written.",
            advice=f"Make it first: CREATE SCHEMA {table.schema}.",
        )


def _whole(schema: str) -> str:
    """A schema's name that SQLAlchemy does not take apart at dots and brackets, as it does with `database.schema`."""
    return sa.sql.quoted_name(schema, quote=True)


def table_columns(connection: Connection, table: TableName) -> list[Column]:
    """The table's columns in order. Raises JobError when there is no such table."""
    dialect = connection.dialect.name
    if dialect == "mssql":
        return _describe_mssql(connection, f"SELECT * FROM {table.quoted(dialect)}", str(table))
    with connect.statement(f"reading the columns of {table}"):
        columns = _sqlite_columns(connection, table, f"SELECT * FROM {table.quoted(dialect)}")
    if not columns:
        raise JobError(f"there is no table {table}", advice="Check its name and schema, and the database in the URL.")
    return columns


def query_columns(connection: Connection, query: str) -> list[Column]:
    """The columns of a query's result. Raises JobError for a query that the server refuses or with unnamed columns."""
    if connection.dialect.name == "mssql":
        return _describe_mssql(connection, query, "the query")
    with connect.statement("reading the columns of the query"):
        connection.exec_driver_sql(f"CREATE TEMP VIEW {SQLITE_VIEW} AS {query}")
        try:
            return _sqlite_columns(connection, TableName(SQLITE_VIEW, "temp"), query)
        finally:
            connection.exec_driver_sql(f"DROP VIEW temp.{SQLITE_VIEW}")


def primary_key(connection: Connection, table: TableName) -> list[str]:
    """The names of the primary key's columns, in key order; empty when there is none."""
    if connection.dialect.name == "mssql":
        with connect.statement(f"reading the primary key of {table}"):
            rows = connection.execute(sa.text(statements.load("primary_key_mssql")), {"table": table.quoted("mssql")})
            return list(rows.scalars())
    with connect.statement(f"reading the primary key of {table}"):
        rows = connection.exec_driver_sql(_pragma("table_info", table))
        return [row.name for row in sorted(rows, key=lambda row: row.pk) if row.pk]


def with_code_pages(connection: Connection, columns: list[Column]) -> list[Column]:
    """The columns of a table, those marked whose text is in another code page than the database's."""
    if connection.dialect.name != "mssql" or not any(map(code_pages.is_encoded, columns)):
        return columns
    with connect.statement("reading the database's collation"):
        ours = connection.exec_driver_sql(statements.load("database_collation")).scalar_one()
    return [replace(column, foreign_page=code_pages.differ(column, ours)) for column in columns]


def _describe_mssql(connection: Connection, query: str, what: str) -> list[Column]:
    with connect.statement(f"reading the columns of {what}"):
        rows = connection.execute(sa.text(statements.load("describe_mssql")), {"query": query}).all()
    failed = next((row for row in rows if row.error_number is not None), None)
    if failed is not None:
        raise JobError(
            f"{what} cannot be read: {failed.error_message} (error {failed.error_number})",
            advice="Check its name and schema, the database in the URL, and the login's rights.",
        )
    if not rows:
        raise JobError(f"{what} returns no rows, not even none", advice="Write one SELECT statement.")
    unnamed = [number for number, row in enumerate(rows, start=1) if not row.name]
    if unnamed:
        raise JobError(f"column {unnamed[0]} of {what} has no name", advice="Give it one with AS.")
    return [
        Column(
            name=row.name,
            sql_type=row.system_type_name,
            nullable=bool(row.is_nullable),
            identity=bool(row.is_identity_column),
            computed=bool(row.is_computed_column),
            collation=row.collation_name,
        )
        for row in rows
    ]


def _pragma(name: str, table: TableName) -> str:
    schema = f"{quote('sqlite', table.schema)}." if table.schema else ""
    return f"PRAGMA {schema}{name}({quote('sqlite', table.name)})"


def _sqlite_columns(connection: Connection, relation: TableName, query: str) -> list[Column]:
    rows = connection.exec_driver_sql(_pragma("table_xinfo", relation)).all()
    return [
        Column(
            name=row.name,
            sql_type=row.type or _sqlite_storage(connection, row.name, query),
            # An INTEGER PRIMARY KEY is the rowid and never NULL; other key columns may be, by SQLite's old mistake.
            nullable=not (row.notnull or (row.pk and row.type.upper() == "INTEGER")),
            computed=row.hidden in {2, 3},
        )
        for row in rows
        if row.hidden != 1
    ]


def _sqlite_storage(connection: Connection, column: str, query: str) -> str:
    statement = statements.load("typeof_sqlite").format(
        column=quote("sqlite", column), query=query.rstrip().rstrip(";")
    )
    classes = set(connection.exec_driver_sql(statement).scalars())
    if classes == {"integer", "real"}:
        return "REAL"
    if len(classes) > 1:
        raise SchemaError(
            f"column {column} has no declared type and holds {', '.join(sorted(classes))}",
            advice="Read a query that casts it to one type.",
        )
    return SQLITE_STORAGE[classes.pop()] if classes else "TEXT"
