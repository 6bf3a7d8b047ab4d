"""Cells of many rows into columns: the same values that `decode` gives one by one.

Whatever is not plain (bytes that are no value of their type, an unpaired surrogate) is declined, and the
caller reads those rows one by one: so the errors are the same, and are written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from etl.sandbox.columns import (
    BYTES,
    OFFSET_TIME,
    TEXT,
    Array,
    ColumnBatch,
    ColumnData,
    Fixed,
    NotPlainError,
    Varying,
    fixed_dtype,
)
from etl.sandbox.moments import DAY, DAYS_TO_1900, DAYS_TO_10000, END, MINUTE, from_300ths, unit_of
from etl.sandbox.runs import copy_runs, gather
from etl.sandbox.wire.codepages import code_page_to_utf8, utf16_to_utf8
from etl.sandbox.wire.row_scan import CellRuns, ScannedRows
from etl.sandbox.wire.typeinfo import WireType, time_bytes

_DAY_TICKS_300 = 86_400 * 300
_MOST_OFFSET_MINUTES = 14 * 60

Decoder = Callable[[Array, WireType], Array]
"""Values side by side, uint8 of shape (values, width), to a `Fixed` column's values."""


def decode_rows(scanned: ScannedRows, wire_types: Sequence[WireType]) -> ColumnBatch:
    """Scanned rows as columns. Raises `NotPlainError`."""
    columns = [_decode(scanned.data, cells, wire) for cells, wire in zip(scanned.cells, wire_types, strict=True)]
    return ColumnBatch(tuple(columns), scanned.rows)


def _decode(data: Array, cells: CellRuns, wire: WireType) -> ColumnData:
    name = wire.sql.name
    valid = None if cells.null is None or not cells.null.any() else ~cells.null
    _require(bool(cells.lengths.max() <= wire.max_bytes) or not wire.max_bytes)
    if name in TEXT or name in BYTES:
        return _varying(data, cells, valid, wire)
    return _fixed(data, cells, valid, wire)


def _require(plain: bool) -> None:
    if not plain:
        raise NotPlainError


def _varying(data: Array, cells: CellRuns, valid: Array | None, wire: WireType) -> Varying:
    lengths = cells.lengths
    ends = np.cumsum(lengths)
    together = np.empty(int(ends[-1]), np.uint8)
    copy_runs(together, ends - lengths, data, cells.starts, lengths)
    if wire.sql.name in BYTES:
        return Varying(together, lengths, valid)
    _require(wire.sql.name != "xml")
    if wire.decode_text:
        return Varying(*code_page_to_utf8(together, lengths, wire.decode_text), valid)
    return Varying(*utf16_to_utf8(together, lengths), valid)


def _fixed(data: Array, cells: CellRuns, valid: Array | None, wire: WireType) -> Fixed:
    lengths, starts = cells.lengths, cells.starts
    dtype = fixed_dtype(wire.sql)
    assert dtype is not None
    if valid is not None:
        lengths, starts = lengths[valid], starts[valid]
        if not len(lengths):
            return Fixed(np.zeros(len(valid), dtype), valid)
    width = int(lengths[0])
    _require(bool((lengths == width).all()))
    _require(width == wire.max_bytes or (wire.sql.name == "decimal" and width >= 2))
    values = _DECODERS[wire.sql.name](gather(data, starts, width), wire)
    if valid is None:
        return Fixed(values)
    spread = np.zeros((len(valid), *values.shape[1:]), values.dtype)
    spread[valid] = values
    return Fixed(spread, valid)


def _number(raw: Array, layout: str) -> Array:
    found: Array = np.ascontiguousarray(raw).view(layout).reshape(-1)
    return found


def _unsigned(raw: Array) -> Array:
    """Little-endian numbers of up to 8 bytes, as int64; more than that has is negative."""
    wide = np.zeros((len(raw), 8), np.uint8)
    wide[:, : raw.shape[1]] = raw
    return _number(wide, "<i8")


def _plain(layout: str) -> Decoder:
    return lambda raw, _: _number(raw, layout)


def _bit(raw: Array, _: WireType) -> Array:
    bits: Array = raw[:, 0] != 0
    return bits


def _float(layout: str) -> Decoder:
    def decode(raw: Array, _: WireType) -> Array:
        values = _number(raw, layout)
        _require(bool(np.isfinite(values).all()))
        return values

    return decode


def _decimal(raw: Array, _: WireType) -> Array:
    sign = raw[:, 0]
    _require(int(sign.max()) <= 1)
    low = _unsigned(raw[:, 1:9])
    high = _unsigned(raw[:, 9:]) if raw.shape[1] > 9 else np.zeros(1, np.int64)
    if int(low.min()) >= 0 and not high.any():
        units: Array = np.where(sign == 1, low, -low)
        return units
    magnitude = low.astype(object) + (low < 0).astype(object) * 2**64 + high.astype(object) * 2**64
    _require(bool((high >= 0).all()) and int(magnitude.max()) < 10**38)
    wide: Array = np.where(sign == 1, magnitude, -magnitude)
    return wide


def _money(raw: Array, _: WireType) -> Array:
    # The eight bytes are two little-endian halves, the high one first.
    return _number(raw[:, [4, 5, 6, 7, 0, 1, 2, 3]], "<i8")


def _smallmoney(raw: Array, _: WireType) -> Array:
    return _number(raw, "<i4").astype(np.int64)


def _of_day(raw: Array, scale: int) -> Array:
    """Ticks of the day."""
    count, unit = _unsigned(raw), unit_of(scale)
    _require(int(count.max()) < DAY // unit)
    ticks: Array = count if unit == 1 else count * unit
    return ticks


def _scale(wire: WireType) -> int:
    assert wire.sql.scale is not None
    return wire.sql.scale


def _date(raw: Array, _: WireType) -> Array:
    days = _unsigned(raw)
    _require(int(days.max()) < DAYS_TO_10000)
    return days.astype(np.int32)


def _time(raw: Array, wire: WireType) -> Array:
    return _of_day(raw, _scale(wire))


def _moment(raw: Array, wire: WireType) -> Array:
    width = time_bytes(_scale(wire))
    return _unsigned(raw[:, width:]) * DAY + _of_day(raw[:, :width], _scale(wire))


def _datetime2(raw: Array, wire: WireType) -> Array:
    moments = _moment(raw, wire)
    _require(0 <= int(moments.min()) <= int(moments.max()) < END)
    return moments


def _datetimeoffset(raw: Array, wire: WireType) -> Array:
    values = np.empty(len(raw), OFFSET_TIME)
    # UTC may lie outside of the years 1 to 9999 where local time does not.
    utc = _moment(raw[:, :-2], wire)
    minutes = _number(raw[:, -2:], "<i2")
    local = utc + minutes * np.int64(MINUTE)
    _require(int(np.abs(minutes).max()) <= _MOST_OFFSET_MINUTES and int(local.min()) >= 0)
    _require(int(local.max()) < END)
    values["utc"], values["minutes"] = utc, minutes
    return values


def _datetime(raw: Array, _: WireType) -> Array:
    days, count = _number(raw[:, :4], "<i4") + np.int64(DAYS_TO_1900), _unsigned(raw[:, 4:])
    _require(int(count.max()) < _DAY_TICKS_300 and 0 <= int(days.min()) <= int(days.max()) < DAYS_TO_10000)
    stamps: Array = days * DAY + from_300ths(count)
    return stamps


def _smalldatetime(raw: Array, _: WireType) -> Array:
    days, minutes = _unsigned(raw[:, :2]), _unsigned(raw[:, 2:])
    _require(int(minutes.max()) < 1440)
    stamps: Array = (days + DAYS_TO_1900) * DAY + minutes * MINUTE
    return stamps


_DECODERS: dict[str, Decoder] = {
    "bit": _bit,
    "tinyint": _plain("u1"),
    "smallint": _plain("<i2"),
    "int": _plain("<i4"),
    "bigint": _plain("<i8"),
    "real": _float("<f4"),
    "float": _float("<f8"),
    "decimal": _decimal,
    "money": _money,
    "smallmoney": _smallmoney,
    "date": _date,
    "time": _time,
    "datetime2": _datetime2,
    "datetimeoffset": _datetimeoffset,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
    "uniqueidentifier": lambda raw, _: raw,
}
