"""Parameter values from bytes (MS-TDS 2.2.5.5)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from decimal import Context, Decimal

from etl.sandbox.errors import not_supported
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire import temporal
from etl.sandbox.wire.fields import FieldReader, ProtocolError
from etl.sandbox.wire.typeinfo import Framing, WireType

_PLP_NULL = 0xFFFF_FFFF_FFFF_FFFF
_PLP_UNKNOWN = 0xFFFF_FFFF_FFFF_FFFE
_EXACT = Context(prec=60)


def read_value(fields: FieldReader, wire_type: WireType) -> Value:
    """One value of `wire_type`.

    Raises `ProtocolError` for bytes that are not framed as the type says, `temporal.InvalidValueError` for framed bytes that
    are no value of it, `SqlServerError` for a value that the sandbox refuses by name.
    """
    data = _read_bytes(fields, wire_type)
    return None if data is None else decode_value(data, wire_type)


def decode_value(data: bytes, wire_type: WireType) -> Value:
    """The value that these bytes are, without what frames them. Raises as `read_value`."""
    if wire_type.decode_text:
        return wire_type.decode_text(data)
    sql = wire_type.sql
    if sql.name in _BY_SIZE and len(data) != wire_type.max_bytes:
        raise ProtocolError(f"{sql} in {len(data)} bytes")
    return _DECODERS[sql.name](data, sql)


def _read_bytes(fields: FieldReader, wire_type: WireType) -> bytes | None:
    framing = wire_type.framing
    if framing is Framing.FIXED:
        return fields.take(wire_type.max_bytes) if wire_type.max_bytes else None
    if framing is Framing.PLP:
        return read_plp(fields)
    if framing is Framing.BYTE_LENGTH:
        size, null = fields.u8(), 0
        # In the legacy character types NULL is a length of 0; they cannot carry ''.
    elif framing is Framing.SHORT_LENGTH:
        size, null = fields.u16(), 0xFFFF
    else:
        size, null = fields.u32(), 0xFFFF_FFFF
    if size == null:
        return None
    if size > wire_type.max_bytes:
        raise ProtocolError(f"{size} bytes in a {wire_type.sql} of {wire_type.max_bytes}")
    return fields.take(size)


def read_plp(fields: FieldReader) -> bytes | None:
    """A partially length-prefixed value (MS-TDS 2.2.5.2.3)."""
    total = fields.u64()
    if total == _PLP_NULL:
        return None
    chunks = []
    while size := fields.u32():
        chunks.append(fields.take(size))
    data = b"".join(chunks)
    if total not in (_PLP_UNKNOWN, len(data)):
        raise ProtocolError(f"PLP of {len(data)} bytes that promised {total}")
    return data


def _signed(data: bytes, _: SqlType) -> int:
    return int.from_bytes(data, "little", signed=True)


def _float(data: bytes, sql: SqlType) -> float:
    value: float = struct.unpack("<f" if sql.name == "real" else "<d", data)[0]
    # SQL Server has no NaN and no infinity.
    if value - value != 0:
        raise temporal.InvalidValueError
    return value


def _decimal(data: bytes, sql: SqlType) -> Decimal:
    assert sql.scale is not None
    # The specification knows 5, 9, 13 and 17 bytes; FreeTDS sends as few as the precision needs, which SQL Server takes.
    if len(data) < 2:
        raise ProtocolError(f"{sql} in {len(data)} bytes")
    magnitude = int.from_bytes(data[1:], "little")
    if data[0] > 1 or magnitude >= 10**38:
        raise temporal.InvalidValueError
    return _EXACT.scaleb(Decimal(magnitude if data[0] else -magnitude), -sql.scale)


def _money(data: bytes, _: SqlType) -> Decimal:
    # The eight bytes are two little-endian halves, the high one first.
    ordered = data if len(data) == 4 else data[4:] + data[:4]
    return _EXACT.scaleb(Decimal(int.from_bytes(ordered, "little", signed=True)), -4)


def _unicode(data: bytes, sql: SqlType) -> str:
    try:
        return data.decode("utf-16-le")
    except UnicodeDecodeError as error:
        if len(data) % 2:
            raise ProtocolError(f"{sql} in an odd number of bytes") from error
        raise not_supported("an unpaired surrogate in Unicode text") from error


def _scale(sql: SqlType) -> int:
    assert sql.scale is not None
    return sql.scale


_DECODERS: dict[str, Callable[[bytes, SqlType], Value]] = {
    "bit": lambda data, _: data != b"\0",
    "tinyint": lambda data, _: data[0],
    "smallint": _signed,
    "int": _signed,
    "bigint": _signed,
    "real": _float,
    "float": _float,
    "decimal": _decimal,
    "smallmoney": _money,
    "money": _money,
    "date": lambda data, _: temporal.read_date(data),
    "time": lambda data, sql: temporal.read_time(data, _scale(sql)),
    "datetime2": lambda data, sql: temporal.read_datetime2(data, _scale(sql)),
    "datetimeoffset": lambda data, sql: temporal.read_datetimeoffset(data, _scale(sql)),
    "datetime": lambda data, _: temporal.read_datetime(data),
    "smalldatetime": lambda data, _: temporal.read_smalldatetime(data),
    "uniqueidentifier": lambda data, _: uuid.UUID(bytes_le=data),
    "nchar": _unicode,
    "nvarchar": _unicode,
    "ntext": _unicode,
    "xml": lambda data, sql: _unicode(data, sql).removeprefix("\ufeff"),
    "binary": lambda data, _: data,
    "varbinary": lambda data, _: data,
    "image": lambda data, _: data,
}
_BY_SIZE = frozenset(_DECODERS) - {"decimal", "nchar", "nvarchar", "ntext", "xml", "binary", "varbinary", "image"}
"""Types whose values all have the declared size."""
