"""Bulk loads and everybody else: what TABLOCK excludes, and what goes on beside it.

https://learn.microsoft.com/sql/relational-databases/import-export/prerequisites-for-minimal-logging-in-bulk-import and the
locking guide's "Bulk update locks": BU locks go with each other on a table without indexes, and with nothing else that writes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.bulk_copy import BulkCopyError, bulk_copy
from tests.contract.lab import Lab, Session

LOCK_TIMEOUT, DEADLOCK = 1222, 1205
HEAP = "CREATE TABLE t (a int NOT NULL, b int NULL)"
TABLES = {
    "clustered": f"{HEAP} CREATE CLUSTERED INDEX cx ON t (a)",
    "nonclustered": f"{HEAP} CREATE INDEX ix ON t (a)",
}


@pytest.fixture
def heap(session: Session) -> Session:
    session.run(f"DROP TABLE IF EXISTS t; {HEAP}")
    return session


def begun(lab: Lab) -> Session:
    """A session in a transaction, which does not wait for locks."""
    session = lab.open()
    session.run("SET LOCK_TIMEOUT 200; BEGIN TRANSACTION")
    return session


def load(session: Session, number: int, hints: str = "TABLOCK", table: str = "t") -> list[int]:
    """Bulk load two rows; the numbers of the errors."""
    try:
        assert (
            bulk_copy(session.connection, table, ["text", "text"], [(number, None), (number + 1, 0)], hints=hints) == 2
        )
    except BulkCopyError as error:
        return error.numbers
    return []


def committed(session: Session) -> list[int]:
    return [value for (value,) in session.rows("SELECT a FROM t ORDER BY a")]


def test_tablock_loads_into_a_heap_go_side_by_side(lab: Lab, heap: Session) -> None:
    first, second, third = begun(lab), begun(lab), begun(lab)
    assert [load(first, 1), load(second, 3), load(third, 5)] == [[], [], []]
    assert committed(heap) == []
    first.run("COMMIT")
    second.run("ROLLBACK")
    assert load(begun(lab), 7) == []
    third.run("COMMIT")
    assert committed(heap) == [1, 2, 5, 6]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (9, 9)",
        "UPDATE t SET b = 1",
        "DELETE FROM t",
        "INSERT INTO t WITH (TABLOCKX) VALUES (9, 9)",
    ],
)
def test_a_tablock_load_into_a_heap_keeps_other_writers_out(lab: Lab, heap: Session, statement: str) -> None:
    heap.run("INSERT INTO t VALUES (0, 0)")
    loader, writer = begun(lab), begun(lab)
    assert load(loader, 1) == []
    assert writer.error(statement).number == LOCK_TIMEOUT
    assert committed(heap) == [0]
    loader.run("COMMIT")
    assert writer.attempt(statement) is None


def test_other_writers_keep_a_tablock_load_out(lab: Lab, heap: Session) -> None:
    # The second time round the table has seen such a load before.
    for number in (10, 20):
        writer, loader = begun(lab), begun(lab)
        writer.run(f"INSERT INTO t VALUES ({number}, 0)")
        assert load(loader, 1) == [LOCK_TIMEOUT]
        writer.run("COMMIT")
        assert load(loader, number + 1) == []
        loader.run("COMMIT")
    assert committed(heap) == [10, 11, 12, 20, 21, 22]


def test_loads_without_tablock_are_writers_like_others(lab: Lab, heap: Session) -> None:
    first, second, writer, loader = begun(lab), begun(lab), begun(lab), begun(lab)
    assert [load(first, 1, ""), load(second, 3, "")] == [[], []]
    writer.run("INSERT INTO t VALUES (5, 5)")
    assert load(loader, 7) == [LOCK_TIMEOUT]
    for session in (first, second, writer):
        session.run("COMMIT")
    assert load(loader, 7) == []
    assert load(begun(lab), 9, "") == [LOCK_TIMEOUT]
    loader.run("COMMIT")
    assert committed(heap) == [1, 2, 3, 4, 5, 7, 8]


@pytest.mark.parametrize("kind", TABLES)
def test_on_a_table_with_an_index_tablock_is_exclusive(lab: Lab, session: Session, kind: str) -> None:
    session.run(f"DROP TABLE IF EXISTS t; {TABLES[kind]}")
    first, second, writer = begun(lab), begun(lab), begun(lab)
    assert load(first, 1) == []
    assert load(second, 3) == [LOCK_TIMEOUT]
    assert load(second, 3, "") == [LOCK_TIMEOUT]
    assert writer.error("INSERT INTO t VALUES (9, 9)").number == LOCK_TIMEOUT
    assert committed(session) == []
    first.run("COMMIT")
    assert load(second, 3) == []


@pytest.mark.parametrize("hint", ["TABLOCK", "TABLOCKX"])
def test_an_insert_that_locks_the_table_excludes_both_kinds_of_load(lab: Lab, heap: Session, hint: str) -> None:
    assert load(lab.open(), 1) == []
    writer, loader = begun(lab), begun(lab)
    writer.run(f"INSERT INTO t WITH ({hint}) SELECT 5, 5")
    assert load(loader, 7) == [LOCK_TIMEOUT]
    assert load(loader, 7, "") == [LOCK_TIMEOUT]
    writer.run("COMMIT")
    assert load(loader, 7) == []


def test_a_transaction_that_has_written_may_load_with_tablock(lab: Lab, heap: Session) -> None:
    session = begun(lab)
    session.run("INSERT INTO t VALUES (1, 1)")
    assert load(session, 2) == []
    session.run("INSERT INTO t VALUES (4, 4)")
    assert begun(lab).error("INSERT INTO t VALUES (9, 9)").number == LOCK_TIMEOUT
    session.run("COMMIT")
    assert committed(heap) == [1, 2, 3, 4]


def test_a_table_made_in_the_same_transaction(lab: Lab, session: Session) -> None:
    session.run("DROP TABLE IF EXISTS t")
    maker = begun(lab)
    maker.run(HEAP)
    assert load(maker, 1) == []
    maker.run("COMMIT")
    first, second = begun(lab), begun(lab)
    assert [load(first, 3), load(second, 5)] == [[], []]
    session.run("SET LOCK_TIMEOUT 200")
    assert session.error("DROP TABLE t").number == LOCK_TIMEOUT


def test_loaders_and_writers_that_wait_for_each_other(lab: Lab, heap: Session) -> None:
    heap.run("DROP TABLE IF EXISTS u; CREATE TABLE u (a int, b int)")
    loader, writer = begun(lab), begun(lab)
    for session in (loader, writer):
        session.run("SET LOCK_TIMEOUT -1")
    assert load(loader, 1, table="t") == []
    writer.run("INSERT INTO u VALUES (1, 1)")
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(load, loader, 3, table="u")
        failure = writer.attempt("INSERT INTO t VALUES (3, 3)")
        # Whose transaction is the victim's is gone; the other's goes on.
        victims = [number for number in (failure and failure.number, *waiting.result()[:1]) if number]
    assert victims == [DEADLOCK]


def test_many_loads_into_one_table_at_once(lab: Lab, session: Session) -> None:
    session.run("DROP TABLE IF EXISTS t; CREATE TABLE t (a int IDENTITY PRIMARY KEY, b int CHECK (b > 0))")
    sessions = [begun(lab) for _ in range(6)]

    def run(item: tuple[int, Session]) -> int:
        number, own = item
        rows = [(number * 100 + at,) for at in range(1, 51)]
        loaded = bulk_copy(own.connection, "t", ["text"], rows, columns=[2])
        own.run("COMMIT")
        return loaded

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(run, enumerate(sessions))) == [50] * 6
    assert session.rows("SELECT COUNT(*), COUNT(DISTINCT b), MIN(a), MAX(a) FROM t") == [(300, 300, 1, 300)]
