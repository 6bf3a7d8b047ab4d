"""The sandbox's database engine: an embedded PostgreSQL that speaks T-SQL through `SqlInterpreter`s."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psycopg

from etl.sandbox.catalog import Catalog, CatalogVersion, Table
from etl.sandbox.cluster import OWNER, Cluster, OtherVersionError
from etl.sandbox.errors import SqlServerError
from etl.sandbox.interpreter import SqlInterpreter
from etl.sandbox.link import Link
from etl.sandbox.loading import copy_rows
from etl.sandbox.principals.logins import give_logins, hold, introduce, open_database, sign_in
from etl.sandbox.principals.passwords import PasswordChecker
from etl.sandbox.sqltypes import Value

SESSION_ROLE = "sandbox"
"""The PostgreSQL role of all sessions: no superuser, so no SQL of a client reaches a file or a program."""

_BOOTSTRAP = Path(__file__).parent / "bootstrap"
_FINGERPRINT = "SELECT obj_description('sandbox'::regnamespace)"
_SYSTEM_DATABASES = ("master", "tempdb")


class PostgresEngine:
    """Shared by all sessions. A context manager: the server runs while it is open.

    `data` is the folder to keep databases in; None for a temporary one, which is faster because it need not survive a crash.
    `user` and `password` are the SQL login that is sysadmin; `database`, its default, is created when it does not exist.
    `logins` are further ones, with their passwords and without any right yet. CREATE LOGIN makes more.
    """

    def __init__(
        self, data: Path | None, user: str, password: str, database: str, logins: Mapping[str, str] | None = None
    ) -> None:
        self._cluster = Cluster(data)
        self._user = user
        self._password = password
        self._logins = dict(logins or {})
        self._checker = PasswordChecker()
        self._database = database
        self._version = CatalogVersion()
        self._sessions = itertools.count(51)

    def __repr__(self) -> str:
        return f"PostgresEngine(user={self._user!r}, database={self._database!r})"

    @property
    def cluster(self) -> Cluster:
        """The PostgreSQL server, for tests that look behind the sandbox."""
        return self._cluster

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
        """Open a session in a database, an empty name being the login's default. Errors 18456, 18470, 4060 and 4064."""
        link = Link(self._cluster.conninfo(SESSION_ROLE))
        try:
            login = sign_in(link, self._checker, user, password)
            number = next(self._sessions)
            introduce(link, login, number)
            name = open_database(link, login, user, database)
            hold(link, login, user)
            return SqlInterpreter(link, Catalog(link, self._version, number, login.id), login.name, number, name)
        except BaseException:
            link.close()
            raise

    def load(self, database: str, schema: str, table: str, rows: Iterable[Sequence[Value]]) -> int:
        """Append rows to a table by PostgreSQL's COPY, in one transaction; returns how many.

        For preparing data, not for clients: values must be of the columns' types already (see `sqltypes.Value`) in the order of
        the table's columns without identity, computed and rowversion columns. Lengths are checked, constraints hold.
        """
        link = Link(self._cluster.conninfo(SESSION_ROLE))
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
                    _create_everything(connection)
            elif connection.execute(_FINGERPRINT).fetchone() != (_fingerprint(),):
                raise OtherVersionError(
                    "the data folder was made by another version of the sandbox, whose catalog differs; give another folder"
                )
            with connection.transaction():
                # Whatever sessions left behind when the sandbox was killed.
                connection.execute("SET search_path = sandbox")
                connection.execute("DELETE FROM sandbox.objects WHERE session <> 0")
        link = Link(self._cluster.conninfo(SESSION_ROLE))
        try:
            for name in (*_SYSTEM_DATABASES, self._database):
                link.run("SELECT sandbox.add_database($1::text) WHERE sandbox.database_id($1::text) IS NULL", (name,))
            give_logins(link, (self._user, self._password), self._database, self._logins)
        finally:
            link.close()


def _create_everything(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute(
        f"CREATE ROLE {SESSION_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE; ALTER ROLE {SESSION_ROLE} SET search_path ="
        " sandbox"
    )
    for script in _scripts():
        connection.execute(script.read_bytes())
    connection.execute(f"COMMENT ON SCHEMA sandbox IS '{_fingerprint()}'")


def _scripts() -> list[Path]:
    return sorted(_BOOTSTRAP.glob("*.sql"))


def _fingerprint() -> str:
    """What the scripts make, in short: a folder that other ones made cannot be served."""
    return hashlib.sha256(b"".join(script.read_bytes() for script in _scripts())).hexdigest()


def loadable(table: Table) -> list[str]:
    """The names of the columns that `load` fills, in order."""
    return [
        column.name
        for column in table.columns
        if not column.identity and not column.computed and column.type.name != "rowversion"
    ]
