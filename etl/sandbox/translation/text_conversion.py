"""Texts to texts, and what a text of limited length does to what is written into it."""

from __future__ import annotations

from dataclasses import replace

from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.conversion_request import Request
from etl.sandbox.translation.types import holds_unicode, is_fixed_text, is_wide

_LEFT = {"char": "left_ansi", "utf16": "left_utf16", "utf8": "left_utf8"}
_PAD = {"char": "rpad", "utf16": "sandbox.pad_utf16", "utf8": "sandbox.pad_utf8"}


def unit_of(kind: SqlType) -> str:
    """What a text type's length counts: `utf16` units, `utf8` bytes, or characters of the code page (`char`)."""
    if kind.utf8:
        return "utf8"
    return "utf16" if is_wide(kind) else "char"


def padded(sql: str, kind: SqlType) -> str:
    """A char or nchar, which is held without its trailing blanks, with them."""
    return f"{_PAD[unit_of(kind)]}(({sql})::text, {kind.length})"


def text_to_text(sql: str, request: Request) -> str:
    """Cut to the length; outside of the code page a question mark."""
    source, target = request.source, request.target
    if is_fixed_text(source) and not is_fixed_text(target):
        sql = f"{padded(sql, source)}::citext"
    if holds_unicode(source) and not holds_unicode(target):
        sql = f"sandbox.ansi({sql})::citext"
    if target.length is not None and (
        source.length is None or source.length > target.length or target.utf8 > source.utf8
    ):
        sql = f"sandbox.{_LEFT[unit_of(target)]}(({sql})::text, {target.length})::citext"
    if is_fixed_text(target):
        sql = f"rtrim(({sql})::text, ' ')::citext"
    return f"({sql})::citext"


def fit_text(sql: str, request: Request, source: str | None = None) -> str:
    """A number's text in the target's length. Error 8115 where it does not fit."""
    length = -1 if request.target.length is None else request.target.length
    return (
        f"sandbox.number_text_fit({sql}, {length}, '{source or request.source.name}', '{request.target.name}',"
        f" {request.strict})"
    )


def cut(sql: str, target: SqlType) -> str:
    """Dates, times and guids shorten silently in a short text, as SQL Server's do for char types."""
    return sql if target.length is None else f"left(({sql})::text, {target.length})::citext"


def varying(kind: SqlType) -> SqlType:
    """The varying form of a fixed type: `char(5)` gives `varchar(5)`."""
    return replace(kind, name={"char": "varchar", "nchar": "nvarchar", "binary": "varbinary"}.get(kind.name, kind.name))


def text_to_xml(sql: str, request: Request) -> str:
    """The text as xml. Error 9400."""
    inner = text_to_text(sql, Request(request.source, varying(request.source), None, "true"))
    return f"sandbox.xml_from_text(({inner})::text)"


def xml_to_text(sql: str, request: Request) -> str:
    """The text of the xml, cut to the length."""
    return cut(f"({sql})::citext", request.target)
