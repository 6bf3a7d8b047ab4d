"""What a URL promises of encryption holds, or there is no connection."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import etl
from etl.connect import Endpoint
from etl.errors import ConnectError
from etl.sandbox import Server, serve
from tests.certificates import Authority
from tests.connect.wiretap import only_the_login, tapped
from tests.databases import fresh_database
from tests.pipeline.jobs import job, make_orders

MARKER = "what nobody else may read"
CLEAR = MARKER.encode("utf-16-le")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Company CA")


@pytest.fixture(scope="module")
def ca_file(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority.write(tmp_path_factory.mktemp("client") / "ca.pem")


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox that leaves encryption to the client, with a certificate of the company's for the name localhost alone."""
    certificate = authority.write_server(tmp_path_factory.mktemp("server") / "server.pem", "localhost")
    with serve(certificate=certificate) as server:
        yield server


def url(server: Server, port: int | None = None, host: str = "localhost", **options: str | Path) -> str:
    """The server's URL, through another port, by another name, with more options."""
    changed = sa.make_url(server.url()).set(host=host, port=port or server.port)
    given = {name: str(value) for name, value in options.items()}
    return changed.update_query_dict(given).render_as_string(hide_password=False)


def encrypt_option(reference: str) -> str:
    """What the server says of a writer's connection, over which the marker has gone there and back."""
    with Endpoint.of(reference, "writer").connect() as connection:
        assert connection.execute(sa.text("SELECT :marker"), {"marker": MARKER}).scalar_one() == MARKER
        seen = connection.exec_driver_sql(
            "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID"
        )
        return str(seen.scalar_one())


@pytest.mark.parametrize("options", [{"Encryption": "require"}, {"Encrypt": "yes"}, {"encrypt": "Mandatory"}])
def test_nothing_is_heard_of_what_is_encrypted(server: Server, options: dict[str, str]) -> None:
    with tapped(server.port) as tap:
        assert encrypt_option(url(server, tap.port, "localhost", **options)) == "TRUE"
    assert len(tap.heard) > 1_000
    assert CLEAR not in tap.heard


@pytest.mark.parametrize("options", [{"Encryption": "off"}, {"Encryption": "request"}, {"Encrypt": "no"}, {}])
def test_clear_text_is_heard(server: Server, options: dict[str, str]) -> None:
    with tapped(server.port) as tap:
        assert encrypt_option(url(server, tap.port, "localhost", **options)) == "FALSE"
    assert CLEAR in tap.heard


def test_rows_of_a_whole_run_are_not_heard(server: Server, ca_file: Path) -> None:
    """Over arrow-odbc, statements and bulk copy, in this process and in workers."""
    with fresh_database(server.url()) as database, tapped(server.port) as tap:
        make_orders(database, 60)
        name = sa.make_url(database.url).database
        reference = sa.make_url(url(server, tap.port, ca_file=ca_file)).set(database=name)
        through = reference.render_as_string(hide_password=False)
        result = etl.run(job(database, source=through, target=through, executor="process"))
        assert result.rows_written == 60
        orders, copies = database.rows("orders", "id, customer"), database.rows("copies", "id, customer")
    assert orders == copies != Counter()
    customers = [str(row[1]) for row in orders if row[1] is not None]
    assert customers
    heard = bytes(tap.heard)
    assert not [text for text in customers if text.encode("utf-16-le") in heard or text.encode() in heard]


def test_a_server_without_encryption_is_refused() -> None:
    with serve(encryption="none") as server:
        assert encrypt_option(url(server)) == "FALSE"
        with pytest.raises(ConnectError, match="cannot connect to localhost"):
            encrypt_option(url(server, Encryption="require"))


def test_who_talks_both_into_clear_text_is_noticed(server: Server) -> None:
    """FreeTDS goes on in clear text, whatever it was told to require."""
    with (
        tapped(server.port, only_the_login) as tap,
        pytest.raises(ConnectError, match="is not encrypted, and it must") as refused,
    ):
        encrypt_option(url(server, tap.port, Encryption="require"))
    assert "Encryption=request" in refused.value.advice
    assert CLEAR not in tap.heard


@pytest.mark.parametrize(
    ("host", "options"), [("localhost", {}), ("127.0.0.1", {"check_hostname": "no"}), ("localhost", {"Encrypt": "yes"})]
)
def test_a_certificate_that_is_trusted(server: Server, ca_file: Path, host: str, options: dict[str, str]) -> None:
    assert encrypt_option(url(server, None, host, ca_file=ca_file, **options)) == "TRUE"


def test_certificates_that_are_not_trusted(server: Server, ca_file: Path, authority: Authority, tmp_path: Path) -> None:
    strange = Authority("Company CA").write(tmp_path / "strange.pem")
    expired = authority.write_server(tmp_path / "expired.pem", "localhost", until=dt.timedelta(days=-1))
    with serve(certificate=expired) as late:
        refused = [
            url(server, ca_file=strange),
            url(server, host="127.0.0.1", ca_file=ca_file),
            url(server, TrustServerCertificate="no"),
            url(late, ca_file=ca_file),
        ]
        for reference in refused:
            with pytest.raises(ConnectError, match="cannot connect to"):
                encrypt_option(reference)
        assert encrypt_option(url(late, Encryption="require")) == "TRUE"


ASK = """
import os
import sys
from etl.connect import Endpoint
for reference in sys.argv[1:]:
    with Endpoint.of(reference, "writer").connect() as connection:
        seen = "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID"
        print(connection.exec_driver_sql(seen).scalar_one())
print(os.environ["FREETDSCONF"])
"""


def test_the_users_own_servers_are_still_found(server: Server, ca_file: Path, tmp_path: Path) -> None:
    """Beside what a URL asks for, which does not mix with a section of theirs for the same host."""
    own = tmp_path / "freetds.conf"
    settings = f"\thost = 127.0.0.1\n\tport = {server.port}\n\tencryption = off\n\t# M\xfcnchen"
    own.write_text(f"[mine]\n{settings}\n[LocalHost]\n{settings}", encoding="latin-1")
    named = sa.make_url(server.url()).set(host=None, port=None, query={"Servername": "mine", "Encryption": "off"})
    references = [url(server, ca_file=ca_file), named.render_as_string(hide_password=False)] * 2
    asked = subprocess.run(
        [sys.executable, "-c", ASK, *references],
        env=os.environ | {"FREETDSCONF": str(own)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (asked.stdout, asked.returncode) == (f"TRUE\nFALSE\nTRUE\nFALSE\n{own}\n", 0), asked.stderr
