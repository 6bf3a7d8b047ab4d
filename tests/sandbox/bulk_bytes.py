"""Bulk load messages as bytes (MS-TDS 2.2.6.1)."""

from __future__ import annotations

import struct

from tests.sandbox.tds_bytes import COLLATION

INT = b"\x26\x04"
INT_NOT_NULL = b"\x38"
VARCHAR_10 = struct.pack("<BH", 0xA7, 10) + COLLATION
NVARCHAR_10 = struct.pack("<BH", 0xE7, 20) + COLLATION
NVARCHAR_MAX = struct.pack("<BH", 0xE7, 0xFFFF) + COLLATION
TEXT = struct.pack("<BI", 0x23, 0x7FFFFFFF) + COLLATION
DECIMAL = b"\x6a\x05\x09\x02"
FLOAT = b"\x6d\x08"
DONE = struct.pack("<BHHQ", 0xFD, 0, 0, 0)


def metadata(*columns: tuple[str, bytes], nullable: bool = True) -> bytes:
    """COLMETADATA of names with their TYPE_INFO; after text's the table's name, as bulk loads have it."""
    parts = [struct.pack("<BH", 0x81, len(columns))]
    for name, info in columns:
        table = struct.pack("<H", 1) + "t".encode("utf-16-le") if info[0] in {0x22, 0x23, 0x63} else b""
        parts.append(struct.pack("<IH", 0, int(nullable)) + info + table)
        parts.append(bytes((len(name),)) + name.encode("utf-16-le"))
    return b"".join(parts)


def integer(value: int | None) -> bytes:
    return b"\0" if value is None else struct.pack("<Bi", 4, value)


def short(data: bytes | None) -> bytes:
    return b"\xff\xff" if data is None else struct.pack("<H", len(data)) + data


def row(*cells: bytes) -> bytes:
    return b"\xd1" + b"".join(cells)


def sparse_row(nulls: int, *cells: bytes) -> bytes:
    """NBCROW of up to eight columns."""
    return bytes((0xD2, nulls)) + b"".join(cells)
