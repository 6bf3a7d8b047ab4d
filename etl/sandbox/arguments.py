"""Values between Python and the engine: parameters' declarations, conversion to the declared type, and PostgreSQL's text."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache

from etl.sandbox.codepage import only_1252
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.link import Link, Parameter
from etl.sandbox.moments import MINUTE, day_ticks, offset_minutes, ticks_of
from etl.sandbox.outcomes import Argument
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.types import family, is_wide, parse_type, storage, time_scale

_DECLARATION = re.compile(
    r"\s*(@[\w@#$]+)\s+(?:as\s+)?([^,(=]+(?:\([^)]*\))?)\s*(?:=[^,]*)?(?:out(?:put)?\s*)?(?:,|$)", re.IGNORECASE
)
_OUTPUT = re.compile(r"\s+(?:output|out)\s*$", re.IGNORECASE)
_INT_RANGES = {
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}


@lru_cache(maxsize=1024)
def parse_declarations(text: str) -> tuple[tuple[str, SqlType, bool], ...]:
    """`@P1 int, @P2 nvarchar(40) OUTPUT` as (name, type, output). Error 102 for anything else."""
    found = []
    at = 0
    while at < len(text.rstrip()):
        match = _DECLARATION.match(text, at)
        if match is None or match.end() == at:
            raise SqlServerError(
                102, f"Incorrect syntax near '{text[at : at + 20].strip()}'.", severity=15, ends_batch=True
            )
        kind = match[2].strip()
        plain = _OUTPUT.sub("", kind)
        tail = text[match.end(2) : match.end()]
        found.append(
            (match[1].lower(), parse_type(plain), plain != kind or bool(re.search(r"\bout", tail, re.IGNORECASE)))
        )
        at = match.end()
    return tuple(found)


def bind_arguments(declarations: str, arguments: Sequence[Argument], link: Link) -> dict[str, tuple[SqlType, Value]]:
    """The batch's parameters with their declared types. Error 8178 for one without a value, 8144 for one too many."""
    declared = parse_declarations(declarations) if declarations.strip() else ()
    if len(arguments) > len(declared):
        raise SqlServerError(8144, "Procedure or function has too many arguments specified.", ends_batch=True)
    bound: dict[str, tuple[SqlType, Value]] = {}
    by_name = {argument.name.lower(): argument for argument in arguments if argument.name}
    for position, (name, kind, _) in enumerate(declared):
        argument = by_name.get(name)
        if argument is None and position < len(arguments) and not arguments[position].name:
            argument = arguments[position]
        if argument is None and position < len(arguments) and not by_name.keys() & {item[0] for item in declared}:
            argument = arguments[position]
        if argument is None:
            raise SqlServerError(
                8178,
                f"The parameterized query '({declarations})' expects the parameter '{name}', which was not supplied.",
                ends_batch=True,
            )
        bound[name] = kind, coerce(argument.value, argument.type, kind, link)
    return bound


def coerce(value: Value, source: SqlType, target: SqlType, link: Link) -> Value:
    """`value` of type `source` as `target`: in place where that is plain, else by the engine's own conversion."""
    if value is None:
        return None
    if isinstance(value, str) and family(target) == "text":
        return fit_text(value, target)
    if source == target:
        return value
    plain = _plain(value, source, target)
    if not isinstance(plain, _NotPlain):
        return plain
    held = Expression(f"$1::{storage(source)}", source)
    converted = convert(held, target, implicit=False)
    from etl.sandbox.link import EngineError
    from etl.sandbox.outcomes import Command
    from etl.sandbox.pgerrors import server_error

    try:
        rows = link.run(f"SELECT {converted.sql}", (encode(value, source),)).rows
    except EngineError as error:
        raise server_error(error, Command.SELECT, link) from error
    found: Value = rows[0][0]
    return found


class _NotPlain(Enum):
    """Says that the engine has to convert."""

    NOT_PLAIN = 0


_NOT_PLAIN = _NotPlain.NOT_PLAIN


def _plain(value: Value, source: SqlType, target: SqlType) -> Value | _NotPlain:  # noqa: PLR0911 - one line a pair of types
    kinds = family(source), family(target)
    if kinds == ("int", "int") and isinstance(value, int):
        low, high = _INT_RANGES[target.name]
        return value if low <= value <= high else _NOT_PLAIN
    if kinds == ("float", "float"):
        return value if target.name == "float" else _NOT_PLAIN
    if kinds == ("int", "float") and isinstance(value, int):
        return float(value)
    if kinds == ("int", "bit"):
        return bool(value)
    if target.name == "varbinary" and isinstance(value, bytes):
        return value if target.length is None or len(value) <= target.length else _NOT_PLAIN
    if (
        target.name == source.name
        and target.name in {"datetime2", "datetimeoffset", "time"}
        and time_scale(source) <= time_scale(target)
    ):
        return value
    return _NOT_PLAIN


def fit_text(value: str, target: SqlType) -> str:
    """A text as a variable of type `target` holds it: cut to its length, outside of its code page a question mark."""
    if not is_wide(target):
        value = only_1252(value)
    if target.length is not None and len(value) > target.length:
        value = value[: target.length]
    if target.length is not None and is_wide(target) and len(value.encode("utf-16-le")) // 2 > target.length:
        value = value.encode("utf-16-le")[: target.length * 2].decode("utf-16-le", "ignore")
    return value.rstrip(" ") if target.name in {"char", "nchar"} else value


def encode(value: Value, kind: SqlType) -> Parameter:  # noqa: PLR0911 - one line a type
    """A value as PostgreSQL takes it in its text format; bytes go binary. Error for a text with U+0000."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        if "\x00" in value:
            raise not_supported("a text with the character U+0000")
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        return _stamp_text(value, kind)
    if isinstance(value, dt.time):
        return str(day_ticks(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return shuffle_guid(value)


def _stamp_text(value: dt.datetime, kind: SqlType) -> str:
    ticks = ticks_of(value)
    if kind.name != "datetimeoffset" or value.tzinfo is None:
        return str(ticks)
    minutes = offset_minutes(value)
    return f"({ticks - minutes * MINUTE},{minutes})"


def shuffle_guid(value: uuid.UUID) -> str:
    """A uniqueidentifier with its bytes in the order in which SQL Server compares them: the last group first."""
    raw = value.bytes_le
    return (raw[10:16] + raw[8:10] + raw[6:8] + raw[4:6] + raw[0:4]).hex()
