"""The listening side: accepts clients and gives each a thread."""

from __future__ import annotations

import itertools
import logging
import select
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from etl.sandbox.connection import Connection, Limits
from etl.sandbox.outcomes import Engine
from etl.sandbox.tls import NO_TLS, TlsPolicy
from etl.sandbox.transport import Transport

_logger = logging.getLogger(__name__)

_BACKLOG = 128
_FIRST_SPID = 51
"""SQL Server gives the numbers up to 50 to itself."""
_RETRY_ACCEPT_SEC = 0.2
"""When the process has no file descriptor left, until a client leaves."""


def bind(host: str, port: int) -> socket.socket:
    """Take an address, without listening on it yet; port 0 takes a free one. Raises `OSError` when it is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections of a server that has just ended must not keep its port from the next one.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


Intercept = Callable[[socket.socket, Engine], tuple[Transport, Engine]]
"""What stands between a client and the rest, for one connection: see `fault_points`."""


def _directly(sock: socket.socket, engine: Engine) -> tuple[Transport, Engine]:
    return Transport(sock), engine


class TdsServer:
    """A TDS server on a bound socket, which it owns. It accepts from the moment it is made, until `close`."""

    def __init__(
        self,
        engine: Engine,
        listener: socket.socket,
        limits: Limits | None = None,
        tls: TlsPolicy = NO_TLS,
        intercept: Intercept | None = None,
    ) -> None:
        self._engine = engine
        self._intercept = intercept or _directly
        self._limits = limits or Limits()
        self._tls = tls
        self._lock = threading.Lock()
        self._clients: dict[Connection, threading.Thread] = {}
        self._spids = itertools.count(_FIRST_SPID)
        self._closing = threading.Event()
        self._listener = listener
        listener.listen(_BACKLOG)
        # A client may leave between poll and accept.
        listener.setblocking(False)
        self._wake_sender, self._wake_receiver = socket.socketpair()
        self.host: str
        self.port: int
        self.host, self.port = self._listener.getsockname()[:2]
        self._acceptor = threading.Thread(target=self._accept, name="sandbox-accept", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> TdsServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """Clients connected now."""
        return len(self._clients)

    def close(self) -> None:
        """Stop accepting, end every connection and wait until its threads have ended. May be called again."""
        if self._closing.is_set():
            return
        with self._lock:
            self._closing.set()
            clients = dict(self._clients)
        self._wake_sender.close()
        self._acceptor.join()
        self._wake_receiver.close()
        self._listener.close()
        for connection in clients:
            connection.abort()
        for thread in clients.values():
            thread.join()

    def _accept(self) -> None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._wake_receiver, select.POLLIN)
        while not self._closing.is_set():
            poll.poll()
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                continue
            except OSError as error:
                _logger.warning("a connection could not be accepted: %s", error)
                self._closing.wait(_RETRY_ACCEPT_SEC)
                continue
            self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        with self._lock:
            if self._closing.is_set():
                sock.close()
                return
            if len(self._clients) >= self._limits.max_connections:
                _logger.warning("a connection was refused: %d are open", len(self._clients))
                sock.close()
                return
            spid = next(self._spids) & 0x7FFF
            transport, engine = self._intercept(sock, self._engine)
            connection = Connection(transport, engine, self._tls, self._limits, spid)
            thread = threading.Thread(
                target=self._serve, args=(connection,), name=f"sandbox-client-{spid}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:
                _logger.warning("a connection was refused: %s", error)
                sock.close()
                return
            self._clients[connection] = thread

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            with self._lock:
                self._clients.pop(connection, None)
