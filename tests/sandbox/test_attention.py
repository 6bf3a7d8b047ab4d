"""ATTENTION at any moment (MS-TDS 2.2.1.7): what the client is told, and what is left of its transaction.

In SQL Server a stopped statement is taken back and the transaction stays open; under SET XACT_ABORT ON it is rolled back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from random import Random

import psycopg
import pyodbc
import pytest

from etl.sandbox.cluster import OWNER
from etl.sandbox.wire.packets import MessageKind
from tests.sandbox.raw_client import RawClient
from tests.sandbox.siege import Besieged, besieged
from tests.sandbox.tds_bytes import batch, packet
from tests.sandbox.test_server_leaks import ENDLESS, recorded_bulk_load
from tests.sandbox.token_reader import Token, read_tokens

WAIT_SEC = 30.0
ATTENTION = packet(MessageKind.ATTENTION, b"")
STOPPED = ("DONE", "ATTENTION", 0, 0)
STOPPED_IN_TRANSACTION = ("DONE", "IN_TRANSACTION|ATTENTION", 0, 0)
ROLLED_BACK = 10


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Besieged]:
    with besieged("secret") as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Besieged) -> Iterator[RawClient]:
    """A client with tables t (as the recorded bulk loads want it) and locked (one row)."""
    with RawClient(sandbox.server) as client:
        client.log_in()
        client.ask(
            1,
            batch(
                "DROP TABLE IF EXISTS dbo.t; DROP TABLE IF EXISTS dbo.locked; CREATE TABLE dbo.locked (k int);"
                " INSERT INTO dbo.locked VALUES (1); CREATE TABLE dbo.t (k int PRIMARY KEY, v nvarchar(100))"
            ),
        )
        yield client


@pytest.fixture
def holder(sandbox: Besieged, client: RawClient) -> Iterator[RawClient]:
    """Another client, which holds the lock on the row of `locked`."""
    with RawClient(sandbox.server) as holder:
        holder.log_in()
        holder.ask(1, batch("BEGIN TRANSACTION; UPDATE dbo.locked SET k = 2"))
        yield holder


def await_lock_wait(sandbox: Besieged) -> None:
    """Wait until somebody waits for a lock."""
    deadline = time.monotonic() + WAIT_SEC
    with psycopg.connect(sandbox.engine.cluster.conninfo(OWNER), autocommit=True) as connection:
        while not connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.005)


def stopped_while_waiting(sandbox: Besieged, client: RawClient, text: str) -> list[Token]:
    """The answer to a batch that is stopped once it waits for the lock."""
    client.socket.sendall(packet(1, batch(text)))
    await_lock_wait(sandbox)
    client.socket.sendall(ATTENTION)
    return read_tokens(client.read_response())


def state(client: RawClient) -> tuple[int, int]:
    """@@TRANCOUNT and the rows of t."""
    tokens = client.ask(1, batch("SELECT @@TRANCOUNT AS n, COUNT(*) AS m FROM dbo.t"))
    (row,) = (token for token in tokens if token[0] == "ROW")
    return int(str(row[1])), int(str(row[2]))


def test_while_it_waits_for_a_lock_the_transaction_stays(
    sandbox: Besieged, client: RawClient, holder: RawClient
) -> None:
    client.ask(1, batch("BEGIN TRANSACTION; INSERT INTO dbo.t (k) VALUES (1)"))
    answer = stopped_while_waiting(sandbox, client, "UPDATE dbo.locked SET k = 3; INSERT INTO dbo.t (k) VALUES (2)")
    assert answer == [STOPPED_IN_TRANSACTION]
    assert state(client) == (1, 1)
    client.ask(1, batch("INSERT INTO dbo.t (k) VALUES (3); COMMIT"))
    assert state(client) == (0, 2)


def test_under_xact_abort_the_transaction_is_rolled_back(
    sandbox: Besieged, client: RawClient, holder: RawClient
) -> None:
    client.ask(1, batch("SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO dbo.t (k) VALUES (1)"))
    answer = stopped_while_waiting(sandbox, client, "UPDATE dbo.locked SET k = 3")
    assert [token[:2] for token in answer] == [("ENVCHANGE", ROLLED_BACK), ("DONE", "ATTENTION")]
    assert state(client) == (0, 0)


def test_without_a_transaction_what_was_done_before_stays(
    sandbox: Besieged, client: RawClient, holder: RawClient
) -> None:
    text = (
        "INSERT INTO dbo.t (k) VALUES (1); SELECT 7 AS n; UPDATE dbo.locked SET k = 3; INSERT INTO dbo.t (k) VALUES (2)"
    )
    answer = stopped_while_waiting(sandbox, client, text)
    assert ("ROW", 7) in answer
    assert answer[-1] == STOPPED
    assert not any(token[0] == "ERROR" for token in answer)
    assert state(client) == (0, 1)


@pytest.mark.parametrize("xact_abort", ["ON", "OFF"])
def test_in_the_middle_of_a_result(client: RawClient, xact_abort: str) -> None:
    client.ask(1, batch(f"SET XACT_ABORT {xact_abort}; BEGIN TRANSACTION; INSERT INTO dbo.t (k) VALUES (1)"))
    client.socket.sendall(packet(1, batch(ENDLESS)))
    begun = client.read_exactly(4096 * 5)
    client.socket.sendall(ATTENTION)
    answer = begun + client.read_response()
    assert len(answer) < 100 << 20
    assert answer[-13:-8] == bytes((0xFD, 0x20 if xact_abort == "ON" else 0x24, 0, 0, 0))
    assert state(client) == ((0, 0) if xact_abort == "ON" else (1, 1))


@pytest.mark.parametrize("xact_abort", ["ON", "OFF"])
def test_in_a_bulk_load(client: RawClient, xact_abort: str) -> None:
    announcement, rows = recorded_bulk_load()
    client.ask(1, batch(f"SET XACT_ABORT {xact_abort}; BEGIN TRANSACTION; INSERT INTO dbo.t (k) VALUES (1)"))
    client.ask(1, announcement)
    client.socket.sendall(packet(MessageKind.BULK_LOAD, rows, status=0) + ATTENTION)
    answer = read_tokens(client.read_response())
    assert answer[-1] == (STOPPED if xact_abort == "ON" else STOPPED_IN_TRANSACTION)
    assert state(client) == ((0, 0) if xact_abort == "ON" else (1, 1))


def test_before_the_rows_of_a_bulk_load_nothing_is_left_of_it(client: RawClient) -> None:
    announcement, _ = recorded_bulk_load()
    client.ask(1, announcement)
    assert client.ask(MessageKind.ATTENTION, b"") == [STOPPED]
    assert state(client) == (0, 0)


def test_before_the_last_packet_of_a_request(client: RawClient) -> None:
    client.socket.sendall(packet(1, batch("INSERT INTO dbo.t (k) VALUES (1)"), status=0) + ATTENTION)
    assert read_tokens(client.read_response()) == [STOPPED]
    assert state(client) == (0, 0)


def answers_until_stopped(client: RawClient) -> list[Token]:
    """What comes until ATTENTION is acknowledged: with the answer, or after it when the answer was complete before."""
    tokens = read_tokens(client.read_response())
    while "ATTENTION" not in str(tokens[-1][1]):
        tokens += read_tokens(client.read_response())
    return tokens


def test_at_any_moment_of_a_batch_the_transaction_is_whole(client: RawClient) -> None:
    random = Random(7)
    client.ask(1, batch("BEGIN TRANSACTION"))
    done = 0
    for turn in range(60):
        statements = [f"INSERT INTO dbo.t (k) VALUES ({turn * 100 + n})" for n in range(20)]
        client.socket.sendall(packet(1, batch("; ".join(statements))))
        time.sleep(random.random() * 0.03)
        client.socket.sendall(ATTENTION)
        told = answers_until_stopped(client)
        assert not any(token[0] == "ERROR" for token in told)
        count, rows = state(client)
        # A statement whose end was not told any more may have been carried out.
        told_rows = sum(token[:2] == ("DONE", "MORE|IN_TRANSACTION|COUNT") for token in told)
        assert count == 1
        assert 0 <= told_rows <= rows - done <= len(statements)
        done = rows
    client.ask(1, batch("COMMIT"))
    assert state(client) == (0, done)


def test_right_behind_a_request_it_is_acknowledged_once(client: RawClient) -> None:
    for turn in range(100):
        client.socket.sendall(packet(1, batch(f"SELECT {turn} AS n")) + ATTENTION)
        answers_until_stopped(client)
        assert ("ROW", turn) in client.ask(1, batch(f"SELECT {turn} AS n"))


def test_twice_it_stops_no_later_request(sandbox: Besieged, client: RawClient, holder: RawClient) -> None:
    client.socket.sendall(packet(1, batch("UPDATE dbo.locked SET k = 3")))
    await_lock_wait(sandbox)
    client.socket.sendall(ATTENTION + ATTENTION)
    assert read_tokens(client.read_response()) == [STOPPED]
    client.socket.sendall(packet(1, batch("SELECT 42 AS n")))
    answer = read_tokens(client.read_response())
    if answer == [STOPPED]:  # the second found nothing to stop any more
        answer = read_tokens(client.read_response())
    assert ("ROW", 42) in answer


def cancelled(connection: pyodbc.Connection, sandbox: Besieged) -> None:
    cursor = connection.cursor()

    def cancel() -> None:
        await_lock_wait(sandbox)
        cursor.cancel()

    cancelling = threading.Thread(target=cancel)
    cancelling.start()
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute("UPDATE dbo.locked SET k = ?", 3)
    cancelling.join()


def timed_out(connection: pyodbc.Connection, sandbox: Besieged) -> None:
    connection.timeout = 1
    with pytest.raises(pyodbc.Error, match="HYT00"):
        connection.execute("UPDATE dbo.locked SET k = ?", 3)
    connection.timeout = 0


@pytest.mark.parametrize("xact_abort", ["ON", "OFF"])
@pytest.mark.parametrize("stop", [cancelled, timed_out])
def test_a_driver_that_cancels(
    sandbox: Besieged,
    client: RawClient,
    holder: RawClient,
    stop: Callable[[pyodbc.Connection, Besieged], None],
    xact_abort: str,
) -> None:
    text = f"DRIVER=FreeTDS;SERVER=127.0.0.1,{sandbox.server.port};UID=sa;PWD=secret;DATABASE=sandbox;TDS_Version=7.4"
    connection = pyodbc.connect(text, autocommit=False)
    connection.execute(f"SET XACT_ABORT {xact_abort}")
    connection.execute("INSERT INTO dbo.t (k) VALUES (?)", 1)
    stop(connection, sandbox)
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == (0 if xact_abort == "ON" else 1)
    assert connection.execute("SELECT COUNT(*) FROM dbo.t").fetchval() == (0 if xact_abort == "ON" else 1)
    connection.close()
