"""Encryption as negotiated in PRELOGIN, spoken to in bytes: full, login only, none, refused, and every way to go wrong."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from etl.sandbox.connection import Limits
from etl.sandbox.encryption import EncryptionChoice, encryption_policy
from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Column, Outcome, Parameterized, ResultSet
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.wire.prelogin import Encryption
from tests.sandbox.scripted import ScriptedEngine, ScriptedInterpreter, rows_of
from tests.sandbox.tds_bytes import batch, login7, packet, packets, prelogin
from tests.sandbox.tls_client import WAIT_SEC, TlsClient, trusting
from tests.sandbox.token_reader import read_tokens

LOGGED_IN = ("DONE", "", 0, 0)


@pytest.fixture
def engine() -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.answer("q", *rows_of(SqlType("int"), [7]))
    return engine


@contextmanager
def serving(
    engine: ScriptedEngine, encryption: EncryptionChoice = "optional", login_timeout_sec: float = 15.0
) -> Iterator[TdsServer]:
    with (
        encryption_policy(encryption, "127.0.0.1") as (policy, _),
        TdsServer(engine, bind("127.0.0.1", 0), Limits(login_timeout_sec=login_timeout_sec), policy) as server,
    ):
        yield server


@pytest.mark.parametrize(("choice", "word"), [("optional", Encryption.ON), ("required", Encryption.OFF)])
def test_everything_is_encrypted(engine: ScriptedEngine, choice: EncryptionChoice, word: Encryption) -> None:
    with serving(engine, choice) as server, TlsClient(server.port) as client:
        assert client.log_in(word)[-1] == LOGGED_IN
        assert ("ROW", 7) in client.ask(1, batch("q"))
    assert engine.sessions[0].client.encrypted  # type: ignore[union-attr]


def test_a_login_alone_is_encrypted(engine: ScriptedEngine) -> None:
    with serving(engine) as server, TlsClient(server.port) as client:
        assert client.log_in(Encryption.OFF)[-1] == LOGGED_IN
        assert client.tls is None
        assert ("ROW", 7) in client.ask(1, batch("q"))
    assert not engine.sessions[0].client.encrypted  # type: ignore[union-attr]


@pytest.mark.parametrize("pieces", [1, 4])
def test_of_a_long_login_only_the_first_packet_is_encrypted(engine: ScriptedEngine, pieces: int) -> None:
    data = packets(16, login7(features=b"\x05" + (3000).to_bytes(4, "little") + bytes(3000) + b"\xff"), 504)
    with serving(engine) as server, TlsClient(server.port) as client:
        client.negotiate(Encryption.OFF)
        client.shake_hands()
        step = 512 // pieces
        for start in range(0, 512, step):
            client.send(data[start : start + step])
        client.end_tls()
        client.send(data[512:])
        assert client.read_message()[-13:] == bytes.fromhex("fd000000000000000000000000")


def test_nothing_is_encrypted_where_a_side_cannot(engine: ScriptedEngine) -> None:
    for choice, word in (("none", Encryption.OFF), ("none", Encryption.NOT_SUPPORTED), ("optional", 2)):
        with serving(engine, choice) as server, TlsClient(server.port) as client:  # type: ignore[arg-type]
            assert client.log_in(word)[-1] == LOGGED_IN
            assert client.tls is None
            assert ("ROW", 7) in client.ask(1, batch("q"))


@pytest.mark.parametrize(
    ("choice", "word", "answer"),
    [
        ("required", Encryption.NOT_SUPPORTED, Encryption.REQUIRED),
        ("none", Encryption.ON, Encryption.NOT_SUPPORTED),
        ("none", Encryption.REQUIRED, Encryption.NOT_SUPPORTED),
        ("none", 0x80, Encryption.NOT_SUPPORTED),
        ("optional", 0x82, Encryption.REQUIRED),
    ],
)
def test_sides_that_do_not_agree_part(
    engine: ScriptedEngine, choice: EncryptionChoice, word: int, answer: Encryption
) -> None:
    with serving(engine, choice) as server, TlsClient(server.port) as client:
        assert client.negotiate(word) is answer
        assert client.read_to_end() == b""
    assert engine.sessions == []


@pytest.mark.parametrize("word", [Encryption.OFF, Encryption.ON])
def test_a_plain_login_after_encryption_was_agreed_gets_nothing(engine: ScriptedEngine, word: Encryption) -> None:
    with serving(engine) as server, TlsClient(server.port) as client:
        client.negotiate(word)
        client.send(packet(16, login7()))
        assert client.read_to_end() == b""
    assert engine.sessions == []


def test_a_plain_login_after_the_handshake_gets_nothing(engine: ScriptedEngine) -> None:
    for word in (Encryption.OFF, Encryption.ON):
        with serving(engine) as server, TlsClient(server.port) as client:
            client.negotiate(word)
            client.shake_hands()
            client.end_tls()
            client.send(packet(16, login7()))
            assert client.read_to_end() == b""
    assert engine.sessions == []


def test_bytes_slipped_in_before_the_handshake_are_not_taken_for_the_clients(engine: ScriptedEngine) -> None:
    with serving(engine) as server, TlsClient(server.port) as client:
        client.send(packet(18, prelogin(Encryption.ON)) + packet(16, login7())[:30])
        client.read_message()
        assert client.read_to_end() == b""


def test_a_client_that_encrypts_more_than_the_first_packet_of_its_login_is_cut_off(engine: ScriptedEngine) -> None:
    data = packets(16, login7(features=b"\x05" + (3000).to_bytes(4, "little") + bytes(3000) + b"\xff"), 504)
    with serving(engine) as server, TlsClient(server.port) as client:
        client.negotiate(Encryption.OFF)
        client.shake_hands()
        for start in range(0, len(data), 512):
            client.send(data[start : start + 512])
        assert client.read_to_end() == b""
    assert engine.sessions == []


GARBAGE = [
    packet(18, b"\x16\x03\x01\x00\x05hello"),
    packet(18, bytes(4000)),
    packet(18, b"\x15\x03\x03\x00\x02\x02\x28"),
    packet(1, b"select 1"),
    packet(6, b""),
    b"\x12\x01\x00\x07\0\0\0\0",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    packet(18, b"", 0) * 20_000,
]


@pytest.mark.parametrize("data", GARBAGE, ids=lambda data: data[:12].hex())
def test_a_handshake_that_is_none_ends_quietly(
    engine: ScriptedEngine, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), serving(engine) as server, TlsClient(server.port) as client:
        client.negotiate(Encryption.ON)
        try:
            client.send(data)
        except (BrokenPipeError, ConnectionResetError):
            # The server was faster.
            assert len(data) > 1000
        assert client.read_to_end() == b""
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_damaged_handshakes_let_nobody_in(engine: ScriptedEngine, caplog: pytest.LogCaptureFixture) -> None:
    random = Random(0)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        trusting().wrap_bio(incoming, outgoing).do_handshake()
    hello = outgoing.read()
    with caplog.at_level(logging.WARNING), serving(engine, login_timeout_sec=0.2) as server:
        for _ in range(150):
            data = bytearray(hello)
            for _ in range(random.randint(1, 4)):
                data[random.randrange(len(data))] = random.randrange(256)
            cut = random.choice([len(data), random.randrange(len(data))])
            with TlsClient(server.port) as client:
                client.negotiate(Encryption.ON)
                client.send(packet(18, bytes(data[:cut])))
                client.socket.shutdown(socket.SHUT_WR)
                # Where the damage did no harm, the server goes on with the handshake and says no more than that.
                answer = client.read_to_end()
                assert not answer or answer[0] == 18
    assert engine.sessions == []
    assert caplog.records == []


def test_a_client_of_tls_1_3_alone_is_cut_off(engine: ScriptedEngine) -> None:
    context = trusting()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with serving(engine) as server, TlsClient(server.port) as client:
        client.negotiate(Encryption.ON)
        with pytest.raises(AssertionError, match="closed"):
            client.shake_hands(context)


def test_the_session_is_tls_1_2_without_tickets(engine: ScriptedEngine) -> None:
    with serving(engine) as server, TlsClient(server.port) as client:
        client.negotiate(Encryption.ON)
        tls = client.shake_hands()
        assert tls.version() == "TLSv1.2"
        assert tls.session is not None
        assert not tls.session.has_ticket


@pytest.mark.parametrize("word", [Encryption.OFF, Encryption.ON])
def test_a_client_may_resume_the_session_of_another_connection(engine: ScriptedEngine, word: Encryption) -> None:
    context = trusting()
    with serving(engine) as server, TlsClient(server.port) as first, TlsClient(server.port) as second:
        first.negotiate(Encryption.ON)
        session = first.shake_hands(context).session
        # Its connection has to live: OpenSSL forgets the session of one that was cut off.
        first.send(packet(16, login7()))
        first.read_packets()
        second.negotiate(word)
        assert second.shake_hands(context, resumed=session).session_reused
        second.send(packet(16, login7()))
        if word is Encryption.OFF:
            second.end_tls()
        assert read_tokens(second.read_packets())[-1] == LOGGED_IN
        assert ("ROW", 7) in second.ask(1, batch("q"))


def test_a_handshake_that_stalls_ends_at_the_login_timeout(engine: ScriptedEngine) -> None:
    with serving(engine, login_timeout_sec=0.2) as server, TlsClient(server.port) as client:
        client.negotiate(Encryption.ON)
        client.send(packet(18, b"\x16\x03\x01\x02\x00")[:11])
        assert client.read_to_end() == b""


def test_a_login_that_stalls_inside_of_a_record_ends_at_the_login_timeout(engine: ScriptedEngine) -> None:
    for word in (Encryption.OFF, Encryption.ON):
        with serving(engine, login_timeout_sec=0.5) as server, TlsClient(server.port) as client:
            client.negotiate(word)
            client.shake_hands()
            client.socket.sendall(b"\x17\x03\x03\x01\x00" + bytes(20))
            assert client.read_to_end() == b""


def leave_at_once(client: TlsClient) -> None:
    assert client.socket


def leave_after_prelogin(client: TlsClient) -> None:
    client.negotiate(Encryption.ON)


def leave_inside_the_handshake(client: TlsClient) -> None:
    client.negotiate(Encryption.ON)
    client.send(packet(18, b"\x16\x03\x01\x02\x00"))


def leave_after_the_handshake(client: TlsClient) -> None:
    client.negotiate(Encryption.OFF)
    client.shake_hands()


def leave_inside_the_login(client: TlsClient) -> None:
    client.negotiate(Encryption.ON)
    client.shake_hands()
    client.send(packet(16, login7())[:50])


def leave_inside_a_request(client: TlsClient) -> None:
    client.log_in(Encryption.ON)
    client.send(packet(1, batch("q"))[:20])


@pytest.mark.parametrize(
    "leave",
    [
        leave_at_once,
        leave_after_prelogin,
        leave_inside_the_handshake,
        leave_after_the_handshake,
        leave_inside_the_login,
        leave_inside_a_request,
    ],
)
def test_who_vanishes_leaves_nothing_behind(engine: ScriptedEngine, leave: Callable[[TlsClient], None]) -> None:
    before = threading.active_count()
    with serving(engine) as server:
        for _ in range(10):
            with TlsClient(server.port) as client:
                leave(client)
        for session in engine.sessions:
            assert session.closed.wait(WAIT_SEC)
        server.close()
    assert threading.active_count() == before
    assert server.connections == 0


def test_the_password_is_in_no_log(engine: ScriptedEngine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving(engine) as server:
        for word in (Encryption.OFF, Encryption.ON, Encryption.NOT_SUPPORTED):
            with TlsClient(server.port) as client:
                answer = client.negotiate(word)
                if answer is not Encryption.NOT_SUPPORTED:
                    client.shake_hands()
                client.send(packet(16, login7(password="hush-hush")))
                client.socket.recv(10_000)
    assert "Login failed for user 'sa'" in caplog.text
    assert "hush" not in caplog.text


def test_a_client_of_tds_8_is_told_in_tls(engine: ScriptedEngine, caplog: pytest.LogCaptureFixture) -> None:
    context = trusting()
    context.set_alpn_protocols(["tds/8.0"])
    with caplog.at_level(logging.INFO), serving(engine) as server:
        raw = TlsClient(server.port).socket
        with pytest.raises(ssl.SSLError, match="no application protocol"), raw:
            context.wrap_socket(raw)
    assert "strict encryption (TDS 8.0) is not supported" in caplog.text


def wait_for_cancel(session: ScriptedInterpreter, _: Parameterized) -> Iterator[Outcome]:
    assert session.cancelled.wait(WAIT_SEC)
    raise SqlServerError(3617, "cancelled")
    yield


def test_attention_stops_a_running_statement(engine: ScriptedEngine) -> None:
    engine.scripts["slow"] = wait_for_cancel
    with serving(engine) as server, TlsClient(server.port) as client:
        client.log_in(Encryption.ON)
        client.send(packet(1, batch("slow")))
        assert client.ask(6, b"") == [("DONE", "ATTENTION", 0, 0)]
        assert ("ROW", 7) in client.ask(1, batch("q"))


def test_attention_stops_rows_that_the_client_does_not_read(engine: ScriptedEngine) -> None:
    def rows() -> Iterator[list[tuple[str]]]:
        while True:
            yield [("x" * 1000,)] * 100

    def script(_: ScriptedInterpreter, __: Parameterized) -> Iterator[Outcome]:
        yield ResultSet((Column("v", SqlType("varchar", 1000)),), rows())

    engine.scripts["endless"] = script
    with serving(engine) as server, TlsClient(server.port) as client:
        client.log_in(Encryption.ON)
        client.send(packet(1, batch("endless")))
        begun = client.read_exactly(4096 * 10)
        client.send(packet(6, b""))
        assert read_tokens(begun + client.read_packets())[-1] == ("DONE", "ATTENTION", 0, 0)
        assert ("ROW", 7) in client.ask(1, batch("q"))


def test_a_record_that_arrives_byte_by_byte_is_one_request(engine: ScriptedEngine) -> None:
    with serving(engine) as server, TlsClient(server.port) as client:
        client.log_in(Encryption.ON)
        for byte in client.encrypted(packet(1, batch("q"))):
            client.socket.sendall(bytes((byte,)))
        assert ("ROW", 7) in read_tokens(client.read_packets())


def test_a_broken_record_ends_the_connection(engine: ScriptedEngine) -> None:
    with serving(engine) as server, TlsClient(server.port) as client:
        client.log_in(Encryption.ON)
        record = bytearray(client.encrypted(packet(1, batch("q"))))
        record[-1] ^= 1
        client.socket.sendall(record)
        assert client.read_to_end() == b""
        assert engine.sessions[0].closed.wait(WAIT_SEC)
    assert engine.sessions[0].requests == []
