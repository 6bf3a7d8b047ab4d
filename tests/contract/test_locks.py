"""Who waits for whom, and how waiting ends: with real sessions and real locks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.lab import Lab, Session
from tests.contract.waiting import Concurrently, concurrently


@pytest.fixture
def at_once(lab: Lab) -> Iterator[Concurrently]:
    session = lab.open()
    session.run("DROP TABLE IF EXISTS t; CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NULL)")
    session.run("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)")
    with concurrently(lab) as running:
        yield running


@pytest.fixture
def one(lab: Lab) -> Session:
    return lab.open()


@pytest.fixture
def other(lab: Lab) -> Session:
    return lab.open()


def values(session: Session) -> dict[int, int]:
    return dict(session.rows("SELECT id, v FROM t"))


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_second_insert_of_an_uncommitted_key(at_once: Concurrently, one: Session, other: Session, end: str) -> None:
    one.run("BEGIN TRAN; INSERT INTO t VALUES (4, 40)")
    second = at_once.attempt(other, "INSERT INTO t VALUES (4, 41)")
    second.waits_for(one)
    one.run(end)
    failure = second.outcome()
    if end == "COMMIT":
        assert failure is not None
        assert failure.number == 2627
        assert values(other)[4] == 40
    else:
        assert failure is None
        assert values(other)[4] == 41


def test_a_key_that_is_deleted_but_not_committed(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; DELETE FROM t WHERE id = 1")
    second = at_once.attempt(other, "INSERT INTO t VALUES (1, 11)")
    second.waits_for(one)
    one.run("COMMIT")
    assert second.outcome() is None
    assert values(other)[1] == 11


def test_an_update_of_a_row_that_is_being_updated_sees_the_new_row(
    at_once: Concurrently, one: Session, other: Session
) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = v + 1 WHERE id = 1")
    second = at_once.attempt(other, "UPDATE t SET v = v * 2 WHERE id = 1")
    second.waits_for(one)
    one.run("COMMIT")
    assert second.outcome() is None
    assert values(other)[1] == 22


def test_an_update_whose_condition_no_longer_holds(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 99 WHERE id = 1")
    second = at_once.attempt(other, "DELETE FROM t WHERE id = 1 AND v = 10")
    second.waits_for(one)
    one.run("COMMIT")
    assert second.outcome() is None
    assert values(other)[1] == 99


def test_changes_of_different_rows_pass_each_other(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1; INSERT INTO t VALUES (4, 40)")
    other.run("SET LOCK_TIMEOUT 0; BEGIN TRAN; UPDATE t SET v = 22 WHERE id = 2; INSERT INTO t VALUES (5, 50); COMMIT")
    one.run("COMMIT")
    assert values(one) == {1: 11, 2: 22, 3: 30, 4: 40, 5: 50}


def test_a_deadlock_has_exactly_one_victim(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 1 WHERE id = 1")
    other.run("BEGIN TRAN; UPDATE t SET v = 2 WHERE id = 2")
    first = at_once.attempt(one, "UPDATE t SET v = 1 WHERE id = 2")
    first.waits_for(other)
    second = at_once.attempt(other, "UPDATE t SET v = 2 WHERE id = 1")
    failures = {one: first.outcome(), other: second.outcome()}
    (victim,) = [session for session, failure in failures.items() if failure is not None]
    survivor = other if victim is one else one
    failure = failures[victim]
    assert failure is not None
    assert failure.number == 1205
    assert "chosen as the deadlock victim. Rerun the transaction." in failure.text
    assert victim.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [(0, 0)]
    assert survivor.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [(1, 1)]
    survivor.run("COMMIT")
    won = 1 if survivor is one else 2
    assert values(one) == {1: won, 2: won, 3: 30}
    # The victim's connection goes on as if nothing had been.
    victim.run("BEGIN TRAN; UPDATE t SET v = 0; COMMIT")
    assert values(one) == {1: 0, 2: 0, 3: 0}


def test_a_deadlock_between_inserts_and_updates(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; INSERT INTO t VALUES (4, 40)")
    other.run("BEGIN TRAN; INSERT INTO t VALUES (5, 50)")
    first = at_once.attempt(one, "INSERT INTO t VALUES (5, 51)")
    first.waits_for(other)
    second = at_once.attempt(other, "INSERT INTO t VALUES (4, 41)")
    numbers = sorted(failure.number for failure in (first.outcome(), second.outcome()) if failure is not None)
    # The survivor's insert works, because the victim's key went away with it.
    assert numbers == [1205]


@pytest.mark.parametrize("timeout", [0, 50])
def test_a_lock_timeout_ends_the_statement_alone(
    at_once: Concurrently, one: Session, other: Session, timeout: int
) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1")
    other.run(f"SET LOCK_TIMEOUT {timeout}; BEGIN TRAN; UPDATE t SET v = 22 WHERE id = 2")
    assert other.value("SELECT @@LOCK_TIMEOUT") == timeout
    failure = other.error("UPDATE t SET v = 12 WHERE id = 1")
    assert failure.number == 1222
    assert "Lock request time out period exceeded." in failure.text
    assert other.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [(1, 1)]
    other.run("COMMIT")
    one.run("ROLLBACK")
    assert values(one) == {1: 10, 2: 22, 3: 30}


def test_a_lock_timeout_under_xact_abort_takes_the_transaction(
    at_once: Concurrently, one: Session, other: Session
) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1")
    other.run("SET XACT_ABORT ON; SET LOCK_TIMEOUT 0; BEGIN TRAN; UPDATE t SET v = 22 WHERE id = 2")
    assert other.error("UPDATE t SET v = 12 WHERE id = 1").number == 1222
    assert other.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [(0, 0)]
    one.run("ROLLBACK")
    assert values(one) == {1: 10, 2: 20, 3: 30}


def test_a_foreign_key_waits_for_the_parent(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("DROP TABLE IF EXISTS c; CREATE TABLE c (id int NOT NULL, t_id int NOT NULL REFERENCES t (id))")
    one.run("BEGIN TRAN; INSERT INTO t VALUES (4, 40)")
    child = at_once.attempt(other, "INSERT INTO c VALUES (1, 4)")
    # SQL Server waits for the uncommitted parent; here it is not seen yet. Either way there is never a child without a parent.
    one.run("ROLLBACK")
    failure = child.outcome()
    assert failure is not None
    assert failure.number == 547
    one.run("BEGIN TRAN; INSERT INTO c VALUES (1, 3)")
    parent = at_once.attempt(other, "DELETE FROM t WHERE id = 3")
    parent.waits_for(one)
    one.run("COMMIT")
    failure = parent.outcome()
    assert failure is not None
    assert failure.number == 547
    one.run("DROP TABLE c")


def test_truncation_and_definitions_wait_for_readers_that_hold_the_table(
    at_once: Concurrently, one: Session, other: Session
) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1")
    for sql in ("TRUNCATE TABLE t", "ALTER TABLE t ADD w int NULL", "CREATE INDEX ix ON t (v)", "DROP TABLE t"):
        assert other.error(f"SET LOCK_TIMEOUT 0; {sql}").number == 1222
    one.run("COMMIT")
    other.run("SET LOCK_TIMEOUT -1; TRUNCATE TABLE t")
    assert values(one) == {}


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_reader_waits_for_a_truncation(at_once: Concurrently, one: Session, other: Session, end: str) -> None:
    one.run("BEGIN TRAN; TRUNCATE TABLE t")
    reading = at_once.rows(other, "SELECT id FROM t ORDER BY id")
    reading.waits_for(one)
    one.run(end)
    assert reading.outcome() == ([] if end == "COMMIT" else [(1,), (2,), (3,)])


def test_a_reader_waits_for_a_table_that_is_swapped(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("DROP TABLE IF EXISTS staging; CREATE TABLE staging (id int NOT NULL PRIMARY KEY, v int NULL)")
    one.run("INSERT INTO staging VALUES (9, 90)")
    other.run("SELECT id, v FROM t")
    one.run("BEGIN TRAN; DROP TABLE t")
    one.run("EXEC sp_rename 'staging', 't'")
    reading = at_once.rows(other, "SELECT id, v FROM t")
    reading.waits_for(one)
    one.run("COMMIT")
    assert reading.outcome() == [(9, 90)]


def test_a_name_that_two_sessions_make(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("DROP TABLE IF EXISTS made; BEGIN TRAN; CREATE TABLE made (a int)")
    second = at_once.attempt(other, "CREATE TABLE made (b int)")
    second.waits_for(one)
    one.run("COMMIT")
    failure = second.outcome()
    assert failure is not None
    assert failure.number == 2714
    assert one.rows("SELECT name FROM sys.columns WHERE object_id = OBJECT_ID('made')") == [("a",)]
    one.run("DROP TABLE made")
