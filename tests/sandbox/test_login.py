"""Logins in bytes and by old FreeTDS protocols: packet sizes, TDS versions, what a session learns of its client."""

from __future__ import annotations

import pyodbc
import pytest

from etl.sandbox.outcomes import Client, Column
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.sqltypes import SqlType
from tests.sandbox.raw_client import NO_ENCRYPTION, RawClient
from tests.sandbox.scripted import ScriptedEngine
from tests.sandbox.tds_bytes import batch, login7, packet, prelogin
from tests.sandbox.token_reader import read_tokens


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


def log_in(client: RawClient, payload: bytes) -> bytes:
    client.socket.sendall(packet(18, prelogin(NO_ENCRYPTION)))
    client.read_response()
    client.socket.sendall(packet(16, payload))
    return client.read_response()


@pytest.mark.parametrize(
    ("asked", "granted"), [(0, 4096), (1, 512), (512, 512), (4096, 4096), (32767, 32767), (40000, 32767)]
)
def test_packets_have_the_size_that_was_granted(engine: ScriptedEngine, asked: int, granted: int) -> None:
    engine.answer("q", [Column("v", SqlType("varchar", 8000))], [("x" * 8000,)] * 10)
    with TdsServer(engine, bind("127.0.0.1", 0)) as server, RawClient(server) as client:
        tokens = read_tokens(log_in(client, login7(packet_bytes=asked)))
        assert ("ENVCHANGE", 4, str(granted), "4096") in tokens
        client.socket.sendall(packet(1, batch("q")))
        answer = client.read_response()
    assert int.from_bytes(answer[2:4], "big") == granted
    assert read_tokens(answer)[-1][3] == 10


def test_a_session_knows_its_client(engine: ScriptedEngine) -> None:
    with TdsServer(engine, bind("127.0.0.1", 0)) as server, RawClient(server) as client:
        log_in(client, login7(packet_bytes=8000, version=0x730B0003, host="laptop", application="copy"))
    assert engine.sessions[0].client == Client("laptop", "copy", "127.0.0.1", False, 8000, 0x730B0003)


@pytest.mark.parametrize("version", ["4.2", "5.0", "7.0", "7.1", "7.2"])
def test_a_client_of_an_old_version_is_told(engine: ScriptedEngine, version: str) -> None:
    with TdsServer(engine, bind("127.0.0.1", 0)) as server:
        settings = f"DRIVER=FreeTDS;SERVER=127.0.0.1,{server.port};UID=sa;PWD=secret;TDS_Version={version}"
        with pytest.raises(
            pyodbc.ProgrammingError, match=r"sandbox: a TDS version below 7\.3 .* is not supported \(40517\)"
        ):
            pyodbc.connect(settings)
    assert engine.sessions == []


@pytest.mark.parametrize("version", ["7.3", "7.4", "auto"])
def test_a_client_of_a_new_version_is_served(engine: ScriptedEngine, version: str) -> None:
    with TdsServer(engine, bind("127.0.0.1", 0)) as server:
        settings = f"DRIVER=FreeTDS;SERVER=127.0.0.1,{server.port};UID=sa;PWD=secret;TDS_Version={version}"
        pyodbc.connect(settings).close()
    assert len(engine.sessions) == 1


def test_a_login_without_prelogin_gets_nothing(engine: ScriptedEngine) -> None:
    with TdsServer(engine, bind("127.0.0.1", 0)) as server, RawClient(server) as client:
        client.socket.sendall(packet(16, login7()))
        assert client.read_to_end() == b""
    assert engine.sessions == []


def test_a_prelogin_that_does_not_begin_with_a_version_gets_nothing(engine: ScriptedEngine) -> None:
    with TdsServer(engine, bind("127.0.0.1", 0)) as server, RawClient(server) as client:
        client.socket.sendall(packet(18, b"\x01\x00\x06\x00\x01\xff\x00"))
        assert client.read_to_end() == b""
