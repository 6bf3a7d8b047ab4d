"""Client messages as bytes, for tests that feed the wire without a driver."""

from __future__ import annotations

import struct

ALL_HEADERS = struct.pack("<IIHQI", 22, 18, 2, 0, 1)
"""The one header that every driver sends: transaction descriptor 0, one request outstanding."""


def packet(kind: int, payload: bytes, status: int = 1) -> bytes:
    return struct.pack(">BBHHBB", kind, status, len(payload) + 8, 0, 1, 0) + payload


def packets(kind: int, payload: bytes, room: int) -> bytes:
    """One message in packets of `room` bytes of payload."""
    parts = [payload[start : start + room] for start in range(0, len(payload), room)] or [b""]
    return b"".join(packet(kind, part, int(part is parts[-1])) for part in parts)


def prelogin(encryption: int = 0) -> bytes:
    head = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
    return head + bytes(6) + bytes((encryption,))


def hide_password(password: str) -> bytes:
    return bytes((byte << 4 & 0xF0 | byte >> 4) ^ 0xA5 for byte in password.encode("utf-16-le"))


def login7(
    user: str = "sa",
    password: str = "secret",
    database: str = "sandbox",
    packet_bytes: int = 4096,
    *,
    version: int = 0x74000004,
    features: bytes = b"",
    host: str = "",
    application: str = "",
) -> bytes:
    fields = {36: host, 40: user, 48: application, 68: database}
    texts = {at: text.encode("utf-16-le") for at, text in fields.items()} | {44: hide_password(password)}
    fixed = bytearray(94)
    body = b""
    for at, data in texts.items():
        struct.pack_into("<HH", fixed, at, 94 + len(body), len(data) // 2)
        body += data
    if features:
        struct.pack_into("<HH", fixed, 56, 94 + len(body), 4)
        body += struct.pack("<I", 94 + len(body) + 4) + features
        fixed[27] = 0x10
    struct.pack_into("<III", fixed, 0, len(fixed) + len(body), version, packet_bytes)
    return bytes(fixed) + body


def batch(text: str) -> bytes:
    return ALL_HEADERS + text.encode("utf-16-le")


def call(number: int, *parameters: bytes) -> bytes:
    """An RPC by number."""
    return ALL_HEADERS + struct.pack("<HHH", 0xFFFF, number, 0) + b"".join(parameters)


def named_call(name: str, *parameters: bytes) -> bytes:
    """An RPC by name."""
    return ALL_HEADERS + struct.pack("<H", len(name)) + name.encode("utf-16-le") + bytes(2) + b"".join(parameters)


def parameter(info: bytes, value: bytes, name: str = "", status: int = 0) -> bytes:
    return bytes((len(name),)) + name.encode("utf-16-le") + bytes((status,)) + info + value


COLLATION = bytes.fromhex("0904d00034")


def nvarchar(text: str | None, name: str = "") -> bytes:
    info = struct.pack("<BH", 0xE7, 8000) + COLLATION
    if text is None:
        return parameter(info, b"\xff\xff", name)
    data = text.encode("utf-16-le")
    return parameter(info, struct.pack("<H", len(data)) + data, name)


def integer(value: int | None, name: str = "", status: int = 0) -> bytes:
    return parameter(b"\x26\x04", b"\0" if value is None else struct.pack("<Bi", 4, value), name, status)
