"""A TDS client that neither makes nor reads values, so that the server's own speed shows (MS-TDS 2.2)."""

from __future__ import annotations

import socket
import struct

from tests.benchmarks.case import Place
from tests.sandbox.tds_bytes import login7, packet, packets, prelogin

PACKET_BYTES = 4096
_HEADER_BYTES = 8
_NO_ENCRYPTION = 2
_PRELOGIN, _LOGIN7 = 18, 16
_END_OF_MESSAGE = 1
_DONE = struct.Struct("<BHHQ")
_DONE_TOKEN, _COUNTED = 0xFD, 0x10


class RawClient:
    """One logged-in connection."""

    def __init__(self, place: Place) -> None:
        self._socket = socket.create_connection((place.host, place.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(1 << 18)
        self._socket.sendall(packet(_PRELOGIN, prelogin(_NO_ENCRYPTION)))
        self._answer()
        self._socket.sendall(packet(_LOGIN7, login7(place.user, place.password, place.database, PACKET_BYTES)))
        self._answer()

    def send(self, kind: int, payload: bytes) -> None:
        """Send one message."""
        self._socket.sendall(packets(kind, payload, PACKET_BYTES - _HEADER_BYTES))

    def send_packets(self, data: bytes) -> None:
        """Send what is in packets already."""
        self._socket.sendall(data)

    def answered(self) -> None:
        """Wait for an answer."""
        self._answer()

    def row_count(self) -> int:
        """Wait for the answer and give the count of its last DONE. Raises `RuntimeError` where that has none."""
        token, status, _, count = _DONE.unpack(self._answer())
        if token != _DONE_TOKEN or not status & _COUNTED:
            raise RuntimeError("the server's answer does not end with a count")
        return int(count)

    def _answer(self) -> bytes:
        """Read a message; returns the last bytes of its payload."""
        end, header, left, last = b"", b"", 0, False
        while True:
            size = self._socket.recv_into(self._buffer)
            if not size:
                raise RuntimeError("the server has closed the connection")
            at = 0
            while at < size:
                if not left:
                    missing = _HEADER_BYTES - len(header)
                    header += self._buffer[at : min(at + missing, size)]
                    at += missing
                    if len(header) == _HEADER_BYTES:
                        _, status, length = struct.unpack_from(">BBH", header)
                        header, left, last = b"", length - _HEADER_BYTES, status & _END_OF_MESSAGE
                    continue
                step = min(left, size - at)
                end = (end + self._buffer[at + max(0, step - _DONE.size) : at + step])[-_DONE.size :]
                at, left = at + step, left - step
                if last and not left:
                    return end
