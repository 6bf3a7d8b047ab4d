"""Table hints and isolation levels that hold what is read."""

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
    session = lab.open()
    session.run("SET LOCK_TIMEOUT 20000")
    return session


ROW = [(1, 10)]
READ = "SELECT id, v FROM t WITH ({}) WHERE id = 1"


@pytest.mark.parametrize("hint", ["UPDLOCK", "XLOCK", "UPDLOCK, ROWLOCK", "UPDLOCK, HOLDLOCK", "XLOCK, ROWLOCK"])
def test_a_row_that_is_read_for_update(at_once: Concurrently, one: Session, other: Session, hint: str) -> None:
    assert one.rows(f"BEGIN TRAN; {READ.format(hint)}") == ROW
    # Those who only read see the row's last committed version.
    assert other.rows("SELECT id, v FROM t WHERE id = 1") == ROW
    for sql in (READ.format("UPDLOCK"), "UPDATE t SET v = 11 WHERE id = 1", "DELETE FROM t WHERE id = 1"):
        waiting = at_once.attempt(other, f"SET LOCK_TIMEOUT 20000; BEGIN TRAN; {sql}; ROLLBACK")
        waiting.waits_for(one)
        one.run("COMMIT")
        assert waiting.outcome() is None
        one.run(f"BEGIN TRAN; {READ.format(hint)}")
    one.run("COMMIT")


def test_a_row_lock_leaves_the_other_rows_alone(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run(f"BEGIN TRAN; {READ.format('UPDLOCK, ROWLOCK')}")
    other.run("SET LOCK_TIMEOUT 0; BEGIN TRAN; SELECT v FROM t WITH (UPDLOCK) WHERE id = 2")
    other.run("UPDATE t SET v = 33 WHERE id = 3; INSERT INTO t VALUES (4, 40); COMMIT")
    assert other.error("UPDATE t SET v = 11 WHERE id = 1").number == 1222
    one.run("COMMIT")


def test_reading_for_update_waits_for_a_writer_and_sees_what_it_wrote(
    at_once: Concurrently, one: Session, other: Session
) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1")
    reading = at_once.rows(other, READ.format("UPDLOCK"))
    reading.waits_for(one)
    one.run("COMMIT")
    assert reading.outcome() == [(1, 11)]


@pytest.mark.parametrize("hint", ["HOLDLOCK", "UPDLOCK, HOLDLOCK", "SERIALIZABLE", "UPDLOCK, SERIALIZABLE"])
def test_a_range_that_was_read_gets_no_new_rows(at_once: Concurrently, one: Session, other: Session, hint: str) -> None:
    assert one.rows(f"BEGIN TRAN; SELECT id FROM t WITH ({hint}) WHERE id = 4") == []
    waiting = at_once.attempt(other, "INSERT INTO t VALUES (4, 41)")
    waiting.waits_for(one)
    one.run("INSERT INTO t VALUES (4, 40); COMMIT")
    failure = waiting.outcome()
    assert failure is not None
    assert failure.number == 2627
    assert one.value("SELECT v FROM t WHERE id = 4") == 40


def test_insert_where_there_is_no_such_row(at_once: Concurrently, one: Session, other: Session) -> None:
    upsert = "BEGIN TRAN; INSERT INTO t SELECT 5, {} WHERE NOT EXISTS (SELECT 1 FROM t WITH (UPDLOCK, HOLDLOCK) WHERE id = 5)"
    one.run(upsert.format(50))
    waiting = at_once.attempt(other, upsert.format(51) + "; COMMIT")
    waiting.waits_for(one)
    one.run("COMMIT")
    assert waiting.outcome() is None
    assert one.rows("SELECT v FROM t WHERE id = 5") == [(50,)]


def test_update_else_insert(at_once: Concurrently, one: Session, other: Session) -> None:
    upsert = (
        "BEGIN TRAN; UPDATE t WITH (UPDLOCK, SERIALIZABLE) SET v = v + 1 WHERE id = 5; IF @@ROWCOUNT = 0 INSERT INTO t"
        " VALUES (5, 50)"
    )
    one.run(upsert)
    waiting = at_once.attempt(other, f"{upsert}; COMMIT")
    waiting.waits_for(one)
    one.run("COMMIT")
    assert waiting.outcome() is None
    assert one.rows("SELECT v FROM t WHERE id = 5") == [(51,)]


def test_the_same_inside_if(at_once: Concurrently, one: Session, other: Session) -> None:
    upsert = (
        "BEGIN TRAN; IF NOT EXISTS (SELECT 1 FROM t WITH (UPDLOCK, HOLDLOCK) WHERE id = 5) INSERT INTO t VALUES (5, {})"
    )
    one.run(upsert.format(50))
    waiting = at_once.attempt(other, upsert.format(51) + "; COMMIT")
    waiting.waits_for(one)
    one.run("COMMIT")
    assert waiting.outcome() is None
    assert one.rows("SELECT v FROM t WHERE id = 5") == [(50,)]


def test_a_counter_that_is_read_into_a_variable(at_once: Concurrently, one: Session, other: Session) -> None:
    count = (
        "BEGIN TRAN; DECLARE @v int; SELECT @v = v FROM t WITH (UPDLOCK) WHERE id = 1;"
        " UPDATE t SET v = @v + 1 WHERE id = 1"
    )
    one.run(count)
    waiting = at_once.attempt(other, f"{count}; COMMIT")
    waiting.waits_for(one)
    one.run("COMMIT")
    assert waiting.outcome() is None
    assert one.value("SELECT v FROM t WHERE id = 1") == 12


def test_readpast_takes_the_next_free_row(at_once: Concurrently, one: Session, other: Session) -> None:
    take = "SELECT TOP (1) id FROM t WITH (UPDLOCK, READPAST, ROWLOCK) ORDER BY id"
    assert one.rows(f"BEGIN TRAN; {take}") == [(1,)]
    assert other.rows(f"SET LOCK_TIMEOUT 0; BEGIN TRAN; {take}") == [(2,)]
    other.run("COMMIT")
    assert other.rows("DELETE TOP (1) FROM t WITH (READPAST, ROWLOCK) OUTPUT deleted.id") in ([(2,)], [(3,)])
    one.run("COMMIT")


@pytest.mark.parametrize("hint", ["NOLOCK", "READUNCOMMITTED"])
def test_dirty_readers_never_wait(at_once: Concurrently, one: Session, other: Session, hint: str) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1; INSERT INTO t VALUES (4, 40)")
    # Whether they see what is not committed is all that differs: SQL Server shows it, the sandbox does not.
    other.run("SET LOCK_TIMEOUT 0")
    assert other.rows(f"SELECT v FROM t WITH ({hint}) WHERE id = 2") == [(20,)]
    assert other.value(f"SELECT COUNT(*) FROM t WITH ({hint})") in {3, 4}
    one.run("ROLLBACK")


@pytest.mark.parametrize("hint", ["TABLOCKX", "TABLOCK, XLOCK", "TABLOCK, HOLDLOCK"])
def test_a_table_lock_excludes_writers_and_not_readers(
    at_once: Concurrently, one: Session, other: Session, hint: str
) -> None:
    one.run(f"BEGIN TRAN; SELECT COUNT(*) FROM t WITH ({hint})")
    assert other.value("SELECT COUNT(*) FROM t") == 3
    for sql in ("INSERT INTO t VALUES (4, 40)", "UPDATE t SET v = 0 WHERE id = 3", "DELETE FROM t WHERE id = 3"):
        waiting = at_once.attempt(other, f"SET LOCK_TIMEOUT 20000; BEGIN TRAN; {sql}; ROLLBACK")
        waiting.waits_for(one)
        one.run("ROLLBACK")
        assert waiting.outcome() is None
        one.run(f"BEGIN TRAN; SELECT COUNT(*) FROM t WITH ({hint})")
    one.run("ROLLBACK")


def test_two_shared_table_locks(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; SELECT COUNT(*) FROM t WITH (TABLOCK, HOLDLOCK)")
    other.run("SET LOCK_TIMEOUT 0; BEGIN TRAN")
    assert other.value("SELECT COUNT(*) FROM t WITH (TABLOCK, HOLDLOCK)") == 3
    assert other.error("SELECT COUNT(*) FROM t WITH (TABLOCKX)").number == 1222
    other.run("COMMIT")
    one.run("COMMIT")


def test_a_shared_table_lock_waits_for_writers(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; INSERT INTO t VALUES (4, 40)")
    reading = at_once.rows(other, "SELECT COUNT(*) FROM t WITH (TABLOCK)")
    reading.waits_for(one)
    one.run("COMMIT")
    assert reading.outcome() == [(4,)]


def test_an_insert_with_tablock_excludes_others(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("BEGIN TRAN; INSERT INTO t WITH (TABLOCK) SELECT id + 10, v FROM t")
    waiting = at_once.attempt(other, "INSERT INTO t VALUES (4, 40)")
    waiting.waits_for(one)
    one.run("COMMIT")
    assert waiting.outcome() is None


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_what_was_read_stays_as_it_is(at_once: Concurrently, one: Session, other: Session, level: str) -> None:
    one.run(f"SET TRANSACTION ISOLATION LEVEL {level}; BEGIN TRAN")
    assert one.rows("SELECT v FROM t WHERE id = 1") == [(10,)]
    waiting = at_once.attempt(other, "UPDATE t SET v = 11 WHERE id = 1")
    waiting.waits_for(one)
    assert one.rows("SELECT v FROM t WHERE id = 1") == [(10,)]
    one.run("COMMIT")
    assert waiting.outcome() is None
    assert other.value("SELECT v FROM t WHERE id = 1") == 11


def test_a_serializable_range_gets_no_new_rows(at_once: Concurrently, one: Session, other: Session) -> None:
    one.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN")
    assert one.value("SELECT COUNT(*) FROM t WHERE id BETWEEN 1 AND 9") == 3
    waiting = at_once.attempt(other, "INSERT INTO t VALUES (4, 40)")
    waiting.waits_for(one)
    assert one.value("SELECT COUNT(*) FROM t WHERE id BETWEEN 1 AND 9") == 3
    one.run("COMMIT")
    assert waiting.outcome() is None


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_holding_readers_wait_for_a_writer(at_once: Concurrently, one: Session, other: Session, level: str) -> None:
    one.run("BEGIN TRAN; UPDATE t SET v = 11 WHERE id = 1")
    other.run(f"SET TRANSACTION ISOLATION LEVEL {level}; BEGIN TRAN")
    reading = at_once.rows(other, "SELECT v FROM t WHERE id = 1")
    reading.waits_for(one)
    one.run("COMMIT")
    assert reading.outcome() == [(11,)]
    other.run("COMMIT")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_two_who_change_what_both_have_read(at_once: Concurrently, one: Session, other: Session, level: str) -> None:
    for session in (one, other):
        session.run(f"SET TRANSACTION ISOLATION LEVEL {level}; BEGIN TRAN; SELECT v FROM t WHERE id = 1")
    first = at_once.attempt(one, "UPDATE t SET v = v + 1 WHERE id = 1")
    first.waits_for(other)
    second = at_once.attempt(other, "UPDATE t SET v = v + 1 WHERE id = 1")
    outcomes = {one: first.outcome(), other: second.outcome()}
    assert [failure.number for failure in outcomes.values() if failure is not None] == [1205]
    for session, failure in outcomes.items():
        if failure is None:
            session.run("COMMIT")
    assert one.value("SELECT v FROM t WITH (READCOMMITTED) WHERE id = 1") == 11
