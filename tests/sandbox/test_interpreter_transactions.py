"""Transactions and locks: what an error takes back, who waits for whom, what a snapshot sees."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Isolation
from tests.sandbox.tsql import Answer, Session

Sessions = Callable[[], Session]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def two(sessions: Sessions) -> tuple[Session, Session]:
    one = sessions()
    one.run(
        "CREATE TABLE t (id int NOT NULL CONSTRAINT pk_t PRIMARY KEY, v int NULL); INSERT INTO t VALUES (1, 10),"
        " (2, 20)"
    )
    return one, sessions()


def rows(session: Session) -> list[tuple[object, ...]]:
    return list(session.rows("SELECT id, v FROM t ORDER BY id"))


def waits_for_a_lock(watcher: Session, future: Future[Answer]) -> None:
    """Return once the other session stands in line."""
    link = watcher.interpreter._link
    while not future.done():
        if link.run("SELECT count(*) FROM pg_locks WHERE NOT granted").rows[0][0]:
            return
    raise AssertionError("it did not wait", future.result())


def test_an_error_takes_back_its_own_statement_only(two: tuple[Session, Session]) -> None:
    session = two[0]
    answer = session.batch(
        "BEGIN TRAN; INSERT INTO t VALUES (3, 30); INSERT INTO t VALUES (4, 40), (1, 0); SELECT @@TRANCOUNT,"
        " XACT_STATE(); COMMIT"
    )
    assert answer.numbers == [2627]
    assert answer.rows == [(1, 1)]
    assert answer.events == ["BEGUN", "COMMITTED"]
    assert rows(session) == [(1, 10), (2, 20), (3, 30)]


def test_xact_abort_takes_back_everything_and_ends_the_batch(two: tuple[Session, Session]) -> None:
    session = two[0]
    answer = session.batch(
        "SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO t VALUES (3, 30); INSERT INTO t VALUES (1, 0); SELECT 'never'"
    )
    assert (answer.numbers, answer.events, answer.results) == ([2627], ["BEGUN", "ROLLED_BACK"], [])
    assert session.interpreter.transaction_count == 0
    assert rows(session) == [(1, 10), (2, 20)]


def test_a_failed_conversion_rolls_back_the_transaction(two: tuple[Session, Session]) -> None:
    answer = two[0].batch("BEGIN TRAN; DELETE FROM t; SELECT CAST('x' AS int); SELECT 'never'")
    assert (answer.numbers, answer.events, answer.results) == ([245], ["BEGUN", "ROLLED_BACK"], [])
    assert rows(two[0]) == [(1, 10), (2, 20)]


def test_a_missing_table_ends_the_batch_but_not_the_transaction(two: tuple[Session, Session]) -> None:
    answer = two[0].batch("BEGIN TRAN; DELETE FROM t; SELECT * FROM nowhere; SELECT 'never'")
    assert (answer.numbers, answer.results) == ([208], [])
    assert two[0].interpreter.transaction_count == 1
    two[0].run("ROLLBACK")


def test_nested_transactions_only_count(two: tuple[Session, Session]) -> None:
    session = two[0]
    answer = session.run(
        "BEGIN TRAN; BEGIN TRAN; DELETE FROM t; COMMIT; SELECT @@TRANCOUNT; ROLLBACK; SELECT @@TRANCOUNT"
    )
    assert answer.results == [[(1,)], [(0,)]]
    assert answer.events == ["BEGUN", "ROLLED_BACK"]
    assert len(rows(session)) == 2


def test_savepoints(two: tuple[Session, Session]) -> None:
    session = two[0]
    session.run(
        "BEGIN TRAN; UPDATE t SET v = 0; SAVE TRAN here; DELETE FROM t; ROLLBACK TRAN here; SELECT @@TRANCOUNT; COMMIT"
    )
    assert rows(session) == [(1, 0), (2, 0)]


def test_requests_of_the_transaction_manager(two: tuple[Session, Session]) -> None:
    session = two[0]
    interpreter = session.interpreter
    interpreter.begin(Isolation.READ_COMMITTED)
    session.run("DELETE FROM t WHERE id = 1")
    interpreter.save("a")
    session.run("DELETE FROM t")
    interpreter.rollback("a")
    interpreter.commit()
    assert rows(session) == [(2, 20)]
    with pytest.raises(SqlServerError, match="3902"):
        interpreter.commit()
    with pytest.raises(SqlServerError, match="3903"):
        interpreter.rollback()


def test_definitions_are_part_of_the_transaction(two: tuple[Session, Session]) -> None:
    one, other = two
    one.run("BEGIN TRAN; CREATE TABLE made (a int); DROP TABLE t; EXEC sp_rename 'made', 't'; SELECT a FROM t")
    one.run("ROLLBACK")
    assert rows(one) == rows(other) == [(1, 10), (2, 20)]
    assert one.error("SELECT * FROM made").number == 208


def test_a_staging_table_is_swapped_in_one_transaction(two: tuple[Session, Session]) -> None:
    one, other = two
    one.run("CREATE TABLE staging (id int NOT NULL PRIMARY KEY, v int NULL); INSERT INTO staging VALUES (9, 90)")
    rows(other)
    one.run("BEGIN TRAN; DROP TABLE dbo.t; EXEC sp_rename @objname = 'dbo.staging', @newname = 't'; COMMIT")
    assert rows(other) == [(9, 90)]
    assert other.rows("SELECT name FROM sys.tables") == [("t",)]


def test_readers_see_what_is_committed_and_never_wait(two: tuple[Session, Session]) -> None:
    writer, reader = two
    writer.run("BEGIN TRAN; UPDATE t SET v = 0")
    assert rows(reader) == [(1, 10), (2, 20)]
    writer.run("COMMIT")
    assert rows(reader) == [(1, 0), (2, 0)]


@pytest.mark.parametrize(("end", "numbers"), [("COMMIT", [2627]), ("ROLLBACK", [])])
def test_a_second_insert_of_an_uncommitted_key_waits(
    two: tuple[Session, Session], pool: ThreadPoolExecutor, end: str, numbers: list[int]
) -> None:
    one, other = two
    one.run("BEGIN TRAN; INSERT INTO t VALUES (3, 30)")
    waiting = pool.submit(other.batch, "INSERT INTO t VALUES (3, 31)")
    waits_for_a_lock(one, waiting)
    one.run(end)
    assert waiting.result(10).numbers == numbers


def test_a_lock_timeout_is_1222_and_keeps_the_transaction(two: tuple[Session, Session]) -> None:
    one, other = two
    one.run("BEGIN TRAN; UPDATE t SET v = 0 WHERE id = 1")
    answer = other.batch(
        "SET LOCK_TIMEOUT 50; BEGIN TRAN; UPDATE t SET v = 1 WHERE id = 2; UPDATE t SET v = 1 WHERE id = 1; SELECT"
        " @@TRANCOUNT, @@LOCK_TIMEOUT; COMMIT"
    )
    assert answer.numbers == [1222]
    assert answer.rows == [(1, 50)]
    one.run("ROLLBACK")
    assert rows(one) == [(1, 10), (2, 1)]


def test_a_deadlock_has_one_victim(two: tuple[Session, Session], pool: ThreadPoolExecutor) -> None:
    one, other = two
    one.run("BEGIN TRAN; UPDATE t SET v = 1 WHERE id = 1")
    other.run("BEGIN TRAN; UPDATE t SET v = 2 WHERE id = 2")
    first = pool.submit(one.batch, "UPDATE t SET v = 1 WHERE id = 2")
    second = pool.submit(other.batch, "UPDATE t SET v = 2 WHERE id = 1")
    answers = [(one, first.result(20)), (other, second.result(20))]
    victims = [(session, answer) for session, answer in answers if answer.errors]
    assert len(victims) == 1
    session, answer = victims[0]
    assert (answer.numbers, answer.events, session.interpreter.transaction_count) == ([1205], ["ROLLED_BACK"], 0)
    assert answer.errors[0].severity == 13
    for survivor, answer in answers:
        if not answer.errors:
            survivor.run("COMMIT")


def test_snapshot_sees_one_moment_and_refuses_conflicts(two: tuple[Session, Session]) -> None:
    one, other = two
    one.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN")
    assert rows(one) == [(1, 10), (2, 20)]
    other.run("UPDATE t SET v = 0")
    assert rows(one) == [(1, 10), (2, 20)]
    answer = one.batch("UPDATE t SET v = 5 WHERE id = 1")
    assert (answer.numbers, answer.events) == ([3960], ["ROLLED_BACK"])
    assert rows(one) == [(1, 0), (2, 0)]


def test_snapshot_cannot_be_chosen_inside_a_transaction(two: tuple[Session, Session]) -> None:
    answer = two[0].batch("BEGIN TRAN; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT * FROM t")
    assert answer.numbers == [3951]


def test_tablockx_excludes_writers(two: tuple[Session, Session], pool: ThreadPoolExecutor) -> None:
    one, other = two
    one.run("BEGIN TRAN; SELECT COUNT(*) FROM t WITH (TABLOCKX)")
    assert rows(other) == [(1, 10), (2, 20)]
    waiting = pool.submit(other.batch, "INSERT INTO t VALUES (3, 30)")
    waits_for_a_lock(one, waiting)
    one.run("COMMIT")
    assert waiting.result(10).errors == []


def test_implicit_transactions(two: tuple[Session, Session]) -> None:
    session = two[0]
    answer = session.run(
        "SET IMPLICIT_TRANSACTIONS ON; DELETE FROM t; SELECT @@TRANCOUNT; ROLLBACK; SET IMPLICIT_TRANSACTIONS OFF"
    )
    assert answer.rows == [(1,)]
    assert len(rows(session)) == 2


def test_cancel_stops_the_statement_and_keeps_the_transaction(
    two: tuple[Session, Session], pool: ThreadPoolExecutor
) -> None:
    one, other = two
    one.run("BEGIN TRAN; UPDATE t SET v = 0 WHERE id = 1")
    other.run("BEGIN TRAN; INSERT INTO t VALUES (3, 30)")
    waiting = pool.submit(other.batch, "UPDATE t SET v = 1 WHERE id = 1; SELECT 'never'")
    waits_for_a_lock(one, waiting)
    other.interpreter.cancel()
    answer = waiting.result(10)
    assert (len(answer.errors), answer.results) == (1, [])
    assert other.interpreter.transaction_count == 1
    other.run("COMMIT")
    one.run("ROLLBACK")
    assert rows(one) == [(1, 10), (2, 20), (3, 30)]


def test_a_result_that_is_not_read_to_its_end_frees_the_session(two: tuple[Session, Session]) -> None:
    from etl.sandbox.outcomes import Parameterized, ResultSet

    session = two[0]
    session.run(
        "CREATE TABLE big (a int); INSERT INTO big SELECT a.id FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t"
        " k, t l, t m"
    )
    session.interpreter.begin(Isolation.READ_COMMITTED)
    outcomes = session.interpreter.run(Parameterized("SELECT * FROM big; SELECT 'never'"))
    first = next(outcomes)
    assert isinstance(first, ResultSet)
    assert len(next(first.batches)) > 0
    outcomes.close()  # type: ignore[attr-defined]
    assert session.rows("SELECT COUNT(*), @@TRANCOUNT FROM big") == [(8192, 1)]
    session.interpreter.commit()


def test_reset_rolls_back_and_forgets(two: tuple[Session, Session]) -> None:
    session = two[0]
    session.run("SET XACT_ABORT ON; SET LOCK_TIMEOUT 5; BEGIN TRAN; DELETE FROM t; CREATE TABLE #t (a int)")
    session.interpreter.reset()
    assert session.rows("SELECT @@TRANCOUNT, @@LOCK_TIMEOUT") == [(0, -1)]
    assert len(rows(session)) == 2


def test_many_sessions_append_at_once(sessions: Sessions) -> None:
    opened = [sessions() for _ in range(4)]
    opened[0].run("CREATE TABLE t (id int IDENTITY PRIMARY KEY, who int)")

    def work(number: int) -> None:
        for _ in range(25):
            opened[number].run(f"BEGIN TRAN; INSERT INTO t (who) VALUES ({number}); COMMIT")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened[0].rows("SELECT COUNT(*), COUNT(DISTINCT id), COUNT(DISTINCT who) FROM t") == [(100, 100, 4)]
