"""PRELOGIN, the first message both ways (MS-TDS 2.2.6.5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from etl.sandbox.wire.fields import FieldReader, ProtocolError

SERVER_VERSION = (16, 0, 1000)
"""SQL Server 2022: major, minor, build."""

_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _TERMINATOR = 0x00, 0x01, 0x02, 0x03, 0x04, 0xFF
_OPTION_HEADER = struct.Struct(">BHH")
_MAX_OPTIONS = 32


class Encryption(IntEnum):
    """What each side says about TLS."""

    OFF = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Prelogin:
    """What the client asks for before it logs in."""

    encryption: Encryption = Encryption.NOT_SUPPORTED
    mars: bool = False


def read_prelogin(payload: bytes) -> Prelogin:
    """Parse the client's options. Raises `ProtocolError`."""
    options = _read_options(payload)
    encryption = options.get(_ENCRYPTION, bytes((Encryption.NOT_SUPPORTED,)))
    # The upper bits ask for authentication by client certificate, which no server grants unless it is set up for it.
    if len(encryption) != 1 or encryption[0] & 0x7F not in set(Encryption):
        raise ProtocolError("PRELOGIN encryption option")
    return Prelogin(Encryption(encryption[0] & 0x7F), options.get(_MARS, b"\0") == b"\x01")


def _read_options(payload: bytes) -> dict[int, bytes]:
    fields = FieldReader(payload)
    options: dict[int, bytes] = {}
    while (token := fields.u8()) != _TERMINATOR:
        offset, length = struct.unpack(">HH", fields.take(4))
        if len(options) >= _MAX_OPTIONS or offset + length > len(payload):
            raise ProtocolError(f"PRELOGIN option {token}")
        options[token] = payload[offset : offset + length]
    return options


def prelogin_response(encryption: Encryption) -> bytes:
    """The server's PRELOGIN: its version, its word on TLS, and no MARS."""
    major, minor, build = SERVER_VERSION
    options = {
        _VERSION: struct.pack(">BBHH", major, minor, build, 0),
        _ENCRYPTION: bytes((encryption,)),
        _INSTANCE: b"\0",
        _THREAD: b"",
        _MARS: b"\0",
    }
    offset = len(options) * _OPTION_HEADER.size + 1
    head, body = b"", b""
    for token, data in options.items():
        head += _OPTION_HEADER.pack(token, offset + len(body), len(data))
        body += data
    return head + bytes((_TERMINATOR,)) + body
