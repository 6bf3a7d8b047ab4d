"""What is wrong with encryption or with the server's certificate, stage by stage: the right step names it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from etl.sandbox import Server, serve
from etl.sandbox.encryption import EncryptionChoice, encryption_policy
from etl.sandbox.server import TdsServer, bind
from tests.certificates import DAY, write_self_signed
from tests.doctor.examination import doctor
from tests.sandbox.scripted import ScriptedEngine
from tests.told_steps import ToldSteps


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A sandbox whose certificate a client can check."""
    with serve() as running:
        yield running


@contextmanager
def showing(certificate: Path | None, encryption: EncryptionChoice = "optional") -> Iterator[int]:
    """A server without a database behind it: whoever gets past the certificate meets nothing. Gives its port."""
    with (
        encryption_policy(encryption, "127.0.0.1", certificate) as (policy, _),
        TdsServer(ScriptedEngine(), bind("127.0.0.1", 0), tls=policy) as server,
    ):
        yield server.port


def self_signed(folder: Path, name: str = "127.0.0.1", **valid: dt.timedelta) -> Path:
    """A self-signed certificate in a file of its host's name."""
    return write_self_signed(folder / f"{name}.pem", name, **valid)


def url(port: int, host: str = "127.0.0.1", **options: object) -> str:
    written = "".join(f"&{name}={quote(str(value), safe='')}" for name, value in options.items())
    return f"mssql+pyodbc://sa:secret@{host}:{port}/sandbox?driver=FreeTDS{written}"


def assert_certificate_fails(found: ToldSteps, reason: str) -> None:
    assert found.failed == ["certificate"]
    assert found.ended.exit_code == 3
    assert found.steps["certificate"]["found"] == f"the server's certificate does not hold: {reason}"
    assert found.steps["login"]["found"] == "the step `certificate` failed"


def test_a_checked_certificate_and_encryption_that_the_server_confirms(server: Server) -> None:
    options = {"Encryption": "require", "ca_file": server.certificate_file}
    checked = "".join(f"&{name}={quote(str(value), safe='')}" for name, value in options.items())
    found = doctor(server.url() + checked)
    assert found.failed == []
    assert found.statuses["certificate"] == "ok"
    said = found.steps["certificate"]["found"]
    assert said.startswith(f"certificate and host name checked against {server.certificate_file}; valid for 82")
    assert found.steps["encryption"]["found"] == "all that is sent is encrypted (sys.dm_exec_connections)"


def test_a_host_name_that_is_not_checked_is_told(server: Server) -> None:
    ca_file = quote(str(server.certificate_file), safe="")
    found = doctor(f"{server.url()}&Encryption=require&ca_file={ca_file}&check_hostname=no")
    assert found.failed == []
    assert found.statuses["certificate"] == "warn"
    assert "its host name is not checked" in found.steps["certificate"]["found"]


def test_a_self_signed_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    other = self_signed(tmp_path, "other.example.com")
    with showing(self_signed(tmp_path)) as port:
        found = doctor(url(port, Encryption="require", ca_file=other))
    assert_certificate_fails(found, "it is self-signed, and not among the trusted ones")
    assert "ca_file=" in found.steps["certificate"]["fix"]


def test_an_authority_that_is_not_trusted(server: Server, tmp_path: Path) -> None:
    other = self_signed(tmp_path, "other.example.com")
    found = doctor(url(server.port, Encryption="require", ca_file=other))
    assert_certificate_fails(found, "its authority is not trusted")


def test_the_systems_authorities_do_not_vouch_for_it(server: Server) -> None:
    found = doctor(url(server.port, Encryption="require", ca_file="system"))
    assert_certificate_fails(found, "its authority is not trusted")


@pytest.mark.parametrize(
    ("host", "reason"), [("localhost", "it is for another host name"), ("127.0.0.1", "it is for another address")]
)
def test_a_certificate_for_another_host(tmp_path: Path, host: str, reason: str) -> None:
    certificate = self_signed(tmp_path, "sales.example.com")
    with showing(certificate) as port:
        found = doctor(url(port, host, Encryption="require", ca_file=certificate))
    assert_certificate_fails(found, reason)
    assert "check_hostname=no" in found.steps["certificate"]["fix"]


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [(-10 * DAY, -DAY, "it has expired"), (DAY, 10 * DAY, "it is not valid yet")],
)
def test_a_certificate_out_of_its_time(tmp_path: Path, since: dt.timedelta, until: dt.timedelta, reason: str) -> None:
    certificate = self_signed(tmp_path, since=since, until=until)
    with showing(certificate) as port:
        found = doctor(url(port, Encryption="require", ca_file=certificate))
    assert_certificate_fails(found, reason)


def test_a_certificate_that_expires_soon(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, until=10 * DAY + dt.timedelta(hours=1))
    with showing(certificate) as port:
        found = doctor(url(port, Encryption="require", ca_file=certificate))
    assert found.statuses["certificate"] == "warn"
    assert found.steps["certificate"]["found"].endswith("valid for 10 more days")


def test_no_encryption_where_it_is_demanded() -> None:
    with showing(None, "none") as port:
        found = doctor(url(port, Encryption="require"))
        unasked = doctor(url(port, Encryption="request"))
    assert found.failed == ["certificate"]
    assert found.ended.exit_code == 3
    assert found.steps["certificate"]["found"] == "the server offers no encryption, and the connection demands it"
    assert found.steps["protocol"]["found"].endswith("no encryption")
    assert unasked.statuses["certificate"] == "warn"
    assert unasked.steps["certificate"]["found"] == "the server offers no encryption"


def test_a_server_that_demands_encryption_says_so() -> None:
    with showing(None, "required") as port:
        found = doctor(url(port))
    assert found.steps["protocol"]["found"].endswith("encryption demanded of every client")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with showing(None) as port:
        found = doctor(url(port, Encryption="require", ca_file=file))
    # The URL itself may be refused for it already.
    assert found.failed in (["url"], ["certificate"])
    assert str(file) in found.text(found.failed[0])
