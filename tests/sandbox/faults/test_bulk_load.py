"""Faults on purpose in the middle of a bulk load, with python-tds as the client that sends it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytds
import pytest

from etl.sandbox import Server
from etl.sandbox.faults import BULK_ROWS, Cut, Disconnect, Fail, Fault, Faults, Moment, Stall, disk_full
from tests.sandbox.faults.clients import WAIT_SEC

ROWS = 20_000
COLUMNS = [pytds.Column("k", type=pytds.tds_types.IntType()), pytds.Column("v", type=pytds.tds_types.NVarCharType(20))]


def connect(server: Server) -> Any:
    return pytds.connect("127.0.0.1", "sandbox", "sa", server.password, port=server.port, autocommit=False)


@pytest.fixture
def faults(plan: Faults, server: Server) -> Iterator[Faults]:
    """The server's faults, and an empty table t."""
    with connect(server) as connection:
        connection.cursor().execute("DROP TABLE IF EXISTS t; CREATE TABLE t (k int PRIMARY KEY, v nvarchar(20))")
        connection.commit()
    yield plan
    plan.clear()


@pytest.fixture
def connection(server: Server, faults: Faults) -> Iterator[Any]:
    opened = connect(server)
    yield opened
    opened.close()


def load(connection: Any, rows: Iterable[tuple[int, str]]) -> None:
    connection.cursor().copy_to(data=rows, table_or_view="t", schema="dbo", columns=COLUMNS)


def numbered(count: int) -> list[tuple[int, str]]:
    return [(number, f"text {number}") for number in range(count)]


def kept(server: Server, faults: Faults) -> int:
    """How many rows a fresh connection sees."""
    faults.clear()
    with connect(server) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT COUNT(*) FROM t")
        count: int = cursor.fetchone()[0]
        return count


DISCONNECTS: list[Fault] = [
    Disconnect(at=r"\AINSERT BULK"),
    Disconnect(at=r"\AINSERT BULK", moment=Moment.AFTER),
    Disconnect(at=BULK_ROWS),
    Disconnect(at=BULK_ROWS, rows=5000),
    Disconnect(at=BULK_ROWS, moment=Moment.AFTER),
    Cut(at=r"\AINSERT BULK", received=100_000),
    Cut(at=BULK_ROWS, sent=5),
]


@pytest.mark.parametrize("fault", DISCONNECTS, ids=repr)
def test_a_connection_that_ends_in_a_bulk_load_leaves_nothing(
    server: Server, connection: Any, faults: Faults, fault: Fault
) -> None:
    armed = faults.add(fault)
    with pytest.raises((pytds.Error, OSError)):
        load(connection, numbered(ROWS))
    assert armed.met == 1
    assert kept(server, faults) == 0


@pytest.mark.parametrize("fault", [disk_full(nth=2), Fail(at=BULK_ROWS, rows=5000, number=1105)], ids=repr)
def test_a_full_disk_takes_the_load_and_leaves_the_transaction(
    server: Server, connection: Any, faults: Faults, fault: Fail
) -> None:
    faults.add(fault)
    connection.cursor().execute("INSERT INTO t VALUES (-1, N'before')")
    with pytest.raises(pytds.Error, match="filegroup is full") as raised:
        load(connection, numbered(ROWS))
    assert raised.value.number == 1105
    connection.cursor().execute("INSERT INTO t VALUES (-2, N'after')")
    connection.commit()
    assert kept(server, faults) == 2


def test_a_deadlock_in_a_load_takes_the_transaction(server: Server, connection: Any, faults: Faults) -> None:
    connection.cursor().execute("INSERT INTO t VALUES (-1, N'before')")
    faults.add(Fail(at=BULK_ROWS, rows=5000, number=1205))
    with pytest.raises(pytds.Error, match="deadlock victim"):
        load(connection, numbered(ROWS))
    connection.commit()
    assert kept(server, faults) == 0


def test_a_stalled_load_goes_on_when_released(server: Server, connection: Any, faults: Faults) -> None:
    armed = faults.add(Stall(at=BULK_ROWS, rows=5000))
    loading = threading.Thread(target=load, args=(connection, numbered(ROWS)), daemon=True)
    loading.start()
    armed.wait_until_met(WAIT_SEC)
    assert loading.is_alive()
    armed.release()
    loading.join(WAIT_SEC)
    connection.commit()
    assert kept(server, faults) == ROWS


def test_a_load_that_is_stored_and_never_answered_is_kept_without_a_transaction(server: Server, faults: Faults) -> None:
    with pytds.connect("127.0.0.1", "sandbox", "sa", server.password, port=server.port, autocommit=True) as connection:
        faults.add(Disconnect(at=BULK_ROWS, moment=Moment.AFTER))
        with pytest.raises((pytds.Error, OSError)):
            load(connection, numbered(ROWS))
    assert kept(server, faults) == ROWS
