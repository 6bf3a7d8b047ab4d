"""CREATE TABLE and ALTER TABLE."""

from __future__ import annotations

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.errors import not_supported
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.ddl_columns import CONSTRAINT_WORDS, read_column, read_constraint
from etl.sandbox.translation.ddl_indexes import read_inline_index, read_storage_clauses
from etl.sandbox.translation.ddl_triggers import read_alter_table_triggers
from etl.sandbox.translation.definitions import (
    AddToTable,
    AlterColumn,
    CreateTable,
    Definition,
    DropFromTable,
    Name,
    TrustConstraints,
)
from etl.sandbox.translation.types import parse_type


def read_create_table(cursor: Cursor) -> CreateTable:
    """name (columns, constraints, indexes) …, after CREATE TABLE."""
    name = cursor.name()
    body = Cursor(cursor.group()[1:-1], cursor.text)
    table = CreateTable(name, [], [], [])
    while True:
        if body.word() in CONSTRAINT_WORDS:
            table.constraints.append(read_constraint(body))
        elif body.word() == "INDEX":
            body.at += 1
            table.indexes.append(read_inline_index(body, name))
        else:
            table.columns.append(read_column(body))
        if body.ended:
            break
        if not body.accept_kind(TokenType.COMMA):
            raise body.error()
        if body.ended:  # T-SQL takes a comma after the last column
            break
    read_storage_clauses(cursor)
    return table


def read_alter_table(cursor: Cursor) -> Definition:
    """name and one change, after ALTER TABLE."""
    table = cursor.name()
    with_check = cursor.accept("WITH", "CHECK")
    if cursor.accept("WITH", "NOCHECK"):
        raise not_supported("ALTER TABLE WITH NOCHECK")
    if cursor.accept("CHECK", "CONSTRAINT"):
        return _trust_constraints(cursor, table, with_check=with_check)
    if cursor.accept("ADD"):
        return _add(cursor, table)
    if cursor.accept("ALTER", "COLUMN"):
        column = AlterColumn(table, cursor.identifier(), parse_type(cursor.type_text()), None, None)
        if cursor.accept("COLLATE"):
            column.collation = cursor.identifier()
        column.nullable = False if cursor.accept("NOT", "NULL") else True if cursor.accept("NULL") else None
        return column
    if cursor.accept("DROP"):
        return _drop_from_table(cursor, table)
    for action in ("DISABLE", "ENABLE"):
        if cursor.accept(action, "TRIGGER"):
            return read_alter_table_triggers(cursor, table, disabled=action == "DISABLE")
    raise not_supported(f"ALTER TABLE {cursor.word()}", line=cursor.tokens[0].line)


def _add(cursor: Cursor, table: Name) -> AddToTable:
    added = AddToTable(table, [], [])
    while True:
        if cursor.word() in CONSTRAINT_WORDS:
            added.constraints.append(read_constraint(cursor))
        else:
            added.columns.append(read_column(cursor))
        if not cursor.accept_kind(TokenType.COMMA):
            return added


def _trust_constraints(cursor: Cursor, table: Name, *, with_check: bool) -> TrustConstraints:
    if cursor.accept("ALL"):
        return TrustConstraints(table, [], with_check)
    names = [cursor.identifier()]
    while cursor.accept_kind(TokenType.COMMA):
        names.append(cursor.identifier())
    return TrustConstraints(table, names, with_check)


def _drop_from_table(cursor: Cursor, table: Name) -> DropFromTable:
    dropped = DropFromTable(table, [], [], if_exists=False)
    kind = "CONSTRAINT"
    while True:
        if cursor.accept("COLUMN"):
            kind = "COLUMN"
        elif cursor.accept("CONSTRAINT"):
            kind = "CONSTRAINT"
        dropped.if_exists |= cursor.accept("IF", "EXISTS")
        (dropped.columns if kind == "COLUMN" else dropped.constraints).append(cursor.identifier())
        if not cursor.accept_kind(TokenType.COMMA):
            return dropped
