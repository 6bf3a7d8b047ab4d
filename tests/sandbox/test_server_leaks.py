"""Whatever clients do and whenever they leave, the sandbox's threads, descriptors, sessions and memory come back."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import psycopg
import pyodbc
import pytest

from etl.sandbox.cluster import OWNER
from etl.sandbox.connection import Limits
from etl.sandbox.wire.packets import MessageKind
from tests.sandbox.footprint import SETTLE_SEC, quiet, resident_bytes, settled
from tests.sandbox.raw_client import NO_ENCRYPTION, WAIT_SEC, RawClient
from tests.sandbox.siege import Besieged, besieged, check_still_serving
from tests.sandbox.tds_bytes import batch, login7, packet, prelogin
from tests.sandbox.traffic import recorded

CLIENTS = 64
CYCLES = 1000
MAX_GROWTH_BYTES = 32 << 20
STALLED = 4
MAX_STALLED_BYTES = 24 << 20
"""For each reader that has stopped: a few chunks of a result that has two gigabytes."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Besieged]:
    with besieged("secret") as sandbox:
        with RawClient(sandbox.server) as client:
            client.log_in()
            client.ask(
                1, batch("CREATE TABLE dbo.t (k int PRIMARY KEY, v nvarchar(100), d decimal(10, 2), b varbinary(20))")
            )
            client.ask(1, batch("INSERT INTO dbo.t (k, v) VALUES (1, N'kept')"))
        yield sandbox


@pytest.fixture
def nothing_left(sandbox: Besieged) -> Iterator[Besieged]:
    """The sandbox; at the end of the test it takes what it took before, and serves."""
    before = quiet(sandbox.engine)
    yield sandbox
    assert settled(sandbox.engine, before) == before
    check_still_serving(sandbox.server)


def odbc(sandbox: Besieged) -> pyodbc.Connection:
    text = f"DRIVER=FreeTDS;SERVER=127.0.0.1,{sandbox.server.port};UID=sa;PWD=secret;DATABASE=sandbox;TDS_Version=7.4"
    return pyodbc.connect(text, autocommit=True)


def test_sixty_four_connections_at_once(nothing_left: Besieged) -> None:
    together = Barrier(CLIENTS)

    def client(number: int) -> tuple[int, int]:
        connection = odbc(nothing_left)
        together.wait(WAIT_SEC)
        first: int = connection.execute("SELECT ? * 2", number).fetchval()
        together.wait(WAIT_SEC)
        connection.execute("CREATE TABLE #own (n int)")
        connection.execute("INSERT INTO #own VALUES (?), (?)", number, number)
        second: int = connection.execute("SELECT SUM(n) FROM #own").fetchval()
        connection.close()
        return first, second

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert list(pool.map(client, range(CLIENTS))) == [(2 * n, 2 * n) for n in range(CLIENTS)]


def test_a_thousand_clients_come_and_go(nothing_left: Besieged) -> None:
    def cycle(number: int) -> None:
        with RawClient(nothing_left.server) as client:
            client.log_in()
            if number % 2:
                assert ("ROW", number) in client.ask(1, batch(f"SELECT {number} AS n"))

    def turn(numbers: range) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(cycle, numbers))

    turn(range(100))
    quiet(nothing_left.engine)
    memory = resident_bytes()
    turn(range(100, CYCLES))
    quiet(nothing_left.engine)
    assert resident_bytes() - memory < MAX_GROWTH_BYTES


def test_clients_of_freetds_come_and_go(nothing_left: Besieged) -> None:
    pooling, pyodbc.pooling = pyodbc.pooling, False
    try:
        for number in range(50):
            connection = odbc(nothing_left)
            assert connection.execute("SELECT ?", number).fetchval() == number
            connection.close()
    finally:
        pyodbc.pooling = pooling


def recorded_bulk_load() -> tuple[bytes, bytes]:
    """The message that announces two rows for dbo.t, and the message with the rows."""
    sent = [sent for sent in recorded() if sent.client == "pytds"]
    (announcement,) = (s for s in sent if "INSERT BULK".encode("utf-16-le") in s.payload)
    (rows,) = (s for s in sent if s.kind == MessageKind.BULK_LOAD)
    return announcement.payload, rows.payload


def greeted(client: RawClient) -> None:
    client.socket.sendall(packet(MessageKind.PRELOGIN, prelogin(NO_ENCRYPTION)))
    client.read_response()


def half_a_login(client: RawClient) -> None:
    greeted(client)
    client.socket.sendall(packet(MessageKind.LOGIN7, login7())[:60])


def half_a_batch(client: RawClient) -> None:
    client.log_in()
    client.socket.sendall(packet(MessageKind.SQL_BATCH, batch("SELECT 1"))[:30])


def first_packet_of_a_batch(client: RawClient) -> None:
    client.log_in()
    client.socket.sendall(packet(MessageKind.SQL_BATCH, batch("SELECT 1"), status=0))


def in_the_middle_of_a_result(client: RawClient) -> None:
    client.log_in()
    client.socket.sendall(packet(MessageKind.SQL_BATCH, batch(ENDLESS)))
    client.read_exactly(50_000)


def in_a_statement(client: RawClient) -> None:
    client.log_in()
    client.socket.sendall(packet(MessageKind.SQL_BATCH, batch(LONG)))


def in_a_transaction(client: RawClient) -> None:
    client.log_in()
    client.ask(1, batch("BEGIN TRANSACTION; INSERT INTO dbo.t (k) VALUES (2); UPDATE dbo.t SET v = N'lost'"))


def with_a_temporary_table(client: RawClient) -> None:
    client.log_in()
    client.ask(1, batch("CREATE TABLE #t (k int); INSERT INTO #t VALUES (1)"))


def before_the_rows_of_a_bulk_load(client: RawClient) -> None:
    client.log_in()
    client.ask(MessageKind.SQL_BATCH, recorded_bulk_load()[0])


def in_a_bulk_load(client: RawClient) -> None:
    before_the_rows_of_a_bulk_load(client)
    rows = recorded_bulk_load()[1]
    client.socket.sendall(packet(MessageKind.BULK_LOAD, rows[:-5], status=0))


DIGITS = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) {}(n)"
MILLION = " CROSS JOIN ".join(DIGITS.format(name) for name in "abcdef")
ENDLESS = f"SELECT REPLICATE(N'x', 1000) AS x FROM {MILLION}"
LONG = f"SELECT SUM(a.n) FROM {MILLION} CROSS JOIN {DIGITS.format('g')} CROSS JOIN {DIGITS.format('h')}"

PHASES: list[Callable[[RawClient], object]] = [
    lambda client: None,
    greeted,
    half_a_login,
    RawClient.log_in,
    half_a_batch,
    first_packet_of_a_batch,
    in_the_middle_of_a_result,
    in_a_statement,
    in_a_transaction,
    with_a_temporary_table,
    before_the_rows_of_a_bulk_load,
    in_a_bulk_load,
]


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.__name__.strip("<>"))
def test_a_client_that_vanishes(nothing_left: Besieged, phase: Callable[[RawClient], object], reset: bool) -> None:
    for _ in range(3):
        with RawClient(nothing_left.server) as client:
            phase(client)
            if reset:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    with RawClient(nothing_left.server) as client:
        client.log_in()
        # It waits for the locks of those who have vanished, and finds nothing of theirs.
        assert ("DONE", "COUNT", 0xC5, 1) in client.ask(1, batch("UPDATE dbo.t SET d = 1"))
        assert ("ROW", 1) in client.ask(1, batch("SELECT COUNT(*) AS n FROM dbo.t WHERE v = N'kept'"))


def test_a_client_that_vanishes_while_it_waits_for_a_lock(nothing_left: Besieged) -> None:
    with RawClient(nothing_left.server) as holder:
        holder.log_in()
        holder.ask(1, batch("BEGIN TRANSACTION; UPDATE dbo.t SET d = 2"))
        with RawClient(nothing_left.server) as waiting:
            waiting.log_in()
            waiting.socket.sendall(packet(1, batch("UPDATE dbo.t SET d = 3")))
            await_event(nothing_left, "Lock")
        await_event(nothing_left, None)
        holder.ask(1, batch("COMMIT"))
        assert ("ROW", 1) in holder.ask(1, batch("SELECT COUNT(*) AS n FROM dbo.t WHERE d = 2"))


def await_event(sandbox: Besieged, wanted: str | None) -> None:
    """Wait until a session of PostgreSQL waits for something of this kind; None: until none waits for a lock."""
    deadline = time.monotonic() + SETTLE_SEC
    with psycopg.connect(sandbox.engine.cluster.conninfo(OWNER), autocommit=True) as connection:
        while time.monotonic() < deadline:
            found = {
                event
                for events in connection.execute(
                    "SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE backend_type = 'client backend'"
                )
                for event in events
            }
            if wanted in found or (wanted is None and "Lock" not in found):
                return
            time.sleep(0.01)
    raise AssertionError(f"no session waits for {wanted}: {found}")


def test_a_reader_that_stops_reading_takes_no_memory_and_no_session_when_it_leaves(nothing_left: Besieged) -> None:
    memory = resident_bytes()
    with ExitStack() as stack:
        for _ in range(STALLED):
            reader = stack.enter_context(RawClient(nothing_left.server))
            reader.log_in()
            reader.socket.sendall(packet(1, batch(ENDLESS)))
            reader.read_exactly(100_000)
        # PostgreSQL cannot write because the server does not read, because the client does not.
        await_event(nothing_left, "ClientWrite")
        check_still_serving(nothing_left.server)
        assert resident_bytes() - memory < STALLED * MAX_STALLED_BYTES


def test_more_clients_than_there_is_room_for(nothing_left: Besieged) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(nothing_left.server)) for _ in range(Limits().max_connections + 5)]
        assert clients[-1].read_to_end() == b""
