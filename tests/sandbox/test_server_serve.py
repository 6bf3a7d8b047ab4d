"""`serve()` and `run_forever()`: the whole sandbox as a program and its tests start it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pyodbc
import pytest
import sqlalchemy as sa

from etl.sandbox import Server, serve

PASSWORD = "pä@ss:/w?or&d%{;=😀"
"""What a URL, an ODBC connection string and the wire each have their own escapes for. Without `}`: FreeTDS 1.3 does not undo
its doubling inside of braces, so no such password reaches any server through SQLAlchemy."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(user="sa", password=PASSWORD, database="my db") as server:
        yield server


def test_the_url_connects_and_carries_emoji_both_ways(server: Server) -> None:
    engine = sa.create_engine(server.url())
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT :text"), {"text": "é😀漢字"}).scalar_one() == "é😀漢字"
        assert connection.execute(sa.text("SELECT N'é😀漢字'")).scalar_one() == "é😀漢字"
        assert connection.execute(sa.text("SELECT DB_NAME()")).scalar_one() == "my db"
    engine.dispose()


def test_the_url_may_name_another_database(server: Server) -> None:
    engine = sa.create_engine(server.url("master"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT DB_NAME()")).scalar_one() == "master"
    engine.dispose()
    with pytest.raises(sa.exc.DBAPIError, match="18456"):  # after 4060, of which FreeTDS shows the last
        sa.create_engine(server.url("nowhere")).connect()


def test_a_wrong_password_is_18456(server: Server) -> None:
    url = sa.make_url(server.url()).set(password="wrong")
    with pytest.raises(sa.exc.DBAPIError, match=r"Login failed for user 'sa'.*18456"):
        sa.create_engine(url).connect()


def test_the_password_is_hidden_and_random_where_none_is_given(server: Server) -> None:
    assert "pass" not in repr(server)
    assert PASSWORD not in repr(server)


def test_a_connection_is_encrypted_when_its_url_asks_for_it(server: Server) -> None:
    for asked, encrypted in (("", "FALSE"), ("&Encryption=require", "TRUE")):
        engine = sa.create_engine(server.url() + asked)
        with engine.connect() as connection:
            query = sa.text("SELECT encrypt_option, client_net_address FROM sys.dm_exec_connections")
            assert connection.execute(query).one() == (encrypted, "127.0.0.1")
        engine.dispose()


def test_the_certificate_can_be_had(server: Server) -> None:
    assert server.certificate_file is not None
    assert server.certificate_file.read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_session_knows_how_its_client_calls_itself(server: Server) -> None:
    engine = sa.create_engine(server.url() + "&APP=copy&WSID=laptop")
    with engine.connect() as connection:
        query = sa.text("SELECT HOST_NAME(), APP_NAME(), host_name, program_name FROM sys.dm_exec_sessions")
        assert connection.execute(query).one() == ("laptop", "copy", "laptop", "copy")
    engine.dispose()


def test_the_port_is_taken_once(server: Server) -> None:
    with pytest.raises(OSError, match="in use"), serve(port=server.port):
        pytest.fail("a second server on the same port")


def test_a_running_statement_is_cancelled(server: Server) -> None:
    engine = sa.create_engine(server.url(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE dbo.numbers (n bigint NOT NULL)"))
        assert server.load("my db", "dbo", "numbers", [(number,) for number in range(3000)]) == 3000
        cursor = connection.connection.cursor()
        canceller = threading.Timer(0.2, cursor.cancel)
        canceller.start()
        with pytest.raises(pyodbc.Error, match="HY008"):
            cursor.execute(
                "SELECT SUM(a.n + b.n + c.n) FROM dbo.numbers a CROSS JOIN dbo.numbers b CROSS JOIN dbo.numbers c"
            )
        canceller.join()
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    engine.dispose()


PROGRAM = """
from etl.sandbox import run_forever
run_forever(lambda server: print(server.port, flush=True), password="secret")
print("closed", flush=True)
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_run_forever_ends_in_order_on_a_signal(stop: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        port = int(program.stdout.readline())
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        program.send_signal(stop)
        assert program.stdout.read() == "closed\n"
        assert program.wait(30) == 0


def test_importing_the_package_loads_neither_engine_nor_the_rest_of_etl() -> None:
    code = (
        "import etl.sandbox, sys; print(*sorted(m for m in sys.modules if m.startswith(('etl', 'psycopg', 'sqlglot'))))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["etl", "etl.sandbox"]
