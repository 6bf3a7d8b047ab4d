"""What INSERT and UPDATE do to a value on its way into a column: convert, check the length, refuse to cut."""

from __future__ import annotations

from etl.sandbox.catalog import Column, Table
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.conversion import convert, shown
from etl.sandbox.translation.expression import Expression, text_literal
from etl.sandbox.translation.text_conversion import unit_of
from etl.sandbox.translation.types import family, holds_unicode, is_fixed_text, storage


def stored(value: Expression, column: Column, table: Table) -> str:
    """PostgreSQL text of `value` as `column` of `table` takes it. Error 2628 where it would be cut."""
    target = column.type
    if value.is_null:
        value.typed(target)
        return f"NULL::{storage(target, column.collation)}"
    kind = family(target)
    if kind == family(value.type) == "text":
        return _stored_text(value, column, table)
    if kind == family(value.type) == "binary":
        return _stored_binary(value, column, table)
    converted = convert(value, target)
    if kind == "text" and storage(target, column.collation) != "citext":
        return f"({converted.sql})::{storage(target, column.collation)}"
    return converted.sql


def _place(column: Column, table: Table) -> str:
    return f"{text_literal(table.full_name)}, {text_literal(column.name)}"


def _stored_text(value: Expression, column: Column, table: Table) -> str:
    source, target = value.type, column.type
    sql = value.sql if is_fixed_text(target) else shown(value).sql
    if holds_unicode(source) and not holds_unicode(target):
        sql = f"sandbox.ansi(({sql})::text)"
    if is_fixed_text(target):
        sql = f"rtrim(({sql})::text, ' ')"
    if target.length is not None and not _certainly_fits(value, target):
        sql = f"sandbox.text_fit(({sql})::citext, {target.length}, '{unit_of(target)}', {_place(column, table)})"
    return f"({sql})::{storage(target, column.collation)}"


def _certainly_fits(value: Expression, target: SqlType) -> bool:
    assert target.length is not None
    if isinstance(value.literal, str):
        # A literal's own length counts characters, where one may be two units of UTF-16 or four bytes of UTF-8.
        encoding, unit = ("utf-8", 1) if target.utf8 else ("utf-16-le", 2)
        return len(value.literal.encode(encoding)) // unit <= target.length
    if target.utf8 and not value.type.utf8:
        return False
    return value.type.length is not None and value.type.length <= target.length


def _stored_binary(value: Expression, column: Column, table: Table) -> str:
    sql = value.sql
    length = column.type.length
    if length is not None and (value.type.length is None or value.type.length > length):
        sql = f"sandbox.bytes_fit({sql}, {length}, {_place(column, table)})"
    if column.type.name == "binary":
        sql = f"sandbox.bytes_pad({sql}, {length})"
    return sql
