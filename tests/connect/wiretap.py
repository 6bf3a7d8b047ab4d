"""Somebody between client and server who reads along, and may talk both into clear text."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

ENCRYPTION_TOKEN, TERMINATOR, HEADER_BYTES = 0x01, 0xFF, 8
ENCRYPT_OFF = 0
Rewrite = Callable[[bytes], bytes]


@dataclass
class Tap:
    """Where to connect instead, and what was heard there, of both sides."""

    port: int
    heard: bytearray = field(default_factory=bytearray)


def only_the_login(prelogin: bytes) -> bytes:
    """A PRELOGIN message that asks to encrypt no more than the login (MS-TDS 2.2.6.5)."""
    options = bytearray(prelogin)
    at = HEADER_BYTES
    while options[at] != TERMINATOR:
        if options[at] == ENCRYPTION_TOKEN:
            options[HEADER_BYTES + int.from_bytes(options[at + 1 : at + 3], "big")] = ENCRYPT_OFF
        at += 5
    return bytes(options)


@contextmanager
def tapped(port: int, rewrite: Rewrite | None = None) -> Iterator[Tap]:
    """Stand before a server of this machine. `rewrite` changes the first message of each client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tap = Tap(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, port, tap, rewrite), daemon=True).start()
        yield tap
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, tap: Tap, rewrite: Rewrite | None) -> None:
    with suppress(OSError):  # the listener's end
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_carry, args=(client, server, tap, rewrite), daemon=True).start()
            threading.Thread(target=_carry, args=(server, client, tap, None), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket, tap: Tap, rewrite: Rewrite | None) -> None:
    with suppress(OSError), closing(source), closing(sink):
        while data := source.recv(65_536):
            tap.heard += data
            sink.sendall(rewrite(data) if rewrite else data)
            rewrite = None
