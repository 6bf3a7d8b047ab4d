"""INSERT BULK: its text, parsed.

    INSERT BULK table (column type [COLLATE collation] [NULL], …) [WITH (option, …)]

External tools send it; the rows follow in a message of their own.
https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql#syntax ("External tool only syntax")
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot.tokenizer_core import TokenType

from etl.sandbox.errors import not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.batch import Statement
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.definitions import Name
from etl.sandbox.translation.types import is_case_sensitive, parse_type

_FLAGS = {
    "CHECK_CONSTRAINTS": "check_constraints",
    "FIRE_TRIGGERS": "fire_triggers",
    "KEEP_NULLS": "keep_nulls",
    "TABLOCK": "tablock",
}
_SIZES = frozenset({"ROWS_PER_BATCH", "KILOBYTES_PER_BATCH"})
"""Estimates for the optimizer: they change no answer."""


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """What WITH says. Each is off unless it is named, which is not what INSERT does."""

    check_constraints: bool = False
    """CHECK and FOREIGN KEY constraints are checked."""
    fire_triggers: bool = False
    """AFTER INSERT triggers run, once for the message."""
    keep_nulls: bool = False
    """NULL stays NULL in a column that has a DEFAULT."""
    tablock: bool = False
    """One lock on the table for the whole load."""


@dataclass(frozen=True, slots=True)
class BulkColumn:
    """A column as the statement declares it."""

    name: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class BulkStatement:
    """A parsed INSERT BULK."""

    table: Name
    columns: tuple[BulkColumn, ...]
    options: BulkOptions


def parse_bulk_statement(statement: Statement) -> BulkStatement:
    """INSERT BULK. Errors 102 for what is none, 448 for an unknown collation, and "not supported" for another option."""
    cursor = Cursor(statement.tokens, statement.text)
    cursor.expect("INSERT", "BULK")
    table = cursor.name()
    columns = _columns(Cursor(cursor.group()[1:-1], statement.text))
    options = BulkOptions()
    if cursor.accept("WITH"):
        options = _options(Cursor(cursor.group()[1:-1], statement.text))
    cursor.finish()
    return BulkStatement(table, columns, options)


def _columns(cursor: Cursor) -> tuple[BulkColumn, ...]:
    columns = [_column(cursor)]
    while cursor.accept_kind(TokenType.COMMA):
        columns.append(_column(cursor))
    cursor.finish()
    return tuple(columns)


def _column(cursor: Cursor) -> BulkColumn:
    name = cursor.identifier()
    kind = parse_type(cursor.type_text())
    if cursor.accept("COLLATE"):
        # Checked only: the code page is the one that the rows' own metadata names.
        is_case_sensitive(cursor.identifier())
    if not cursor.accept("NOT", "NULL"):
        cursor.accept("NULL")
    return BulkColumn(name, kind)


def _options(cursor: Cursor) -> BulkOptions:
    flags: dict[str, bool] = {}
    while True:
        _option(cursor, flags)
        if cursor.ended:
            return BulkOptions(**flags)
        # bcp and its like put commas; the syntax does without them too.
        cursor.accept_kind(TokenType.COMMA)


def _option(cursor: Cursor, flags: dict[str, bool]) -> None:
    name = cursor.identifier().upper()
    if name in _FLAGS:
        flags[_FLAGS[name]] = True
    elif name in _SIZES:
        if not cursor.accept_kind(TokenType.EQ):
            raise cursor.error()
        cursor.number()
    elif name == "ORDER":
        # A promise about the rows' order, by which SQL Server saves itself a sort.
        cursor.group()
    else:
        raise not_supported(f"the option {name} of INSERT BULK")
