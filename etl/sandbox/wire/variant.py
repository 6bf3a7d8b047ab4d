"""sql_variant values: each carries its own base type (MS-TDS 2.2.5.5.4)."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

from etl.sandbox.moments import day_ticks
from etl.sandbox.wire.collation import DEFAULT_COLLATION

_NULL = bytes(4)
_EXACT = Context(prec=60)


def encode_variant(values: Sequence[Any]) -> list[bytes]:
    """A column of sql_variant; the base type follows from each value's Python type."""
    return [_NULL if value is None else _encode_one(value) for value in values]


def _encode_one(value: Any) -> bytes:
    base, properties, data = _base_type(value)
    body = bytes((base, len(properties))) + properties + data
    return struct.pack("<I", len(body)) + body


def _base_type(value: Any) -> tuple[int, bytes, bytes]:  # noqa: PLR0911 - one return a base type
    if isinstance(value, bool):
        return 0x32, b"", struct.pack("<?", value)
    if isinstance(value, int):
        return (
            (0x38, b"", struct.pack("<i", value))
            if -(2**31) <= value < 2**31
            else (0x7F, b"", struct.pack("<q", value))
        )
    if isinstance(value, float):
        return 0x3E, b"", struct.pack("<d", value)
    if isinstance(value, str):
        return 0xE7, DEFAULT_COLLATION + struct.pack("<H", 8000), value.encode("utf-16-le")[:8000]
    if isinstance(value, bytes):
        return 0xA5, struct.pack("<H", 8000), value[:8000]
    if isinstance(value, uuid.UUID):
        return 0x24, b"", value.bytes_le
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        scale = max(0, -exponent) if isinstance(exponent, int) else 0
        units = int(_EXACT.scaleb(value, scale))
        return 0x6A, bytes((38, scale)), bytes((units >= 0,)) + abs(units).to_bytes(16, "little")
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        days = value.toordinal() - 1
        return 0x2A, b"\x07", (day_ticks(value) | days << 40).to_bytes(8, "little")
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return 0x28, b"", (value.toordinal() - 1).to_bytes(3, "little")
    raise TypeError(f"no sql_variant base type for {type(value).__name__}")
