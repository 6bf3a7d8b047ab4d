"""Result values into bytes, column by column (MS-TDS 2.2.5.5, 2.2.7.19)."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from itertools import chain, repeat
from typing import Any

from etl.sandbox.codepage import encode_1252
from etl.sandbox.errors import numeric_overflow
from etl.sandbox.moments import DAY, MINUTE, day_ticks, offset_minutes, ticks_of, unit_of
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire import temporal
from etl.sandbox.wire.typeinfo import decimal_bytes, time_bytes
from etl.sandbox.wire.variant import encode_variant

ColumnEncoder = Callable[[Sequence[Any]], list[bytes]]
"""A column's values into the bytes of each, NULL included. The caller vouches for the values' type."""

_NULL_BYTE = b"\0"
_NULL_SHORT = b"\xff\xff"
_NULL_PLP = b"\xff" * 8
_ROW = b"\xd1"
_EXACT = Context(prec=60)
_U16 = struct.Struct("<H").pack
_PLP = struct.Struct("<QI").pack
_PLP_END = b"\0\0\0\0"


def row_encoder(types: Sequence[SqlType]) -> Callable[[Sequence[tuple[Value, ...]]], bytes]:
    """An encoder of rows of these types into ROW tokens."""
    encoders = [column_encoder(sql) for sql in types]

    def encode(rows: Sequence[tuple[Value, ...]]) -> bytes:
        columns = [
            encode_column(values) for encode_column, values in zip(encoders, zip(*rows, strict=True), strict=True)
        ]
        return b"".join(chain.from_iterable(zip(repeat(_ROW), *columns)))

    return encode


def encode_value(sql: SqlType, value: Value) -> bytes:
    """One value, for a return value."""
    return column_encoder(sql)((value,))[0]


def column_encoder(sql: SqlType) -> ColumnEncoder:  # noqa: PLR0911 - one return a family of types
    """The encoder of one column."""
    name = sql.name
    if name in _PACKED:
        return _packed(*_PACKED[name])
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "decimal":
        return _decimal(sql)
    if name in {"time", "datetime2", "datetimeoffset"}:
        return _scaled(sql)
    if name in {"text", "ntext", "image"}:
        return _pointed(_TO_BYTES[name])
    to_bytes = str.encode if sql.utf8 else _TO_BYTES[name]
    if sql.length is None:
        return _plp(to_bytes)
    padding = _PADDING.get(name)
    limit = sql.length * (2 if name in {"nchar", "nvarchar"} else 1)
    return _sized(to_bytes, limit) if padding is None else _padded(to_bytes, limit, padding)


_PACKED = {
    "bit": ("<B?", 1),
    "tinyint": ("<BB", 1),
    "smallint": ("<Bh", 2),
    "int": ("<Bi", 4),
    "bigint": ("<Bq", 8),
    "real": ("<Bf", 4),
    "float": ("<Bd", 8),
}


def _packed(layout: str, size: int) -> ColumnEncoder:
    pack = struct.Struct(layout).pack

    def encode(values: Sequence[Any]) -> list[bytes]:
        return [_NULL_BYTE if value is None else pack(size, value) for value in values]

    return encode


def _money(values: Sequence[Any]) -> list[bytes]:
    encoded = []
    for value in values:
        if value is None:
            encoded.append(_NULL_BYTE)
            continue
        units = int(_EXACT.scaleb(value, 4))
        encoded.append(struct.pack("<BiI", 8, units >> 32, units & 0xFFFF_FFFF))
    return encoded


def _smallmoney(values: Sequence[Any]) -> list[bytes]:
    return [_NULL_BYTE if value is None else struct.pack("<Bi", 4, int(_EXACT.scaleb(value, 4))) for value in values]


def _decimal(sql: SqlType) -> ColumnEncoder:
    assert sql.precision is not None
    assert sql.scale is not None
    size, scale, limit = decimal_bytes(sql.precision), sql.scale, 10**sql.precision
    scaleb = _EXACT.scaleb

    def encode_one(value: Decimal) -> bytes:
        units = int(scaleb(value, scale))
        magnitude = -units if units < 0 else units
        if magnitude >= limit:
            raise numeric_overflow()
        return (size | (units >= 0) << 8 | magnitude << 16).to_bytes(size + 1, "little")

    return _by_value(encode_one)


def _by_value(encode_one: Callable[[Any], bytes]) -> ColumnEncoder:
    def encode(values: Sequence[Any]) -> list[bytes]:
        return [_NULL_BYTE if value is None else encode_one(value) for value in values]

    return encode


def _date(values: Sequence[Any]) -> list[bytes]:
    # The length byte 3 and three bytes of days, written as one number.
    pack = struct.Struct("<I").pack
    return [_NULL_BYTE if value is None else pack((value.toordinal() - 1) << 8 | 3) for value in values]


def _datetime(values: Sequence[Any]) -> list[bytes]:
    pack = struct.Struct("<BiI").pack
    return [_NULL_BYTE if value is None else pack(8, *temporal.datetime_parts(value)) for value in values]


def _smalldatetime(values: Sequence[Any]) -> list[bytes]:
    pack = struct.Struct("<BHH").pack
    return [_NULL_BYTE if value is None else pack(4, *temporal.smalldatetime_parts(value)) for value in values]


def _scaled(sql: SqlType) -> ColumnEncoder:
    assert sql.scale is not None
    unit, width = unit_of(sql.scale), time_bytes(sql.scale)

    def time(value: dt.time) -> bytes:
        return (width | day_ticks(value) // unit << 8).to_bytes(width + 1, "little")

    def datetime2(value: dt.datetime) -> bytes:
        ticks, days = day_ticks(value) // unit, value.toordinal() - 1
        return (width + 3 | (ticks | days << 8 * width) << 8).to_bytes(width + 4, "little")

    def datetimeoffset(value: dt.datetime) -> bytes:
        minutes = offset_minutes(value)
        # UTC may lie outside of the years that Python has where local time does not.
        days, of_day = divmod(ticks_of(value) - minutes * MINUTE, DAY)
        moment = (of_day // unit | days << 8 * width).to_bytes(width + 3, "little")
        return bytes((width + 5,)) + moment + minutes.to_bytes(2, "little", signed=True)

    encoders: dict[str, Callable[[Any], bytes]]
    encoders = {"time": time, "datetime2": datetime2, "datetimeoffset": datetimeoffset}
    return _by_value(encoders[sql.name])


def _uniqueidentifier(values: Sequence[Any]) -> list[bytes]:
    return [_NULL_BYTE if value is None else b"\x10" + value.bytes_le for value in values]


def _rowversion(values: Sequence[Any]) -> list[bytes]:
    return [_NULL_SHORT if value is None else b"\x08\x00" + value.rjust(8, b"\0") for value in values]


def _unicode(value: str) -> bytes:
    return value.encode("utf-16-le")


_TO_BYTES: dict[str, Callable[[Any], bytes]] = {
    "char": encode_1252,
    "varchar": encode_1252,
    "text": encode_1252,
    "nchar": _unicode,
    "nvarchar": _unicode,
    "ntext": _unicode,
    "xml": _unicode,
    "binary": bytes,
    "varbinary": bytes,
    "image": bytes,
}
_PADDING = {"char": b" ", "nchar": b" \0", "binary": b"\0"}


def _sized(to_bytes: Callable[[Any], bytes], limit: int) -> ColumnEncoder:
    def encode(values: Sequence[Any]) -> list[bytes]:
        encoded = [_NULL_SHORT if value is None else _U16(len(data := to_bytes(value))) + data for value in values]
        # Clients size their buffers by the declared width.
        if len(max(encoded, key=len)) > limit + 2:
            raise ValueError(f"a value is wider than its column's {limit} bytes")
        return encoded

    return encode


def _padded(to_bytes: Callable[[Any], bytes], limit: int, padding: bytes) -> ColumnEncoder:
    size, unit = _U16(limit), len(padding)

    def encode_one(value: Any) -> bytes:
        data = to_bytes(value)
        if len(data) > limit:
            raise ValueError(f"a value is wider than its column's {limit} bytes")
        return size + data + padding * ((limit - len(data)) // unit)

    def encode(values: Sequence[Any]) -> list[bytes]:
        return [_NULL_SHORT if value is None else encode_one(value) for value in values]

    return encode


def _plp(to_bytes: Callable[[Any], bytes]) -> ColumnEncoder:
    """(max) types: total length, one chunk, the end (MS-TDS 2.2.5.2.3)."""

    def encode_one(value: Any) -> bytes:
        data = to_bytes(value)
        size = len(data)
        return _PLP(size, size) + data + _PLP_END if size else bytes(12)

    def encode(values: Sequence[Any]) -> list[bytes]:
        return [_NULL_PLP if value is None else encode_one(value) for value in values]

    return encode


def _pointed(to_bytes: Callable[[Any], bytes]) -> ColumnEncoder:
    """text, ntext, image: a text pointer and a timestamp, which nothing here reads, then the data."""
    pointer = b"\x10" + bytes(24)

    def encode_one(value: Any) -> bytes:
        data = to_bytes(value)
        return pointer + struct.pack("<I", len(data)) + data

    return _by_value(encode_one)


_PLAIN: dict[str, ColumnEncoder] = {
    "money": _money,
    "smallmoney": _smallmoney,
    "date": _date,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
    "uniqueidentifier": _uniqueidentifier,
    "rowversion": _rowversion,
    "xml": _plp(_unicode),
    "sysname": _sized(_unicode, 256),
    "sql_variant": encode_variant,
}
