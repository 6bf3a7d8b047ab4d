"""A network that fails on purpose: a TCP proxy in front of any server, a real SQL Server too.

    with Proxy("127.0.0.1", 1433) as proxy:
        connect(proxy.port)
        proxy.cut(Direction.TO_CLIENT, after_bytes=5000)

One thread carries all connections. Every change has taken effect when its call returns (a cut once its bytes have passed).
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType

_READ_BYTES = 1 << 16
_MAX_HELD_BYTES = 1 << 18
"""What a stalled direction takes up before its sender has to wait, as buffers along a way do."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: close throws away what was not sent, and answers with RST."""


class Direction(Enum):
    """Which way bytes go."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


@dataclass(slots=True)
class _Pipe:
    """One direction of one connection."""

    direction: Direction
    source: socket.socket
    sink: socket.socket
    held: deque[tuple[float, bytes]] = field(default_factory=deque)
    """What has not passed yet, with the moment from which it may."""
    held_bytes: int = 0
    passed_bytes: int = 0
    ended: bool = False
    """The source has sent all."""
    closed: bool = False
    """And the sink was told."""


@dataclass(slots=True)
class _Rules:
    """How one direction behaves on every connection."""

    stalled: bool = False
    delay_sec: float = 0.0
    cut_after: int | None = None
    cut_by_reset: bool = False


class Proxy:
    """Listens on a free port of the loopback until it is closed. Thread-safe."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._lock = threading.Condition(threading.RLock())
        self._rounds = 0
        self._rules = {direction: _Rules() for direction in Direction}
        self._links: list[tuple[_Pipe, _Pipe]] = []
        self._closing = False
        self._wake_sender, self._wake_receiver = socket.socketpair()
        self._listener: socket.socket | None = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._carrier = threading.Thread(target=self._carry, name="proxy", daemon=True)
        self._carrier.start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything."""
        self.refuse()
        self.drop()
        with self._lock:
            self._closing = True
        self._wake_sender.send(b"x")
        self._carrier.join()
        self._wake_sender.close()
        self._wake_receiver.close()

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._links)

    def passed(self, direction: Direction) -> int:
        """Bytes that have passed on the connections open now."""
        with self._lock:
            return sum(pipe.passed_bytes for link in self._links for pipe in link if pipe.direction is direction)

    def cut(self, direction: Direction, *, after_bytes: int, reset: bool = False) -> None:
        """End the first connection that this many more bytes have passed on, by RST if `reset`; once."""
        with self._lock:
            for pipe in self._pipes(direction):
                pipe.passed_bytes = 0
            rules = self._rules[direction]
            rules.cut_after, rules.cut_by_reset = after_bytes, reset
        self._settle()

    def cut_is_pending(self, direction: Direction) -> bool:
        """Whether the last `cut` has not struck yet."""
        with self._lock:
            return self._rules[direction].cut_after is not None

    def stall(self, direction: Direction) -> None:
        """Let nothing pass, on open connections and new ones, until `resume`."""
        self._change(direction, stalled=True)

    def resume(self, direction: Direction) -> None:
        """End a stall; what was held up passes in order."""
        self._change(direction, stalled=False)

    def delay(self, direction: Direction, seconds: float) -> None:
        """From now on everything takes this much longer."""
        with self._lock:
            self._rules[direction].delay_sec = seconds

    def drop(self, *, reset: bool = False) -> None:
        """End all connections now, by RST if `reset`; what is held up is lost."""
        with self._lock:
            links, self._links = self._links, []
            for link in links:
                _end(link, reset=reset)
        self._settle()

    def refuse(self) -> None:
        """New clients find nobody listening, until `accept`."""
        with self._lock:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
        self._settle()

    def accept(self) -> None:
        """Listen again, on the same port."""
        with self._lock:
            if self._listener is None:
                self._listener = self._listen(self.port)
        self._settle()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        listener.setblocking(False)
        return listener

    def _change(self, direction: Direction, *, stalled: bool) -> None:
        with self._lock:
            self._rules[direction].stalled = stalled
        self._settle()

    def _settle(self) -> None:
        """Wait until the carrier has seen a change; a socket that it waits on is not closed before."""
        with self._lock:
            seen = self._rounds
            self._wake_sender.send(b"x")
            self._lock.wait_for(lambda: self._rounds > seen)

    def _pipes(self, direction: Direction) -> list[_Pipe]:
        return [pipe for link in self._links for pipe in link if pipe.direction is direction]

    # The carrier's thread

    def _carry(self) -> None:
        while True:
            with self._lock:
                if self._closing:
                    return
                wanted, wait_sec = self._wanted()
            poll = select.poll()
            for number, events in wanted.items():
                poll.register(number, events)
            ready = dict(poll.poll(None if wait_sec is None else max(0.0, wait_sec) * 1000 + 1))
            if self._wake_receiver.fileno() in ready:
                self._wake_receiver.recv(_READ_BYTES)
            with self._lock:
                self._rounds += 1
                self._lock.notify_all()
                self._admit()
                for link in list(self._links):
                    self._move(link)

    def _wanted(self) -> tuple[dict[int, int], float | None]:
        """What to wait for: events by file descriptor, and for how long at most."""
        wanted = {self._wake_receiver.fileno(): select.POLLIN}
        if self._listener is not None:
            wanted[self._listener.fileno()] = select.POLLIN
        now, wait_sec = time.monotonic(), None
        for pipe in (pipe for link in self._links for pipe in link):
            if not pipe.ended and pipe.held_bytes < _MAX_HELD_BYTES:
                wanted[pipe.source.fileno()] = wanted.get(pipe.source.fileno(), 0) | select.POLLIN
            if not pipe.held or self._rules[pipe.direction].stalled:
                continue
            left = pipe.held[0][0] - now
            if left <= 0:
                wanted[pipe.sink.fileno()] = wanted.get(pipe.sink.fileno(), 0) | select.POLLOUT
            else:
                wait_sec = left if wait_sec is None else min(wait_sec, left)
        return wanted, wait_sec

    def _admit(self) -> None:
        while self._listener is not None:
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            for sock in (client, server):
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._links.append((_Pipe(Direction.TO_SERVER, client, server), _Pipe(Direction.TO_CLIENT, server, client)))

    def _move(self, link: tuple[_Pipe, _Pipe]) -> None:
        try:
            for pipe in link:
                self._read(pipe)
                if self._write(pipe):
                    self._links.remove(link)
                    return
        except OSError:
            # One side has broken the connection, so the other loses it too.
            self._links.remove(link)
            _end(link, reset=True)
            return
        if all(pipe.closed for pipe in link):
            self._links.remove(link)
            _end(link, reset=False)

    def _read(self, pipe: _Pipe) -> None:
        while not pipe.ended and pipe.held_bytes < _MAX_HELD_BYTES:
            try:
                data = pipe.source.recv(_READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                pipe.ended = True
                return
            pipe.held.append((time.monotonic() + self._rules[pipe.direction].delay_sec, data))
            pipe.held_bytes += len(data)

    def _write(self, pipe: _Pipe) -> bool:
        """Pass on what may pass; True when that ended the connection."""
        rules = self._rules[pipe.direction]
        while pipe.held and not rules.stalled and pipe.held[0][0] <= time.monotonic():
            moment, data = pipe.held.popleft()
            allowed = len(data) if rules.cut_after is None else min(len(data), rules.cut_after - pipe.passed_bytes)
            try:
                sent = pipe.sink.send(data[:allowed]) if allowed else 0
            except BlockingIOError:
                pipe.held.appendleft((moment, data))
                return False
            pipe.passed_bytes += sent
            pipe.held_bytes -= sent
            if sent < len(data):
                pipe.held.appendleft((moment, data[sent:]))
            if pipe.passed_bytes == rules.cut_after:
                rules.cut_after = None
                _end(self._link_of(pipe), reset=rules.cut_by_reset)
                return True
        if pipe.ended and not pipe.held and not pipe.closed:
            pipe.closed = True
            pipe.sink.shutdown(socket.SHUT_WR)
        return False

    def _link_of(self, pipe: _Pipe) -> tuple[_Pipe, _Pipe]:
        return next(link for link in self._links if pipe in link)


def _end(link: tuple[_Pipe, _Pipe], *, reset: bool) -> None:
    for pipe in link:
        if reset:
            pipe.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        pipe.source.close()
