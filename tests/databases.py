"""The databases that the tests run on, behind one face: neutral column types, literal inserts, rows read back exactly."""

from __future__ import annotations

import datetime as dt
import secrets
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyodbc
import sqlalchemy as sa

from etl.errors import server_number
from etl.references import resolve
from etl.statements import quote

Row = tuple[Any, ...]

BATCH_ROWS = 200
IN_USE = 3702
"""Cannot drop the database: it is in use."""
SQLITE_TYPES = {
    "bit": "BOOLEAN",
    "datetime": "DATETIME",
    "datetime2": "DATETIME",
    "smalldatetime": "DATETIME",
    "uniqueidentifier": "TEXT",
    "binary": "BLOB",
    "varbinary": "BLOB",
    "float": "REAL",
    "time": "TIME",
}
"""Where SQLite, or this project's reading of its declarations, knows a SQL Server type under another name."""


class Database(ABC):
    """One empty database."""

    dialect: str
    url: str

    @abstractmethod
    def query(self, sql: str) -> list[Row]:
        """Run a statement and return its rows, if it has any."""

    @abstractmethod
    def literal(self, value: Any) -> str:
        """The value as the dialect writes it."""

    @abstractmethod
    def sql_type(self, mssql_type: str) -> str:
        """The declaration of a column that holds what SQL Server's type holds."""

    @abstractmethod
    def tables(self) -> set[str]:
        """The names of the tables in the default schema."""

    def name(self, table: str) -> str:
        """The table's name as a job gives it."""
        return table

    def exact_name(self, table: str) -> str:
        """The table's name as a job gives it when it has blanks, dots, brackets or quotes in it."""
        return quote("mssql", table)

    def quoted(self, table: str) -> str:
        """The table's name inside a statement."""
        return quote(self.dialect, table)

    def make(
        self,
        table: str,
        columns: Mapping[str, str],
        rows: Sequence[Sequence[Any]] = (),
        *,
        primary_key: str | None = None,
    ) -> str:
        """Make and fill a table; `columns` maps names to SQL Server types with their constraints. Returns its name."""
        lines = [f"{quote(self.dialect, name)} {self._declaration(kind)}" for name, kind in columns.items()]
        if primary_key is not None:
            lines.append(f"PRIMARY KEY ({quote(self.dialect, primary_key)})")
        self.query(f"CREATE TABLE {self.quoted(table)} ({', '.join(lines)})")
        self.insert(table, rows)
        return self.name(table)

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows, as literals, so that no driver touches a value."""
        for start in range(0, len(rows), BATCH_ROWS):
            values = ", ".join(
                "(" + ", ".join(self.literal(value) for value in row) + ")" for row in rows[start : start + BATCH_ROWS]
            )
            self.query(f"INSERT INTO {self.quoted(table)} VALUES {values}")

    def rows(self, table: str, columns: str = "*") -> Counter[Row]:
        """The table's rows as a multiset."""
        return Counter(self.query(f"SELECT {columns} FROM {self.quoted(table)}"))

    def ledger(self) -> list[Row]:
        """(chunk number, state, rows written) of every chunk of every run, in order."""
        return self.query("SELECT chunk_no, state, rows_written FROM etl_chunk ORDER BY run_id, chunk_no")

    def run_states(self) -> list[str]:
        """The state of every run, oldest first."""
        return [state for (state,) in self.query("SELECT state FROM etl_run ORDER BY started_at")]

    def _declaration(self, kind: str) -> str:
        sql_type, _, constraint = kind.partition(" ")
        return f"{self.sql_type(sql_type)} {constraint}".strip()


class SqliteDatabase(Database):
    """A file."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def query(self, sql: str) -> list[Row]:
        with self._connected() as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=60)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def literal(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, int | float | Decimal):
            return str(value)
        if isinstance(value, dt.datetime):
            return f"'{value.isoformat(' ', 'microseconds')}'"
        return "'" + str(value).replace("'", "''") + "'"

    def sql_type(self, mssql_type: str) -> str:
        name = mssql_type.partition("(")[0]
        return SQLITE_TYPES.get(name, mssql_type.replace("(max)", ""))

    def tables(self) -> set[str]:
        return {name for (name,) in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")}


class MssqlDatabase(Database):
    """A database of a server, over FreeTDS and pyodbc."""

    dialect = "mssql"

    def __init__(self, url: str) -> None:
        self.url = url
        # Its own engine: what the tests see must not depend on how the project connects.
        self.engine = sa.create_engine(resolve(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        self.connection = self.engine.connect()

    def query(self, sql: str) -> list[Row]:
        result = self.connection.exec_driver_sql(sql)
        return [tuple(row) for row in result] if result.returns_rows else []

    @contextmanager
    def transaction(self) -> Iterator[Callable[[str], Any]]:
        """What runs statements in a transaction of its own, which is committed at the end."""
        with self.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
            yield connection.exec_driver_sql
            connection.commit()

    def name(self, table: str) -> str:
        return f"dbo.{quote('mssql', table)}"

    def literal(self, value: Any) -> str:
        if isinstance(value, bytes):
            return f"0x{value.hex()}" if value else "CAST('' AS varbinary(1))"
        if isinstance(value, float):
            return repr(value) + ("" if "e" in repr(value) else "e0")
        if isinstance(value, dt.datetime):
            return f"'{value.isoformat(timespec='microseconds' if value.microsecond % 1000 else 'milliseconds')}'"
        if value is None or isinstance(value, int | Decimal):
            return "NULL" if value is None else str(int(value) if isinstance(value, bool) else value)
        return "N'" + str(value).replace("'", "''") + "'"

    def sql_type(self, mssql_type: str) -> str:
        return mssql_type

    def tables(self) -> set[str]:
        return {name for (name,) in self.query("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES")}


@contextmanager
def fresh_database(server_url: str) -> Iterator[MssqlDatabase]:
    """A new database on the server that `server_url` leads to, dropped at the end."""
    name = f"etl_test_{secrets.token_hex(4)}"
    outside = MssqlDatabase(server_url)
    with outside.connection:
        outside.query(f"CREATE DATABASE {name}")
        database = MssqlDatabase(sa.make_url(server_url).set(database=name).render_as_string(hide_password=False))
        try:
            with database.connection:
                yield database
        finally:
            drop_database(outside.query, name)


def drop_database(run: Callable[[str], Any], name: str) -> None:
    """Drop a database, whoever is in it still: a server may notice late that a client has left, or was killed.

    `run` runs a statement outside of it, in autocommit mode.
    """
    try:
        run(f"DROP DATABASE {name}")
    except (sa.exc.DBAPIError, pyodbc.Error) as error:
        if server_number(getattr(error, "orig", None) or error) != IN_USE:
            raise
        run(f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
        run(f"DROP DATABASE {name}")
