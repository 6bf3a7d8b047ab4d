"""What a reader sees of others' work: READ COMMITTED with row versions, and SNAPSHOT."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.lab import Lab, Row, Session
from tests.contract.waiting import Concurrently, concurrently


@pytest.fixture
def at_once(lab: Lab) -> Iterator[Concurrently]:
    session = lab.open()
    session.run("DROP TABLE IF EXISTS t; CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NULL)")
    session.run("INSERT INTO t VALUES (1, 10), (2, 20)")
    with concurrently(lab) as running:
        yield running


@pytest.fixture
def one(at_once: Concurrently, lab: Lab) -> Session:
    return lab.open()


@pytest.fixture
def other(at_once: Concurrently, lab: Lab) -> Session:
    session = lab.open()
    session.run("SET LOCK_TIMEOUT 0")
    return session


@pytest.fixture
def snapshot(other: Session) -> Session:
    """A session whose transactions are under SNAPSHOT."""
    other.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
    return other


def rows(session: Session) -> list[Row]:
    return session.rows("SELECT id, v FROM t ORDER BY id")


BEFORE = [(1, 10), (2, 20)]


def test_the_database_lets_readers_pass(one: Session) -> None:
    assert one.rows(
        "SELECT is_read_committed_snapshot_on, snapshot_isolation_state_desc FROM sys.databases WHERE name = DB_NAME()"
    ) == [(True, "ON")]


def test_read_committed_sees_committed_rows_only_and_never_waits(one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3, 30)")
    assert rows(one) == [(1, 11), (3, 30)]
    assert rows(other) == BEFORE
    one.run("ROLLBACK")
    assert rows(other) == BEFORE


def test_read_committed_sees_each_statements_own_moment(one: Session, other: Session) -> None:
    other.run("BEGIN TRAN")
    assert rows(other) == BEFORE
    one.run("UPDATE t SET v = 11 WHERE id = 1")
    assert rows(other) == [(1, 11), (2, 20)]
    other.run("COMMIT")


def test_a_savepoint_shows_others_nothing(one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; SAVE TRAN s; UPDATE t SET v = 0; ROLLBACK TRAN s; UPDATE t SET v = 11 WHERE id = 1")
    assert rows(other) == BEFORE
    one.run("COMMIT")
    assert rows(other) == [(1, 11), (2, 20)]


def test_snapshot_sees_one_moment(one: Session, snapshot: Session) -> None:
    snapshot.run("BEGIN TRAN")
    assert rows(snapshot) == BEFORE
    one.run("UPDATE t SET v = 11 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3, 30)")
    assert rows(snapshot) == BEFORE
    snapshot.run("COMMIT")
    assert rows(snapshot) == [(1, 11), (3, 30)]


def test_a_snapshot_begins_with_the_first_access_and_not_with_begin(one: Session, snapshot: Session) -> None:
    # "…the transactionally consistent version of the data that existed at the start of the transaction"; it starts when it
    # first touches data: SET TRANSACTION ISOLATION LEVEL and the transaction locking and row versioning guide.
    snapshot.run("BEGIN TRAN")
    one.run("UPDATE t SET v = 11 WHERE id = 1")
    assert rows(snapshot) == [(1, 11), (2, 20)]
    one.run("UPDATE t SET v = 12 WHERE id = 1")
    assert rows(snapshot) == [(1, 11), (2, 20)]
    snapshot.run("COMMIT")


def test_snapshot_sees_its_own_changes(one: Session, snapshot: Session) -> None:
    snapshot.run("BEGIN TRAN; UPDATE t SET v = 21 WHERE id = 2; INSERT INTO t VALUES (3, 30)")
    one.run("UPDATE t SET v = 11 WHERE id = 1")
    assert rows(snapshot) == [(1, 10), (2, 21), (3, 30)]
    snapshot.run("COMMIT")
    assert rows(one) == [(1, 11), (2, 21), (3, 30)]


@pytest.mark.parametrize("sql", ["UPDATE t SET v = 12 WHERE id = 1", "DELETE FROM t WHERE id = 1"])
def test_an_update_conflict_takes_the_transaction(one: Session, snapshot: Session, sql: str) -> None:
    snapshot.run("BEGIN TRAN; INSERT INTO t VALUES (3, 30)")
    assert len(rows(snapshot)) == 3
    one.run("UPDATE t SET v = 11 WHERE id = 1")
    failure = snapshot.error(sql)
    assert failure.number == 3960
    assert "Snapshot isolation transaction aborted due to update conflict." in failure.text
    assert snapshot.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [(0, 0)]
    assert rows(one) == [(1, 11), (2, 20)]


def test_an_update_conflict_with_a_row_that_was_waited_for(
    at_once: Concurrently, one: Session, snapshot: Session
) -> None:
    snapshot.run("SET LOCK_TIMEOUT -1; BEGIN TRAN")
    assert rows(snapshot) == BEFORE
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1")
    waiting = at_once.attempt(snapshot, "UPDATE t SET v = 12 WHERE id = 1")
    waiting.waits_for(one)
    one.run("COMMIT")
    failure = waiting.outcome()
    assert failure is not None
    assert failure.number == 3960
    assert rows(one) == [(1, 11), (2, 20)]


def test_no_conflict_with_what_was_rolled_back(at_once: Concurrently, one: Session, snapshot: Session) -> None:
    snapshot.run("SET LOCK_TIMEOUT -1; BEGIN TRAN")
    assert rows(snapshot) == BEFORE
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1")
    waiting = at_once.attempt(snapshot, "UPDATE t SET v = 12 WHERE id = 1")
    waiting.waits_for(one)
    one.run("ROLLBACK")
    assert waiting.outcome() is None
    snapshot.run("COMMIT")
    assert rows(one) == [(1, 12), (2, 20)]


def test_a_key_that_a_snapshot_cannot_see_is_taken_all_the_same(one: Session, snapshot: Session) -> None:
    snapshot.run("BEGIN TRAN")
    assert rows(snapshot) == BEFORE
    one.run("INSERT INTO t VALUES (3, 30)")
    assert snapshot.error("INSERT INTO t VALUES (3, 31)").number == 2627
    assert snapshot.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [(1, 1)]
    snapshot.run("ROLLBACK")


def test_snapshot_cannot_be_chosen_inside_a_transaction(one: Session) -> None:
    one.run("BEGIN TRAN; SELECT * FROM t; SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
    failure = one.error("SELECT * FROM t")
    assert failure.number == 3951
    assert "You cannot change the isolation level of the transaction to snapshot after the transaction has started" in (
        failure.text
    )
