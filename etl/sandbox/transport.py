"""One client's socket. TLS will sit here: what is above reads and writes plain TDS."""

from __future__ import annotations

import contextlib
import select
import socket
import time

_RECEIVE_BYTES = 1 << 16


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

    def receive(self) -> bytes:
        """What has arrived, waiting for it. Raises `ClientGoneError`, also at the stream's end."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            raise ClientGoneError(str(error)) from error
        if not data:
            raise ClientGoneError("the client has closed the connection")
        return data

    def receive_until(self, deadline: float) -> bytes:
        """As `receive`. Raises `TimeoutError` when `time.monotonic()` passes `deadline` first."""
        if not self.readable(deadline - time.monotonic()):
            raise TimeoutError
        return self.receive()

    def readable(self, timeout_sec: float) -> bool:
        """Whether `receive` would return at once, after waiting for at most `timeout_sec`."""
        return bool(self._poll.poll(max(0.0, timeout_sec) * 1000))

    def send(self, data: bytes) -> None:
        """Send all of `data`, for as long as the client takes to read it. Raises `ClientGoneError`."""
        try:
            self._socket.sendall(data)
        except OSError as error:
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
