"""A client that speaks TDS in bytes: for what no driver would send, and for a session without a driver's cost."""

from __future__ import annotations

import socket
from typing import Protocol

from tests.sandbox.tds_bytes import login7, packet, prelogin
from tests.sandbox.token_reader import Token, read_tokens

WAIT_SEC = 30.0
NO_ENCRYPTION = 2
"""ENCRYPT_NOT_SUP (MS-TDS 2.2.6.5)."""


class Listening(Protocol):
    """A server on the loopback."""

    @property
    def port(self) -> int: ...


class RawClient:
    """A TCP client that reads whole responses. `TimeoutError` after `WAIT_SEC` without a byte."""

    def __init__(self, server: Listening) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SEC)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def log_in(self, user: str = "sa", password: str = "secret", database: str = "sandbox") -> list[Token]:
        self.socket.sendall(packet(18, prelogin(NO_ENCRYPTION)))
        self.read_response()
        self.socket.sendall(packet(16, login7(user, password, database)))
        return read_tokens(self.read_response())

    def ask(self, kind: int, payload: bytes) -> list[Token]:
        self.socket.sendall(packet(kind, payload))
        return read_tokens(self.read_response())

    def read_response(self) -> bytes:
        data = b""
        last = False
        while not last:
            header = self.read_exactly(8)
            last = bool(header[1] & 1)
            data += header + self.read_exactly(int.from_bytes(header[2:4], "big") - 8)
        return data

    def read_exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the server has closed the connection")
            data += part
        return data

    def read_to_end(self) -> bytes:
        data = b""
        try:
            while part := self.socket.recv(65536):
                data += part
        except ConnectionResetError:
            return data
        return data
