"""The key in the message of a duplicate: PostgreSQL's words for the values into SQL Server's.

SQL Server shows a value as CONVERT without a style does: `Jan  1 2020 12:00AM` for datetime, all digits for datetime2.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal

from etl.sandbox.moments import MINUTE, SECOND, day_ticks, stamp_of, time_of
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.types import family

_KEY = re.compile(r"=\((.*)\) (?:already exists|is duplicated)", re.DOTALL)
# What PostgreSQL writes of a value with its own commas or blanks; all else has none, but for texts.
_PATTERNS = {"text": ".*?", "xml": ".*?", "offset": r"\(-?\d+,-?\d+\)"}


def key_text(detail: str, kinds: Sequence[SqlType] = ()) -> str:
    """`(1, <NULL>, x)` from PostgreSQL's `Key (a, b, c)=(1, null, x) already exists.`, for key columns of these types.

    Without types the values stay as PostgreSQL wrote them.
    """
    found = _KEY.search(detail)
    if found is None:
        return "()"
    values = _split(found[1], kinds) if kinds else None
    if values is None:
        return "(" + re.sub(r"(?<![^ ])null(?![^,])", "<NULL>", found[1]) + ")"
    return f"({', '.join(_shown(value, kind) for value, kind in zip(values, kinds, strict=True))})"


def _split(text: str, kinds: Sequence[SqlType]) -> tuple[str, ...] | None:
    patterns = [f"(null|{_PATTERNS.get(family(kind), '[^,]*')})" for kind in kinds]
    found = re.fullmatch(", ".join(patterns), text, re.DOTALL)
    return found.groups() if found else None


def _shown(value: str, kind: SqlType) -> str:
    if value == "null":
        return "<NULL>"
    writer = _WRITERS.get(kind.name)
    return value if writer is None else writer(value, kind)


def _bit(value: str, _kind: SqlType) -> str:
    return "1" if value == "t" else "0"


def _money(value: str, _kind: SqlType) -> str:
    return f"{Decimal(value):.2f}"


def _bytes(value: str, _kind: SqlType) -> str:
    return "0x" + value.removeprefix("\\x").upper()


def _guid(value: str, _kind: SqlType) -> str:
    """From the order in which it is compared: see `arguments.shuffle_guid`."""
    raw = uuid.UUID(value).bytes
    return str(uuid.UUID(bytes_le=raw[12:16] + raw[10:12] + raw[8:10] + raw[6:8] + raw[0:6]))


def _datetime(value: str, _kind: SqlType) -> str:
    stamp = stamp_of(int(value))
    return f"{stamp:%b} {stamp.day:2} {stamp:%Y} {stamp.hour % 12 or 12:2}:{stamp:%M%p}"


def _scaled(moment: dt.time | dt.datetime, kind: SqlType) -> str:
    whole = moment.isoformat()[:8] if isinstance(moment, dt.time) else moment.isoformat(" ")[:19]
    fraction = f"{day_ticks(moment) % SECOND:07}"[: kind.scale]
    return f"{whole}.{fraction}" if kind.scale else whole


def _offset(value: str, kind: SqlType) -> str:
    utc, minutes = (int(part) for part in value.strip("()").split(","))
    sign = "-" if minutes < 0 else "+"
    local = _scaled(stamp_of(utc + minutes * MINUTE), kind)
    return f"{local} {sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


_WRITERS: dict[str, Callable[[str, SqlType], str]] = {
    "bit": _bit,
    **dict.fromkeys(("money", "smallmoney"), _money),
    **dict.fromkeys(("binary", "varbinary", "rowversion"), _bytes),
    "uniqueidentifier": _guid,
    **dict.fromkeys(("datetime", "smalldatetime"), _datetime),
    "time": lambda value, kind: _scaled(time_of(int(value)), kind),
    "datetime2": lambda value, kind: _scaled(stamp_of(int(value)), kind),
    "datetimeoffset": _offset,
}
