"""Dates and times as FreeTDS takes them in bulk copy: its own 16-byte value, the only one that is right before 1600-03-01.

`TDS_DATETIMEALL` in FreeTDS's `include/freetds/tds.h`: uint64 ticks of 100 ns of the day in UTC, int32 days since
1900-01-01, int16 offset in minutes, uint16 flags. An internal layout: `etl.bulk.probe` checks it against the server.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.python_values import UnfitError
from etl.types import UNITS_PER_SEC

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]

DATETIMEALL = 43
"""The bind type, SYBMSDATETIMEOFFSET."""
WIDTH = 16
LAYOUT = np.dtype([("ticks", "<u8"), ("days", "<i4"), ("offset", "<i2"), ("flags", "<u2")])
HAS_TIME, HAS_DATE, HAS_OFFSET = 1 << 13, 1 << 14, 1 << 15

DAYS_1900_TO_1970 = 25_567
DAY_TICKS = 864_000_000_000
MINUTE_TICKS = 600_000_000
MAX_OFFSET_MINUTES = 14 * 60
LAST_DAY = 2_958_463
"""9999-12-31 as days since 1900-01-01."""
TICKS_OF_UNIT = {"s": 10_000_000, "ms": 10_000, "us": 10}
"""Ticks of 100 ns."""
NS_OF_TICK = 100

MOMENT_TEXT = r"^(?P<day>\d{4}-\d{2}-\d{2})[ T](?P<time>\d{2}:\d{2}:\d{2})(?:\.(?P<fraction>\d{1,7}))?"
OFFSET_TEXT = MOMENT_TEXT + r" ?(?P<sign>[+-])(?P<hours>\d{2}):(?P<minutes>\d{2})$"


def encode(values: pa.Array, scale: int, *, with_offset: bool = False) -> Bytes:
    """Dates, times, timestamps, or text (`with_offset` of datetimeoffset, else of datetime2) → rows × 16 bytes.

    NULLs are anything.

    `scale` is the column's number of fractional digits, to which values are rounded as the server would: it may store more
    than it declares. Raises UnfitError for a value outside of the type's range.
    """
    if pa.types.is_date32(values.type):
        return _pack(None, numbers(values, np.int32) + DAYS_1900_TO_1970, None, 0)
    if pa.types.is_time(values.type):
        ticks = _rounded(_in_ticks(numbers(values), values.type.unit), scale)
        _refuse(ticks >= DAY_TICKS, values, "rounds up to midnight of the next day")
        return _pack(ticks, None, None, scale)
    if pa.types.is_timestamp(values.type):
        days, ticks = _split(numbers(values), values.type.unit)
        offset = np.zeros(len(values), np.int64) if values.type.tz else None
        return _moment(days, ticks, offset, scale, values)
    return _offset_text(values, scale) if with_offset else _text(values, scale)


def numbers(values: pa.Array, dtype: Any = np.int64) -> Numbers:
    """The values' own buffer as int64; what stands at a NULL is anything."""
    width = np.int32 if values.type.bit_width == 32 else np.int64 if dtype is np.int64 else dtype
    found = np.frombuffer(values.buffers()[1], width)[values.offset : values.offset + len(values)].astype(np.int64)
    if values.null_count:
        found[np.asarray(pc.is_null(values))] = 0
    return found


def _in_ticks(units: Numbers, unit: str) -> Numbers:
    return units // NS_OF_TICK if unit == "ns" else units * TICKS_OF_UNIT[unit]


def _split(since_1970: Numbers, unit: str) -> tuple[Numbers, Numbers]:
    days, rest = np.divmod(since_1970, UNITS_PER_SEC[unit] * 86_400)
    return days + DAYS_1900_TO_1970, _in_ticks(rest, unit)


def _rounded(ticks: Numbers, scale: int) -> Numbers:
    if scale == 7:
        return ticks
    unit = int(10 ** (7 - scale))
    return (ticks + unit // 2) // unit * unit


def _moment(days: Numbers, ticks: Numbers, offset: Numbers | None, scale: int, values: pa.Array) -> Bytes:
    ticks = _rounded(ticks, scale)
    past_midnight = ticks >= DAY_TICKS
    days, ticks = days + past_midnight, np.where(past_midnight, ticks - DAY_TICKS, ticks)
    _refuse((days > LAST_DAY) | (days < -693_595), values, "lies outside of the years 0001 to 9999")
    return _pack(ticks, days, offset, scale)


def _text(values: pa.Array, scale: int) -> Bytes:
    parts = _parts(values, MOMENT_TEXT + "$", "a datetime2")
    return _moment(*_local(parts), None, scale, values)


def _offset_text(values: pa.Array, scale: int) -> Bytes:
    parts = _parts(values, OFFSET_TEXT, "a datetimeoffset")
    local_days, local_ticks = _local(parts)
    sign, hours, minutes = (pc.struct_field(parts, name) for name in ("sign", "hours", "minutes"))
    magnitude = _integers(hours) * 60 + _integers(minutes)
    _refuse(magnitude > MAX_OFFSET_MINUTES, values, "has an offset beyond 14 hours")
    offset = np.where(np.asarray(pc.fill_null(pc.equal(sign, "-"), False)), -magnitude, magnitude)
    moved_days, ticks = np.divmod(local_ticks - offset * MINUTE_TICKS, DAY_TICKS)
    return _moment(local_days + moved_days, ticks, offset, scale, values)


def _parts(values: pa.Array, pattern: str, kind: str) -> pa.Array:
    parts = pc.extract_regex(values, pattern)
    _refuse(np.asarray(pc.and_(pc.is_valid(values), pc.is_null(parts))), values, f"is not {kind}")
    return parts


def _local(parts: pa.Array) -> tuple[Numbers, Numbers]:
    day, time, fraction = (pc.struct_field(parts, name) for name in ("day", "time", "fraction"))
    text = pc.binary_join_element_wise(day, time, " ")
    seconds = pc.strptime(text, "%Y-%m-%d %H:%M:%S", "s")
    # To strptime the 30th of February is the 1st of March.
    _refuse(
        np.asarray(pc.fill_null(pc.not_equal(pc.cast(seconds, pa.string()), text), False)), text, "is no day or time"
    )
    days, ticks = _split(numbers(seconds), "s")
    return days, ticks + numbers(pc.cast(pc.utf8_rpad(pc.fill_null(fraction, ""), 7, "0"), pa.int64()))


def _integers(texts: pa.Array) -> Numbers:
    return numbers(pc.cast(pc.fill_null(texts, "0"), pa.int64()))


def _pack(ticks: Numbers | None, days: Numbers | None, offset: Numbers | None, scale: int) -> Bytes:
    rows = len(next(part for part in (ticks, days) if part is not None))
    packed = np.zeros(rows, LAYOUT)
    flags = scale
    if ticks is not None:
        packed["ticks"] = ticks
        flags |= HAS_TIME
    if days is not None:
        packed["days"] = days
        flags |= HAS_DATE
    if offset is not None:
        packed["offset"] = offset
        flags |= HAS_OFFSET
    packed["flags"] = flags
    return packed.view(np.uint8).reshape(rows, WIDTH)


def _refuse(bad: np.ndarray[Any, Any], values: pa.Array, why: str) -> None:
    rows = np.flatnonzero(bad & np.asarray(pc.is_valid(values)))
    if len(rows):
        row = int(rows[0])
        raise UnfitError(f"{values[row].as_py()} {why}", row)
