"""A PRELOGIN exchange in a few bytes, and TLS inside of it (MS-TDS 2.2.6.5): what answers, before any driver asks."""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

TIMEOUT_SEC = 10.0
PRELOGIN, RESPONSE = 0x12, 0x04
"""Packet types (MS-TDS 2.2.3.1.1)."""
END_OF_MESSAGE = 0x01
HEADER = struct.Struct(">BBHHBB")
VERSION, ENCRYPTION, TERMINATOR = 0x00, 0x01, 0xFF
OPTION = struct.Struct(">BHH")
ENCRYPT_OFF, ENCRYPT_ON, ENCRYPT_NOT_SUPPORTED, ENCRYPT_REQUIRED = range(4)
MAX_PACKET_BYTES = 32_767


class NotTds(Exception):
    """Something else than a SQL Server answers, or nothing. `args[0]` says what came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says before a login."""

    version: str
    """Such as 16.0.1000."""
    encryption: int
    """One of ENCRYPT_…, in answer to ENCRYPT_OFF or ENCRYPT_ON."""

    @property
    def offers_encryption(self) -> bool:
        """Whether it can encrypt at all."""
        return self.encryption != ENCRYPT_NOT_SUPPORTED

    @property
    def insists_on_encryption(self) -> bool:
        """To ENCRYPT_OFF: it takes no client in the clear. To ENCRYPT_ON: it agrees."""
        return self.encryption in {ENCRYPT_ON, ENCRYPT_REQUIRED}


def ask(link: socket.socket, encryption: int = ENCRYPT_OFF) -> Answer:
    """Send PRELOGIN over a new connection and read the answer. Raises NotTds, and OSError for a broken link."""
    options = [(VERSION, bytes(6)), (ENCRYPTION, bytes([encryption]))]
    offset = OPTION.size * len(options) + 1
    table, data = b"", b""
    for token, value in options:
        table += OPTION.pack(token, offset + len(data), len(value))
        data += value
    _send(link, table + bytes([TERMINATOR]) + data)
    return _parsed(_receive(link))


def shake_hands(link: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """The TLS handshake after `ask(link, ENCRYPT_ON)`, in PRELOGIN packets.

    Raises ssl.SSLError and its kinds, OSError for a broken link, NotTds.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            _send(link, outgoing.read())
            incoming.write(_receive(link, (PRELOGIN, RESPONSE)))
            continue
        return tls


def _send(link: socket.socket, payload: bytes) -> None:
    link.sendall(HEADER.pack(PRELOGIN, END_OF_MESSAGE, HEADER.size + len(payload), 0, 0, 0) + payload)


def _receive(link: socket.socket, kinds: tuple[int, ...] = (RESPONSE,)) -> bytes:
    """The payload of one message."""
    payload = b""
    while True:
        header = _exactly(link, HEADER.size)
        kind, status, length, *_ = HEADER.unpack(header)
        if kind not in kinds or not HEADER.size <= length <= MAX_PACKET_BYTES:
            raise NotTds(f"it answers with {header!r}")
        payload += _exactly(link, length - HEADER.size)
        if status & END_OF_MESSAGE:
            return payload


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = link.recv(size - len(data))
        if not part:
            raise NotTds(f"it answers with {data!r}" if data else "it closes the connection without an answer")
        data += part
    return data


def _parsed(payload: bytes) -> Answer:
    found, position = {}, 0
    while position < len(payload) and payload[position] != TERMINATOR:
        if position + OPTION.size > len(payload):
            raise NotTds("its answer to PRELOGIN breaks off")
        token, offset, length = OPTION.unpack_from(payload, position)
        found[token] = payload[offset : offset + length]
        position += OPTION.size
    version, encryption = found.get(VERSION, b""), found.get(ENCRYPTION, b"")
    if len(version) < 4 or len(encryption) != 1 or encryption[0] > ENCRYPT_REQUIRED:
        raise NotTds("its answer to PRELOGIN has no version or no word on encryption")
    return Answer(f"{version[0]}.{version[1]}.{int.from_bytes(version[2:4], 'big')}", encryption[0])
