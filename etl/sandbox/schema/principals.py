"""Users and roles: created, altered, dropped.

https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql and its neighbours, with their permissions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from etl.sandbox.errors import SqlServerError
from etl.sandbox.schema.logins import LoginEditor, missing, not_permitted
from etl.sandbox.schema.permissions import FIRST_FIXED_ROLE
from etl.sandbox.translation import principal_definitions as p

_PUBLIC, _DBO, _FIRST_OWN = 0, 1, 5
"""Numbers in sys.database_principals. Those that somebody makes are between _FIRST_OWN and FIRST_FIXED_ROLE."""


class PrincipalEditor(LoginEditor):
    """Carries out what is said about principals, in the current database."""

    def _principal_handlers(self) -> dict[type, Callable[[Any], None]]:
        return {
            p.CreateLogin: self._create_login,
            p.AlterLogin: self._alter_login,
            p.DropLogin: self._drop_login,
            p.CreateUser: self._create_user,
            p.AlterUser: self._alter_user,
            p.CreateRole: self._create_role,
            p.DropPrincipal: self._drop_principal,
            p.ChangeRole: self._change_role,
            p.ChangeOwner: self._change_owner,
            p.ChangePermissions: self._change_permissions,
        }

    # Users and roles

    def _create_user(self, definition: p.CreateUser) -> None:
        database = self._database()
        if not self._catalog.rights.on_database("ALTER ANY USER", database):
            raise not_permitted()
        self._refuse_principal(definition.name)
        sid: bytes | None = None
        if definition.login is not None:
            sid = self._sid(definition.login)
        if (
            sid is not None
            and self._link.run(
                "SELECT FROM sandbox.all_principals WHERE database_id = $1::int AND sid = $2::bytea",
                (self._place(), sid),
            ).row_count
        ):
            raise SqlServerError(15063, "The login already has an account under a different user name.")
        user = self._add_principal(definition.name, "S", sid, definition.default_schema or "dbo", _DBO)
        self._link.run(
            "INSERT INTO sandbox.permissions (database_id, grantee_id, grantor_id, permission, state) VALUES ($1::int,"
            " $2::int, 1, 'CONNECT', 'G')",
            (self._place(), str(user)),
        )

    def _sid(self, login: str) -> bytes:
        rows = self._link.run("SELECT sid FROM sandbox.logins WHERE name = $1::citext AND type = 'S'", (login,)).rows
        if not rows:
            raise SqlServerError(15007, f"'{login}' is not a valid login or you do not have permission.")
        return bytes(rows[0][0])

    def _add_principal(self, name: str, kind: str, sid: bytes | None, schema: str | None, owner: int) -> int:
        rows = self._link.run(
            "INSERT INTO sandbox.principals (database_id, principal_id, name, type, sid, default_schema, owner_id)"
            " SELECT $1::int, coalesce(max(principal_id), 4) + 1, $2::citext, $3::text, $4::bytea, $5::citext, $6::int"
            " FROM sandbox.principals WHERE database_id = $1::int RETURNING principal_id",
            (self._place(), name, kind, sid, schema, str(owner)),
        ).rows
        return int(rows[0][0])

    def _refuse_principal(self, name: str) -> None:
        if self._principal(name) is not None:
            raise SqlServerError(15023, f"User, group, or role '{name}' already exists in the current database.")

    def _alter_user(self, definition: p.AlterUser) -> None:
        user = self._principal(definition.name, "S")
        if (
            user is None
            or user < _FIRST_OWN
            or not self._catalog.rights.on_database("ALTER ANY USER", self._database())
        ):
            raise missing("alter", "user", definition.name)
        if definition.new_name is not None and self._principal(definition.new_name) not in {None, user}:
            self._refuse_principal(definition.new_name)
        sid = self._sid(definition.login) if definition.login is not None else None
        self._link.run(
            "UPDATE sandbox.principals SET name = coalesce($3::citext, name), default_schema = coalesce($4::citext,"
            " default_schema), sid = coalesce($5::bytea, sid), modify_date = now() WHERE database_id = $1::int AND"
            " principal_id = $2::int",
            (self._place(), str(user), definition.new_name, definition.default_schema, sid),
        )

    def _create_role(self, definition: p.CreateRole) -> None:
        rights = self._catalog.rights
        if not rights.on_database("CREATE ROLE", self._database()):
            raise not_permitted()
        self._refuse_principal(definition.name)
        owner = self._own_user() if definition.owner is None else self._owner(definition.owner)
        self._add_principal(definition.name, "R", None, None, owner)

    def _drop_principal(self, definition: p.DropPrincipal) -> None:
        kind = "S" if definition.kind == "USER" else "R"
        found = self._principal(definition.name, kind)
        if found is None and definition.if_exists:
            return
        permission = "ALTER ANY USER" if kind == "S" else "ALTER ANY ROLE"
        if found is None or not self._catalog.rights.on_database(permission, self._database()):
            raise missing("drop", definition.kind.lower(), definition.name)
        if found < _FIRST_OWN or found >= FIRST_FIXED_ROLE:
            raise SqlServerError(15150, f"Cannot drop the {definition.kind.lower()} '{definition.name}'.")
        place = (self._place(), str(found))
        if self._link.run(
            "SELECT FROM sandbox.schemas WHERE database_id = $1::int AND owner_id = $2::int", place
        ).row_count:
            raise SqlServerError(15138, "The database principal owns a schema in the database, and cannot be dropped.")
        if self._link.run(
            "SELECT FROM sandbox.role_members WHERE database_id = $1::int AND role_id = $2::int", place
        ).row_count:
            raise SqlServerError(15144, "The role has members. It must be empty before it can be dropped.")
        for statement in (
            "DELETE FROM sandbox.permissions WHERE database_id = $1::int AND grantee_id = $2::int",
            "DELETE FROM sandbox.role_members WHERE database_id = $1::int AND member_id = $2::int",
            "DELETE FROM sandbox.principals WHERE database_id = $1::int AND principal_id = $2::int",
        ):
            self._link.run(statement, place)

    # Members and owners

    def _change_role(self, definition: p.ChangeRole) -> None:
        if definition.server:
            self._change_server_role(definition)
            return
        role = self._principal(definition.name, "R")
        if role is None or role == _PUBLIC or not self._may_change_role(role):
            raise missing("alter", "role", definition.name)
        if definition.new_name is not None:
            self._refuse_principal(definition.new_name)
            self._link.run(
                "UPDATE sandbox.principals SET name = $3::citext WHERE database_id = $1::int AND principal_id = $2::int",
                (self._place(), str(role), definition.new_name),
            )
            return
        assert definition.member is not None
        member = self._principal(definition.member)
        if member is None:
            raise missing("add" if definition.added else "drop", "principal", definition.member)
        if member in {_PUBLIC, _DBO} or member >= FIRST_FIXED_ROLE:
            raise SqlServerError(15405, f"Cannot use the special principal '{definition.member}'.")
        if (
            definition.added
            and self._link.run(
                "WITH RECURSIVE held (id) AS (SELECT $2::int UNION SELECT m.role_id FROM sandbox.role_members m JOIN held h ON"
                " m.member_id = h.id WHERE m.database_id = $1::int) SELECT FROM held WHERE id = $3::int",
                (self._place(), str(role), str(member)),
            ).row_count
        ):
            raise SqlServerError(15413, "Cannot make a role a member of itself.")
        self._link.run(
            "INSERT INTO sandbox.role_members VALUES ($1::int, $2::int, $3::int) ON CONFLICT DO NOTHING"
            if definition.added
            else "DELETE FROM sandbox.role_members WHERE database_id = $1::int AND role_id = $2::int AND member_id = $3::int",
            (self._place(), str(role), str(member)),
        )

    def _may_change_role(self, role: int) -> bool:
        """ALTER ANY ROLE for a role that somebody made; for a fixed one only what db_owner has."""
        permission = "CONTROL" if role >= FIRST_FIXED_ROLE else "ALTER ANY ROLE"
        return self._catalog.rights.on_database(permission, self._database())

    def _change_owner(self, definition: p.ChangeOwner) -> None:
        if definition.kind == "DATABASE":
            self._change_database_owner(definition)
            return
        found = self._catalog.schema(self._database(), definition.name)
        if found is None or not self._catalog.rights.on_schema("TAKE OWNERSHIP", self._database(), found[1]):
            raise SqlServerError(
                15151,
                f"Cannot find the schema '{definition.name}', because it does not exist or you do not have permission.",
            )
        self._link.run(
            "UPDATE sandbox.schemas SET owner_id = $2::int WHERE schema_id = $1::int",
            (str(found[0]), str(self._owner(definition.owner))),
        )
        # What was granted on the schema and in it is dropped with its owner.
        self._link.run(
            "DELETE FROM sandbox.permissions WHERE schema_id = $1::int OR object_id IN (SELECT object_id FROM"
            " sandbox.objects WHERE schema_id = $1::int)",
            (str(found[0]),),
        )
