"""GRANT, DENY and REVOKE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from etl.sandbox.catalog import Table
from etl.sandbox.cells import Row
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.schema.base import SchemaBase
from etl.sandbox.translation import principal_definitions as p

_OBJECT, _SCHEMA, _DATABASE, _SERVER = 1, 3, 0, 100
_GUEST = 2
FIRST_FIXED_ROLE = 16384
"""db_owner's number; the other fixed roles' come after it."""
_SERVER_ROLES = range(3, 11)
_UNGRANTABLE = frozenset({"dbo", "sys", "information_schema", "sa"})


@dataclass(frozen=True, slots=True)
class Securable:
    """What a permission is about. `shown` is how messages name it."""

    kind: int
    database: str | None = None
    schema: str | None = None
    object: str | None = None
    shown: str = ""


class PermissionEditor(SchemaBase):
    """Writes what is granted and denied."""

    def _change_permissions(self, definition: p.ChangePermissions) -> None:
        securable = self._securable(definition)
        known = self._permissions_of(securable.kind)
        for permission in definition.permissions:
            if permission not in known:
                raise self._unknown_permission(permission)
        if securable.kind == _SERVER and self._database().lower() != "master":
            raise SqlServerError(
                4621, "Permissions at the server scope can only be granted when the current database is master"
            )
        for permission in definition.permissions:
            self._require_grantable(securable, permission)
        for grantee in definition.grantees:
            number = self._grantee(grantee, securable)
            self._keep_guest(definition, securable, number)
            for permission in definition.permissions:
                self._write(definition, securable, permission, number)

    def _securable(self, definition: p.ChangePermissions) -> Securable:
        database = self._database()
        if definition.kind == "OBJECT":
            return self._securable_object(definition.name)
        if definition.kind == "SCHEMA":
            found = self._catalog.schema(database, definition.name[0])
            if found is None:
                raise not_found("schema", definition.name[0])
            return Securable(_SCHEMA, self._place(), str(found[0]), shown=found[1])
        if definition.kind == "DATABASE":
            if definition.name[0].lower() != database.lower():
                raise not_supported("a permission on another database than the current one")
            return Securable(_DATABASE, self._place(), shown=database)
        # Without ON it is the database or the server, whichever knows the permission.
        on_server = all(permission in self._permissions_of(_SERVER) for permission in definition.permissions)
        return Securable(_SERVER) if on_server else Securable(_DATABASE, self._place(), shown=database)

    def _securable_object(self, name: tuple[str, ...]) -> Securable:
        table = self._context().try_table(name) if not name[-1].startswith("#") else None
        shown = name[-1]
        if table is None or (
            not self._catalog.rights.on_object("VIEW DEFINITION", table) and not self._sees(table.object_id)
        ):
            raise not_found("object", shown)
        if table.kind == "S":
            raise not_supported("a permission on a system view")
        if table.database.lower() != self._database().lower():
            raise not_supported("a permission on an object of another database than the current one")
        schema = self._catalog.schema(table.database, table.schema)
        assert schema is not None
        return Securable(_OBJECT, self._place(), str(schema[0]), str(table.object_id), shown)

    def _sees(self, object_id: int) -> bool:
        return bool(self._link.run("SELECT sandbox.sees($1::int)", (str(object_id),)).rows[0][0])

    def _permissions_of(self, kind: int) -> set[str]:
        rows = self._link.run(
            "SELECT permission FROM sandbox.permission_types WHERE class = $1::int", (str(kind),)
        ).rows
        return {row[0] for row in rows}

    def _unknown_permission(self, permission: str) -> SqlServerError:
        rows = self._link.run("SELECT FROM sandbox.permission_types WHERE permission = $1::text", (permission,))
        if rows.row_count:
            return SqlServerError(4606, f"Granted or revoked privilege {permission} is not compatible with object.")
        return SqlServerError(102, f"Incorrect syntax near '{permission}'.", severity=15, ends_batch=True)

    def _require_grantable(self, securable: Securable, permission: str) -> None:
        """CONTROL on the securable, or the permission itself WITH GRANT OPTION."""
        if self._catalog.rights.unrestricted:
            return
        control = "CONTROL SERVER" if securable.kind == _SERVER else "CONTROL"
        where = (str(securable.kind), securable.database, securable.schema, securable.object)
        allowed = self._link.run(
            "SELECT sandbox.permitted(sandbox.login_id(), $1::text, $2::int, $3::int, $4::int, $5::int) OR"
            " sandbox.permitted(sandbox.login_id(), $6::text, $2::int, $3::int, $4::int, $5::int) AND EXISTS (SELECT FROM"
            " sandbox.permissions p WHERE p.permission = $6::text AND p.state = 'W' AND p.database_id IS NOT DISTINCT FROM"
            " $3::int AND p.schema_id IS NOT DISTINCT FROM CASE WHEN $2::int = 3 THEN $4::int END AND p.object_id IS NOT"
            " DISTINCT FROM $5::int AND (p.database_id IS NOT NULL AND p.grantee_id IN (SELECT"
            " sandbox.memberships(sandbox.login_id(), $3::int)) OR p.database_id IS NULL AND p.grantee_id IN (SELECT"
            " sandbox.server_memberships(sandbox.login_id()))))",
            (control, *where, permission),
        ).rows[0][0]
        if allowed:
            return
        if securable.kind in {_OBJECT, _SCHEMA}:
            raise not_found("object" if securable.kind == _OBJECT else "schema", securable.shown)
        raise SqlServerError(4613, "Grantor does not have GRANT permission.")

    def _grantee(self, name: str, securable: Securable) -> int:
        if securable.kind == _SERVER:
            rows = self._link.run("SELECT login_id FROM sandbox.logins WHERE name = $1::citext", (name,)).rows
            number = int(rows[0][0]) if rows else None
            own = self._catalog.rights.login
        else:
            number = self._principal(name)
            own = self._own_user()
        if number is None:
            raise not_found("login" if securable.kind == _SERVER else "user", name)
        if name.lower() in _UNGRANTABLE or (number == own and not name.lower() == "public"):
            raise SqlServerError(
                4624,
                "Cannot grant, deny, or revoke permissions to sa, dbo, entity owner, information_schema, sys, or yourself.",
            )
        if number >= FIRST_FIXED_ROLE or (securable.kind == _SERVER and number in _SERVER_ROLES):
            raise SqlServerError(4617, "Cannot grant, deny or revoke permissions to or from special roles.")
        return number

    def _keep_guest(self, definition: p.ChangePermissions, securable: Securable, grantee: int) -> None:
        shuts_out = definition.verb != "GRANT" and "CONNECT" in definition.permissions and securable.kind == _DATABASE
        if shuts_out and grantee == _GUEST and self._database().lower() in {"master", "tempdb"}:
            raise SqlServerError(15182, "Cannot disable access to the guest user in master or tempdb.")

    def _write(self, definition: p.ChangePermissions, securable: Securable, permission: str, grantee: int) -> None:
        schema = securable.schema if securable.kind == _SCHEMA else None
        place = (securable.database, schema, securable.object, str(grantee), permission)
        held = (
            " WHERE database_id IS NOT DISTINCT FROM $1::int AND schema_id IS NOT DISTINCT FROM $2::int AND object_id IS"
            " NOT DISTINCT FROM $3::int AND grantee_id = $4::int AND permission = $5::text"
        )
        state = "D" if definition.verb == "DENY" else "W" if definition.grant_option else "G"
        if definition.verb != "GRANT":
            self._refuse_dependent_grants(definition, held, place)
        if definition.verb == "REVOKE" and definition.grant_option:
            self._link.run(f"UPDATE sandbox.permissions SET state = 'G'{held} AND state = 'W'", place)
            return
        if definition.verb == "GRANT" and state == "G":
            # A plain GRANT takes no grant option away.
            held += " AND state <> 'W'"
        self._link.run(f"DELETE FROM sandbox.permissions{held}", place)
        if definition.verb != "REVOKE":
            self._link.run(
                "INSERT INTO sandbox.permissions (database_id, schema_id, object_id, grantee_id, permission, grantor_id,"
                " state) VALUES ($1::int, $2::int, $3::int, $4::int, $5::text, $6::int, $7::text) ON CONFLICT DO NOTHING",
                (*place, str(1 if securable.kind == _SERVER else self._own_user()), state),
            )

    def _refuse_dependent_grants(
        self, definition: p.ChangePermissions, held: str, place: tuple[str | None, ...]
    ) -> None:
        """Error 4611 for taking away, without CASCADE, what may have been granted on; with CASCADE what it granted goes too."""
        grantable = self._link.run(f"SELECT FROM sandbox.permissions{held} AND state = 'W'", place).row_count
        if not grantable:
            return
        if not definition.cascade:
            raise SqlServerError(
                4611, "To revoke or deny grantable privileges, specify the CASCADE option.", severity=16
            )
        self._link.run(
            f"DELETE FROM sandbox.permissions{held.replace('grantee_id', 'grantor_id')} AND state <> 'D'", place
        )

    # What other statements do to permissions

    def _permissions_on(self, table: Table) -> list[Row]:
        """What was granted and denied on a table or view, for `_permit_again`."""
        return self._link.run(
            "SELECT database_id::text, grantee_id::text, grantor_id::text, permission, state FROM sandbox.permissions"
            " WHERE object_id = $1::int",
            (str(table.object_id),),
        ).rows

    def _permit_again(self, object_id: int, held: Sequence[Row]) -> None:
        """A view that was altered keeps its permissions."""
        for row in held:
            self._link.run(
                "INSERT INTO sandbox.permissions (object_id, database_id, grantee_id, grantor_id, permission, state) VALUES"
                " ($1::int, $2::int, $3::int, $4::int, $5::text, $6::text)",
                (str(object_id), *row),
            )

    def _forget_permissions(self, object_id: int) -> None:
        """An object that goes to another schema loses what was granted and denied on it."""
        self._link.run("DELETE FROM sandbox.permissions WHERE object_id = $1::int", (str(object_id),))

    # What principals and permissions share

    def _place(self) -> str:
        """The current database's number."""
        rows = self._link.run(
            "SELECT database_id FROM sandbox.databases WHERE name = $1::citext", (self._database(),)
        ).rows
        return str(rows[0][0])

    def _own_user(self) -> int:
        rows = self._link.run("SELECT sandbox.own_user($1::text)", (self._database(),)).rows
        return int(rows[0][0] or 0)

    def _principal(self, name: str, kind: str | None = None) -> int | None:
        rows = self._link.run(
            "SELECT principal_id FROM sandbox.all_principals WHERE database_id = $1::int AND name = $2::citext AND"
            " coalesce($3::text, type) = type",
            (self._place(), name, kind),
        ).rows
        return int(rows[0][0]) if rows else None

    def _owner(self, name: str) -> int:
        """A principal that is to own something; for another than oneself one needs CONTROL on the database."""
        found = self._principal(name)
        allowed = found == self._own_user() or self._catalog.rights.on_database("CONTROL", self._database())
        if found is None or not allowed:
            raise not_found("principal", name)
        return found


def not_found(kind: str, name: str) -> SqlServerError:
    """Error 15151, which does not say whether the thing is there."""
    return SqlServerError(
        15151, f"Cannot find the {kind} '{name}', because it does not exist or you do not have permission."
    )
