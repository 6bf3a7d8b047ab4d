"""Endpoints: from a URL to connections that are set up for reading or writing.

A connection lives as long as the work it was opened for and is never pooled: FreeTDS begins the next transaction at every
COMMIT (`src/odbc/odbc.c`), so an idle pooled connection would hold one open on the server.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import NullPool

from etl import errors, references, statements
from etl.errors import ConnectError
from etl.odbc import connection_string, encryption, first_connection, link

Role = Literal["reader", "writer"]
Isolation = Literal["read committed", "snapshot"]

LOGIN_TIMEOUT_SEC = 15
LOCK_TIMEOUT_MS = 60_000
SQLITE_BUSY_TIMEOUT_MS = 600_000
"""One writer at a time and the others wait: long enough that a busy database is never an error."""

TEXT_BYTES = 2_147_483_647
"""SET TEXTSIZE: FreeTDS sends it only when it is configured, and the server's default cuts long values without a word."""
ISOLATION_NUMBERS: dict[Isolation, int] = {"read committed": 2, "snapshot": 5}
"""Levels as sys.dm_exec_sessions numbers them."""


def session_settings(role: Role, isolation: Isolation) -> str:
    """What a connection to SQL Server is told first, in T-SQL."""
    # Without XACT_ABORT an error leaves the transaction open with part of the chunk in it.
    xact_abort = "; SET XACT_ABORT ON" if role == "writer" else ""
    return (
        f"SET TEXTSIZE {TEXT_BYTES}; SET LOCK_TIMEOUT {LOCK_TIMEOUT_MS}; "
        f"SET TRANSACTION ISOLATION LEVEL {isolation.upper()}{xact_abort}"
    )


@dataclass(frozen=True)
class Endpoint:
    """One database, in one role."""

    url: URL
    role: Role
    isolation: Isolation = "read committed"
    """Of SQL Server's sessions. Under snapshot each reading statement sees one moment and waits for no writer."""

    @classmethod
    def of(cls, reference: str, role: Role) -> Endpoint:
        """The endpoint that a job names. Raises JobError as `resolve` does."""
        return cls(references.resolve(reference), role)

    @property
    def dialect(self) -> str:
        """`mssql` or `sqlite`."""
        return self.url.get_backend_name()

    @property
    def label(self) -> str:
        """Server and database without secrets, for messages and for a job's identity."""
        if self.dialect == "sqlite":
            return str(Path(self.url.database or "").resolve())
        if not self.url.host or not self.url.database:
            options = self.url.query
            return f"the data source {options.get('dsn') or options.get('Servername') or self.url.host}"
        port = f":{self.url.port}" if self.url.port else ""
        return f"{self.url.host}{port}/{self.url.database}"

    def __repr__(self) -> str:
        return f"Endpoint({self.label}, {self.role})"

    @property
    def odbc_string(self) -> str:
        """What a driver manager connects by: a secret. Raises JobError for what the driver cannot be given."""
        return _odbc_string(self.url)

    @cached_property
    def engine(self) -> Engine:
        """An engine without a pool, set up for this role. Makes no connection by itself."""
        if self.dialect == "sqlite":
            return _sqlite_engine(self.url, self.role)
        return _mssql_engine(self.url, self.role, self.isolation)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """One connection, closed at the end. Reader connections are in autocommit mode.

        What is not committed at the end is discarded. Raises ConnectError and its kinds, and DatabaseError for what the
        database says to a statement inside that has no `statement` of its own around it.
        """
        if self.dialect == "sqlite" and self.role == "reader" and not Path(self.url.database or "").is_file():
            raise ConnectError(f"cannot open {self.label}: no such file", advice="Check the path in the URL.")
        try:
            connection = self.engine.connect()
        except sa.exc.DBAPIError as error:
            raise errors.from_connect(error.orig or error, self.label) from error
        except sa.exc.ResourceClosedError as error:
            # SQLAlchemy's first questions about a server pass over a lost link, and fail at the next one.
            raise errors.from_connect(error, self.label) from error
        except SystemError as error:
            # pyodbc's connect goes on over an exception that a signal's handler raises inside of it.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise
        except ImportError as error:
            raise errors.DriverMissing(
                f"cannot connect to {self.label}: pyodbc cannot be loaded ({error})",
                advice="Install unixODBC and the FreeTDS driver with `odbc/install.sh`.",
            ) from error
        try:
            with link.watched(lambda: _link_is_lost(connection)), statement(f"working on {self.label}"):
                yield connection
        finally:
            # Closed as it is, which the server takes for a rollback. A ROLLBACK of SQLAlchemy's before that could only fail:
            # over a link that is lost, or (error 3903) where the server has rolled back already.
            connection.invalidate()
            connection.close()

    @contextmanager
    def connect_arrow(self) -> Iterator[Any]:
        """A connection of arrow-odbc's own to the same server, with the same settings, in autocommit mode, for reading.

        Raises ConnectError and its kinds.
        """
        import arrow_odbc

        try:
            with encryption.configured(self.url):
                connection = arrow_odbc.connect(self.odbc_string, login_timeout_sec=LOGIN_TIMEOUT_SEC)
        except arrow_odbc.Error as error:
            raise errors.from_connect(error, self.label) from error
        with (
            link.watched(lambda: _arrow_link_is_lost(connection)),
            statement("setting the reader's connection up"),
        ):
            connection.execute(session_settings(self.role, self.isolation))
            (found,) = connection.read_arrow_batches(statements.load("session_settings"))
        _require_settings(found.to_pylist()[0].values(), self.isolation, self.label)
        with link.watched(lambda: _arrow_link_is_lost(connection)):
            yield connection

    def __getstate__(self) -> dict[str, Any]:
        # An engine must not travel to another process; the URL must.
        return {"url": self.url, "role": self.role, "isolation": self.isolation}


def _link_is_lost(connection: Connection) -> bool:
    return not connection.invalidated and link.is_dead(connection.connection.dbapi_connection)


def _arrow_link_is_lost(connection: Any) -> bool:
    """arrow-odbc shows no handle, but FreeTDS says by itself that the link is gone when it is to use it again."""
    import arrow_odbc

    try:
        connection.execute("SELECT 1")
    except arrow_odbc.Error as error:
        return errors.sqlstate(error) == link.LINK_FAILURE
    return False


@contextmanager
def cursor(connection: Connection) -> Iterator[Any]:
    """The driver's own cursor, for what SQLAlchemy's would turn into rows of its own or not let through."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    opened = raw.cursor()
    try:
        yield opened
    except BaseException:
        # On a connection that is gone it cannot be closed either; what went wrong first is what is told.
        with suppress(Exception):
            opened.close()
        raise
    opened.close()


@contextmanager
def statement(doing: str, *, state: str = "") -> Iterator[None]:
    """The boundary at which a driver's error on a statement becomes ours. `doing` says what was under way, on what."""
    import sqlite3

    driver_errors: tuple[type[Exception], ...] = (sa.exc.DBAPIError, sqlite3.Error)
    try:
        import pyodbc
    except ImportError:  # SQLite alone works without unixODBC.
        pass
    else:
        driver_errors += (pyodbc.Error,)
    # Another thread may be in the middle of importing it, and has raised nothing of it then.
    arrow_error = getattr(sys.modules.get("arrow_odbc"), "Error", None)
    if arrow_error is not None:
        driver_errors += (arrow_error,)
    try:
        yield
    except driver_errors as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
        raise errors.from_statement(cause, doing, state=state) from error


def _require_settings(found: Iterable[int], isolation: Isolation, label: str) -> None:
    if tuple(found) != (TEXT_BYTES, LOCK_TIMEOUT_MS, ISOLATION_NUMBERS[isolation]):
        raise ConnectError(
            f"{label} does not keep TEXTSIZE, LOCK_TIMEOUT and ISOLATION LEVEL {isolation.upper()}",
            advice="Long values could be cut, or rows be seen that are not committed.",
        )


def _odbc_string(url: URL) -> str:
    if connection_string.speaks_freetds(url):
        return connection_string.build(url)
    (text, *_), _ = url.get_dialect()().create_connect_args(url)
    return str(text)


@cache  # an engine's first connection asks the server half a dozen questions about itself
def _mssql_engine(url: URL, role: Role, isolation: Isolation) -> Engine:
    import pyodbc

    # unixODBC's own pool would keep connections, and their open transactions, behind SQLAlchemy's back.
    pyodbc.pooling = False
    engine = sa.create_engine(
        url,
        poolclass=NullPool,
        connect_args={"timeout": LOGIN_TIMEOUT_SEC},
        isolation_level="AUTOCOMMIT" if role == "reader" else None,
        hide_parameters=True,
    )

    @event.listens_for(engine, "do_connect")
    def connecting(_dialect: object, _record: object, arguments: list[Any], _options: object) -> None:
        arguments[0] = _odbc_string(url)

    first_connection.watch(engine, str(url.host))
    if connection_string.speaks_freetds(url):
        encryption.connect_configured(engine, url)
        encryption.watch(engine, encryption.of(url), str(url.host))

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(session_settings(role, isolation))
        # The transaction that FreeTDS has begun already is not under SNAPSHOT yet (error 3951).
        connection.commit()
        with connection.cursor() as cursor:
            found = cursor.execute(statements.load("session_settings")).fetchone()
        connection.commit()
        _require_settings(found, isolation, str(url.host))

    return engine


def _sqlite_engine(url: URL, role: Role) -> Engine:
    engine = sa.create_engine(url, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _record: object) -> None:
        # Python's sqlite3 begins a transaction only at the first change and leaves DDL outside; BEGIN is ours instead.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}")
        if role == "writer":
            connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if role == "writer" else "BEGIN")

    return engine
