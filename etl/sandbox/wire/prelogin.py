"""PRELOGIN, the first message both ways (MS-TDS 2.2.6.5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, IntEnum

from etl.sandbox.wire.fields import FieldReader, ProtocolError

SERVER_VERSION = (16, 0, 1000)
"""SQL Server 2022: major, minor, build."""

_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _TERMINATOR = 0x00, 0x01, 0x02, 0x03, 0x04, 0xFF
_OPTION_HEADER = struct.Struct(">BHH")
_MAX_OPTIONS = 32


_CLIENT_CERTIFICATE = 0x80


class Encryption(IntEnum):
    """What each side says about TLS; a server's own setting is never REQUIRED."""

    OFF = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


class Scope(Enum):
    """What TLS covers once both sides have spoken."""

    NOTHING = "nothing"
    LOGIN = "the first packet of the login"
    CONNECTION = "everything"
    REFUSED = "the connection ends"


@dataclass(frozen=True, slots=True)
class Prelogin:
    """What the client asks for before it logs in."""

    encryption: Encryption = Encryption.NOT_SUPPORTED
    mars: bool = False
    client_certificate: bool = False
    """The client wants to log in by its certificate."""


def read_prelogin(payload: bytes) -> Prelogin:
    """Parse the client's options. Raises `ProtocolError`."""
    options = _read_options(payload)
    encryption = options.get(_ENCRYPTION, bytes((Encryption.NOT_SUPPORTED,)))
    if len(encryption) != 1 or encryption[0] & ~_CLIENT_CERTIFICATE not in set(Encryption):
        raise ProtocolError("PRELOGIN encryption option")
    return Prelogin(
        Encryption(encryption[0] & ~_CLIENT_CERTIFICATE),
        mars=options.get(_MARS, b"\0") == b"\x01",
        client_certificate=bool(encryption[0] & _CLIENT_CERTIFICATE),
    )


def negotiate(client: Prelogin, server: Encryption) -> tuple[Encryption, Scope]:
    """The server's answer to the client's word on TLS, and what follows: the table of MS-TDS 2.2.6.5.

    `server` is its setting: OFF leaves the choice to the client, ON encrypts everything, NOT_SUPPORTED nothing.
    """
    if client.client_certificate and client.encryption is Encryption.NOT_SUPPORTED:
        return Encryption.REQUIRED, Scope.REFUSED
    answer = _ANSWERS[server, client.encryption]
    if server is Encryption.NOT_SUPPORTED:
        plain = not client.client_certificate and client.encryption in {Encryption.OFF, Encryption.NOT_SUPPORTED}
        return answer, Scope.NOTHING if plain else Scope.REFUSED
    if client.encryption is Encryption.NOT_SUPPORTED:
        return answer, Scope.REFUSED if answer is Encryption.REQUIRED else Scope.NOTHING
    return answer, Scope.LOGIN if answer is Encryption.OFF else Scope.CONNECTION


_ANSWERS = {
    **{(Encryption.NOT_SUPPORTED, client): Encryption.NOT_SUPPORTED for client in Encryption},
    (Encryption.OFF, Encryption.OFF): Encryption.OFF,
    (Encryption.OFF, Encryption.ON): Encryption.ON,
    (Encryption.OFF, Encryption.NOT_SUPPORTED): Encryption.NOT_SUPPORTED,
    (Encryption.OFF, Encryption.REQUIRED): Encryption.ON,
    (Encryption.ON, Encryption.OFF): Encryption.REQUIRED,
    (Encryption.ON, Encryption.ON): Encryption.ON,
    (Encryption.ON, Encryption.NOT_SUPPORTED): Encryption.REQUIRED,
    (Encryption.ON, Encryption.REQUIRED): Encryption.ON,
}


def _read_options(payload: bytes) -> dict[int, bytes]:
    fields = FieldReader(payload)
    if fields.peek() != _VERSION:
        raise ProtocolError("PRELOGIN without the client's version as its first option")
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
