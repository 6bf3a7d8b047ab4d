"""LOGIN7 (MS-TDS 2.2.6.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from etl.sandbox.wire.fields import FieldReader, ProtocolError, decode_unicode
from etl.sandbox.wire.packets import (
    DEFAULT_PACKET_BYTES,
    MAX_ENCRYPTED_PACKET_BYTES,
    MAX_PACKET_BYTES,
    MIN_PACKET_BYTES,
)

TDS_7_1 = 0x71000000
TDS_7_2 = 0x72090002
TDS_7_3A = 0x730A0003
TDS_7_4 = 0x74000004

_FIXED = struct.Struct("<IIIIIIBBBBiI")
_FIXED_BYTES = 94
_INTEGRATED_SECURITY = 0x80
_CHANGE_PASSWORD = 0x01
_EXTENSION = 0x10
_BIG_ENDIAN = 0x01
_FEATURE_TERMINATOR = 0xFF


@dataclass(frozen=True, slots=True)
class Login7:
    """Who the client is and what it wants."""

    tds_version: int
    packet_bytes: int
    """The packet size asked for; see `granted_packet_bytes`."""
    host: str
    """The client's machine, as it calls itself."""
    application: str
    user: str
    password: str = field(repr=False)
    database: str
    language: str
    integrated_security: bool
    change_password: bool
    features: dict[int, bytes]
    """Feature extension block: feature id → data."""


def read_login7(payload: bytes) -> Login7:
    """Parse and check a LOGIN7 message. Raises `ProtocolError`."""
    if len(payload) < _FIXED_BYTES:
        raise ProtocolError(f"LOGIN7 of {len(payload)} bytes")
    length, version, packet_bytes, _, _, _, flags1, flags2, _, flags3, _, _ = _FIXED.unpack_from(payload)
    if length > len(payload):
        raise ProtocolError("LOGIN7 is shorter than it says")
    if flags1 & _BIG_ENDIAN:
        raise ProtocolError("LOGIN7 in big-endian byte order")
    return Login7(
        tds_version=version,
        packet_bytes=packet_bytes,
        host=_text(payload, 36),
        application=_text(payload, 48),
        user=_text(payload, 40),
        password=decode_unicode(reveal_password(_bytes(payload, 44, unit=2))),
        database=_text(payload, 68),
        language=_text(payload, 64),
        integrated_security=bool(flags2 & _INTEGRATED_SECURITY),
        change_password=bool(flags3 & _CHANGE_PASSWORD),
        features=_features(payload) if flags3 & _EXTENSION else {},
    )


def granted_packet_bytes(asked: int, *, encrypted: bool = False) -> int:
    """The packet size that the server grants for the one asked for.

    A packet of an encrypted connection fits into one TLS record ("network packet size" in SQL Server's server options).
    """
    if asked == 0:
        return DEFAULT_PACKET_BYTES
    return min(max(asked, MIN_PACKET_BYTES), MAX_ENCRYPTED_PACKET_BYTES if encrypted else MAX_PACKET_BYTES)


def reveal_password(hidden: bytes) -> bytes:
    """Undo the password's obfuscation: XOR 0xA5, then swap the nibbles of every byte."""
    return bytes(((byte ^ 0xA5) << 4 & 0xF0) | ((byte ^ 0xA5) >> 4) for byte in hidden)


def _bytes(payload: bytes, at: int, *, unit: int) -> bytes:
    offset, length = struct.unpack_from("<HH", payload, at)
    end = offset + length * unit
    if end > len(payload):
        raise ProtocolError(f"LOGIN7 field at {at} lies outside of the message")
    return payload[offset:end]


def _text(payload: bytes, at: int) -> str:
    return decode_unicode(_bytes(payload, at, unit=2))


def _features(payload: bytes) -> dict[int, bytes]:
    pointer = _bytes(payload, 56, unit=1)
    if len(pointer) != 4:
        raise ProtocolError("LOGIN7 feature extension without its offset")
    start = int.from_bytes(pointer, "little")
    if start > len(payload):
        raise ProtocolError("LOGIN7 feature extension lies outside of the message")
    fields = FieldReader(payload[start:])
    features: dict[int, bytes] = {}
    while (feature := fields.u8()) != _FEATURE_TERMINATOR:
        features[feature] = fields.take(fields.u32())
    return features
