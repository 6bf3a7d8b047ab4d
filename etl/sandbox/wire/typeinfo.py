"""TYPE_INFO both ways (MS-TDS 2.2.5.4 to 2.2.5.6)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from etl.sandbox.errors import not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.wire.collation import COLLATION_BYTES, DEFAULT_COLLATION, UTF8_COLLATION, collation_decoder, is_utf8
from etl.sandbox.wire.fields import FieldReader, ProtocolError

MAX_LENGTH = 0xFFFF
"""The length that means (max): the value follows as PLP."""

MAX_BYTES = 8000
"""The widest (n)char, (n)varchar, binary and varbinary that is not (max)."""


class Framing(Enum):
    """How a value says where it ends."""

    FIXED = auto()
    BYTE_LENGTH = auto()
    SHORT_LENGTH = auto()
    LONG_LENGTH = auto()
    PLP = auto()


@dataclass(frozen=True, slots=True)
class WireType:
    """A type as a client declared it for a parameter."""

    sql: SqlType
    framing: Framing
    max_bytes: int
    decode_text: Callable[[bytes], str] | None = None
    """For char, varchar and text: the code page. None for every other type."""


def decimal_bytes(precision: int) -> int:
    """Bytes of a decimal's value, sign included (MS-TDS 2.2.5.5.1.6)."""
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def time_bytes(scale: int) -> int:
    """Bytes of the time part of time, datetime2 and datetimeoffset (MS-TDS 2.2.5.5.1.8)."""
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


_FIXED_TOKENS = {
    0x1F: ("int", 0),
    0x30: ("tinyint", 1),
    0x32: ("bit", 1),
    0x34: ("smallint", 2),
    0x38: ("int", 4),
    0x3A: ("smalldatetime", 4),
    0x3B: ("real", 4),
    0x3C: ("money", 8),
    0x3D: ("datetime", 8),
    0x3E: ("float", 8),
    0x7A: ("smallmoney", 4),
    0x7F: ("bigint", 8),
}
"""Fixed-length types (MS-TDS 2.2.5.4.1); 0x1F is NULLTYPE, whose only value is NULL."""

_NULLABLE_TOKENS = {
    0x24: {16: "uniqueidentifier"},
    0x26: {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"},
    0x68: {1: "bit"},
    0x6D: {4: "real", 8: "float"},
    0x6E: {4: "smallmoney", 8: "money"},
    0x6F: {4: "smalldatetime", 8: "datetime"},
}
"""Variable-length types with a one-byte size that names the type (MS-TDS 2.2.5.4.2)."""

_DATE, _TIME, _DATETIME2, _DATETIMEOFFSET = 0x28, 0x29, 0x2A, 0x2B
_SCALED = {_TIME: ("time", 0), _DATETIME2: ("datetime2", 3), _DATETIMEOFFSET: ("datetimeoffset", 5)}
_DECIMALS = frozenset({0x37, 0x3F, 0x6A, 0x6C})

_SHORT_TOKENS = {
    0xA5: ("varbinary", 1),
    0xA7: ("varchar", 1),
    0xAD: ("binary", 1),
    0xAF: ("char", 1),
    0xE7: ("nvarchar", 2),
    0xEF: ("nchar", 2),
}
"""Types with a two-byte size: name and bytes a character."""

_INFO_BYTES: dict[int | None, int] = {
    **dict.fromkeys(_NULLABLE_TOKENS, 2),
    **dict.fromkeys(_SHORT_TOKENS, 3 + COLLATION_BYTES),
    **dict.fromkeys((0xA5, 0xAD), 3),
}
"""Bytes of the commonest types' TYPE_INFO; binary types have no collation."""

_LEGACY_TOKENS = {0x25: "varbinary", 0x27: "varchar", 0x2D: "binary", 0x2F: "char"}
_LONG_TOKENS = {0x22: "image", 0x23: "text", 0x63: "ntext"}
_XML = 0xF1
_REFUSED = {0x62: "a sql_variant parameter", 0xF0: "a CLR type parameter", 0xF3: "a table-valued parameter"}
_WITH_CODE_PAGE = frozenset({"char", "varchar", "text"})
_BINARY = frozenset({"binary", "varbinary", "image"})


def read_type_info(fields: FieldReader) -> WireType:
    """A parameter's TYPE_INFO. Raises `ProtocolError`, or `SqlServerError` for a type that is refused by name."""
    size = _INFO_BYTES.get(fields.peek())
    return _type_of(fields.take(size)) if size else _read_type_info(fields)


@lru_cache(maxsize=1024)
def _type_of(info: bytes) -> WireType:
    """A TYPE_INFO of known size. A batch of rows sends the same few types thousands of times."""
    return _read_type_info(FieldReader(info))


def _read_type_info(fields: FieldReader) -> WireType:  # noqa: PLR0911 - one return a family of types
    token = fields.u8()
    if token in _FIXED_TOKENS:
        name, size = _FIXED_TOKENS[token]
        return WireType(SqlType(name), Framing.FIXED, size)
    if token in _NULLABLE_TOKENS:
        size = fields.u8()
        if size not in _NULLABLE_TOKENS[token]:
            raise ProtocolError(f"type 0x{token:02x} of {size} bytes")
        return WireType(SqlType(_NULLABLE_TOKENS[token][size]), Framing.BYTE_LENGTH, size)
    if token == _DATE:
        return WireType(SqlType("date"), Framing.BYTE_LENGTH, 3)
    if token in _SCALED:
        return _read_scaled(token, fields.u8())
    if token in _DECIMALS:
        return _read_decimal(fields)
    if token in _SHORT_TOKENS:
        return _read_short(token, fields)
    if token in _LEGACY_TOKENS:
        return _read_legacy(token, fields.u8())
    if token in _LONG_TOKENS:
        return _read_long(token, fields)
    if token == _XML:
        return _read_xml(fields)
    if token in _REFUSED:
        raise not_supported(_REFUSED[token])
    raise ProtocolError(f"type 0x{token:02x}")


def _read_scaled(token: int, scale: int) -> WireType:
    if scale > 7:
        raise ProtocolError(f"a time scale of {scale}")
    name, more_bytes = _SCALED[token]
    return WireType(SqlType(name, scale=scale), Framing.BYTE_LENGTH, time_bytes(scale) + more_bytes)


def _read_decimal(fields: FieldReader) -> WireType:
    size, precision, scale = fields.u8(), fields.u8(), fields.u8()
    if not 1 <= precision <= 38 or scale > precision:
        raise ProtocolError(f"decimal({precision},{scale})")
    return WireType(SqlType("decimal", precision=precision, scale=scale), Framing.BYTE_LENGTH, min(size, 17))


def _read_short(token: int, fields: FieldReader) -> WireType:
    name, unit = _SHORT_TOKENS[token]
    size = fields.u16()
    decoder, utf8 = _read_collation(name, fields)
    if size == MAX_LENGTH:
        return WireType(SqlType(name, utf8=utf8), Framing.PLP, 0, decoder)
    if size > MAX_BYTES:
        raise ProtocolError(f"{name} of {size} bytes")
    # A client may declare the NULL or '' that it sends with size 0, which no T-SQL type has.
    sql = SqlType(name, length=max(1, size // unit), utf8=utf8)
    return WireType(sql, Framing.SHORT_LENGTH, size, decoder)


def _read_legacy(token: int, size: int) -> WireType:
    name = _LEGACY_TOKENS[token]
    decoder = collation_decoder(DEFAULT_COLLATION) if name in _WITH_CODE_PAGE else None
    return WireType(SqlType(name, length=max(1, size)), Framing.BYTE_LENGTH, size, decoder)


def _read_long(token: int, fields: FieldReader) -> WireType:
    name = _LONG_TOKENS[token]
    size = fields.u32()
    decoder, utf8 = _read_collation(name, fields)
    return WireType(SqlType(name, utf8=utf8), Framing.LONG_LENGTH, size, decoder)


def _read_collation(name: str, fields: FieldReader) -> tuple[Callable[[bytes], str] | None, bool]:
    """How the type's text is read, and whether it is UTF-8."""
    if name in _BINARY:
        return None, False
    collation = fields.take(COLLATION_BYTES)
    if name not in _WITH_CODE_PAGE:
        return None, False
    return collation_decoder(collation), is_utf8(collation)


def _read_xml(fields: FieldReader) -> WireType:
    if fields.u8():
        raise not_supported("xml typed by a schema collection")
    return WireType(SqlType("xml"), Framing.PLP, 0)


_PLAIN_INFO = {
    "bit": b"\x68\x01",
    "tinyint": b"\x26\x01",
    "smallint": b"\x26\x02",
    "int": b"\x26\x04",
    "bigint": b"\x26\x08",
    "real": b"\x6d\x04",
    "float": b"\x6d\x08",
    "smallmoney": b"\x6e\x04",
    "money": b"\x6e\x08",
    "smalldatetime": b"\x6f\x04",
    "datetime": b"\x6f\x08",
    "date": b"\x28",
    "uniqueidentifier": b"\x24\x10",
    "rowversion": b"\xad\x08\x00",
    "sql_variant": b"\x62" + struct.pack("<I", 8009),
    "xml": b"\xf1\x00",
    "sysname": b"\xe7\x00\x01" + DEFAULT_COLLATION,
    "image": b"\x22" + struct.pack("<I", 0x7FFFFFFF),
    "text": b"\x23" + struct.pack("<I", 0x7FFFFFFF) + DEFAULT_COLLATION,
    "ntext": b"\x63" + struct.pack("<I", 0x7FFFFFFE) + DEFAULT_COLLATION,
}
_SIZED_TOKENS = {name: (token, unit) for token, (name, unit) in _SHORT_TOKENS.items()}
_SCALED_TOKENS = {name: token for token, (name, _) in _SCALED.items()}


def type_info(sql: SqlType) -> bytes:
    """TYPE_INFO of a result column or a return value. Types are always the nullable ones, which hold both."""
    if sql.name in _PLAIN_INFO:
        return _PLAIN_INFO[sql.name]
    if sql.name == "decimal":
        assert sql.precision is not None
        assert sql.scale is not None
        return bytes((0x6A, decimal_bytes(sql.precision), sql.precision, sql.scale))
    if sql.name in _SCALED_TOKENS:
        assert sql.scale is not None
        return bytes((_SCALED_TOKENS[sql.name], sql.scale))
    token, unit = _SIZED_TOKENS[sql.name]
    size = MAX_LENGTH if sql.length is None else sql.length * unit
    if MAX_BYTES < size < MAX_LENGTH:
        raise ValueError(f"{sql} is wider than {MAX_BYTES} bytes")
    collation = b"" if sql.name in _BINARY else UTF8_COLLATION if sql.utf8 else DEFAULT_COLLATION
    return struct.pack("<BH", token, size) + collation
