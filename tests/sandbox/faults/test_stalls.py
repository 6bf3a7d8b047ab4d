"""Requests that are held up on purpose, until they are released, cancelled or left."""

from __future__ import annotations

from collections.abc import Callable

import pyodbc
import pytest

from etl.sandbox import serve
from etl.sandbox.faults import COMMIT, Faults, Moment, Stall
from tests.sandbox.faults.clients import UNREACHABLE, WAIT_SEC, Connect, in_background, insert


@pytest.mark.parametrize("moment", Moment)
def test_a_stalled_commit_goes_on_when_released(
    connect: Connect, connection: pyodbc.Connection, faults: Faults, moment: Moment
) -> None:
    insert(connection, 1)
    armed = faults.add(Stall(at=COMMIT, moment=moment))
    committing = in_background(connection.commit)
    armed.wait_until_met(WAIT_SEC)
    count = connect(autocommit=True).execute("SELECT COUNT(*) FROM t").fetchval()
    assert count == (1 if moment is Moment.AFTER else 0)
    assert committing.is_alive()
    armed.release()
    committing.join(WAIT_SEC)
    assert connect(autocommit=True).execute("SELECT COUNT(*) FROM t").fetchval() == 1


def test_a_held_answer_comes_whole(connection: pyodbc.Connection, faults: Faults) -> None:
    armed = faults.add(Stall(at="SELECT n", moment=Moment.AFTER))
    found: list[pyodbc.Row] = []
    reading = in_background(
        lambda: found.extend(connection.execute("SELECT n FROM (VALUES (1), (2)) v(n) ORDER BY n").fetchall())
    )
    armed.wait_until_met(WAIT_SEC)
    armed.release()
    reading.join(WAIT_SEC)
    assert [tuple(row) for row in found] == [(1,), (2,)]


def test_a_stall_for_a_time_ends_by_itself(connection: pyodbc.Connection, faults: Faults) -> None:
    armed = faults.add(Stall(at="SELECT 1", seconds=0.05))
    assert connection.execute("SELECT 1").fetchval() == 1
    assert armed.met == 1


def test_a_stalled_statement_can_be_cancelled(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    insert(connection, 1)
    armed = faults.add(Stall(at="INSERT"))
    cursor = connection.cursor()

    def cancel() -> None:
        armed.wait_until_met(WAIT_SEC)
        cursor.cancel()

    cancelling = in_background(cancel)
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute("INSERT INTO t VALUES (2)")
    cancelling.join(WAIT_SEC)
    insert(connection, 3)
    connection.commit()
    assert kept() == [1, 3]


def test_a_query_timeout_ends_a_stall(connection: pyodbc.Connection, faults: Faults) -> None:
    faults.add(Stall(at="SELECT 1"))
    connection.timeout = 1
    with pytest.raises(pyodbc.Error, match="HYT00"):
        connection.execute("SELECT 1")
    assert connection.execute("SELECT 2").fetchval() == 2


def test_a_stalled_login_times_out_at_the_client_and_ends(connect: Connect, faults: Faults) -> None:
    armed = faults.add(Stall(at="LOGIN"))
    with pytest.raises(pyodbc.Error, match=rf"HYT00|{UNREACHABLE}"):
        connect(timeout=1)
    assert armed.met == 1
    assert connect().execute("SELECT 1").fetchval() == 1


def test_a_server_that_closes_ends_stalls() -> None:
    plan = Faults(Stall(at="SELECT 1"))
    failed: list[str] = []
    with serve(faults=plan) as server:

        def client() -> None:
            text = f"DRIVER=FreeTDS;SERVER=127.0.0.1,{server.port};UID=sa;PWD={{{server.password}}};TDS_Version=7.4"
            try:
                pyodbc.connect(text, autocommit=True).execute("SELECT 1")
            except pyodbc.Error as error:
                failed.append(str(error.args[0]))

        waiting = in_background(client)
        plan.armed[0].wait_until_met(WAIT_SEC)
    waiting.join(WAIT_SEC)
    assert failed == ["01000"]
