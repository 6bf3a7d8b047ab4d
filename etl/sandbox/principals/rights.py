"""What one session's login may do: the checks that statements ask for, and their errors.

The answers come from `sandbox.permitted` (bootstrap/25_principals.sql) and are kept until the catalog changes, so that a
statement that comes again costs a look into a dict, and a sysadmin's not even that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import Link

if TYPE_CHECKING:
    from etl.sandbox.catalog import Table

_OBJECT, _SCHEMA, _DATABASE, _SERVER = 1, 3, 0, 100
"""Securable classes as sys.database_permissions numbers them."""

_STATE_VIEWS = {
    ("sys", "dm_exec_connections"): (_SERVER, "VIEW SERVER SECURITY STATE"),
    ("sys", "dm_db_partition_stats"): (_DATABASE, "VIEW DATABASE PERFORMANCE STATE"),
}
"""System views that public does not read."""


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a statement needs on a table or view."""

    permission: str
    table: Table


class Rights:
    """The rights of a session's login. `login` is None for the sandbox's own connections, which may everything."""

    def __init__(self, link: Link, login: int | None, version: Callable[[], tuple[int, int]]) -> None:
        self._link = link
        self._login = login
        self._version = version
        self._seen: tuple[int, int] | None = None
        self._sysadmin = True
        self._answers: dict[tuple[object, ...], object] = {}

    @property
    def login(self) -> int | None:
        """The login's number in sys.server_principals."""
        return self._login

    @property
    def unrestricted(self) -> bool:
        """Whether nothing needs a check: sysadmin, or the sandbox itself."""
        if self._login is None:
            return True
        if self._seen != self._version():
            self._seen = self._version()
            self._answers.clear()
            rows = self._link.run("SELECT sandbox.is_sysadmin($1::int)", (str(self._login),)).rows
            self._sysadmin = bool(rows[0][0])
        return self._sysadmin

    # Questions

    def on_object(self, permission: str, table: Table) -> bool:
        """Whether the login has a permission on a table or view. A session's #tables and the system views are open to it."""
        if table.name.startswith("#") or self.unrestricted:
            return True
        if table.kind == "S":
            return permission in {"SELECT", "VIEW DEFINITION"} and self._reads_system_view(table)
        return self._ask(
            "SELECT sandbox.permitted($1::int, $2::text, 1, s.database_id, s.schema_id, o.object_id) FROM"
            " sandbox.objects o JOIN sandbox.schemas s USING (schema_id) WHERE o.object_id = $3::int",
            permission,
            str(table.object_id),
        )

    def on_schema(self, permission: str, database: str, schema: str) -> bool:
        """Whether the login has a permission on a schema."""
        return self.unrestricted or self._ask(
            "SELECT sandbox.permitted($1::int, $2::text, 3, s.database_id, s.schema_id, NULL) FROM sandbox.schemas s JOIN"
            " sandbox.databases d USING (database_id) WHERE d.name = $3::citext AND s.name = $4::citext",
            permission,
            database,
            schema,
        )

    def on_database(self, permission: str, database: str) -> bool:
        """Whether the login has a permission on a database."""
        return self.unrestricted or self._ask(
            "SELECT sandbox.permitted($1::int, $2::text, 0, d.database_id, NULL, NULL) FROM sandbox.databases d WHERE"
            " d.name = $3::citext",
            permission,
            database,
        )

    def on_server(self, permission: str) -> bool:
        """Whether the login has a permission on the server."""
        return self.unrestricted or self._ask(
            "SELECT sandbox.permitted($1::int, $2::text, 100, NULL, NULL, NULL)", permission
        )

    def may_open(self, database: str) -> bool:
        """Whether the login may enter a database that exists."""
        return self.unrestricted or self._ask(
            "SELECT sandbox.user_in($1::int, d.database_id) IS NOT NULL AND $2::text <> '' FROM sandbox.databases d"
            " WHERE d.name = $3::citext",
            "CONNECT",
            database,
        )

    def default_schema(self, database: str) -> str:
        """Where the login's user of a database looks for a name without a schema first."""
        if self.unrestricted:
            return "dbo"
        key = ("default schema", database.lower())
        if key not in self._answers:
            rows = self._link.run("SELECT sandbox.default_schema($1::text)::text", (database,)).rows
            self._answers[key] = rows[0][0]
        return str(self._answers[key])

    # Demands

    def check(self, needs: Iterable[Need]) -> None:
        """Error 229 for the first permission that is missing; 262 and 300 for views of the server's state."""
        if self.unrestricted:
            return
        for need in needs:
            if not self.on_object(need.permission, need.table):
                raise denied(need.permission, need.table)

    def require(self, table: Table, permission: str) -> None:
        """Error 229 unless the login has a permission on a table."""
        self.check((Need(permission, table),))

    def require_bulk_insert(self, table: Table, *, alters: bool) -> None:
        """What a bulk load needs: INSERT, and ALTER where it `alters` the table's rules for its rows.

        It does when the table has constraints and the load does not check them, when it has triggers and the load does not fire
        them, and when the load brings identity values. Errors 229 and 1088.
        https://learn.microsoft.com/sql/tools/bcp-utility#permissions
        """
        self.require(table, "INSERT")
        if alters:
            self.require_alter(table)

    def require_alter(self, table: Table, state: int = 13) -> None:
        """Error 1088, which does not say whether the table is there, unless the login may ALTER it."""
        if not self.on_object("ALTER", table):
            raise SqlServerError(
                1088,
                f'Cannot find the object "{table.schema}.{table.name}" because it does not exist or you do not have'
                " permissions.",
                state=state,
                ends_batch=True,
            )

    def require_on_database(self, permission: str, database: str) -> None:
        """Error 262 unless the login has a permission on a database."""
        if not self.on_database(permission, database):
            raise SqlServerError(262, f"{permission} permission denied in database '{database}'.", severity=14)

    def open(self, database: str) -> None:
        """Error 916 for a database that exists and that the login may not enter."""
        if not self.may_open(database):
            name = self._link.run("SELECT name::text FROM sandbox.logins WHERE login_id = $1::int", (str(self._login),))
            raise SqlServerError(
                916,
                f'The server principal "{name.rows[0][0]}" is not able to access the database "{database}" under the current'
                " security context.",
                severity=14,
                ends_batch=True,
            )

    def _reads_system_view(self, table: Table) -> bool:
        needed = _STATE_VIEWS.get((table.schema.lower(), table.name.lower()))
        if needed is None:
            return True
        kind, permission = needed
        return self.on_server(permission) if kind == _SERVER else self.on_database(permission, table.database)

    def _ask(self, question: str, *values: str) -> bool:
        key = (question, *values)
        if key not in self._answers:
            rows = self._link.run(question, (str(self._login), *values)).rows
            self._answers[key] = bool(rows and rows[0][0])
        return bool(self._answers[key])


def same_owner(one: Table, other: Table) -> bool:
    """Whether ownership chains reach from one object to the other: one database, one owner."""
    return one.database == other.database and one.owner == other.owner


def denied(permission: str, table: Table) -> SqlServerError:
    """Error 229, or what SQL Server answers for a view of the server's state."""
    needed = _STATE_VIEWS.get((table.schema.lower(), table.name.lower())) if table.kind == "S" else None
    if needed is None:
        return SqlServerError(
            229,
            f"The {permission} permission was denied on the object '{table.name}', database '{table.database}', schema"
            f" '{table.schema}'.",
            severity=14,
            state=5,
        )
    kind, state_permission = needed
    if kind == _DATABASE:
        refused = SqlServerError(
            262, f"{state_permission} permission denied in database '{table.database}'.", severity=14
        )
    else:
        refused = SqlServerError(
            300, f"{state_permission} permission was denied on object 'server', database 'master'.", severity=14
        )
    refused.followed_by = SqlServerError(297, "The user does not have permission to perform this action.")
    return refused
