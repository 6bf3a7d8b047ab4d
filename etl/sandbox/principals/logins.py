"""Signing in: from a name and a password to a login, and to the database that it opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import Link
from etl.sandbox.principals.passwords import NOBODY, PasswordChecker, PasswordHash, hash_password

SYSADMIN = 3
"""The fixed server role's id, as in sys.server_principals."""
IN_USE = 18456
"""The class of the advisory locks that sessions hold on their logins: one that is in use cannot be dropped."""


@dataclass(frozen=True, slots=True)
class Login:
    """A SQL login that has proved itself."""

    id: int
    name: str
    default_database: str


def sign_in(link: Link, checker: PasswordChecker, user: str, password: str) -> Login:
    """The login of this name and password; `link` is its session's from here on.

    Error 18456 for a name or password that is wrong, the same for both; 18470 for a login that is disabled.
    """
    rows = link.run(
        "SELECT login_id, name::text, default_database::text, is_disabled, salt, hash FROM sandbox.logins WHERE name ="
        " $1::citext AND type = 'S'",
        (user,),
    ).rows
    kept = PasswordHash(rows[0][4], rows[0][5]) if rows and rows[0][5] is not None else NOBODY
    if not checker.matches(password, kept) or not rows:
        raise login_failed(user)
    login_id, name, default_database, disabled, _, _ = rows[0]
    if disabled:
        raise login_failed(user, 18470, " Reason: The account is disabled.")
    return Login(login_id, name, default_database)


def hold(link: Link, login: Login, user: str) -> None:
    """The session begins: from here to its end the login cannot be dropped. Error 18456 when that is under way, or done."""
    rows = link.run(
        "SELECT CASE WHEN pg_try_advisory_lock_shared($1::int, $2::int) THEN EXISTS (SELECT FROM sandbox.logins WHERE"
        " login_id = $2::int) END",
        (str(IN_USE), str(login.id)),
    ).rows
    if not rows[0][0]:
        raise login_failed(user)


def login_failed(user: str, number: int = 18456, reason: str = "") -> SqlServerError:
    """Error 18456; its state tells a client nothing, as in SQL Server."""
    return SqlServerError(number, f"Login failed for user '{user}'.{reason}", severity=14)


def introduce(link: Link, login: Login, session: int) -> None:
    """Tell the session's connection who asks: what the catalog's views show depends on it."""
    link.run(
        "SELECT set_config('sandbox.login_id', $1::text, false), set_config('sandbox.session', $2::text, false),"
        " set_config('application_name', 'session ' || $2::text, false)",
        (str(login.id), str(session)),
    )


def open_database(link: Link, login: Login, user: str, wanted: str) -> str:
    """The name of the database that a new session is in: the one it asks for, else the login's default.

    Errors 4060 and 4064, each followed by 18456, for one that does not exist or that the login may not enter: the answer does
    not say which.
    """
    rows = link.run(
        "SELECT name::text FROM sandbox.databases WHERE name = $1::citext AND sandbox.user_in($2::int, database_id) IS"
        " NOT NULL",
        (wanted or login.default_database, str(login.id)),
    ).rows
    if rows:
        return str(rows[0][0])
    if wanted:
        message = f'Cannot open database "{wanted}" requested by the login. The login failed.'
        refused = SqlServerError(4060, message, severity=11)
    else:
        refused = SqlServerError(4064, "Cannot open user default database. Login failed.", severity=11)
    refused.followed_by = login_failed(user)
    raise refused


def give_logins(link: Link, administrator: tuple[str, str], database: str, others: Mapping[str, str]) -> None:
    """The logins that the sandbox is started with: one that is sysadmin, and others without any right of their own.

    Their passwords are set to the given ones. A login that an earlier start gave and this one does not is disabled.
    Raises `ValueError` for the name of a server role.
    """
    link.run("UPDATE sandbox.logins SET is_disabled = true, salt = NULL, hash = NULL WHERE given_at_start")
    for name, password in others.items():
        _give(link, name, password, "master")
    login = _give(link, *administrator, database)
    link.run(
        "INSERT INTO sandbox.server_role_members VALUES ($1::int, $2::int) ON CONFLICT DO NOTHING",
        (str(SYSADMIN), str(login)),
    )


def _give(link: Link, name: str, password: str, database: str) -> int:
    kept = hash_password(password)
    rows = link.run(
        "INSERT INTO sandbox.logins (name, type, salt, hash, default_database, policy_checked, given_at_start) VALUES"
        " ($1::citext, 'S', $2::bytea, $3::bytea, $4::citext, false, true) ON CONFLICT (name) DO UPDATE SET salt ="
        " excluded.salt, hash = excluded.hash, is_disabled = false, default_database = excluded.default_database,"
        " given_at_start = true WHERE logins.type = 'S' RETURNING login_id",
        (name, kept.salt, kept.digest, database),
    ).rows
    if not rows:
        raise ValueError(f"{name} is the name of a server role")
    return int(rows[0][0])
