"""What is wrong on the way to the server or at it, stage by stage: the right step names it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from tests.databases import MssqlDatabase
from tests.doctor.conftest import MakeLogin
from tests.doctor.examination import doctor
from tests.told_steps import ToldSteps


def with_url(there: MssqlDatabase, **changes: Any) -> str:
    return sa.make_url(there.url).set(**changes).render_as_string(hide_password=False)


def with_options(there: MssqlDatabase, **options: str) -> str:
    return sa.make_url(there.url).update_query_dict(options).render_as_string(hide_password=False)


def assert_fails_at(found: ToldSteps, step: str, exit_code: int = 3) -> None:
    assert found.failed == [step]
    assert found.ended.exit_code == exit_code


def test_the_name_does_not_resolve(server_database: MssqlDatabase) -> None:
    found = doctor(with_url(server_database, host="no-such-host.invalid"))
    assert_fails_at(found, "name")
    assert found.steps["name"]["found"].startswith("the name no-such-host.invalid does not resolve")
    assert {found.statuses[step] for step in ("port", "protocol", "login", "database")} == {"skipped"}


def test_nothing_listens_on_the_port(server_database: MssqlDatabase) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        found = doctor(with_url(server_database, host="127.0.0.1", port=port))
    assert_fails_at(found, "port")
    assert found.steps["port"]["found"] == f"127.0.0.1 refuses connections on port {port}"


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server of something else: it answers each connection's first bytes so, and closes. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                with link:
                    if link.recv(4096):
                        link.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it answers with b'HTTP/1.1'"),
        (b"", "it closes the connection without an answer"),
        (b"\x15\x03", r"it answers with b'\x15\x03'"),
        (b"\x04\x01\x00\x0c\x00\x00\x00\x00\x00\x00\x06\x00", "breaks off"),
        (b"\x04\x01\x00\x09\x00\x00\x00\x00\xff", "no version"),
    ],
)
def test_something_else_answers(server_database: MssqlDatabase, answer: bytes, said: str) -> None:
    with answering(answer) as port:
        found = doctor(with_url(server_database, host="127.0.0.1", port=port))
    assert_fails_at(found, "protocol")
    assert "does not speak SQL Server's protocol" in found.steps["protocol"]["found"]
    assert said in found.steps["protocol"]["found"]


def test_a_wrong_password(server_database: MssqlDatabase) -> None:
    found = doctor(with_url(server_database, password="not that"))
    assert_fails_at(found, "login")
    assert "the server refused the login" in found.steps["login"]["found"]
    assert found.steps["database"]["found"] == "the step `login` failed"


def test_a_wrong_database(server_database: MssqlDatabase) -> None:
    found = doctor(with_url(server_database, database="no_such_database"))
    assert_fails_at(found, "database")
    assert found.steps["login"]["found"].endswith("for master")
    assert "may not enter no_such_database" in found.steps["database"]["found"]
    assert found.steps["bulk copy"]["found"] == "the step `database` failed"


def test_an_old_tds_version(server_database: MssqlDatabase) -> None:
    found = doctor(with_options(server_database, TDS_Version="7.1"))
    # A server may refuse it, or let it in.
    assert found.failed in (["login"], ["tds version"])
    assert found.ended.exit_code == 3
    assert "TDS_Version=7.4 in the URL" in found.steps[found.failed[0]]["fix"]


def test_textsize_cuts(server_database: MssqlDatabase) -> None:
    found = doctor(with_options(server_database, TextSize="4096"))
    assert found.ended.exit_code == 0
    assert found.statuses["textsize"] == "warn"
    assert found.steps["textsize"]["found"] == "the server cuts values off at 4,096 bytes (TEXTSIZE)"
    assert "TextSize=2147483647" in found.steps["textsize"]["fix"]
    # The project's own connections are not cut.
    assert found.statuses["long text"] == "ok"


def test_a_larger_packet_is_told(server_database: MssqlDatabase) -> None:
    found = doctor(with_options(server_database, PacketSize="16383"))
    assert found.steps["packet size"]["found"] == "16,383 bytes"


def test_encryption_is_read_back(server_database: MssqlDatabase) -> None:
    found = doctor(with_options(server_database, Encryption="require"))
    assert found.ended.exit_code == 0
    assert found.steps["encryption"]["found"] == "all that is sent is encrypted (sys.dm_exec_connections)"


def test_a_login_that_may_not_see_whether_it_is_encrypted(login_with: MakeLogin) -> None:
    url = login_with("ALTER ROLE db_owner ADD MEMBER {user}")
    found = doctor(url)
    assert found.ended.exit_code == 0
    assert found.statuses["encryption"] == "warn"
    assert "could not be read" in found.steps["encryption"]["found"]
    assert "VIEW SERVER STATE" in found.steps["encryption"]["meaning"]
    demanding = doctor(
        sa.make_url(url).update_query_dict({"Encryption": "require"}).render_as_string(hide_password=False)
    )
    assert demanding.statuses["encryption"] == "ok"
    assert "the server agrees to encrypt all" in demanding.steps["encryption"]["found"]


# Rights


def test_a_read_only_login(server_database: MssqlDatabase, login_with: MakeLogin) -> None:
    server_database.make("orders", {"id": "int"})
    url = login_with("ALTER ROLE db_datareader ADD MEMBER {user}")
    found = doctor(url)
    assert found.failed == ["create", "insert"]
    assert found.ended.exit_code == 6
    assert "CREATE TABLE permission denied" in found.steps["create"]["found"]
    assert "GRANT CREATE TABLE TO [etl_" in found.steps["create"]["fix"]
    assert found.steps["insert"]["meaning"] == "The login is read-only: it can be used for a source."
    assert found.steps["read"]["found"] == "the whole database (1 tables)"
    as_source = doctor(url, "--read-only")
    assert as_source.ended.exit_code == 0
    assert as_source.statuses["create"] == "skipped"


def test_single_tables_are_counted(server_database: MssqlDatabase, login_with: MakeLogin) -> None:
    for table in ("a", "b", "c"):
        server_database.make(table, {"id": "int"})
    url = login_with("GRANT SELECT ON a TO {user}", "GRANT INSERT ON b TO {user}")
    found = doctor(url)
    assert found.steps["read"]["found"] == "1 of the 2 tables that the login sees"
    assert found.steps["insert"]["found"] == "into 1 of the 2 tables that the login sees"
    assert found.steps["bulk copy"]["found"].startswith("3 rows arrived in a temporary table")
    assert found.failed == ["create"]


def test_a_source_without_readable_tables(server_database: MssqlDatabase, login_with: MakeLogin) -> None:
    server_database.make("orders", {"id": "int"})
    found = doctor(login_with(), "--read-only")
    assert_fails_at(found, "read", 6)
    assert found.steps["read"]["found"] == "the login sees no table of the database"
    assert "GRANT SELECT" in found.steps["read"]["fix"]


def test_without_the_right_to_make_tables_a_ledger_that_is_there_will_do(
    server_database: MssqlDatabase, login_with: MakeLogin
) -> None:
    server_database.make("etl_run", {"run_id": "char(8)"})
    server_database.make("etl_chunk", {"run_id": "char(8)"})
    url = login_with("GRANT SELECT, INSERT ON SCHEMA::dbo TO {user}")
    found = doctor(url)
    assert found.ended.exit_code == 0
    assert found.statuses["create"] == "warn"
    assert found.steps["create"]["meaning"].startswith("The ledger is there")
