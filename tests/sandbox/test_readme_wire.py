"""What the sandbox's README says of the wire, done by clients."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator

import pymssql
import pyodbc
import pytds
import pytest

from etl.sandbox import Server, bulk_statement, serve
from tests.sandbox.raw_client import RawClient
from tests.sandbox.tds_bytes import batch, call, packet
from tests.sandbox.test_readme import rows
from tests.sandbox.token_reader import Token, read_tokens

PASSWORD = secrets.token_hex(8)
RESET_CONNECTION, RESET_CONNECTION_SKIP_TRANSACTION = 0x08, 0x10


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(password=PASSWORD) as server:
        yield server


def connect(server: Server, **options: str) -> pyodbc.Connection:
    settings = {
        "DRIVER": "FreeTDS",
        "SERVER": server.host,
        "PORT": str(server.port),
        "UID": server.user,
        "PWD": PASSWORD,
        "DATABASE": "sandbox",
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
    } | options
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in settings.items()), autocommit=True)


def sql_logins(server: Server) -> None:
    for options in ({"PWD": "wrong"}, {"UID": "nobody"}, {"DATABASE": "nowhere"}):
        with pytest.raises(pyodbc.Error, match="Login failed"):
            connect(server, **options)
    with RawClient(server) as client:
        answer = client.log_in(user=server.user, password=PASSWORD, database="nowhere")
        assert next(token[1] for token in answer if token[0] == "ERROR") == 4060


def tls(server: Server) -> None:
    for choice, encrypted in (("off", "FALSE"), ("request", "FALSE"), ("require", "TRUE")):
        connection = connect(server, Encryption=choice)
        sql = "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID"
        assert connection.execute(sql).fetchval() == encrypted
        connection.close()


def several_result_sets(server: Server) -> None:
    connection = connect(server)
    cursor = connection.execute("SELECT 1 SELECT 2, 3 UPDATE nothing SET a = 1")
    assert [tuple(row) for row in cursor.fetchall()] == [(1,)]
    assert cursor.nextset()
    assert [tuple(row) for row in cursor.fetchall()] == [(2, 3)]
    with pytest.raises(pyodbc.Error, match="208"):
        cursor.nextset()
    connection.close()


def prepared_statements(server: Server) -> None:
    connection = connect(server)
    cursor = connection.cursor()
    assert [cursor.execute("SELECT ? + 1", number).fetchval() for number in (1, 2, 2)] == [2, 3, 3]
    connection.close()
    with pymssql.connect(server.host, server.user, PASSWORD, "sandbox", port=str(server.port)) as other:
        out = pymssql.output(int)
        assert int(str(other.cursor().callproc("sp_prepare", (out, "@a int", "SELECT @a", 1))[0])) > 0


def cancelling(server: Server) -> None:
    connection = connect(server)
    connection.execute("CREATE TABLE #n (n int); INSERT INTO #n VALUES (1), (2), (3), (4), (5), (6), (7), (8)")
    connection.execute("BEGIN TRANSACTION")
    cursor = connection.cursor()
    canceller = threading.Timer(0.2, cursor.cancel)
    canceller.start()
    crosses = " CROSS JOIN ".join(f"#n t{number}" for number in range(12))
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute(f"SELECT SUM(t1.n + t2.n) FROM {crosses}")
    canceller.join()
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 1
    connection.close()


def large_values(server: Server) -> None:
    connection = connect(server)
    text = "é😀" * 1_000_000
    assert connection.execute("SELECT CAST(? AS nvarchar(max))", text).fetchval() == text
    connection.close()


def bulk_load(server: Server) -> None:
    connection = connect(server)
    connection.execute("CREATE TABLE loaded (id int NOT NULL, name nvarchar(20) NULL)")
    # In pure Python: pymssql's bulk copy keeps the interpreter's lock while it waits for this very process.
    other = pytds.connect(server.host, "sandbox", server.user, PASSWORD, port=server.port, autocommit=True)
    kinds = {"id": pytds.tds_types.IntType(), "name": pytds.tds_types.NVarCharType(20)}
    other.cursor().copy_to(
        data=[(1, "a"), (2, None)],
        table_or_view="loaded",
        columns=[pytds.Column(name, type=kind) for name, kind in kinds.items()],
        check_constraints=True,
        fire_triggers=True,
        keep_nulls=True,
        tablock=True,
    )
    other.close()
    rows = connection.execute("SELECT id, name FROM loaded ORDER BY id").fetchall()
    assert [tuple(row) for row in rows] == [(1, "a"), (2, None)]
    connection.close()


def resetting(server: Server) -> None:
    with RawClient(server) as client:
        client.log_in(user=server.user, password=PASSWORD)
        client.ask(1, batch("BEGIN TRAN; CREATE TABLE #t (a int); SET LOCK_TIMEOUT 5"))
        question = "SELECT @@TRANCOUNT, OBJECT_ID('tempdb..#t'), @@LOCK_TIMEOUT"
        client.socket.sendall(packet(1, batch(question), status=1 | RESET_CONNECTION))
        assert ("ROW", 0, None, -1) in read_tokens(client.read_response())


ACTIONS: dict[str, Callable[[Server], None]] = {
    "SQL logins": sql_logins,
    "TLS": tls,
    "several result sets": several_result_sets,
    "prepared statements and output parameters": prepared_statements,
    "cancelling": cancelling,
    "large values": large_values,
    "bulk load": bulk_load,
    "resetting a connection": resetting,
}


def server_cursors(client: RawClient) -> list[Token]:
    return client.ask(3, call(2))


def resetting_and_keeping(client: RawClient) -> list[Token]:
    client.socket.sendall(packet(1, batch("SELECT 1"), status=1 | RESET_CONNECTION_SKIP_TRANSACTION))
    return read_tokens(client.read_response())


REFUSALS: dict[str, Callable[[RawClient], list[Token]]] = {
    "server cursors": server_cursors,
    "resetting a connection and keeping its transaction": resetting_and_keeping,
}


def test_each_promise_has_an_action() -> None:
    assert [what for what, _ in rows("On the wire")] == list(ACTIONS)
    assert [what for what, _ in rows("What is not there", "not on the wire")] == list(REFUSALS)
    options = dict(rows("On the wire"))["bulk load"]
    assert set(re.findall(r"[A-Z_]{6,}", options)) - {"INSERT"} == bulk_statement._FLAGS.keys()


@pytest.mark.parametrize("what", ACTIONS)
def test_a_client_can(server: Server, what: str) -> None:
    ACTIONS[what](server)


@pytest.mark.parametrize("what", REFUSALS)
def test_a_client_is_refused(server: Server, what: str) -> None:
    with RawClient(server) as client:
        client.log_in(user=server.user, password=PASSWORD)
        (error,) = [token for token in REFUSALS[what](client) if token[0] == "ERROR"]
        assert error[1] == 40517
        assert re.fullmatch(r"sandbox: .+ is not supported", str(error[3]))
