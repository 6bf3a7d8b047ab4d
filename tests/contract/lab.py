"""A database of its own on the server under test, and plain pyodbc connections to it: nothing of the project is in between."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyodbc
import sqlalchemy as sa

from tests.databases import drop_database

Row = tuple[Any, ...]


class Session:
    """One connection, which runs batches and hands out their rows."""

    def __init__(self, connection: pyodbc.Connection) -> None:
        self.connection = connection
        self.number = int(self.value("SELECT @@SPID"))

    def run(self, sql: str, *parameters: Any) -> list[list[Row]]:
        """Run a batch to its end and return its result sets. Raises `pyodbc.Error` for the first error in it."""
        # Not a `with` statement: a pyodbc cursor commits at the end of one.
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql, *parameters)
            results = []
            while True:
                if cursor.description is not None:
                    results.append([tuple(row) for row in cursor.fetchall()])
                if not cursor.nextset():
                    return results
        finally:
            cursor.close()

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows of a batch's last result set."""
        return self.run(sql, *parameters)[-1]

    def value(self, sql: str, *parameters: Any) -> Any:
        """The one value of a batch."""
        ((value,),) = self.rows(sql, *parameters)
        return value

    def attempt(self, sql: str, *parameters: Any) -> Failure | None:
        """Run a batch; its first error, if it has one."""
        try:
            self.run(sql, *parameters)
        except pyodbc.Error as error:
            return Failure(error)
        return None

    def error(self, sql: str, *parameters: Any) -> Failure:
        """The first error of a batch that has one."""
        failure = self.attempt(sql, *parameters)
        assert failure is not None, f"no error: {sql}"
        return failure


class Failure:
    """An error as pyodbc over FreeTDS shows it: `[SQLSTATE] [FreeTDS][SQL Server]text (number) (function)`."""

    def __init__(self, error: pyodbc.Error) -> None:
        self.sqlstate: str = error.args[0]
        self.text: str = error.args[1] if len(error.args) > 1 else ""
        found = re.search(r"\((\d+)\) \(SQL\w+\)", self.text)
        self.number = int(found[1]) if found else 0
        """SQL Server's number; 0 for an error of the driver itself."""

    def __repr__(self) -> str:
        return f"Failure({self.sqlstate}, {self.number}, {self.text})"


class Lab:
    """The database and all connections that a test opened to it."""

    def __init__(self, server_url: str, database: str) -> None:
        url = sa.make_url(server_url).set(database=database)
        ((self._connection_string,), _) = sa.create_engine(url).dialect.create_connect_args(url)
        self.database = database
        self._opened: list[Session] = []

    def open(self, *, autocommit: bool = True) -> Session:
        """A new connection. Without autocommit the driver begins transactions by itself."""
        session = Session(pyodbc.connect(self._connection_string, autocommit=autocommit))
        self._opened.append(session)
        return session

    def close(self, but: Sequence[Session] = ()) -> None:
        """Close what was opened since the last call; the server rolls back what is open there."""
        closing = [session for session in self._opened if session not in but]
        self._opened = [session for session in self._opened if session in but]
        for session in closing:
            if not session.connection.closed:
                session.connection.close()


@contextmanager
def open_lab(server_url: str) -> Iterator[Lab]:
    """A new database, where readers see row versions; dropped at the end."""
    name = f"contract_{secrets.token_hex(4)}"
    admin = Lab(server_url, sa.make_url(server_url).database or "master")
    lab = Lab(server_url, name)
    try:
        admin.open().run(f"CREATE DATABASE {name}")
        _let_readers_pass(admin.open(), name)
        yield lab
    finally:
        lab.close()
        drop_database(admin.open().run, name)
        admin.close()


def _let_readers_pass(session: Session, database: str) -> None:
    """What the sandbox always has and a new database on a server has not."""
    options: Sequence[str] = ("READ_COMMITTED_SNAPSHOT ON", "ALLOW_SNAPSHOT_ISOLATION ON")
    for option in options:
        session.run(f"ALTER DATABASE {database} SET {option}")
