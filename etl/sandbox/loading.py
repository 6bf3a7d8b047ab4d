"""Rows into a table by COPY: the fast way for data that has its columns' types already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import psycopg

from etl.sandbox.arguments import encode
from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import EngineError, Link
from etl.sandbox.outcomes import Command
from etl.sandbox.pgerrors import server_error
from etl.sandbox.sqltypes import Value
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.types import family, is_wide

_CHUNK_ROWS = 2000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(link: Link, table: Table, names: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    """COPY `rows` into the named columns; returns their number. Errors as INSERT gives them, and nothing is stored then."""
    columns = [table.by_name[name.lower()] for name in names]
    writers = [_writer(table, column) for column in columns]
    target = f"{table.qualified} ({', '.join(quote(column.physical) for column in columns)})"
    count = 0
    try:
        with link.connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN".encode()) as copy:
            lines: list[str] = []
            for row in rows:
                lines.append("\t".join([writer(cell) for writer, cell in zip(writers, row, strict=True)]))
                if len(lines) >= _CHUNK_ROWS:
                    count += len(lines)
                    copy.write("\n".join(lines) + "\n")
                    lines.clear()
            if lines:
                count += len(lines)
                copy.write("\n".join(lines) + "\n")
    except psycopg.Error as error:
        if error.pgresult is None:
            raise
        raise server_error(EngineError(error.pgresult), Command.INSERT, link) from error
    return count


def _writer(table: Table, column: Column) -> Callable[[Value], str]:
    kind = family(column.type)
    if kind == "text":
        return _text_writer(table, column)
    if kind == "binary":
        return _bytes_writer(table, column)
    if kind == "xml":
        return lambda value: "\\N" if value is None else str(value).translate(_ESCAPES)
    if kind in {"int", "float"}:
        return lambda value: "\\N" if value is None else repr(value)
    sql_type = column.type
    return lambda value: "\\N" if value is None else str(encode(value, sql_type))


def _text_writer(table: Table, column: Column) -> Callable[[Value], str]:
    length, wide = column.type.length, is_wide(column.type)
    trimmed = column.type.name in {"char", "nchar"}

    def write(value: Value) -> str:
        if value is None:
            return "\\N"
        assert isinstance(value, str)
        if trimmed:
            value = value.rstrip(" ")
        if (length is not None and len(value) > length) or (
            wide and length is not None and not value.isascii() and len(value.encode("utf-16-le")) // 2 > length
        ):
            raise _truncated(table, column, value[:length])
        if not wide and not value.isascii():
            value = value.encode("cp1252", "replace").decode("cp1252", "replace")
        if "\x00" in value:
            encode(value, column.type)
        return value.translate(_ESCAPES)

    return write


def _bytes_writer(table: Table, column: Column) -> Callable[[Value], str]:
    length, fixed = column.type.length, column.type.name == "binary"

    def write(value: Value) -> str:
        if value is None:
            return "\\N"
        assert isinstance(value, bytes)
        if length is not None and len(value) > length:
            raise _truncated(table, column, "")
        if fixed and length is not None:
            value = value.ljust(length, b"\0")
        return "\\\\x" + value.hex()

    return write


def _truncated(table: Table, column: Column, text: str) -> SqlServerError:
    return SqlServerError(
        2628,
        f"String or binary data would be truncated in table '{table.full_name}', column '{column.name}'. Truncated"
        f" value: '{text}'.",
    )
