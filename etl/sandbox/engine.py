"""The sandbox's database engine: an embedded PostgreSQL that speaks T-SQL through `SqlInterpreter`s."""

from __future__ import annotations

import hmac
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

import psycopg

from etl.sandbox.catalog import Catalog, CatalogVersion, Table
from etl.sandbox.cluster import OWNER, Cluster
from etl.sandbox.errors import SqlServerError
from etl.sandbox.interpreter import SqlInterpreter
from etl.sandbox.link import Link
from etl.sandbox.loading import copy_rows
from etl.sandbox.sqltypes import Value

_ROLE = "sandbox"
"""The PostgreSQL role of all sessions: no superuser, so no SQL of a client reaches a file or a program."""

_BOOTSTRAP = Path(__file__).parent / "bootstrap"
_SYSTEM_DATABASES = ("master", "tempdb")


class PostgresEngine:
    """Shared by all sessions. A context manager: the server runs while it is open.

    `data` is the folder to keep databases in; None for a temporary one, which is faster because it need not survive a crash.
    `user` and `password` are the one SQL login (it is sysadmin); `database` is created when it does not exist.
    """

    def __init__(self, data: Path | None, user: str, password: str, database: str) -> None:
        self._cluster = Cluster(data)
        self._user = user
        self._password = password
        self._database = database
        self._version = CatalogVersion()
        self._sessions = itertools.count(51)

    def __repr__(self) -> str:
        return f"PostgresEngine(user={self._user!r}, database={self._database!r})"

    def __enter__(self) -> PostgresEngine:
        try:
            new = self._cluster.start()
            self._bootstrap(new)
        except BaseException:
            self._cluster.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.stop()

    def login(self, user: str, password: str, database: str) -> SqlInterpreter:
        """Open a session. Errors 18456 and 4060; an empty database name is the default."""
        right_user = hmac.compare_digest(user.lower().encode(), self._user.lower().encode())
        right_password = hmac.compare_digest(password.encode(), self._password.encode())
        if not (right_user and right_password):
            raise SqlServerError(18456, f"Login failed for user '{user}'.", severity=14)
        number = next(self._sessions)
        link = Link(self._cluster.conninfo(_ROLE))
        catalog = Catalog(link, self._version, number)
        name = catalog.database(database or self._database)
        if name is None:
            link.close()
            message = f'Cannot open database "{database}" requested by the login. The login failed.'
            raise SqlServerError(4060, message, severity=11)
        return SqlInterpreter(link, catalog, self._user, number, name)

    def load(self, database: str, schema: str, table: str, rows: Iterable[Sequence[Value]]) -> int:
        """Append rows to a table by PostgreSQL's COPY, in one transaction; returns how many.

        For preparing data, not for clients: values must be of the columns' types already (see `sqltypes.Value`) in the order of
        the table's columns without identity, computed and rowversion columns. Lengths are checked, constraints hold.
        """
        link = Link(self._cluster.conninfo(_ROLE))
        try:
            found = Catalog(link, self._version, 0).table(database, schema, table)
            if found is None or found.kind != "U":
                raise SqlServerError(208, f"Invalid object name '{database}.{schema}.{table}'.")
            return copy_rows(link, found, loadable(found), rows)
        finally:
            link.close()

    def _bootstrap(self, new: bool) -> None:
        with psycopg.connect(self._cluster.conninfo(OWNER), autocommit=True) as connection:
            if new or connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'sandbox_sys'").fetchone() is None:
                with connection.transaction():
                    self._create_everything(connection)
            with connection.transaction():
                # Whatever sessions left behind when the sandbox was killed.
                connection.execute("SET search_path = sandbox")
                connection.execute("DELETE FROM sandbox.objects WHERE session <> 0")
        link = Link(self._cluster.conninfo(_ROLE))
        try:
            for name in (*_SYSTEM_DATABASES, self._database):
                link.run("SELECT sandbox.add_database($1::text) WHERE sandbox.database_id($1::text) IS NULL", (name,))
        finally:
            link.close()

    def _create_everything(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute(
            f"CREATE ROLE {_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE; ALTER ROLE {_ROLE} SET search_path ="
            f" sandbox; GRANT CREATE, TEMP ON DATABASE postgres TO {_ROLE}; REVOKE ALL ON SCHEMA public FROM PUBLIC"
        )
        for script in sorted(_BOOTSTRAP.glob("*.sql")):
            connection.execute(script.read_bytes())
        connection.execute(
            f"GRANT USAGE ON SCHEMA sandbox, sandbox_sys TO {_ROLE}; GRANT SELECT ON ALL TABLES IN SCHEMA sandbox_sys"
            f" TO {_ROLE}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sandbox TO {_ROLE}; GRANT"
            f" USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA sandbox TO {_ROLE}"
        )


def loadable(table: Table) -> list[str]:
    """The names of the columns that `load` fills, in order."""
    return [
        column.name
        for column in table.columns
        if not column.identity and not column.computed and column.type.name != "rowversion"
    ]
