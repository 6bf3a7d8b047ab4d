"""Transactions as one session sees them: what is taken back, what counts, what is refused."""

from __future__ import annotations

import pyodbc
import pytest

from tests.contract.lab import Failure, Lab, Row, Session


@pytest.fixture
def session(lab: Lab) -> Session:
    session = lab.open()
    session.run("DROP TABLE IF EXISTS t; CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NULL)")
    session.run("INSERT INTO t VALUES (1, 10)")
    return session


def ids(session: Session) -> list[int]:
    return [row[0] for row in session.rows("SELECT id FROM t ORDER BY id")]


def state(session: Session) -> Row:
    return session.rows("SELECT @@TRANCOUNT, XACT_STATE()")[0]


def test_a_failed_statement_keeps_the_earlier_rows(session: Session) -> None:
    session.run("BEGIN TRAN; INSERT INTO t VALUES (2, 20)")
    assert session.error("INSERT INTO t VALUES (3, 30), (1, 0)").number == 2627
    assert session.error("UPDATE t SET id = 1 WHERE id = 2").number == 2627
    session.run("INSERT INTO t VALUES (4, 40); COMMIT")
    assert ids(session) == [1, 2, 4]


def test_nested_transactions_count_and_only_the_outermost_commits(session: Session, lab: Lab) -> None:
    session.run("BEGIN TRAN outermost; BEGIN TRAN; BEGIN TRAN inner_one; INSERT INTO t VALUES (2, 20)")
    assert state(session) == (3, 1)
    # An inner name on COMMIT is ignored: COMMIT TRANSACTION (Transact-SQL).
    session.run("COMMIT TRAN whatever")
    session.run("COMMIT")
    assert state(session) == (1, 1)
    assert ids(lab.open()) == [1]
    session.run("COMMIT WORK")
    assert state(session) == (0, 0)
    assert ids(lab.open()) == [1, 2]


def test_rollback_takes_everything_back_at_any_depth(session: Session) -> None:
    session.run("BEGIN TRAN; INSERT INTO t VALUES (2, 20); BEGIN TRAN; INSERT INTO t VALUES (3, 30); ROLLBACK")
    assert state(session) == (0, 0)
    assert ids(session) == [1]


def test_rollback_by_the_outermost_name(session: Session) -> None:
    session.run("BEGIN TRAN outermost; BEGIN TRAN inner_one; INSERT INTO t VALUES (2, 20)")
    failure = session.error("ROLLBACK TRAN inner_one")
    assert failure.number == 6401
    assert "Cannot roll back inner_one. No transaction or savepoint of that name was found." in failure.text
    assert state(session) == (2, 1)
    session.run("ROLLBACK TRAN outermost")
    assert (state(session), ids(session)) == ((0, 0), [1])


def test_savepoints(session: Session) -> None:
    session.run("BEGIN TRAN; INSERT INTO t VALUES (2, 20); SAVE TRAN first_one; INSERT INTO t VALUES (3, 30)")
    session.run("SAVE TRANSACTION second_one; INSERT INTO t VALUES (4, 40); ROLLBACK TRAN second_one")
    assert (ids(session), state(session)) == ([1, 2, 3], (1, 1))
    session.run("ROLLBACK TRANSACTION first_one; INSERT INTO t VALUES (5, 50); ROLLBACK TRAN first_one")
    # A savepoint stays when it was rolled back to; those after it are gone.
    assert session.error("ROLLBACK TRAN second_one").number == 6401
    session.run("INSERT INTO t VALUES (6, 60); COMMIT")
    assert ids(session) == [1, 2, 6]


def test_the_newest_of_two_savepoints_of_a_name(session: Session) -> None:
    session.run("BEGIN TRAN; SAVE TRAN s; INSERT INTO t VALUES (2, 20); SAVE TRAN s; INSERT INTO t VALUES (3, 30)")
    session.run("ROLLBACK TRAN s")
    assert ids(session) == [1, 2]
    session.run("ROLLBACK")
    assert ids(session) == [1]


def test_a_savepoint_named_by_a_variable(session: Session) -> None:
    session.run(
        "DECLARE @name varchar(32) = 'here'; BEGIN TRAN; SAVE TRAN @name; DELETE FROM t; ROLLBACK TRAN @name; COMMIT"
    )
    assert ids(session) == [1]


def test_a_savepoint_survives_a_failed_statement(session: Session) -> None:
    session.run("BEGIN TRAN; SAVE TRAN s; INSERT INTO t VALUES (2, 20)")
    assert session.error("INSERT INTO t VALUES (1, 0)").number == 2627
    session.run("ROLLBACK TRAN s; INSERT INTO t VALUES (3, 30); COMMIT")
    assert ids(session) == [1, 3]


@pytest.mark.parametrize(
    ("sql", "number", "text"),
    [
        ("COMMIT", 3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."),
        ("ROLLBACK", 3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
        ("ROLLBACK TRAN nothing", 3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
        ("SAVE TRAN s", 628, "Cannot issue SAVE TRANSACTION when there is no active transaction."),
    ],
)
def test_without_a_transaction(session: Session, sql: str, number: int, text: str) -> None:
    failure = session.error(sql)
    assert failure.number == number
    assert text in failure.text


def test_definitions_are_part_of_the_transaction(session: Session) -> None:
    session.run("BEGIN TRAN; CREATE TABLE made (a int); INSERT INTO made VALUES (1); ALTER TABLE t ADD w int NULL")
    session.run("CREATE INDEX ix ON t (v)")
    session.run("EXEC sp_rename 't', 'u'")
    session.run("INSERT INTO u (id, w) VALUES (2, 2); TRUNCATE TABLE made; DROP TABLE made; ROLLBACK")
    assert session.rows("SELECT * FROM t") == [(1, 10)]
    assert session.rows("SELECT name FROM sys.tables") == [("t",)]
    assert session.rows("SELECT name FROM sys.indexes WHERE name = 'ix'") == []


def test_a_table_made_in_a_transaction_is_there_after_commit(session: Session, lab: Lab) -> None:
    session.run("BEGIN TRAN; CREATE TABLE made (a int NOT NULL PRIMARY KEY); INSERT INTO made VALUES (1)")
    assert session.error("INSERT INTO made VALUES (1)").number == 2627
    session.run("COMMIT")
    assert lab.open().rows("SELECT a FROM made") == [(1,)]
    session.run("DROP TABLE made")


def test_a_truncated_table_comes_back_with_its_identity(session: Session) -> None:
    session.run("CREATE TABLE #t (id int IDENTITY NOT NULL, v int NOT NULL); INSERT INTO #t VALUES (1), (2)")
    session.run("BEGIN TRAN; TRUNCATE TABLE #t; ROLLBACK")
    assert session.rows("SELECT id FROM #t ORDER BY id") == [(1,), (2,)]
    session.run("TRUNCATE TABLE #t; INSERT INTO #t VALUES (3)")
    assert session.rows("SELECT id, v FROM #t") == [(1, 3)]


def test_a_temporary_table_is_rolled_back_too(session: Session) -> None:
    session.run("BEGIN TRAN; CREATE TABLE #made (a int); ROLLBACK")
    assert session.error("SELECT * FROM #made").number == 208
    session.run("CREATE TABLE #made (a int); BEGIN TRAN; INSERT INTO #made VALUES (1); ROLLBACK")
    assert session.rows("SELECT COUNT(*) FROM #made") == [(0,)]


def test_databases_are_not_made_in_a_transaction(session: Session) -> None:
    failure = session.error("BEGIN TRAN; CREATE DATABASE never")
    assert failure.number == 226
    assert "CREATE DATABASE statement not allowed within multi-statement transaction." in failure.text


def test_implicit_transactions(session: Session, lab: Lab) -> None:
    session.run("SET IMPLICIT_TRANSACTIONS ON")
    # What reads no table begins nothing.
    assert session.rows("SELECT @@TRANCOUNT, @@OPTIONS & 2") == [(0, 2)]
    assert ids(session) == [1]
    assert state(session) == (1, 1)
    session.run("COMMIT")
    session.run("INSERT INTO t VALUES (2, 20)")
    session.run("BEGIN TRAN")
    assert state(session) == (2, 1)
    session.run("COMMIT; COMMIT")
    # BEGIN TRAN itself begins one, and then counts.
    session.run("BEGIN TRAN")
    assert state(session) == (2, 1)
    session.run("ROLLBACK; SET IMPLICIT_TRANSACTIONS OFF")
    session.run("INSERT INTO t VALUES (3, 30)")
    assert state(session) == (0, 0)
    assert ids(lab.open()) == [1, 2, 3]


def test_databases_are_not_made_in_an_implicit_transaction(session: Session) -> None:
    assert session.error("SET IMPLICIT_TRANSACTIONS ON; CREATE DATABASE never").number == 226


def test_the_driver_without_autocommit(session: Session, lab: Lab) -> None:
    driven = lab.open(autocommit=False)
    driven.run("INSERT INTO t VALUES (2, 20)")
    assert state(driven) == (1, 1)
    driven.connection.rollback()
    driven.run("INSERT INTO t VALUES (3, 30)")
    driven.connection.commit()
    driven.run("INSERT INTO t VALUES (4, 40)")
    assert ids(session) == [1, 3]
    driven.connection.close()
    assert ids(session) == [1, 3]


def test_a_failed_commit_is_reported(session: Session, lab: Lab) -> None:
    driven = lab.open(autocommit=False)
    driven.run("INSERT INTO t VALUES (2, 20)")
    assert driven.error("INSERT INTO t VALUES ('x', 0)").number == 245
    # The server has rolled back; a driver that does not know it must be told at COMMIT, or the rows were lost in silence.
    assert driven.value("SELECT @@TRANCOUNT") == 0
    driven.run("INSERT INTO t VALUES (3, 30)")
    with pytest.raises(pyodbc.Error) as raised:
        driven.connection.commit()
    assert Failure(raised.value).number == 3902
    assert ids(session) == [1, 3]


def test_xact_abort_under_the_driver(session: Session, lab: Lab) -> None:
    driven = lab.open(autocommit=False)
    driven.run("SET XACT_ABORT ON")
    driven.run("INSERT INTO t VALUES (2, 20)")
    assert driven.error("INSERT INTO t VALUES (1, 0)").number == 2627
    assert state(driven) == (0, 0)
    with pytest.raises(pyodbc.Error) as raised:
        driven.connection.commit()
    assert Failure(raised.value).number == 3902
    assert ids(session) == [1]


def test_a_connection_that_is_closed_takes_its_transaction_with_it(session: Session, lab: Lab) -> None:
    other = lab.open()
    other.run("BEGIN TRAN; INSERT INTO t VALUES (2, 20)")
    other.connection.close()
    # The key is free again, which a session that waits for it would notice.
    session.run("SET LOCK_TIMEOUT 20000; INSERT INTO t VALUES (2, 21)")
    assert session.rows("SELECT v FROM t WHERE id = 2") == [(21,)]


def test_a_transaction_spans_batches_and_parameters(session: Session, lab: Lab) -> None:
    session.run("BEGIN TRAN")
    for number in range(2, 7):
        session.run("INSERT INTO t VALUES (?, ?)", number, number * 10)
    assert state(session) == (1, 1)
    assert ids(lab.open()) == [1]
    session.run("COMMIT")
    assert ids(lab.open()) == [1, 2, 3, 4, 5, 6]
