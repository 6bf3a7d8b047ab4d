"""Indexes in definitions: CREATE and DROP INDEX, an index inside of CREATE TABLE, and the options of indexes and keys."""

from __future__ import annotations

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.errors import not_supported
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.definitions import DropIndex, IndexDefinition, KeyColumn, Name

_HARMLESS_INDEX_OPTIONS = frozenset(
    [
        "PAD_INDEX",
        "FILLFACTOR",
        "SORT_IN_TEMPDB",
        "STATISTICS_NORECOMPUTE",
        "STATISTICS_INCREMENTAL",
        "DROP_EXISTING",
        "ONLINE",
        "ALLOW_ROW_LOCKS",
        "ALLOW_PAGE_LOCKS",
        "MAXDOP",
        "DATA_COMPRESSION",
        "OPTIMIZE_FOR_SEQUENTIAL_KEY",
        "IGNORE_DUP_KEY",
    ]
)


def read_create_index(cursor: Cursor, unique: bool = False, clustered: bool = False) -> IndexDefinition:
    """name ON table (columns) …, after CREATE … INDEX."""
    name = cursor.identifier()
    cursor.expect("ON")
    index = IndexDefinition(name, cursor.name(), read_key_columns(cursor), unique, clustered)
    if cursor.accept("INCLUDE"):
        index.included = cursor.listed()
    if cursor.accept("WHERE"):
        start = cursor.at
        while not cursor.ended and cursor.word() not in {"WITH", "ON"}:
            cursor.at += 1
        if cursor.at == start:
            raise cursor.error()
        index.filter = list(cursor.tokens[start : cursor.at])
        index.filter_text = cursor.source(index.filter)
    read_storage_clauses(cursor)
    return index


def read_inline_index(cursor: Cursor, table: Name) -> IndexDefinition:
    """name [UNIQUE] [CLUSTERED] (columns) …, after INDEX inside of CREATE TABLE."""
    name = cursor.identifier()
    unique = cursor.accept("UNIQUE")
    clustered = cursor.accept("CLUSTERED")
    cursor.accept("NONCLUSTERED")
    index = IndexDefinition(name, table, read_key_columns(cursor), unique, clustered)
    if cursor.accept("INCLUDE"):
        index.included = cursor.listed()
    return index


def read_drop_index(cursor: Cursor) -> DropIndex:
    """[IF EXISTS] name ON table, or table.name as older scripts have it."""
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()
    if cursor.accept("ON"):
        return DropIndex(name[-1], cursor.name(), if_exists)
    if len(name) < 2:
        raise cursor.error()
    return DropIndex(name[-1], name[:-1], if_exists)


def read_key_columns(cursor: Cursor) -> list[KeyColumn]:
    """(name [ASC|DESC], …)."""
    inner = Cursor(cursor.group()[1:-1], cursor.text)
    columns = []
    while True:
        column = KeyColumn(inner.identifier())
        column.descending = inner.accept("DESC")
        inner.accept("ASC")
        columns.append(column)
        if not inner.accept_kind(TokenType.COMMA):
            break
    inner.finish()
    return columns


def read_storage_clauses(cursor: Cursor) -> None:
    """ON filegroup, TEXTIMAGE_ON and WITH (…): where and how rows lie is nothing a client sees."""
    while cursor.word() in {"ON", "TEXTIMAGE_ON", "WITH"}:
        if cursor.accept("WITH"):
            _index_options(cursor)
        else:
            cursor.at += 1
            cursor.identifier()


def _index_options(cursor: Cursor) -> None:
    group = Cursor(cursor.group()[1:-1], cursor.text)
    while not group.ended:
        name = group.identifier().upper()
        if name not in _HARMLESS_INDEX_OPTIONS:
            raise not_supported(f"the index option {name}")
        if not group.accept_kind(TokenType.EQ):
            raise group.error()
        setting = (
            group.identifier().upper() if not group.ended and not group.comes(TokenType.NUMBER) else group.number()
        )
        if (name, setting) in {("IGNORE_DUP_KEY", "ON"), ("DROP_EXISTING", "ON")}:
            raise not_supported(f"{name} = ON")
        if not group.ended and not group.accept_kind(TokenType.COMMA):
            raise group.error()
