"""Functions about logins, users, roles and permissions. The rules are in bootstrap/25_principals.sql and 60_principals.sql."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from etl.sandbox.errors import SqlServerError
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.functions import function, integer
from etl.sandbox.translation.nodes import value
from etl.sandbox.translation.system import session_value
from etl.sandbox.translation.types import INT, SYSNAME

_SID = SqlType("varbinary", length=85)
_NAME = SqlType("nvarchar", length=4000)


def _text(context: Context, node: exp.Expr) -> str:
    """An argument that is a name, as PostgreSQL text; NULL stays NULL."""
    found = value(context, node)
    return "NULL::text" if found.is_null else f"({convert(found, _NAME).sql})::text"


def _database(context: Context) -> str:
    return f"({session_value(context, 'DB_NAME', SYSNAME).sql})::text"


def _once(sql: str) -> str:
    """A query of its own: worked out once, not for every row that is compared with it."""
    return f"(SELECT {sql})"


def _own_user(context: Context) -> str:
    return _once(f"sandbox.own_user({_database(context)})")


# Logins


@function("SUSER_ID", 0, 1)
def _suser_id(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    sql = f"sandbox.login_number({_text(context, arguments[0])})" if arguments else "sandbox.login_id()"
    return Expression(sql, INT)


@function("SUSER_NAME", 0, 1)
def _suser_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    number = integer(context, arguments[0]).sql if arguments else "sandbox.login_id()"
    return Expression(f"sandbox.login_name({number})", SYSNAME)


@function("SUSER_SNAME", 0, 1)
def _suser_sname(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    if not arguments:
        return _suser_name(context, ())
    sid = convert(value(context, arguments[0]), _SID).sql
    return Expression(f"(SELECT l.name FROM sandbox_sys.seen_logins l WHERE l.sid = {sid})", SYSNAME)


@function("SUSER_SID", 0, 1)
def _suser_sid(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    number = f"sandbox.login_number({_text(context, arguments[0])})" if arguments else "sandbox.login_id()"
    return Expression(f"(SELECT l.sid FROM sandbox_sys.seen_logins l WHERE l.login_id = {number})", _SID)


def _own_login(name: str) -> None:
    @function(name, 0)
    def _handler(context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
        return _suser_name(context, ())


for _function in ("ORIGINAL_LOGIN", "SYSTEM_USER"):
    _own_login(_function)


# Users


@function("USER_ID", 0, 1)
def _user_id(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    if not arguments:
        return Expression(_own_user(context), INT)
    return Expression(f"sandbox.principal_id({_text(context, arguments[0])}, {_database(context)})", INT)


@function("DATABASE_PRINCIPAL_ID", 0, 1)
def _database_principal_id(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    return _user_id(context, arguments)


@function("USER_NAME", 0, 1)
def _user_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    number = integer(context, arguments[0]).sql if arguments else _own_user(context)
    return Expression(_once(f"sandbox.user_name({number}, {_database(context)})"), SYSNAME)


def _own_name(name: str) -> None:
    @function(name, 0)
    def _handler(context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
        return _user_name(context, ())


for _function in ("CURRENT_USER", "SESSION_USER", "USER"):
    _own_name(_function)


# Roles and permissions


@function("IS_ROLEMEMBER", 1, 2)
def _is_rolemember(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    role = _text(context, arguments[0])
    member = _text(context, arguments[1]) if len(arguments) == 2 else f"({_user_name(context, ()).sql})::text"
    return Expression(_once(f"sandbox.is_rolemember({role}, {member}, {_database(context)})"), INT)


@function("IS_MEMBER", 1)
def _is_member(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    return _is_rolemember(context, arguments)


@function("IS_SRVROLEMEMBER", 1, 2)
def _is_srvrolemember(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    login = _text(context, arguments[1]) if len(arguments) == 2 else "NULL::text"
    return Expression(_once(f"sandbox.is_srvrolemember({_text(context, arguments[0])}, {login})"), INT)


@function("HAS_DBACCESS", 1)
def _has_dbaccess(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    name = _text(context, arguments[0])
    return Expression(
        "(SELECT (sandbox.user_in(sandbox.login_id(), d.database_id) IS NOT NULL)::int FROM sandbox.databases d WHERE d.name"
        f" = {name}::citext)",
        INT,
    )


def my_permissions(
    context: Context, arguments: Sequence[exp.Expr], physical: str
) -> tuple[list[tuple[str, Expression]], str]:
    """fn_my_permissions(securable, class): its columns through the alias `physical`, and its PostgreSQL source. Error 313."""
    if len(arguments) != 2:
        raise SqlServerError(
            313,
            "An insufficient number of arguments were supplied for the procedure or function fn_my_permissions.",
            ends_batch=True,
        )
    names = {"entity_name": SYSNAME, "subentity_name": SYSNAME, "permission_name": SqlType("nvarchar", length=60)}
    columns = [(name, Expression(f"{physical}.{name}", kind, name=name)) for name, kind in names.items()]
    given = ", ".join(_text(context, argument) for argument in arguments)
    session = session_value(context, "SESSION_NUMBER", INT).sql
    return columns, f"sandbox.my_permissions({given}, {_database(context)}, {session})"


@function("HAS_PERMS_BY_NAME", 3, 5)
def _has_perms_by_name(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    """(securable, class, permission[, column, 'COLUMN']). NULL for what is not there."""
    given = [_text(context, argument) for argument in arguments]
    given += ["NULL::text"] * (5 - len(given))
    session = session_value(context, "SESSION_NUMBER", INT).sql
    return Expression(_once(f"sandbox.has_permission({', '.join(given)}, {_database(context)}, {session})"), INT)
