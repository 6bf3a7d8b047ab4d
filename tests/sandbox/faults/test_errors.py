"""Errors on purpose, as a client over FreeTDS sees them, and what the database holds afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pyodbc
import pytest

from etl.sandbox.faults import COMMIT, Fail, Faults, Moment, deadlock, disk_full
from tests.sandbox.faults.clients import GONE, Connect, insert, number


def test_an_error_on_the_kth_statement_ends_that_statement_alone(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    armed = faults.add(Fail(at=r"\AINSERT INTO t\b", nth=3, number=1222))
    insert(connection, 1, 2)
    with pytest.raises(pyodbc.Error, match="Lock request time out period exceeded") as raised:
        insert(connection, 3)
    assert number(raised) == 1222
    assert tuple(connection.execute("SELECT @@TRANCOUNT, XACT_STATE()").fetchone()) == (1, 1)
    insert(connection, 4)
    connection.commit()
    assert armed.met == 1
    assert kept() == [1, 2, 4]


def test_an_error_under_xact_abort_takes_the_transaction(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    connection.execute("SET XACT_ABORT ON")
    insert(connection, 1)
    faults.add(Fail(at="INSERT", number=1222))
    with pytest.raises(pyodbc.Error) as raised:
        insert(connection, 2)
    assert number(raised) == 1222
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 0
    assert kept() == []


def test_at_at_error_knows_the_error(connection: pyodbc.Connection, faults: Faults) -> None:
    faults.add(Fail(at="SELECT 1", number=8134, message="Divide by zero error encountered."))
    with pytest.raises(pyodbc.Error, match="Divide by zero"):
        connection.execute("SELECT 1")
    assert connection.execute("SELECT @@ERROR").fetchval() == 8134


def test_message_severity_and_state_are_the_tests_to_choose(connect: Connect, faults: Faults) -> None:
    connection = connect(autocommit=True)
    faults.add(Fail(at="SELECT 1", number=60001, message="no such luck", severity=20, state=7))
    with pytest.raises(pyodbc.Error, match="no such luck"):
        connection.execute("SELECT 1")
    with pytest.raises(pyodbc.Error):
        connection.execute("SELECT 2")


@pytest.mark.parametrize("error", [596, 823, 40197, 40501, 40613])
def test_a_fatal_error_ends_the_connection(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]], error: int
) -> None:
    insert(connection, 1)
    faults.add(Fail(at="INSERT", number=error))
    with pytest.raises(pyodbc.Error) as raised:
        insert(connection, 2)
    assert number(raised) == error
    with pytest.raises(pyodbc.Error, match=GONE):
        insert(connection, 3)
    assert kept() == []


def test_a_deadlock_victim_loses_its_transaction(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    insert(connection, 1)
    faults.add(deadlock())
    with pytest.raises(pyodbc.Error, match="deadlock victim") as raised:
        insert(connection, 2)
    assert number(raised) == 1205
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 0
    assert kept() == []


def test_a_full_disk_ends_the_statement_and_leaves_the_transaction(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    faults.add(disk_full(nth=2))
    insert(connection, 1)
    with pytest.raises(pyodbc.Error, match="filegroup is full") as raised:
        connection.execute("INSERT INTO t SELECT k + 1 FROM t")
    assert number(raised) == 1105
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 1
    connection.commit()
    assert kept() == [1]


def test_a_full_log_takes_the_transaction(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    insert(connection, 1)
    faults.add(Fail(at="INSERT", number=9002))
    with pytest.raises(pyodbc.Error) as raised:
        insert(connection, 2)
    assert number(raised) == 9002
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 0
    assert kept() == []


def test_a_commit_that_fails_leaves_the_transaction_open(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    insert(connection, 1)
    faults.add(Fail(at=COMMIT, number=1105))
    with pytest.raises(pyodbc.Error) as raised:
        connection.commit()
    assert number(raised) == 1105
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 1
    connection.commit()
    assert kept() == [1]


def test_a_commit_that_is_carried_out_and_answered_with_an_error(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    insert(connection, 1)
    faults.add(Fail(at=COMMIT, number=40197, moment=Moment.AFTER))
    with pytest.raises(pyodbc.Error) as raised:
        connection.commit()
    assert number(raised) == 40197
    assert kept() == [1]


def test_transaction_requests_fail(connect: Connect, connection: pyodbc.Connection, faults: Faults) -> None:
    faults.add(Fail(at="ROLLBACK TRANSACTION", number=3903, message="no"))
    insert(connection, 1)
    with pytest.raises(pyodbc.Error, match="3903"):
        connection.rollback()
    faults.add(Fail(at="BEGIN TRANSACTION", number=40501))
    with pytest.raises(pyodbc.Error, match="40501"):
        connect()


def test_faults_can_be_taken_back(connection: pyodbc.Connection, faults: Faults) -> None:
    first, second = faults.add(deadlock(times=None)), faults.add(disk_full(times=None))
    assert faults.armed == (first, second)
    faults.remove(first)
    with pytest.raises(pyodbc.Error, match="1105"):
        insert(connection, 1)
    with pytest.raises(pyodbc.Error, match="1105"):
        insert(connection, 1)
    faults.clear()
    insert(connection, 1)
    assert (first.met, second.met) == (0, 2)
