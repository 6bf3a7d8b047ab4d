"""Bulk loads that do not come to their end, and bulk loads that come faster than they are stored; spoken in bytes."""

from __future__ import annotations

import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from etl.sandbox.engine import PostgresEngine
from etl.sandbox.outcomes import BulkRows, Command, Outcome, StatementDone
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.wire.streaming import PayloadStream, StreamCutError
from tests.sandbox.bulk_bytes import INT, integer, metadata, row
from tests.sandbox.conftest import LOGIN
from tests.sandbox.raw_client import WAIT_SEC, RawClient
from tests.sandbox.scripted import ScriptedEngine, ScriptedInterpreter
from tests.sandbox.tds_bytes import batch, packet
from tests.sandbox.token_reader import Token, read_tokens

BATCH, BULK_LOAD, ATTENTION = 1, 7, 6
END, IGNORE = 1, 2
NUMBERS = metadata(("a", INT))
_names = itertools.count(1)


class Loader(RawClient):
    """A client with a table of its own."""

    def __init__(self, server: TdsServer) -> None:
        super().__init__(server)
        self.table = f"bulk_connection_{next(_names)}"
        self.log_in(user=LOGIN[0], password=LOGIN[1])
        self.run(f"CREATE TABLE {self.table} (a int)")

    def __enter__(self) -> Loader:
        return self

    def run(self, text: str) -> list[Token]:
        return self.ask(BATCH, batch(text))

    def count(self) -> int:
        rows = [token[1] for token in self.run(f"SELECT COUNT(*) FROM {self.table}") if token[0] == "ROW"]
        assert isinstance(rows[0], int)
        return rows[0]

    def begin_load(self, *numbers: int) -> None:
        """INSERT BULK, and packets of a message that does not end."""
        assert [token[0] for token in self.run(f"INSERT BULK {self.table} (a int)")] == ["DONE"]
        self.socket.sendall(packet(BULK_LOAD, NUMBERS, 0))
        for number in numbers:
            self.socket.sendall(packet(BULK_LOAD, row(integer(number)), 0))

    def answer(self) -> list[Token]:
        return read_tokens(self.read_response())


@pytest.fixture(scope="module")
def server(postgres: PostgresEngine) -> Iterator[TdsServer]:
    with TdsServer(postgres, bind("127.0.0.1", 0)) as server:
        yield server


def becomes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SEC
    while not condition():
        if time.monotonic() > deadline:
            return False
    return True


def test_rows_in_many_packets(server: TdsServer) -> None:
    with Loader(server) as client:
        client.begin_load(1, 2)
        client.socket.sendall(packet(BULK_LOAD, row(integer(3)), END))
        assert client.answer() == [("DONE", "COUNT", 0xC3, 3)]
        assert client.count() == 3


def test_attention_takes_the_load_back(server: TdsServer) -> None:
    with Loader(server) as client:
        client.begin_load(1, 2)
        client.socket.sendall(packet(ATTENTION, b""))
        assert client.answer() == [("DONE", "ATTENTION", 0, 0)]
        assert client.count() == 0


def test_attention_leaves_the_transaction_open(server: TdsServer) -> None:
    with Loader(server) as client:
        client.run(f"BEGIN TRAN; INSERT INTO {client.table} VALUES (0)")
        client.begin_load(1, 2)
        client.socket.sendall(packet(ATTENTION, b""))
        assert client.answer() == [("DONE", "IN_TRANSACTION|ATTENTION", 0, 0)]
        client.run("COMMIT")
        assert client.count() == 1


def test_a_load_that_is_called_off_and_then_stopped(server: TdsServer) -> None:
    with Loader(server) as client:
        client.begin_load(1, 2)
        client.socket.sendall(packet(BULK_LOAD, b"", END | IGNORE) + packet(ATTENTION, b""))
        assert client.answer() == [("DONE", "ATTENTION", 0, 0)]
        assert client.count() == 0


def test_a_lost_connection_takes_the_load_back(server: TdsServer) -> None:
    with Loader(server) as watcher:
        with Loader(server) as client:
            client.run("BEGIN TRAN")
            client.begin_load(*range(100))
        # Its lock goes with it: DROP TABLE would wait for ever.
        assert watcher.run(f"SELECT COUNT(*) FROM {client.table}; DROP TABLE {client.table}")[1] == ("ROW", 0)
        assert becomes_true(lambda: server.connections == 1)


def test_a_client_that_breaks_off_while_its_load_waits_for_a_lock(server: TdsServer) -> None:
    with Loader(server) as holder:
        client = Loader(server)
        holder.run(f"BEGIN TRAN; INSERT INTO {client.table} WITH (TABLOCKX) VALUES (0)")
        client.begin_load()
        _fill(client)
        # An orderly end would stand behind the rows that the server has not read.
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
        assert becomes_true(lambda: server.connections == 1)
        holder.run("COMMIT")
        rows = holder.run(f"SELECT COUNT(*) FROM {client.table}")
        assert ("ROW", 1) in rows


def test_attention_while_the_load_waits_for_a_lock(server: TdsServer) -> None:
    with Loader(server) as holder, Loader(server) as client:
        holder.run(f"BEGIN TRAN; INSERT INTO {client.table} WITH (TABLOCKX) VALUES (0)")
        client.run(f"BEGIN TRAN; INSERT INTO {holder.table} VALUES (0)")
        client.begin_load(1)
        client.socket.sendall(packet(BULK_LOAD, row(integer(2)), END) + packet(ATTENTION, b""))
        assert client.answer() == [("DONE", "IN_TRANSACTION|ATTENTION", 0, 0)]
        client.run("COMMIT")
        holder.run("COMMIT")
        assert (client.count(), holder.count()) == (1, 1)


def _fill(client: RawClient) -> tuple[int, bytes]:
    """Send rows until the server takes no more for a second; how many bytes that were, and what is left of the packet."""
    rows = packet(BULK_LOAD, row(integer(7)) * 5000, 0)
    client.socket.setblocking(False)
    sent = 0
    while select.select([], [client.socket], [], 1.0)[1]:
        sent += client.socket.send(rows[sent % len(rows) :])
    client.socket.settimeout(WAIT_SEC)
    return sent, rows[sent % len(rows) :] if sent % len(rows) else b""


def test_a_client_waits_while_rows_come_faster_than_they_are_stored() -> None:
    ready = threading.Event()

    class Slow(ScriptedInterpreter):
        def bulk_load(self, rows: BulkRows) -> Iterator[Outcome]:
            ready.wait(WAIT_SEC)
            yield StatementDone(Command.INSERT, sum(len(batch) for batch in rows.batches))

    class SlowEngine(ScriptedEngine):
        def login(self, user: str, password: str, database: str) -> ScriptedInterpreter:
            return Slow(self)

    with TdsServer(SlowEngine(), bind("127.0.0.1", 0)) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packet(BULK_LOAD, NUMBERS, 0))
        sent, rest = _fill(client)
        # The stream's four megabytes and what the sockets hold on both sides.
        assert 4_000_000 < sent < 40_000_000
        ready.set()
        client.socket.sendall(rest + packet(BULK_LOAD, b"", END))
        ((_, _, _, count),) = read_tokens(client.read_response())
        assert count == (sent + len(rest)) // 30_008 * 5000


def test_a_stream_has_room_until_it_is_full() -> None:
    stream = PayloadStream(room_bytes=10)
    stream.put(b"123456789")
    assert stream.wait_for_room(0)
    stream.put(b"0")
    assert not stream.wait_for_room(0)
    assert stream.read() == b"1234567890"
    assert stream.wait_for_room(0)


def test_a_stream_that_is_discarded_takes_everything_and_keeps_nothing() -> None:
    stream = PayloadStream(room_bytes=10)
    stream.put(bytes(20))
    thread = threading.Thread(target=stream.discard)
    thread.start()
    assert stream.wait_for_room(WAIT_SEC)
    stream.put(bytes(20))
    assert stream.wait_for_room(0)
    stream.end()
    thread.join(WAIT_SEC)
    assert not thread.is_alive()


def test_a_stream_that_has_ended_cannot_be_cut_off() -> None:
    stream = PayloadStream()
    stream.put(b"rows")
    stream.end()
    stream.cut()
    assert (stream.read(), stream.read()) == (b"rows", b"")
    other = PayloadStream()
    other.cut()
    with pytest.raises(StreamCutError):
        other.read()
