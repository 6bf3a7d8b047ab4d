"""Drivers that check the sandbox's certificate, and what they see of a sandbox whose encryption is not the default one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mssql_python
import pyodbc
import pytest

from etl.sandbox.connection import Limits
from etl.sandbox.encryption import EncryptionChoice, encryption_policy
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.sqltypes import SqlType
from tests.sandbox.scripted import ScriptedEngine, echo, rows_of


@pytest.fixture
def engine() -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.answer("q", *rows_of(SqlType("nvarchar", 20), ["é😀"]))
    engine.scripts["q @P1"] = echo
    return engine


@contextmanager
def serving(
    engine: ScriptedEngine, encryption: EncryptionChoice = "optional"
) -> Iterator[tuple[TdsServer, Path | None]]:
    with (
        encryption_policy(encryption, "127.0.0.1") as (policy, authority),
        TdsServer(engine, bind("127.0.0.1", 0), Limits(), policy) as server,
    ):
        yield server, authority


def microsoft(server: TdsServer, host: str = "localhost", **options: str) -> Any:
    settings = {
        "SERVER": f"{host},{server.port}",
        "UID": "sa",
        "PWD": "secret",
        "DATABASE": "sandbox",
        "Encrypt": "yes",
        "TrustServerCertificate": "no",
        # It would try again where the server has said no.
        "ConnectRetryCount": "0",
    } | options
    return mssql_python.connect(";".join(f"{name}={value}" for name, value in settings.items()), autocommit=True)


def freetds(server: TdsServer, **options: str) -> pyodbc.Connection:
    settings = {
        "DRIVER": "FreeTDS",
        "SERVER": f"127.0.0.1,{server.port}",
        "UID": "sa",
        "PWD": "secret",
        "DATABASE": "sandbox",
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
    } | options
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in settings.items()), autocommit=True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_microsofts_driver_checks_the_certificate(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with serving(engine) as (server, authority):
        with pytest.raises(mssql_python.OperationalError, match="certificate verify failed"):
            microsoft(server, host)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        connection = microsoft(server, host)
        assert connection.cursor().execute("q").fetchall()[0][0] == "é😀"
        connection.close()


def test_strict_encryption_is_refused_by_name_of_its_protocol(engine: ScriptedEngine) -> None:
    with (
        serving(engine) as (server, _),
        pytest.raises(mssql_python.OperationalError, match="no application protocol"),
    ):
        microsoft(server, Encrypt="strict")


@pytest.fixture
def servers_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The freetds.conf that FreeTDS reads in this test."""
    path = tmp_path / "freetds.conf"
    monkeypatch.setenv("FREETDSCONF", str(path))
    return path


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_freetds_checks_the_certificate(engine: ScriptedEngine, servers_file: Path, host: str) -> None:
    with serving(engine) as (server, authority), serving(engine) as (_, other):
        for name, trusted in (("right", authority), ("wrong", other)):
            with servers_file.open("a") as file:
                file.write(
                    f"[{name}]\nhost = {host}\nport = {server.port}\ntds version = 7.4\nencryption = require\n"
                    f"ca file = {trusted}\ncheck certificate hostname = yes\n"
                )
        login = "DRIVER=FreeTDS;UID=sa;PWD=secret;DATABASE=sandbox;ClientCharset=UTF-8"
        connection = pyodbc.connect(f"{login};SERVERNAME=right", autocommit=True)
        assert connection.execute("q").fetchval() == "é😀"
        connection.close()
        with pytest.raises(pyodbc.OperationalError, match="Unable to connect"):
            pyodbc.connect(f"{login};SERVERNAME=wrong", autocommit=True)


@pytest.mark.parametrize(
    ("encryption", "level", "encrypted"),
    [
        ("none", "off", False),
        ("none", "request", False),
        ("none", "require", None),
        ("optional", "off", False),
        ("optional", "request", False),
        ("optional", "require", True),
        ("required", "off", None),
        ("required", "request", True),
        ("required", "require", True),
    ],
)
def test_freetds_and_the_server_agree_or_part(
    engine: ScriptedEngine, encryption: EncryptionChoice, level: str, encrypted: bool | None
) -> None:
    with serving(engine, encryption) as (server, _):
        if encrypted is None:
            with pytest.raises(pyodbc.OperationalError, match="Unable to connect"):
                freetds(server, Encryption=level)
            assert engine.sessions == []
            return
        connection = freetds(server, Encryption=level)
        assert connection.execute("q ?", "é😀" * 100_000).fetchval() == "é😀" * 100_000
        connection.close()
        client = engine.sessions[0].client
        assert client is not None
        assert (client.encrypted, client.packet_bytes, client.address) == (encrypted, 4096, "127.0.0.1")


@pytest.mark.parametrize(
    ("level", "asked", "granted"),
    [("off", 32767, 32767), ("request", 32767, 32767), ("require", 16383, 16383), ("require", 32767, 16383)],
)
def test_a_packet_of_an_encrypted_connection_fits_into_a_record(
    engine: ScriptedEngine, level: str, asked: int, granted: int
) -> None:
    with serving(engine) as (server, _):
        connection = freetds(server, Encryption=level, PacketSize=str(asked))
        assert connection.execute("q ?", "x" * 200_000).fetchval() == "x" * 200_000
        connection.close()
    client = engine.sessions[0].client
    assert client is not None
    assert client.packet_bytes == granted


def test_thirty_encrypted_connections_at_once(engine: ScriptedEngine) -> None:
    together = threading.Barrier(30)

    def client(number: int) -> int:
        connection = freetds(server, Encryption="require")
        together.wait(30)
        found = {connection.execute("q ?", f"{number} " * 5000).fetchval() for _ in range(5)}
        connection.close()
        return int(found.pop().split()[0]) if len(found) == 1 else -1

    with serving(engine) as (server, _), ThreadPoolExecutor(30) as pool:
        assert list(pool.map(client, range(30))) == list(range(30))
