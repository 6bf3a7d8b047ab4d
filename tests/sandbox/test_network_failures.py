"""The network between a client and the sandbox fails: what the client sees, and that nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pyodbc
import pytest

from tests.proxy import Direction, Proxy
from tests.sandbox.faults.clients import GONE
from tests.sandbox.footprint import quiet
from tests.sandbox.siege import Besieged, besieged
from tests.sandbox.test_server_leaks import ENDLESS

WAIT_SEC = 30.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Besieged]:
    with besieged("secret") as sandbox:
        connection = odbc(sandbox.server.port)
        connection.execute("CREATE TABLE t (k int NOT NULL PRIMARY KEY)")
        connection.commit()
        connection.close()
        yield sandbox


@pytest.fixture
def proxy(sandbox: Besieged) -> Iterator[Proxy]:
    """In front of a sandbox whose table t is empty; at the end the sandbox has no session left."""
    with Proxy("127.0.0.1", sandbox.server.port) as proxy:
        yield proxy
    assert quiet(sandbox.engine).sessions == 0
    connection = odbc(sandbox.server.port)
    connection.execute("DELETE FROM t")
    connection.commit()
    connection.close()


def odbc(port: int, *, timeout: int = 0) -> pyodbc.Connection:
    text = f"DRIVER=FreeTDS;SERVER=127.0.0.1,{port};UID=sa;PWD=secret;DATABASE=sandbox;TDS_Version=7.4"
    return pyodbc.connect(text, autocommit=False, timeout=timeout)


def kept(sandbox: Besieged) -> list[int]:
    connection = odbc(sandbox.server.port)
    found = [key for (key,) in connection.execute("SELECT k FROM t ORDER BY k").fetchall()]
    connection.close()
    return found


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_result_that_is_cut_is_an_error_and_no_shorter_result(proxy: Proxy, reset: bool) -> None:
    connection = odbc(proxy.port)
    cursor = connection.cursor()
    cursor.execute(ENDLESS)
    proxy.cut(Direction.TO_CLIENT, after_bytes=300_000, reset=reset)
    # After RST, FreeTDS 1.3 has no more to say than that.
    with pytest.raises(pyodbc.Error, match=rf"{GONE}|Unknown error \(0\)"):
        cursor.fetchall()
    connection.close()


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_transaction_whose_connection_breaks_is_rolled_back(sandbox: Besieged, proxy: Proxy, reset: bool) -> None:
    connection = odbc(proxy.port)
    connection.execute("INSERT INTO t VALUES (1)")
    proxy.drop(reset=reset)
    with pytest.raises(pyodbc.Error):
        connection.commit()
    # It waits for the lock of the broken one, and then finds nothing.
    other = odbc(sandbox.server.port)
    other.execute("INSERT INTO t VALUES (1)")
    other.commit()
    other.close()
    connection.close()
    assert kept(sandbox) == [1]


def test_a_commit_whose_answer_is_lost_is_carried_out(sandbox: Besieged, proxy: Proxy) -> None:
    connection = odbc(proxy.port)
    connection.execute("INSERT INTO t VALUES (2)")
    proxy.cut(Direction.TO_CLIENT, after_bytes=1)
    with pytest.raises(pyodbc.Error, match=GONE):
        connection.commit()
    connection.close()
    assert kept(sandbox) == [2]


def test_a_commit_that_does_not_arrive_is_not(sandbox: Besieged, proxy: Proxy) -> None:
    connection = odbc(proxy.port)
    connection.execute("INSERT INTO t VALUES (3)")
    proxy.cut(Direction.TO_SERVER, after_bytes=5)
    with pytest.raises(pyodbc.Error, match=GONE):
        connection.commit()
    connection.close()
    assert kept(sandbox) == []


def test_an_answer_that_is_held_up_comes_in_the_end(proxy: Proxy) -> None:
    connection = odbc(proxy.port)
    proxy.stall(Direction.TO_CLIENT)
    found: list[int] = []
    reading = threading.Thread(target=lambda: found.append(connection.execute("SELECT 7").fetchval()))
    reading.start()
    reading.join(0.1)
    assert reading.is_alive()
    proxy.resume(Direction.TO_CLIENT)
    reading.join(WAIT_SEC)
    assert found == [7]
    connection.close()


def test_a_server_that_cannot_be_reached_for_a_while(proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(pyodbc.Error, match="Unable to connect"):
        odbc(proxy.port)
    proxy.accept()
    odbc(proxy.port).close()
