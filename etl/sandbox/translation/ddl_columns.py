"""Columns and constraints, as CREATE TABLE and ALTER TABLE ADD spell them."""

from __future__ import annotations

from decimal import Decimal

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.errors import not_supported
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.ddl_indexes import read_key_columns, read_storage_clauses
from etl.sandbox.translation.definitions import (
    CheckDefinition,
    ColumnDefinition,
    Constraint,
    DefaultDefinition,
    ForeignKeyDefinition,
    KeyColumn,
    KeyDefinition,
)
from etl.sandbox.translation.types import parse_type

CONSTRAINT_WORDS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "DEFAULT"})
"""What a constraint of the table begins with, where a column could stand too."""


def read_column(cursor: Cursor) -> ColumnDefinition:
    """A column with its options, up to the comma. Error 102, and "not supported" for an option that is not here."""
    name = cursor.identifier()
    if cursor.accept("AS"):
        tokens = _computed(cursor)
        column = ColumnDefinition(name, None, computed=tokens, computed_text=cursor.source(tokens))
        cursor.accept("PERSISTED")
    elif cursor.word() == "TIMESTAMP" or not cursor.ended:
        column = ColumnDefinition(name, parse_type(cursor.type_text()))
    else:
        raise cursor.error()
    while not cursor.ended and not cursor.comes(TokenType.COMMA):
        _column_option(cursor, column)
    return column


def _computed(cursor: Cursor) -> list[Token]:
    """A computed column's expression, with or without parentheses around it."""
    start = cursor.at
    while not cursor.ended and not cursor.comes(TokenType.COMMA) and cursor.word() not in {"PERSISTED", "NOT", "NULL"}:
        if cursor.comes(TokenType.L_PAREN):
            cursor.group()
        else:
            cursor.at += 1
    if cursor.at == start:
        raise cursor.error()
    return list(cursor.tokens[start : cursor.at])


def _column_option(cursor: Cursor, column: ColumnDefinition) -> None:
    constraint_name = cursor.identifier() if cursor.accept("CONSTRAINT") else None
    if cursor.accept("NOT", "NULL"):
        column.nullable = False
    elif cursor.accept("NULL"):
        column.nullable = True
    elif cursor.accept("COLLATE"):
        column.collation = cursor.identifier()
    elif cursor.accept("IDENTITY"):
        column.identity = _identity(cursor)
    elif cursor.accept("DEFAULT"):
        column.default = _default(cursor, constraint_name)
        column.default.column = column.name
    elif cursor.accept("ROWGUIDCOL") or cursor.accept("SPARSE"):
        raise not_supported(f"the column option {cursor.tokens[cursor.at - 1].text.upper()}")
    elif cursor.word() in {"PRIMARY", "UNIQUE"}:
        key = _key(cursor, constraint_name, [KeyColumn(column.name)])
        column.constraints.append(key)
    elif cursor.accept("CHECK"):
        group = cursor.group()
        column.constraints.append(CheckDefinition(group, cursor.source(group), constraint_name))
    elif cursor.word() in {"REFERENCES", "FOREIGN"}:
        cursor.accept("FOREIGN", "KEY")
        column.constraints.append(_references(cursor, [column.name], constraint_name))
    else:
        raise cursor.error()


def _identity(cursor: Cursor) -> tuple[Decimal, Decimal]:
    token = cursor.peek()
    if token is None or token.token_type != TokenType.L_PAREN:
        return Decimal(1), Decimal(1)
    inner = Cursor(cursor.group()[1:-1], cursor.text)
    seed = _whole_number(inner)
    if not inner.accept_kind(TokenType.COMMA):
        raise inner.error()
    step = _whole_number(inner)
    inner.finish()
    return seed, step


def _whole_number(cursor: Cursor) -> Decimal:
    start = cursor.at
    text = cursor.number()
    if not text.lstrip("-").isdecimal():
        cursor.at = start
        raise cursor.error()
    return Decimal(text)


def _default(cursor: Cursor, name: str | None) -> DefaultDefinition:
    start = cursor.at
    token = cursor.peek()
    if token is None:
        raise cursor.error()
    if token.token_type == TokenType.L_PAREN:
        cursor.group()
    else:
        if token.token_type in {TokenType.DASH, TokenType.PLUS}:
            cursor.at += 1
        cursor.at += 1
        following = cursor.peek()
        if following is not None and following.token_type == TokenType.L_PAREN:
            cursor.group()
    tokens = list(cursor.tokens[start : cursor.at])
    cursor.accept("WITH", "VALUES")
    return DefaultDefinition(tokens, cursor.source(tokens), name)


def read_constraint(cursor: Cursor) -> Constraint:
    """[CONSTRAINT name] and a constraint of the table. Error 102 for anything else."""
    name = cursor.identifier() if cursor.accept("CONSTRAINT") else None
    if cursor.word() in {"PRIMARY", "UNIQUE"}:
        return _key(cursor, name, None)
    if cursor.accept("FOREIGN", "KEY"):
        return _references(cursor, cursor.listed(), name)
    if cursor.accept("CHECK"):
        group = cursor.group()
        return CheckDefinition(group, cursor.source(group), name)
    if cursor.accept("DEFAULT"):
        default = _default(cursor, name)
        cursor.expect("FOR")
        default.column = cursor.identifier()
        return default
    raise cursor.error()


def _key(cursor: Cursor, name: str | None, columns: list[KeyColumn] | None) -> KeyDefinition:
    primary = cursor.accept("PRIMARY", "KEY")
    if not primary:
        cursor.expect("UNIQUE")
    clustered = True if cursor.accept("CLUSTERED") else False if cursor.accept("NONCLUSTERED") else None
    token = cursor.peek()
    if columns is None or (token is not None and token.token_type == TokenType.L_PAREN):
        columns = read_key_columns(cursor)
    read_storage_clauses(cursor)
    return KeyDefinition(primary, columns, clustered, name)


def _references(cursor: Cursor, columns: list[str], name: str | None) -> ForeignKeyDefinition:
    cursor.expect("REFERENCES")
    referenced = cursor.name()
    token = cursor.peek()
    target = cursor.listed() if token is not None and token.token_type == TokenType.L_PAREN else []
    key = ForeignKeyDefinition(columns, referenced, target, name=name)
    while cursor.word() == "ON" and cursor.word(1) in {"DELETE", "UPDATE"}:
        event = cursor.word(1)
        cursor.at += 2
        if cursor.accept("NO", "ACTION"):
            action = "NO ACTION"
        elif cursor.accept("SET"):
            action = "SET " + cursor.identifier().upper()
        else:
            cursor.expect("CASCADE")
            action = "CASCADE"
        if event == "DELETE":
            key.on_delete = action
        else:
            key.on_update = action
    return key
