"""CREATE, ALTER, DROP and TRUNCATE from tokens. sqlglot parses DDL loosely and loses parts of T-SQL's, so it only gets the
expressions inside (DEFAULT, CHECK, computed columns, a view's query)."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.errors import not_supported
from etl.sandbox.translation.batch import Once, Statement
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.ddl_indexes import read_create_index, read_drop_index
from etl.sandbox.translation.ddl_principals import PRINCIPAL_PARSERS
from etl.sandbox.translation.ddl_tables import read_alter_table, read_create_table
from etl.sandbox.translation.ddl_triggers import read_create_trigger, read_drop_trigger, read_switch_triggers
from etl.sandbox.translation.definitions import (
    AlterDatabase,
    CreateDatabase,
    CreateSchema,
    CreateView,
    Definition,
    DropDatabase,
    DropObjects,
    DropSchema,
    TransferObject,
    Truncate,
)

_DEFINITION = Once[Definition]()


def parse_definition(statement: Statement) -> Definition:
    """The statement as a definition, parsed once. Errors 102 and "not supported"."""
    return _DEFINITION.of(statement, lambda: _parse_whole(Cursor(statement.tokens, statement.text)))


def _parse_whole(cursor: Cursor) -> Definition:
    found = _parse(cursor)
    cursor.finish()
    return found


def _parse(cursor: Cursor) -> Definition:
    verb = cursor.word()
    for words, parser in _PARSERS:
        if words[0] == verb and cursor.accept(*words):
            return parser(cursor)
    if verb in {"CREATE", "ALTER", "DROP"}:
        raise not_supported(f"{verb} {cursor.word(1)}", line=cursor.tokens[0].line)
    raise cursor.error()


def _index_kind(unique: bool, clustered: bool) -> Callable[[Cursor], Definition]:
    return lambda cursor: read_create_index(cursor, unique, clustered)


def _create_view(cursor: Cursor, replace: bool = False, alter: bool = False) -> CreateView:
    name = cursor.name()
    token = cursor.peek()
    columns = cursor.listed() if token is not None and token.token_type == TokenType.L_PAREN else []
    if cursor.word() == "WITH":
        raise not_supported(f"CREATE VIEW WITH {cursor.word(1)}")
    cursor.expect("AS")
    query = cursor.rest()
    return CreateView(name, columns, query, cursor.source(cursor.tokens), replace, alter)


def _create_schema(cursor: Cursor) -> CreateSchema:
    schema = CreateSchema(cursor.identifier())
    if cursor.accept("AUTHORIZATION"):
        schema.owner = cursor.identifier()
    return schema


def _alter_schema(cursor: Cursor) -> TransferObject:
    schema = cursor.identifier()
    cursor.expect("TRANSFER")
    if cursor.accept("OBJECT") and not cursor.accept_kind(TokenType.DCOLON):
        raise cursor.error()
    return TransferObject(schema, cursor.name())


def _drop_schema(cursor: Cursor) -> DropSchema:
    if_exists = cursor.accept("IF", "EXISTS")
    return DropSchema(cursor.identifier(), if_exists)


def _create_database(cursor: Cursor) -> CreateDatabase:
    name = cursor.identifier()
    if cursor.accept("COLLATE") and cursor.identifier().lower() != "sql_latin1_general_cp1_ci_as":
        raise not_supported("a database collation other than SQL_Latin1_General_CP1_CI_AS")
    return CreateDatabase(name)


_DATABASE_OPTIONS = frozenset({"READ_COMMITTED_SNAPSHOT", "ALLOW_SNAPSHOT_ISOLATION"})
"""What every database of the sandbox has ON."""


def _alter_database(cursor: Cursor) -> AlterDatabase:
    name = None if cursor.accept("CURRENT") else cursor.identifier()
    cursor.expect("SET")
    option = cursor.identifier().upper()
    if option not in _DATABASE_OPTIONS:
        raise not_supported(f"ALTER DATABASE SET {option}")
    if not cursor.accept("ON"):
        raise not_supported(f"ALTER DATABASE SET {option} other than ON")
    if not cursor.accept("WITH", "NO_WAIT"):
        cursor.accept("WITH", "ROLLBACK", "IMMEDIATE")
    return AlterDatabase(name)


def _drop_database(cursor: Cursor) -> DropDatabase:
    if_exists = cursor.accept("IF", "EXISTS")
    names = [cursor.identifier()]
    while cursor.accept_kind(TokenType.COMMA):
        names.append(cursor.identifier())
    return DropDatabase(names, if_exists)


def _drop_objects(kind: str) -> Callable[[Cursor], Definition]:
    def parse(cursor: Cursor) -> DropObjects:
        if_exists = cursor.accept("IF", "EXISTS")
        names = [cursor.name()]
        while cursor.accept_kind(TokenType.COMMA):
            names.append(cursor.name())
        return DropObjects(kind, names, if_exists)

    return parse


_PARSERS: list[tuple[tuple[str, ...], Callable[[Cursor], Definition]]] = [
    (("CREATE", "TABLE"), read_create_table),
    *(
        (("CREATE", *unique, *clustered, "INDEX"), _index_kind(bool(unique), clustered == ("CLUSTERED",)))
        for unique in ((), ("UNIQUE",))
        for clustered in ((), ("CLUSTERED",), ("NONCLUSTERED",))
    ),
    (("CREATE", "VIEW"), _create_view),
    (("CREATE", "OR", "ALTER", "VIEW"), lambda cursor: _create_view(cursor, replace=True)),
    (("ALTER", "VIEW"), lambda cursor: _create_view(cursor, replace=True, alter=True)),
    (("CREATE", "TRIGGER"), read_create_trigger),
    (("CREATE", "OR", "ALTER", "TRIGGER"), lambda cursor: read_create_trigger(cursor, replace=True)),
    (("ALTER", "TRIGGER"), lambda cursor: read_create_trigger(cursor, replace=True, alter=True)),
    (("DISABLE", "TRIGGER"), lambda cursor: read_switch_triggers(cursor, disabled=True)),
    (("ENABLE", "TRIGGER"), lambda cursor: read_switch_triggers(cursor, disabled=False)),
    (("CREATE", "SCHEMA"), _create_schema),
    (("CREATE", "DATABASE"), _create_database),
    (("ALTER", "DATABASE"), _alter_database),
    (("ALTER", "TABLE"), read_alter_table),
    (("ALTER", "SCHEMA"), _alter_schema),
    (("DROP", "TABLE"), _drop_objects("TABLE")),
    (("DROP", "VIEW"), _drop_objects("VIEW")),
    (("DROP", "INDEX"), read_drop_index),
    (("DROP", "TRIGGER"), read_drop_trigger),
    (("DROP", "SCHEMA"), _drop_schema),
    (("DROP", "DATABASE"), _drop_database),
    (("TRUNCATE", "TABLE"), lambda cursor: Truncate(cursor.name())),
    *PRINCIPAL_PARSERS,
]
