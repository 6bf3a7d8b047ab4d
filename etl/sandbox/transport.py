"""One client's socket. What is above reads and writes plain TDS, also where TLS covers the connection."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from etl.sandbox.tls import TlsError, TlsSession

_RECEIVE_BYTES, _MANY_BYTES = 1 << 16, 1 << 18
"""How much is received at once, and how much while so much comes."""
_LEFT = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
"""POLLRDHUP is Linux's: elsewhere a client that has left is noticed when its last bytes are read."""


class ClientGoneError(Exception):
    """The connection broke, or was ended by `abort`."""


class Transport:
    """Bytes to and from one client. One thread reads; one other may send and `abort`."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        # Answers are small and the client waits for each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client whose machine has gone away is noticed in the end.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.settimeout(None)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._departure = select.poll()
        self._departure.register(sock, _LEFT)
        self._tls: TlsSession | None = None
        self._receive_bytes = _RECEIVE_BYTES

    @property
    def encrypted(self) -> bool:
        """Whether TLS covers all that is sent and received."""
        return self._tls is not None

    @property
    def address(self) -> str:
        """Where the client is; empty once it has gone."""
        try:
            return str(self._socket.getpeername()[0])
        except OSError:
            return ""

    def encrypt_with(self, session: TlsSession) -> bytes:
        """From now on TLS covers everything. Returns what the client has sent in it already."""
        self._tls = session
        return self._decrypted(session, b"")

    def receive(self) -> bytes:
        """What has arrived, waiting for it. Raises `ClientGoneError`, also at the stream's end.

        Empty where only a part of a TLS record has arrived.
        """
        try:
            data = self._socket.recv(self._receive_bytes)
        except OSError as error:
            raise ClientGoneError(str(error)) from error
        if not data:
            raise ClientGoneError("the client has closed the connection")
        self._receive_bytes = _MANY_BYTES if len(data) >= _RECEIVE_BYTES else _RECEIVE_BYTES
        return data if self._tls is None else self._decrypted(self._tls, data)

    @staticmethod
    def _decrypted(session: TlsSession, data: bytes) -> bytes:
        try:
            return session.decrypt(data)
        except TlsError as error:
            raise ClientGoneError(str(error)) from error

    def receive_until(self, deadline: float) -> bytes:
        """As `receive`. Raises `TimeoutError` when `time.monotonic()` passes `deadline` first."""
        remaining = deadline - time.monotonic()
        # Checked first: a client that sends without end is readable at any time.
        if remaining <= 0 or not self.readable(remaining):
            raise TimeoutError
        return self.receive()

    def readable(self, timeout_sec: float) -> bool:
        """Whether `receive` would return at once, after waiting for at most `timeout_sec`."""
        return bool(self._poll.poll(max(0.0, timeout_sec) * 1000))

    @property
    def hung_up(self) -> bool:
        """Whether the client has left, though there may be more to `receive`."""
        return any(events & _LEFT for _, events in self._departure.poll(0))

    def send(self, data: bytes) -> None:
        """Send all of `data`, for as long as the client takes to read it. Raises `ClientGoneError`."""
        try:
            self._socket.sendall(data if self._tls is None else self._tls.encrypt(data))
        except (OSError, TlsError) as error:
            raise ClientGoneError(str(error)) from error

    def finish(self, timeout_sec: float) -> None:
        """Say that no more will be sent, and drop what still comes in until the client has read that and left.

        Closing at once instead would throw away what the client has not read yet.
        """
        deadline = time.monotonic() + timeout_sec
        with contextlib.suppress(OSError, ClientGoneError):
            self._socket.shutdown(socket.SHUT_WR)
            while True:
                self.receive_until(deadline)

    def abort(self) -> None:
        """End both directions, from any thread: who waits in `receive` or `send` wakes up. May be called again."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free the socket; only once no thread uses it."""
        self._socket.close()
