"""Connections that end on purpose, and logins that are refused."""

from __future__ import annotations

from collections.abc import Callable

import pyodbc
import pytest

from etl.sandbox.faults import COMMIT, CONNECT, Cut, Disconnect, Fault, Faults, Moment, refuse_logins
from tests.sandbox.faults.clients import GONE, UNREACHABLE, Connect, insert

COMMITS: dict[str, Callable[[pyodbc.Connection], object]] = {
    "protocol": lambda connection: connection.commit(),
    "text": lambda connection: connection.execute("COMMIT"),
    "conditional text": lambda connection: connection.execute("IF @@TRANCOUNT > 0 COMMIT TRANSACTION"),
}


@pytest.mark.parametrize("way", COMMITS)
@pytest.mark.parametrize(("moment", "expected"), [(Moment.BEFORE, []), (Moment.AFTER, [1, 2])])
def test_a_connection_that_ends_around_its_commit(
    connection: pyodbc.Connection,
    faults: Faults,
    kept: Callable[[], list[int]],
    way: str,
    moment: Moment,
    expected: list[int],
) -> None:
    insert(connection, 1, 2)
    armed = faults.add(Disconnect(at=COMMIT, moment=moment))
    with pytest.raises(pyodbc.Error, match=GONE):
        COMMITS[way](connection)
    assert armed.met == 1
    assert kept() == expected


def test_a_statement_that_is_carried_out_and_never_answered(
    connect: Connect, connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    alone = connect(autocommit=True)
    faults.add(Disconnect(at=r"INSERT INTO t VALUES", moment=Moment.AFTER))
    with pytest.raises(pyodbc.Error, match=GONE):
        insert(alone, 7)
    assert kept() == [7]


@pytest.mark.parametrize("sent", [1, 100, 20_000])
def test_an_answer_that_is_cut_in_the_middle(connection: pyodbc.Connection, faults: Faults, sent: int) -> None:
    insert(connection, 0)
    for doubled in range(13):
        connection.execute("INSERT INTO t SELECT k + ? FROM t", 2**doubled)
    faults.add(Cut(at="SELECT k FROM t", sent=sent))
    with pytest.raises(pyodbc.Error, match=GONE):
        connection.execute("SELECT k FROM t").fetchall()


def test_a_request_that_is_cut_in_the_middle(
    connection: pyodbc.Connection, faults: Faults, kept: Callable[[], list[int]]
) -> None:
    insert(connection, 1)
    armed = faults.add(Cut(at="SELECT 1 AS mark", received=3000))
    connection.execute("SELECT 1 AS mark").fetchall()
    with pytest.raises(pyodbc.Error, match=GONE):
        connection.execute("INSERT INTO t SELECT 2 WHERE '" + "x" * 9000 + "' <> ''")
    assert armed.met == 1
    assert kept() == []


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        (refuse_logins(2), "18456"),
        (refuse_logins(2, 40613), "40613"),
        (refuse_logins(2, None), UNREACHABLE),
        (Disconnect(at=CONNECT, times=2), UNREACHABLE),
        (Cut(at=CONNECT, received=20, times=2), UNREACHABLE),
        (Cut(at=CONNECT, sent=20, times=2), UNREACHABLE),
        (Disconnect(at="LOGIN sa", moment=Moment.AFTER, times=2), UNREACHABLE),
    ],
)
def test_logins_are_refused_for_a_while(connect: Connect, faults: Faults, fault: Fault, match: str) -> None:
    faults.add(fault)
    for _ in range(2):
        with pytest.raises(pyodbc.Error, match=match):
            connect()
    assert connect().execute("SELECT 1").fetchval() == 1
