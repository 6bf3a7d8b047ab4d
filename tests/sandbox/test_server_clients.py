"""The server against clients that misbehave, leave or stall; spoken to in bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from etl.sandbox.connection import Limits
from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Column, Command, Outcome, Parameterized, ResultSet, StatementDone
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.sqltypes import SqlType
from tests.sandbox.raw_client import WAIT_SEC, RawClient
from tests.sandbox.scripted import ScriptedEngine, ScriptedInterpreter, rows_of
from tests.sandbox.tds_bytes import batch, login7, packet, packets, prelogin
from tests.sandbox.token_reader import read_tokens


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@contextmanager
def serving(engine: ScriptedEngine, **limits: float) -> Iterator[TdsServer]:
    with TdsServer(engine, bind("127.0.0.1", 0), Limits(**limits)) as server:  # type: ignore[arg-type]
        yield server


def test_a_login_is_answered_with_environment_and_version(engine: ScriptedEngine) -> None:
    with serving(engine) as server, RawClient(server) as client:
        tokens = client.log_in()
    assert [token[:2] for token in tokens] == [
        ("ENVCHANGE", 1),
        ("INFO", 5701),
        ("ENVCHANGE", 7),
        ("ENVCHANGE", 2),
        ("INFO", 5703),
        (tokens[5][0], tokens[5][1]),
        ("ENVCHANGE", 4),
        ("DONE", ""),
    ]
    assert tokens[0][2:] == ("sandbox", "master")
    assert tokens[2][2] == bytes.fromhex("0904d00034")
    assert tokens[5][0] == hex(0xAD)
    assert str(tokens[5][1]).startswith(r"b'\x01t\x00\x00\x04\x14M\x00i\x00c")
    assert tokens[6][2:] == ("4096", "4096")


def test_a_refused_login_is_told_and_closed(engine: ScriptedEngine) -> None:
    with serving(engine) as server, RawClient(server) as client:
        assert client.log_in(password="wrong") == [
            ("ERROR", 18456, 14, "Login failed for user 'sa'."),
            ("DONE", "ERROR", 0, 0),
        ]
        assert client.read_to_end() == b""


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        packet(1, batch("select 1")),
        packet(6, b""),
        packet(18, b"\x00"),
        packet(16, bytes(40)),
        packet(7, bytes(40)),
        packets(16, bytes(200_000), 4000),
        packet(18, prelogin()) + packet(16, login7()),
    ],
)
def test_who_is_not_logged_in_gets_nothing(engine: ScriptedEngine, data: bytes) -> None:
    with serving(engine) as server, RawClient(server) as client:
        client.socket.sendall(data)
        assert client.read_to_end() == b""
    assert engine.sessions == []


def test_a_half_open_connection_ends_at_the_login_timeout(engine: ScriptedEngine) -> None:
    with serving(engine, login_timeout_sec=0.05) as server, RawClient(server) as client:
        client.socket.sendall(packet(18, prelogin()))
        client.read_response()
        client.socket.sendall(packet(16, login7())[:20])
        assert client.read_to_end() == b""


def test_more_connections_than_allowed_are_closed(engine: ScriptedEngine) -> None:
    with serving(engine, max_connections=1) as server, RawClient(server) as first:
        first.log_in()
        with RawClient(server) as second:
            assert second.read_to_end() == b""
        assert first.ask(1, batch("x")) == [("DONE", "", 0, 0)]


def test_malformed_requests_are_told_and_end_the_connection(engine: ScriptedEngine) -> None:
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packet(99, b""))
        tokens = read_tokens(client.read_to_end())
    assert tokens[0][:3] == ("ERROR", 4002, 20)
    assert tokens[1][:2] == ("DONE", "ERROR")
    assert engine.sessions[0].closed.wait(WAIT_SEC)


def test_why_it_was_cut_off_reaches_a_client_that_goes_on_sending(engine: ScriptedEngine) -> None:
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packet(99, b"") + bytes(500_000))
        assert read_tokens(client.read_response())[0][:3] == ("ERROR", 4002, 20)


def test_a_request_that_is_too_large_ends_the_connection(engine: ScriptedEngine) -> None:
    with serving(engine, max_message_bytes=1000) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packets(1, bytes(1500), 500))
        assert read_tokens(client.read_to_end())[0][:3] == ("ERROR", 4002, 20)


def wait_for_cancel(session: ScriptedInterpreter, _: Parameterized) -> Iterator[Outcome]:
    assert session.cancelled.wait(WAIT_SEC)
    raise SqlServerError(3617, "cancelled")
    yield


def test_attention_stops_a_running_statement(engine: ScriptedEngine) -> None:
    engine.scripts["slow"] = wait_for_cancel
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packet(1, batch("slow")) + packet(6, b""))
        assert read_tokens(client.read_response()) == [("DONE", "ATTENTION", 0, 0)]
        assert client.ask(1, batch("x")) == [("DONE", "", 0, 0)]


def test_attention_on_an_idle_connection_is_acknowledged(engine: ScriptedEngine) -> None:
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        assert client.ask(6, b"") == [("DONE", "ATTENTION", 0, 0)]
        assert not engine.sessions[0].cancelled.is_set()
        assert client.ask(1, batch("x")) == [("DONE", "", 0, 0)]


def test_a_cancel_that_came_too_early_is_repeated(engine: ScriptedEngine) -> None:
    first = threading.Event()

    def script(session: ScriptedInterpreter, _: Parameterized) -> Iterator[Outcome]:
        assert session.cancelled.wait(WAIT_SEC)
        session.cancelled.clear()
        first.set()
        assert session.cancelled.wait(WAIT_SEC)
        yield StatementDone()

    engine.scripts["slow"] = script
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packet(1, batch("slow")))
        client.socket.sendall(packet(6, b""))
        assert read_tokens(client.read_response()) == [("DONE", "ATTENTION", 0, 0)]
    assert first.is_set()


def test_a_client_that_leaves_stops_its_statement_and_its_session(engine: ScriptedEngine) -> None:
    engine.scripts["slow"] = wait_for_cancel
    with serving(engine) as server:
        with RawClient(server) as client:
            client.log_in()
            client.socket.sendall(packet(1, batch("slow")))
        assert engine.sessions[0].cancelled.wait(WAIT_SEC)
        assert engine.sessions[0].closed.wait(WAIT_SEC)


def endless(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
    def batches() -> Iterator[list[tuple[str]]]:
        while True:
            yield [("x" * 1000,)] * 100

    yield ResultSet((Column("v", SqlType("varchar", 1000)),), batches())


def test_a_reader_that_stops_reading_blocks_only_itself(engine: ScriptedEngine) -> None:
    engine.scripts["endless"] = endless
    engine.answer("q", *rows_of(SqlType("int"), [1]))
    with serving(engine) as server, RawClient(server) as stalled, RawClient(server) as other:
        stalled.log_in()
        stalled.socket.sendall(packet(1, batch("endless")))
        stalled.read_exactly(100_000)
        other.log_in()
        assert ("ROW", 1) in other.ask(1, batch("q"))
    assert engine.sessions[0].closed.is_set()


def test_attention_reaches_a_reader_that_reads_on(engine: ScriptedEngine) -> None:
    engine.scripts["endless"] = endless
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packet(1, batch("endless")))
        begun = client.read_exactly(4096 * 10)
        client.socket.sendall(packet(6, b""))
        assert read_tokens(begun + client.read_response())[-1] == ("DONE", "ATTENTION", 0, 0)


def test_a_client_that_does_not_wait_for_answers_is_cut_off(engine: ScriptedEngine) -> None:
    engine.scripts["slow"] = wait_for_cancel
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        client.socket.sendall(packet(1, batch("slow")) * 10)
        engine.sessions[0].cancelled.set()
        assert b"w\0i\0t\0h\0o\0u\0t\0 \0w\0a\0i\0t\0i\0n\0g\0" in client.read_to_end()


def test_connections_leave_no_threads_and_no_sessions(engine: ScriptedEngine) -> None:
    before = threading.active_count()
    with serving(engine) as server:
        for _ in range(100):
            with RawClient(server) as client:
                client.log_in()
                client.ask(1, batch("x"))
        for session in engine.sessions:
            assert session.closed.wait(WAIT_SEC)
    assert len(engine.sessions) == 100
    assert threading.active_count() == before
    assert server.connections == 0


def test_closing_the_server_ends_clients_at_work(engine: ScriptedEngine) -> None:
    engine.scripts["slow"] = wait_for_cancel
    engine.scripts["endless"] = endless
    with serving(engine) as server:
        clients = [RawClient(server) for _ in range(3)]
        for client, text in zip(clients, ("slow", "endless", "x"), strict=True):
            client.log_in()
            client.socket.sendall(packet(1, batch(text)))
        server.close()
        assert all(session.closed.is_set() for session in engine.sessions)
        for client in clients:
            client.read_to_end()
            client.socket.close()
    assert server.connections == 0


def test_the_columns_of_an_answer_to_a_command_are_counted(engine: ScriptedEngine) -> None:
    engine.answer("q", *rows_of(SqlType("int"), [1, 2]))
    with serving(engine) as server, RawClient(server) as client:
        client.log_in()
        assert client.ask(1, batch("q"))[-1] == ("DONE", "COUNT", Command.SELECT.value, 2)
