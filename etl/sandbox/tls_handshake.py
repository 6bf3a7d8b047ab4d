"""The TLS handshake inside of PRELOGIN packets (MS-TDS 3.2.5.2, 3.3.5.2)."""

from __future__ import annotations

import ssl

from etl.sandbox.tls import TlsError, TlsSession
from etl.sandbox.transport import Transport
from etl.sandbox.wire.fields import ProtocolError
from etl.sandbox.wire.packets import HEADER_BYTES, MessageKind, PacketWriter, read_header

_MAX_HANDSHAKE_BYTES = 128 * 1024
"""A client's share of a handshake is some hundred bytes."""


def shake_hands(transport: Transport, context: ssl.SSLContext, deadline: float) -> TlsSession:
    """Make a TLS session with the client. What it has sent after its last handshake packet is in the session, unread.

    Raises `ProtocolError` for anything but a handshake, `TimeoutError` at `deadline`, `ClientGoneError`.
    """
    session = TlsSession(context)
    packets = PacketWriter(transport.send, kind=MessageKind.PRELOGIN)
    reader = _HandshakeReader(transport, deadline)
    while not session.established:
        try:
            answer = session.shake_hands(reader.next_payload())
        except TlsError as error:
            # SQL Server closes the connection without an alert.
            raise ProtocolError(str(error)) from error
        if answer:
            packets.write(answer)
            packets.finish()
    session.put(reader.rest())
    return session


class _HandshakeReader:
    """PRELOGIN packets one at a time, since what follows the last of them is no TDS packet but a TLS record."""

    def __init__(self, transport: Transport, deadline: float) -> None:
        self._transport = transport
        self._deadline = deadline
        self._received = bytearray()
        self._total_bytes = 0

    def next_payload(self) -> bytes:
        self._need(HEADER_BYTES)
        kind, _, length = read_header(self._received)
        if kind != MessageKind.PRELOGIN:
            raise ProtocolError(f"packet type {kind} instead of a TLS handshake")
        self._total_bytes += length
        if self._total_bytes > _MAX_HANDSHAKE_BYTES:
            raise ProtocolError(f"a TLS handshake of more than {_MAX_HANDSHAKE_BYTES} bytes")
        self._need(length)
        payload = bytes(self._received[HEADER_BYTES:length])
        del self._received[:length]
        return payload

    def rest(self) -> bytes:
        return bytes(self._received)

    def _need(self, size: int) -> None:
        while len(self._received) < size:
            self._received += self._transport.receive_until(self._deadline)
