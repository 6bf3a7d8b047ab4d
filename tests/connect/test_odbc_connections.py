"""Connections through the rendered files: the driver finds the server, takes every setting, and checks who answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from etl.odbc.profiles import Fields
from etl.sandbox import Server, serve
from etl.sandbox.server import TdsServer, bind
from tests.certificates import Authority
from tests.connect.odbc_folder import program, rendered
from tests.sandbox.record_traffic import Recorder
from tests.sandbox.scripted import ScriptedEngine

# SQL_ATTR_PACKET_SIZE is 112 (sqlext.h); pyodbc has no way to ask for it.
ASK = """
import ctypes, ctypes.util, json, os, sys
import pyodbc
connection = pyodbc.connect(f"DSN={sys.argv[1]};UID=sa", password=os.environ["SECRET"], autocommit=True)
row = connection.execute("SELECT DB_NAME(), @@TEXTSIZE, ?, CAST('0001-02-03' AS date)", "é😀").fetchone()
packet = ctypes.c_uint32()
ctypes.CDLL(sys.argv[2]).SQLGetConnectAttr(connection.hdbc, 112, ctypes.byref(packet), 4, None)
print(json.dumps([*map(str, row), packet.value]))
"""


def ask(source: str, server: Server, exports: dict[str, str], manager: str) -> tuple[list[Any] | None, str]:
    """What a program of its own reads from the data source, or None and the error."""
    asked = program("-c", ASK, source, manager, **exports, SECRET=server.password)
    return (json.loads(asked.stdout), "") if asked.returncode == 0 else (None, asked.stderr)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Company CA")


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox that insists on encryption, with a certificate of a private CA for the name localhost alone."""
    folder = tmp_path_factory.mktemp("server")
    certificate = authority.write_server(folder / "server.pem", "localhost")
    with serve(encryption="required", certificate=certificate) as server:
        yield server


def test_the_sandbox_is_reached(tmp_path: Path, server: Server, driver: str, manager: str) -> None:
    exports = rendered(tmp_path / "odbc", "sandbox", Fields(port=server.port), driver)
    assert ask("sandbox", server, exports, manager) == (["sandbox", "2147483647", "é😀", "0001-02-03", 8000], "")


def test_the_certificate_of_a_private_ca_is_checked(
    tmp_path: Path, server: Server, authority: Authority, driver: str, manager: str
) -> None:
    # All in one folder, under names of their own.
    trusted = str(authority.write(tmp_path / "company ca.pem"))
    other = str(Authority("Company CA").write(tmp_path / "other.pem"))
    cases = {
        "right": Fields("localhost", server.port, "sandbox", ca_file=trusted),
        "other-authority": Fields("localhost", server.port, "sandbox", ca_file=other),
        "systems-authorities": Fields("localhost", server.port, "sandbox", ca_file="system"),
        "other-name": Fields("127.0.0.1", server.port, "sandbox", ca_file=trusted),
    }
    for name, fields in cases.items():
        exports = rendered(tmp_path / "odbc", "private-ca", fields, driver, name)
    found, error = ask("right", server, exports, manager)
    assert found == ["sandbox", "2147483647", "é😀", "0001-02-03", 8000], error
    for name in ("other-authority", "systems-authorities", "other-name"):
        found, error = ask(name, server, exports, manager)
        assert found is None, name
        assert "Unable to connect" in error
        assert server.password not in error


class InTheClear(NamedTuple):
    """A server that does not encrypt, so that a login can be read on its way, and what it received, by connection."""

    port: int
    streams: list[bytearray]

    def exports(self, folder: Path, profile: str, fields: Fields, driver: str) -> dict[str, str]:
        """The profile's exports, for a data source `shop`, without encryption."""
        exports = rendered(folder, profile, fields, driver, "shop")
        servers = Path(exports["FREETDSCONF"])
        servers.write_text(servers.read_text().replace("encryption = require", "encryption = off"))
        return exports


@pytest.fixture
def in_the_clear() -> Iterator[InTheClear]:
    streams: list[bytearray] = []
    with TdsServer(
        ScriptedEngine(), bind("127.0.0.1", 0), intercept=lambda sock, engine: (Recorder(sock, streams), engine)
    ) as server:
        yield InTheClear(server.port, streams)


def test_azure_is_told_the_hosts_name(tmp_path: Path, in_the_clear: InTheClear, driver: str) -> None:
    fields = Fields("127.0.0.1", in_the_clear.port, "sandbox")
    exports = in_the_clear.exports(tmp_path / "odbc", "azure", fields, driver)
    connected = program("-c", "import pyodbc; pyodbc.connect('DSN=shop;UID=sa;PWD=secret')", **exports)
    assert connected.returncode == 0, connected.stderr
    (sent,) = in_the_clear.streams
    assert "127.0.0.1".encode("utf-16-le") in sent
    assert "shop".encode("utf-16-le") not in sent


def test_a_domain_login_asks_for_a_ticket_for_the_server(tmp_path: Path, in_the_clear: InTheClear, driver: str) -> None:
    fields = Fields("127.0.0.1", in_the_clear.port, "sandbox", realm="EXAMPLE.COM")
    exports = in_the_clear.exports(tmp_path / "odbc", "domain", fields, driver)
    log = tmp_path / "dump.log"
    # No ticket is there: what can be seen is that FreeTDS looks for one, and sends no login without it.
    ticketless = {"KRB5CCNAME": f"FILE:{tmp_path}/none", "KRB5_CONFIG": "/dev/null", "TDSDUMP": str(log)}
    refused = program("-c", "import pyodbc; pyodbc.connect('DSN=shop')", **exports, **ticketless)
    assert "Unable to connect" in refused.stderr or "Login failed" in refused.stderr
    assert f"using kerberos name MSSQLSvc/127.0.0.1:{in_the_clear.port}@EXAMPLE.COM\n" in log.read_text(
        errors="replace"
    )
    (sent,) = in_the_clear.streams
    assert "sandbox".encode("utf-16-le") not in sent


def test_a_database_with_awkward_signs_is_reached(tmp_path: Path, driver: str, manager: str) -> None:
    name = "a;b#c]d= {é}  'x"
    with serve(database=name) as server:
        exports = rendered(tmp_path / "odbc", "sandbox", Fields(port=server.port, database=name), driver)
        found, error = ask("sandbox", server, exports, manager)
    assert found is not None, error
    assert found[0] == name
