"""The proxy that other tests break the network with."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.proxy import Direction, Proxy

WAIT_SEC = 20.0


class Echo:
    """A server that sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.received = b""
        self.ended: list[str] = []
        self.changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        how = "end"
        with sock:
            try:
                while data := sock.recv(65536):
                    with self.changed:
                        self.received += data
                        self.changed.notify_all()
                    sock.sendall(data)
            except OSError as error:
                how = type(error).__name__
        with self.changed:
            self.ended.append(how)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT_SEC)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listener.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=WAIT_SEC) as sock:
        yield sock


def read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := sock.recv(size - len(data))):
        data += part
    return data


def test_bytes_pass_both_ways(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    data = bytes(range(256)) * 8000
    sending = threading.Thread(target=client.sendall, args=(data,))
    sending.start()
    assert read(client, len(data)) == data
    sending.join()
    assert (proxy.passed(Direction.TO_SERVER), proxy.passed(Direction.TO_CLIENT)) == (len(data), len(data))
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    echo.wait(lambda: echo.ended == ["end"])


@pytest.mark.parametrize("reset", [False, True])
def test_cut_on_the_way_to_the_server(proxy: Proxy, client: socket.socket, echo: Echo, reset: bool) -> None:
    client.sendall(b"hello")
    read(client, 5)
    proxy.cut(Direction.TO_SERVER, after_bytes=3, reset=reset)
    client.sendall(b"abcdef")
    echo.wait(lambda: len(echo.ended) == 1)
    if reset:
        with pytest.raises(ConnectionResetError):
            read(client, 100)
    else:
        assert b"abc".startswith(read(client, 100))
        assert echo.received == b"helloabc"


def test_cut_on_the_way_to_the_client(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    proxy.cut(Direction.TO_CLIENT, after_bytes=4)
    client.sendall(b"abcdef")
    assert read(client, 100) == b"abcd"
    echo.wait(lambda: len(echo.ended) == 1)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=WAIT_SEC) as second:
        second.sendall(b"abcdef")
        assert read(second, 6) == b"abcdef"


def test_a_stalled_direction_holds_what_it_got(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    proxy.stall(Direction.TO_CLIENT)
    client.sendall(b"abc")
    echo.wait(lambda: echo.received == b"abc")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(WAIT_SEC)
    proxy.resume(Direction.TO_CLIENT)
    assert read(client, 3) == b"abc"


def test_a_delay_delays(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay(Direction.TO_SERVER, 0.2)
    begun = time.monotonic()
    client.sendall(b"a")
    client.sendall(b"b")
    assert read(client, 2) == b"ab"
    assert time.monotonic() - begun >= 0.2


def test_all_connections_are_reset_at_once(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    client.sendall(b"abc")
    read(client, 3)
    proxy.drop(reset=True)
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    echo.wait(lambda: echo.ended == ["ConnectionResetError"])
    assert proxy.connections == 0


def test_new_connections_are_refused_for_a_while(proxy: Proxy, client: socket.socket) -> None:
    client.sendall(b"a")
    read(client, 1)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=WAIT_SEC)
    client.sendall(b"b")
    assert read(client, 1) == b"b"
    proxy.accept()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=WAIT_SEC) as second:
        second.sendall(b"c")
        assert read(second, 1) == b"c"


def test_a_client_that_resets_takes_the_server_with_it(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    client.sendall(b"a")
    read(client, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    echo.wait(lambda: echo.ended == ["ConnectionResetError"])


def test_closing_leaves_no_thread(echo: Echo) -> None:
    before = threading.active_count()
    with Proxy("127.0.0.1", echo.port) as proxy:
        socket.create_connection(("127.0.0.1", proxy.port), timeout=WAIT_SEC).close()
    assert threading.active_count() <= before + 1
    assert not any(thread.name == "proxy" for thread in threading.enumerate())
