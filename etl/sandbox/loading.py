"""Rows into a table by COPY: the fast way for data that has its columns' types already."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from etl.sandbox.arguments import encode
from etl.sandbox.catalog import Column, Table
from etl.sandbox.codepage import only_1252
from etl.sandbox.copying import Destination, Writer, copy_all
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import EngineError, Link
from etl.sandbox.moments import (
    DAY,
    END,
    MINUTE,
    day_ticks,
    from_300ths,
    offset_minutes,
    stamp_of,
    ticks_of,
    to_300ths,
    unit_of,
)
from etl.sandbox.outcomes import Command
from etl.sandbox.pgerrors import server_error
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.types import family, holds_unicode, is_fixed_text, is_wide

_CHUNK_ROWS = 2000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NULL = "\\N"
DEFAULT = "\\D"
"""In COPY's text format the column's DEFAULT, where the option DEFAULT says so."""


def copy_rows(link: Link, table: Table, names: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    """COPY `rows` into the named columns; returns their number. Errors as INSERT gives them, and nothing is stored then."""
    columns = [table.by_name[name.lower()] for name in names]
    writers = [(at, value_writer(column, table)) for at, column in enumerate(columns)]
    try:
        return copy_all(link, Destination(copy_target(table, columns), "", writers, None), (), _chunks(rows))
    except EngineError as error:
        raise server_error(error, Command.INSERT, link) from error


def copy_target(table: Table, columns: Sequence[Column]) -> str:
    """What stands behind COPY."""
    return f"{table.qualified} ({', '.join(quote(column.physical) for column in columns)})"


def _chunks(rows: Iterable[Sequence[Value]]) -> Iterable[Sequence[Sequence[Value]]]:
    left = iter(rows)
    while chunk := list(islice(left, _CHUNK_ROWS)):
        yield chunk


def value_writer(column: Column, table: Table, source: SqlType | None = None, null: str = NULL) -> Writer:
    """How values are written into a column of `table`, with the column's own rounding, padding and length.

    `source` is the text type that they come from, where that is known to need no change of code page.
    """
    write = _plain_writer(column, table, source)
    return lambda value: null if value is None else write(value)


def raw_writer(kind: SqlType) -> Writer:
    """How values of `kind` are written into a column that takes them as they are."""
    write = _raw_writer(kind)
    return lambda value: NULL if value is None else write(value)


def _plain_writer(column: Column, table: Table, source: SqlType | None) -> Writer:
    kind = family(column.type)
    if kind == "text":
        return _text_writer(column, table, source)
    if kind == "binary":
        return _bytes_writer(column, table)
    if kind in {"stamp", "time", "offset"}:
        return _moment_writer(column.type)
    return _raw_writer(column.type)


def _raw_writer(sql_type: SqlType) -> Writer:
    kind = family(sql_type)
    if kind == "binary":
        return _hex
    if kind == "text" and is_fixed_text(sql_type):
        return lambda value: _escaped(_text(value).rstrip(" "), sql_type)
    if kind in {"text", "xml"}:
        return lambda value: _escaped(_text(value), sql_type)
    if kind in {"int", "float"}:
        return repr
    return lambda value: str(encode(value, sql_type))


def _text(value: Value) -> str:
    assert isinstance(value, str)
    return value


def _escaped(value: str, sql_type: SqlType) -> str:
    if "\x00" in value:
        encode(value, sql_type)
    return value.translate(_ESCAPES)


def _text_writer(column: Column, table: Table, source: SqlType | None) -> Writer:
    length = column.type.length
    trimmed = is_fixed_text(column.type)
    narrow = not holds_unicode(column.type) and (source is None or holds_unicode(source))
    width = _width(column.type)

    def write(value: Value) -> str:
        text = _text(value)
        if trimmed:
            text = text.rstrip(" ")
        if length is not None and width(text) > length:
            bare = text.rstrip(" ")
            if width(bare) > length:
                raise _truncated(table, column, text[:length])
            text = bare + " " * (length - width(bare))
        if narrow:
            text = only_1252(text)
        return _escaped(text, column.type)

    return write


def _width(sql_type: SqlType) -> Callable[[str], int]:
    """What the type's length counts: bytes of UTF-8, units of UTF-16, or characters of a code page."""
    if sql_type.utf8:
        return lambda text: len(text) if text.isascii() else len(text.encode())
    if is_wide(sql_type):
        return lambda text: len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    return len


def _bytes_writer(column: Column, table: Table) -> Writer:
    length, fixed = column.type.length, column.type.name == "binary"

    def write(value: Value) -> str:
        assert isinstance(value, bytes)
        if length is not None and len(value) > length:
            raise _truncated(table, column, "")
        if fixed and length is not None:
            value = value.ljust(length, b"\0")
        return _hex(value)

    return write


def _hex(value: Value) -> str:
    assert isinstance(value, bytes)
    return "\\\\x" + value.hex()


def _moment_writer(sql_type: SqlType) -> Writer:
    if sql_type.scale == 7:
        return _raw_writer(sql_type)
    if sql_type.name == "time":
        # A time does not go on to the next day: 23:59:59.9 is 00:00:00 as time(0).
        return lambda value: _rounded_time(value, sql_type)
    return lambda value: str(encode(_rounded_stamp(value, sql_type), sql_type))


def _rounded_time(value: Value, sql_type: SqlType) -> str:
    assert isinstance(value, dt.time)
    return str(rounded(day_ticks(value), sql_type) % DAY)


def rounded(ticks: Any, sql_type: SqlType) -> Any:
    """Ticks as a time type other than those of scale 7 holds them, half a unit going up (numbers, and arrays of them)."""
    if sql_type.name == "datetime":
        of_day = ticks % DAY
        return ticks - of_day + from_300ths(to_300ths(of_day))
    unit = MINUTE if sql_type.name == "smalldatetime" else unit_of(sql_type.scale or 0)
    return (ticks + unit // 2) // unit * unit


def _rounded_stamp(value: Value, sql_type: SqlType) -> dt.datetime:
    assert isinstance(value, dt.datetime)
    ticks = rounded(ticks_of(value), sql_type)
    if ticks >= END:
        raise SqlServerError(8115, f"Arithmetic overflow error converting expression to data type {sql_type.name}.")
    return stamp_of(ticks, None if value.tzinfo is None else offset_minutes(value))


def _truncated(table: Table, column: Column, text: str) -> SqlServerError:
    return SqlServerError(
        2628,
        f"String or binary data would be truncated in table '{table.full_name}', column '{column.name}'. Truncated"
        f" value: '{text}'.",
    )
