"""Columns into ROW tokens: byte for byte what `encode` makes of the same rows (MS-TDS 2.2.5.5, 2.2.7.19)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from etl.sandbox.columns import BYTES, Array, ColumnBatch, ColumnData, Fixed, Varying
from etl.sandbox.errors import numeric_overflow
from etl.sandbox.moments import DAY, DAYS_TO_1900, MINUTE, to_300ths, unit_of
from etl.sandbox.runs import Cells, Field, Part, Runs, interleave, packed_runs, repeated, width_of
from etl.sandbox.sqltypes import SqlType, is_large
from etl.sandbox.wire.codepages import utf8_to_1252, utf8_to_utf16
from etl.sandbox.wire.typeinfo import decimal_bytes, time_bytes

ColumnParts = Callable[[ColumnData], list[Part]]
Fields = list[Field]

_ROW = Cells((("u1", 0xD1),))
_NULL_SHORT, _NULL_PLP = 0xFFFF, 0xFFFF_FFFF_FFFF_FFFF
_DAY_TICKS_300 = 86_400 * 300


def batch_encoder(types: Sequence[SqlType]) -> Callable[[ColumnBatch], Array]:
    """An encoder of batches with columns of these types into ROW tokens (uint8)."""
    encoders = [_column_parts(sql) for sql in types]

    def encode(batch: ColumnBatch) -> Array:
        parts: list[Part] = [_ROW]
        for to_parts, column in zip(encoders, batch.columns, strict=True):
            parts += to_parts(column)
        return interleave(parts, batch.rows)

    return encode


def _column_parts(sql: SqlType) -> ColumnParts:
    name = sql.name
    if name in {"text", "ntext", "image"}:
        return _pointed(sql)
    if is_large(sql):
        return _plp(sql)
    if name in _PADDING:
        return _padded(sql)
    if name in {"varchar", "nvarchar", "varbinary", "sysname"}:
        return _sized(sql)
    if name == "rowversion":
        return _rowversion
    return _fixed(_fields_of(sql))


# Values of one width: a length byte, 0 for NULL, and the value


def _fixed(fields_of: Callable[[Array], Fields]) -> ColumnParts:
    def parts(column: ColumnData) -> list[Part]:
        assert isinstance(column, Fixed)
        fields = fields_of(column.values)
        size = width_of(fields)
        if column.valid is None:
            return [Cells((("u1", size), *fields))]
        sizes = np.where(column.valid, size, 0)
        return [packed_runs([("u1", sizes), *fields], len(sizes), sizes + 1)]

    return parts


def _fields_of(sql: SqlType) -> Callable[[Array], Fields]:
    name = sql.name
    if name in _PLAIN:
        kind = _PLAIN[name]
        return lambda values: [(kind, values)]
    if name == "decimal":
        return _decimal(sql)
    if name in {"time", "datetime2", "datetimeoffset"}:
        return _scaled(sql)
    return {"money": _money, "date": _days, "datetime": _datetime, "smalldatetime": _smalldatetime}[name]


_PLAIN: dict[str, npt.DTypeLike] = {
    "bit": "u1",
    "tinyint": "u1",
    "smallint": "<i2",
    "int": "<i4",
    "bigint": "<i8",
    "real": "<f4",
    "float": "<f8",
    "smallmoney": "<i4",
    "uniqueidentifier": ("u1", (16,)),
}


def _money(units: Array) -> Fields:
    return [("<i4", units >> 32), ("<u4", units & 0xFFFF_FFFF)]


def _days(days: Array) -> Fields:
    return [("<u2", days & 0xFFFF), ("u1", days >> 16)]


def _datetime(stamps: Array) -> Fields:
    days, of_day = np.divmod(stamps, DAY)
    count = to_300ths(of_day)
    next_day = count == _DAY_TICKS_300
    return [("<i4", days - DAYS_TO_1900 + next_day), ("<u4", np.where(next_day, 0, count))]


def _smalldatetime(stamps: Array) -> Fields:
    days, of_day = np.divmod(stamps, DAY)
    return [("<u2", days - DAYS_TO_1900), ("<u2", of_day // MINUTE)]


def _decimal(sql: SqlType) -> Callable[[Array], Fields]:
    assert sql.precision is not None
    digits, size = sql.precision, decimal_bytes(sql.precision) - 1

    def fields(units: Array) -> Fields:
        magnitude = np.abs(units)
        if len(units) and int(magnitude.max()) >= 10**digits:
            raise numeric_overflow()
        sign = ("u1", units >= 0)
        if size == 4:
            return [sign, ("<u4", magnitude)]
        if units.dtype != object:
            low, high = magnitude, np.zeros(1, np.uint64)
        else:
            low, high = (magnitude & 0xFFFF_FFFF_FFFF_FFFF).astype(np.uint64), (magnitude >> 64).astype(np.uint64)
        return [sign, ("<u8", low)] if size == 8 else [sign, ("<u8", low), (f"<u{size - 8}", high)]

    return fields


def _scaled(sql: SqlType) -> Callable[[Array], Fields]:
    assert sql.scale is not None
    unit, width = unit_of(sql.scale), time_bytes(sql.scale)

    def time(of_day: Array) -> Fields:
        count = of_day if unit == 1 else of_day // unit
        if width == 3:
            return _days(count)
        return [("<u4", count & 0xFFFF_FFFF), ("u1", count >> 32)] if width == 5 else [("<u4", count)]

    def moment(stamps: Array) -> Fields:
        days, of_day = np.divmod(stamps, DAY)
        return [*time(of_day), *_days(days)]

    def with_offset(values: Array) -> Fields:
        if len(values) and int(values["utc"].min()) < 0:
            raise ValueError(f"an instant before the year 1 in {sql}")
        return [*moment(values["utc"]), ("<i2", values["minutes"])]

    return {"time": time, "datetime2": moment, "datetimeoffset": with_offset}[sql.name]


# Texts and bytes


def _to_wire(sql: SqlType) -> Callable[[Varying], tuple[Array, Array]]:
    """The column's bytes as the type has them on the wire, and the length of each value."""
    if sql.name in BYTES or sql.utf8:
        return lambda column: (column.data, column.lengths)
    return utf8_to_1252 if sql.name in {"char", "varchar", "text"} else utf8_to_utf16


def _limit(sql: SqlType) -> int:
    assert sql.length is not None or sql.name == "sysname"
    length = 128 if sql.length is None else sql.length
    return length * (2 if sql.name in {"nchar", "nvarchar", "sysname"} else 1)


def _check(lengths: Array, limit: int) -> None:
    # Clients size their buffers by the declared width.
    if len(lengths) and int(lengths.max()) > limit:
        raise ValueError(f"a value is wider than its column's {limit} bytes")


def _starts(lengths: Array) -> Array:
    starts: Array = np.cumsum(lengths) - lengths
    return starts


def _where_valid(column: Varying, value: Any, null: int) -> Any:
    return value if column.valid is None else np.where(column.valid, value, null)


def _sized(sql: SqlType) -> ColumnParts:
    to_wire, limit = _to_wire(sql), _limit(sql)

    def parts(column: ColumnData) -> list[Part]:
        assert isinstance(column, Varying)
        data, lengths = to_wire(column)
        _check(lengths, limit)
        return [Cells((("<u2", _where_valid(column, lengths, _NULL_SHORT)),)), Runs(data, _starts(lengths), lengths)]

    return parts


_PADDING = {"char": b" ", "nchar": b" \0", "binary": b"\0"}


def _padded(sql: SqlType) -> ColumnParts:
    to_wire, limit = _to_wire(sql), _limit(sql)
    padding = _PADDING[sql.name] * limit

    def parts(column: ColumnData) -> list[Part]:
        assert isinstance(column, Varying)
        data, lengths = to_wire(column)
        _check(lengths, limit)
        size = Cells((("<u2", _where_valid(column, limit, _NULL_SHORT)),))
        missing = np.asarray(_where_valid(column, limit - lengths, 0))
        return [size, Runs(data, _starts(lengths), lengths), repeated(padding, missing)]

    return parts


def _plp(sql: SqlType) -> ColumnParts:
    """(max) types: total length, one chunk, the end (MS-TDS 2.2.5.2.3)."""
    to_wire = _to_wire(sql)

    def parts(column: ColumnData) -> list[Part]:
        assert isinstance(column, Varying)
        data, lengths = to_wire(column)
        total = np.asarray(lengths, np.uint64)
        if column.valid is not None:
            total = np.where(column.valid, total, np.uint64(_NULL_PLP))
        chunk = packed_runs([("<u4", lengths)], len(lengths), np.where(lengths > 0, 4, 0))
        end = np.asarray(_where_valid(column, np.full(len(lengths), 4), 0))
        return [Cells((("<u8", total),)), chunk, Runs(data, _starts(lengths), lengths), repeated(bytes(4), end)]

    return parts


def _pointed(sql: SqlType) -> ColumnParts:
    """text, ntext, image: a text pointer and a timestamp, which nothing here reads, then the data."""
    to_wire = _to_wire(sql)

    def parts(column: ColumnData) -> list[Part]:
        assert isinstance(column, Varying)
        data, lengths = to_wire(column)
        pointer = _where_valid(column, 16, 0)
        sizes = np.asarray(_where_valid(column, np.full(len(lengths), 29), 1))
        fields: Fields = [("u1", pointer), (("u1", (24,)), 0), ("<u4", lengths)]
        return [packed_runs(fields, len(lengths), sizes), Runs(data, _starts(lengths), lengths)]

    return parts


def _rowversion(column: ColumnData) -> list[Part]:
    assert isinstance(column, Varying)
    size = Cells((("<u2", _where_valid(column, 8, _NULL_SHORT)),))
    missing = np.asarray(_where_valid(column, 8 - column.lengths, 0))
    return [size, repeated(bytes(8), missing), Runs(column.data, _starts(column.lengths), column.lengths)]
