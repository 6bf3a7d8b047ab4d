"""Logins and server roles: created, altered, dropped.

https://learn.microsoft.com/sql/t-sql/statements/create-login-transact-sql and its neighbours, with their permissions.
"""

from __future__ import annotations

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.link import Parameter
from etl.sandbox.principals.logins import IN_USE
from etl.sandbox.principals.passwords import PasswordChecker, PasswordHash, check_policy, hash_password
from etl.sandbox.schema.permissions import PermissionEditor
from etl.sandbox.translation import principal_definitions as p

_SA, _PUBLIC, _LAST_FIXED = 1, 2, 10
"""Numbers in sys.server_principals."""


class LoginEditor(PermissionEditor):
    """Carries out what is said about logins and server roles."""

    def _create_login(self, definition: p.CreateLogin) -> None:
        if not self._catalog.rights.on_server("ALTER ANY LOGIN"):
            raise not_permitted()
        if self._login(definition.name) is not None:
            raise SqlServerError(15025, f"The server principal '{definition.name}' already exists.")
        if definition.check_policy:
            check_policy(definition.name, definition.password)
        kept = hash_password(definition.password)
        self._link.run(
            "INSERT INTO sandbox.logins (name, type, salt, hash, default_database, policy_checked) VALUES ($1::citext,"
            " 'S', $2::bytea, $3::bytea, $4::citext, $5::bool)",
            (
                definition.name,
                kept.salt,
                kept.digest,
                self._existing_database(definition.default_database or "master"),
                "t" if definition.check_policy else "f",
            ),
        )

    def _existing_database(self, name: str) -> str:
        found = self._catalog.database(name)
        if found is None:
            raise SqlServerError(
                15010,
                f"The database '{name}' does not exist. Supply a valid database name. To see available databases, use"
                " sys.databases.",
            )
        return found

    def _alter_login(self, definition: p.AlterLogin) -> None:
        login = self._login(definition.name)
        if login is None or not self._may_alter_login(login, definition):
            raise missing("alter", "login", definition.name)
        if definition.password is not None:
            self._set_password(login, definition)
        changes: dict[str, Parameter] = {}
        if definition.enabled is not None:
            changes["is_disabled = $2::bool"] = "f" if definition.enabled else "t"
        if definition.default_database is not None:
            changes["default_database = $2::citext"] = self._existing_database(definition.default_database)
        if definition.check_policy is not None:
            changes["policy_checked = $2::bool"] = "t" if definition.check_policy else "f"
        if definition.new_name is not None:
            if self._login(definition.new_name) not in {None, login}:
                raise SqlServerError(15025, f"The server principal '{definition.new_name}' already exists.")
            changes["name = $2::citext"] = definition.new_name
        for change, value in changes.items():
            self._link.run(
                f"UPDATE sandbox.logins SET {change}, modify_date = now() WHERE login_id = $1::int", (str(login), value)
            )

    def _may_alter_login(self, login: int, definition: p.AlterLogin) -> bool:
        """ALTER ANY LOGIN; without it one's own password, which the old one must go with, and default database."""
        rights = self._catalog.rights
        if rights.unrestricted:
            return True
        others = (definition.enabled, definition.check_policy, definition.new_name)
        knows_password = definition.password is None or definition.old_password is not None
        if login == rights.login and others == (None, None, None) and knows_password:
            return True
        return rights.on_server("ALTER ANY LOGIN") and not self._is_administrator(login)

    def _set_password(self, login: int, definition: p.AlterLogin) -> None:
        assert definition.password is not None
        salt, digest, policy = self._link.run(
            "SELECT salt, hash, policy_checked FROM sandbox.logins WHERE login_id = $1::int", (str(login),)
        ).rows[0]
        if definition.old_password is not None:
            kept = PasswordHash(salt, digest) if digest is not None else None
            if kept is None or not PasswordChecker().matches(definition.old_password, kept):
                raise missing("alter", "login", definition.name)
        if policy if definition.check_policy is None else definition.check_policy:
            check_policy(definition.name, definition.password)
        new = hash_password(definition.password)
        self._link.run(
            "UPDATE sandbox.logins SET salt = $2::bytea, hash = $3::bytea, modify_date = now() WHERE login_id = $1::int",
            (str(login), new.salt, new.digest),
        )

    def _drop_login(self, definition: p.DropLogin) -> None:
        login = self._login(definition.name)
        rights = self._catalog.rights
        if (
            login is None
            or not rights.on_server("ALTER ANY LOGIN")
            or (self._is_administrator(login) and not rights.unrestricted)
        ):
            raise missing("drop", "login", definition.name)
        if login <= _LAST_FIXED:
            raise SqlServerError(15405, f"Cannot use the special principal '{definition.name}'.", severity=11)
        if self._link.run("SELECT FROM sandbox.databases WHERE owner_id = $1::int", (str(login),)).row_count:
            raise SqlServerError(
                15174,
                f"Login '{definition.name}' owns one or more database(s). Change the owner of the database(s) before"
                " dropping the login.",
            )
        free = (
            login != rights.login
            and self._link.run("SELECT pg_try_advisory_xact_lock($1::int, $2::int)", (str(IN_USE), str(login))).rows[0][
                0
            ]
        )
        if not free:
            raise SqlServerError(15434, f"Could not drop login '{definition.name}' as the user is currently logged in.")
        self._link.run(
            "DELETE FROM sandbox.permissions WHERE database_id IS NULL AND grantee_id = $1::int", (str(login),)
        )
        self._link.run("DELETE FROM sandbox.logins WHERE login_id = $1::int", (str(login),))

    def _change_server_role(self, definition: p.ChangeRole) -> None:
        role = self._login(definition.name, "R")
        if role is None or role == _PUBLIC or not self._catalog.rights.unrestricted:
            raise missing("alter", "server role", definition.name)
        assert definition.member is not None
        member = self._login(definition.member)
        if member is None:
            raise missing("add" if definition.added else "drop", "principal", definition.member)
        if member == _SA:
            raise SqlServerError(15405, f"Cannot use the special principal '{definition.member}'.")
        self._link.run(
            "INSERT INTO sandbox.server_role_members VALUES ($1::int, $2::int) ON CONFLICT DO NOTHING"
            if definition.added
            else "DELETE FROM sandbox.server_role_members WHERE role_id = $1::int AND member_id = $2::int",
            (str(role), str(member)),
        )

    def _change_database_owner(self, definition: p.ChangeOwner) -> None:
        login = self._login(definition.owner)
        name = self._catalog.database(definition.name)
        if name is None or not self._catalog.rights.unrestricted:
            raise SqlServerError(
                15151,
                f"Cannot find the database '{definition.name}', because it does not exist or you do not have permission.",
            )
        if login is None:
            raise missing("find", "principal", definition.owner)
        if name.lower() in {"master", "tempdb"}:
            raise not_supported("another owner of a system database")
        if self._link.run(
            "SELECT FROM sandbox.principals p JOIN sandbox.databases d USING (database_id) JOIN sandbox.logins l USING"
            " (sid) WHERE d.name = $1::citext AND l.login_id = $2::int",
            (name, str(login)),
        ).row_count:
            raise SqlServerError(15110, "The proposed new database owner is already a user or aliased in the database.")
        self._link.run("UPDATE sandbox.databases SET owner_id = $2::int WHERE name = $1::citext", (name, str(login)))

    def _login(self, name: str, kind: str = "S") -> int | None:
        rows = self._link.run(
            "SELECT login_id FROM sandbox.logins WHERE name = $1::citext AND type = $2::text", (name, kind)
        ).rows
        return int(rows[0][0]) if rows else None

    def _is_administrator(self, login: int) -> bool:
        return bool(self._link.run("SELECT sandbox.is_sysadmin($1::int)", (str(login),)).rows[0][0])


def not_permitted() -> SqlServerError:
    """Error 15247."""
    return SqlServerError(15247, "User does not have permission to perform this action.")


def missing(verb: str, kind: str, name: str) -> SqlServerError:
    """Error 15151, which does not say whether the thing is there."""
    return SqlServerError(
        15151, f"Cannot {verb} the {kind} '{name}', because it does not exist or you do not have permission."
    )
