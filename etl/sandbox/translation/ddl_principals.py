"""Logins, users, roles and permissions from tokens.

https://learn.microsoft.com/sql/t-sql/statements/create-login-transact-sql and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.errors import not_supported
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.principal_definitions import (
    AlterLogin,
    AlterUser,
    ChangeOwner,
    ChangePermissions,
    ChangeRole,
    CreateLogin,
    CreateRole,
    CreateUser,
    DropLogin,
    DropPrincipal,
    PrincipalDefinition,
)

_CLASSES = frozenset({"OBJECT", "SCHEMA", "DATABASE"})


def _options(cursor: Cursor, allowed: set[str]) -> dict[str, str]:
    """`name = value, …`; ON and OFF are words, passwords are texts."""
    found: dict[str, str] = {}
    while True:
        name = cursor.identifier().upper()
        if name not in allowed:
            raise not_supported(f"the option {name}")
        if not cursor.accept_kind(TokenType.EQ):
            raise cursor.error()
        found[name] = _text(cursor) if name.endswith("PASSWORD") else cursor.identifier()
        if name == "PASSWORD":
            _password_options(cursor, found)
        if not cursor.accept_kind(TokenType.COMMA):
            return found


def _password_options(cursor: Cursor, found: dict[str, str]) -> None:
    if cursor.word() in {"HASHED", "MUST_CHANGE", "UNLOCK"}:
        raise not_supported(f"PASSWORD with {cursor.word()}")
    if cursor.accept("OLD_PASSWORD"):
        if not cursor.accept_kind(TokenType.EQ):
            raise cursor.error()
        found["OLD_PASSWORD"] = _text(cursor)


def _text(cursor: Cursor) -> str:
    token = cursor.peek()
    if token is None or token.token_type not in {TokenType.STRING, TokenType.NATIONAL_STRING}:
        if token is not None and token.token_type == TokenType.HEX_STRING:
            raise not_supported("a hashed password")
        raise cursor.error()
    cursor.at += 1
    return token.text


def _switch(cursor: Cursor, value: str | None) -> bool | None:
    if value is None:
        return None
    if value.upper() not in {"ON", "OFF"}:
        raise cursor.error()
    return value.upper() == "ON"


def _create_login(cursor: Cursor) -> CreateLogin:
    name = cursor.identifier()
    if cursor.word() == "FROM":
        raise not_supported(f"CREATE LOGIN FROM {cursor.word(1)}")
    cursor.expect("WITH")
    options = _options(cursor, {"PASSWORD", "DEFAULT_DATABASE", "DEFAULT_LANGUAGE", "CHECK_POLICY", "CHECK_EXPIRATION"})
    _refuse_expiration(options)
    if "PASSWORD" not in options:
        raise cursor.error()
    policy = _switch(cursor, options.get("CHECK_POLICY"))
    return CreateLogin(name, options["PASSWORD"], options.get("DEFAULT_DATABASE"), policy is not False)


def _refuse_expiration(options: dict[str, str]) -> None:
    if options.get("CHECK_EXPIRATION", "OFF").upper() != "OFF":
        raise not_supported("CHECK_EXPIRATION = ON")
    if options.get("DEFAULT_LANGUAGE", "us_english").lower() not in {"us_english", "english"}:
        raise not_supported("a DEFAULT_LANGUAGE other than us_english")


def _alter_login(cursor: Cursor) -> AlterLogin:
    name = cursor.identifier()
    if cursor.accept("ENABLE"):
        return AlterLogin(name, enabled=True)
    if cursor.accept("DISABLE"):
        return AlterLogin(name, enabled=False)
    cursor.expect("WITH")
    options = _options(
        cursor, {"PASSWORD", "NAME", "DEFAULT_DATABASE", "DEFAULT_LANGUAGE", "CHECK_POLICY", "CHECK_EXPIRATION"}
    )
    _refuse_expiration(options)
    return AlterLogin(
        name,
        password=options.get("PASSWORD"),
        old_password=options.get("OLD_PASSWORD"),
        default_database=options.get("DEFAULT_DATABASE"),
        check_policy=_switch(cursor, options.get("CHECK_POLICY")),
        new_name=options.get("NAME"),
    )


def _create_user(cursor: Cursor) -> CreateUser:
    name = cursor.identifier()
    login: str | None = name
    if cursor.accept("WITHOUT", "LOGIN"):
        login = None
    elif cursor.word() in {"FOR", "FROM"}:
        cursor.at += 1
        if not cursor.accept("LOGIN"):
            raise not_supported(f"CREATE USER FOR {cursor.word()}")
        login = cursor.identifier()
    options = _options(cursor, {"DEFAULT_SCHEMA"}) if cursor.accept("WITH") else {}
    return CreateUser(name, login, options.get("DEFAULT_SCHEMA"))


def _alter_user(cursor: Cursor) -> AlterUser:
    name = cursor.identifier()
    cursor.expect("WITH")
    options = _options(cursor, {"NAME", "DEFAULT_SCHEMA", "LOGIN"})
    return AlterUser(name, options.get("NAME"), options.get("DEFAULT_SCHEMA"), options.get("LOGIN"))


def _create_role(cursor: Cursor) -> CreateRole:
    name = cursor.identifier()
    return CreateRole(name, cursor.identifier() if cursor.accept("AUTHORIZATION") else None)


def _alter_role(cursor: Cursor, server: bool = False) -> ChangeRole:
    name = cursor.identifier()
    if cursor.accept("ADD", "MEMBER"):
        return ChangeRole(name, cursor.identifier(), server=server)
    if cursor.accept("DROP", "MEMBER"):
        return ChangeRole(name, cursor.identifier(), added=False, server=server)
    if server:
        raise not_supported("ALTER SERVER ROLE WITH NAME")
    cursor.expect("WITH")
    return ChangeRole(name, None, new_name=_options(cursor, {"NAME"})["NAME"])


def _drop(kind: str) -> Callable[[Cursor], PrincipalDefinition]:
    def read(cursor: Cursor) -> DropPrincipal:
        if_exists = cursor.accept("IF", "EXISTS")
        return DropPrincipal(kind, cursor.identifier(), if_exists)

    return read


def _alter_authorization(cursor: Cursor) -> ChangeOwner:
    cursor.expect("ON")
    kind = cursor.word()
    if kind not in {"DATABASE", "SCHEMA"}:
        raise not_supported(f"ALTER AUTHORIZATION ON {kind}")
    cursor.at += 1
    if not cursor.accept_kind(TokenType.DCOLON):
        raise cursor.error()
    name = cursor.identifier()
    cursor.expect("TO")
    if cursor.accept("SCHEMA", "OWNER"):
        raise not_supported("ALTER AUTHORIZATION TO SCHEMA OWNER")
    return ChangeOwner(kind, name, cursor.identifier())


def _permissions(verb: str) -> Callable[[Cursor], PrincipalDefinition]:
    def read(cursor: Cursor) -> ChangePermissions:
        grant_option = verb == "REVOKE" and cursor.accept("GRANT", "OPTION", "FOR")
        names = [_permission(cursor)]
        while cursor.accept_kind(TokenType.COMMA):
            names.append(_permission(cursor))
        kind, name = _securable(cursor) if cursor.accept("ON") else ("", ())
        if not (verb == "REVOKE" and cursor.accept("FROM")):
            cursor.expect("TO")
        grantees = [cursor.identifier()]
        while cursor.accept_kind(TokenType.COMMA):
            grantees.append(cursor.identifier())
        if verb == "GRANT" and cursor.accept("WITH", "GRANT", "OPTION"):
            grant_option = True
        cascade = verb != "GRANT" and cursor.accept("CASCADE")
        if cursor.word() == "AS":
            raise not_supported(f"{verb} AS")
        return ChangePermissions(verb, names, kind, name, grantees, grant_option, cascade)

    return read


def _permission(cursor: Cursor) -> str:
    words = []
    while not cursor.ended and cursor.word() not in {"ON", "TO", "FROM"} and not cursor.comes(TokenType.COMMA):
        if cursor.comes(TokenType.L_PAREN):
            raise not_supported("a permission on columns")
        words.append(cursor.identifier().upper())
    if not words:
        raise cursor.error()
    if words[0] == "ALL":
        raise not_supported("the permission ALL")
    return " ".join("EXECUTE" if word == "EXEC" else word for word in words)


def _securable(cursor: Cursor) -> tuple[str, tuple[str, ...]]:
    following = cursor.peek(1)
    if following is None or following.token_type != TokenType.DCOLON:
        return "OBJECT", _object_name(cursor)
    kind = cursor.word()
    if kind not in _CLASSES:
        raise not_supported(f"a permission ON {kind}::")
    cursor.at += 2
    return kind, _object_name(cursor) if kind == "OBJECT" else (cursor.identifier(),)


def _object_name(cursor: Cursor) -> tuple[str, ...]:
    name = cursor.name()
    if cursor.comes(TokenType.L_PAREN):
        raise not_supported("a permission on columns")
    return name


PRINCIPAL_PARSERS: list[tuple[tuple[str, ...], Callable[[Cursor], PrincipalDefinition]]] = [
    (("CREATE", "LOGIN"), _create_login),
    (("ALTER", "LOGIN"), _alter_login),
    (("DROP", "LOGIN"), lambda cursor: DropLogin(cursor.identifier())),
    (("CREATE", "USER"), _create_user),
    (("ALTER", "USER"), _alter_user),
    (("DROP", "USER"), _drop("USER")),
    (("CREATE", "ROLE"), _create_role),
    (("ALTER", "ROLE"), _alter_role),
    (("ALTER", "SERVER", "ROLE"), lambda cursor: _alter_role(cursor, server=True)),
    (("DROP", "ROLE"), _drop("ROLE")),
    (("ALTER", "AUTHORIZATION"), _alter_authorization),
    (("GRANT",), _permissions("GRANT")),
    (("DENY",), _permissions("DENY")),
    (("REVOKE",), _permissions("REVOKE")),
]
