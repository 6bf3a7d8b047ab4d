"""Each error a loader meets: its number, SQLSTATE and words, that nothing is stored after it, and what it leaves usable."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.contract.error_cases import ABORTING, CASES, CONTENTS, SETUP, SQLSTATES, Effect, ErrorCase
from tests.contract.lab import Lab, Row, Session


@dataclass(frozen=True, slots=True)
class Filled:
    """The database with the tables, and what they hold before anything fails."""

    lab: Lab
    contents: list[list[Row]]


@pytest.fixture(scope="module")
def filled(module_lab: Lab, module_session: Session) -> Filled:
    for statement in SETUP.split(";\n"):
        module_session.run(statement)
    return Filled(module_lab, module_session.run(CONTENTS))


@pytest.fixture
def session(filled: Filled, lab: Lab) -> Session:
    return lab.open()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_error_takes_back_its_statement(steady: Session, filled: Filled, case: ErrorCase) -> None:
    fails(steady, filled, case, "OFF")


@pytest.mark.parametrize("case", ABORTING, ids=str)
def test_an_error_under_xact_abort_takes_back_the_transaction(steady: Session, filled: Filled, case: ErrorCase) -> None:
    fails(steady, filled, case, "ON")


def fails(session: Session, filled: Filled, case: ErrorCase, abort: str) -> None:
    session.run(f"SET XACT_ABORT {abort}; BEGIN TRANSACTION; INSERT INTO witness VALUES (1)")
    failure = session.error(case.sql)
    assert failure.number == case.number, failure
    assert failure.sqlstate == SQLSTATES.get(case.number, "42000"), failure
    assert case.words.format(database=filled.lab.database) in failure.text
    gone = case.effect is Effect.BATCH or (case.effect is Effect.STATEMENT and abort == "ON")
    (state,) = session.rows("SELECT @@TRANCOUNT, XACT_STATE()")
    if case.effect is not Effect.UNCERTAIN:
        assert state == ((0, 0) if gone else (1, 1))
    if state == (1, 1):
        assert session.value("SELECT COUNT(*) FROM witness") == 1
        session.run("ROLLBACK")
    assert session.run(CONTENTS) == filled.contents


def test_identity_insert(session: Session) -> None:
    session.run(
        "CREATE TABLE #a (id int IDENTITY(10, 5) NOT NULL, v int NULL); CREATE TABLE #b (id int IDENTITY NOT NULL)"
    )
    session.run("INSERT INTO #a (v) VALUES (1); SET IDENTITY_INSERT #a ON")
    assert session.error("INSERT INTO #a VALUES (20, 2)").number == 8101
    assert session.error("INSERT INTO #a (v) VALUES (2)").number == 545
    assert session.error("INSERT INTO #a (id, v) VALUES (NULL, 2)").number == 339
    assert session.error("SET IDENTITY_INSERT #b ON").number == 8107
    session.run("INSERT INTO #a (id, v) VALUES (22, 2); SET IDENTITY_INSERT #a OFF")
    assert session.error("INSERT INTO #a (id, v) VALUES (30, 3)").number == 544
    session.run("INSERT INTO #a (v) VALUES (3)")
    assert session.rows("SELECT id, v FROM #a ORDER BY id") == [(10, 1), (22, 2), (27, 3)]


def test_a_failed_insert_uses_up_an_identity_value(session: Session) -> None:
    session.run("CREATE TABLE #t (id int IDENTITY NOT NULL, v int NOT NULL CHECK (v > 0)); INSERT INTO #t VALUES (1)")
    assert session.error("INSERT INTO #t VALUES (0)").number == 547
    session.run("INSERT INTO #t VALUES (2)")
    assert session.rows("SELECT id, v FROM #t ORDER BY id") == [(1, 1), (3, 2)]


def test_the_batch_goes_on_after_an_error_of_its_statement(session: Session) -> None:
    session.run("CREATE TABLE #t (id int NOT NULL PRIMARY KEY)")
    sql = "; ".join(f"INSERT INTO #t VALUES ({number})" for number in (1, 1, 2, 3)) + "; SELECT 1 / 0; SELECT 1"
    assert session.error(sql).number == 2627
    # The driver stops at the first error; the server has run the whole batch all the same.
    assert session.rows("SELECT id FROM #t ORDER BY id") == [(1,), (2,), (3,)]
    session.run("DELETE FROM #t; SET XACT_ABORT ON")
    assert session.error(sql).number == 2627
    assert session.rows("SELECT id FROM #t ORDER BY id") == [(1,)]


def test_the_batch_ends_at_a_failed_conversion(session: Session) -> None:
    session.run("CREATE TABLE #t (id int NOT NULL)")
    assert (
        session.error("INSERT INTO #t VALUES (1); INSERT INTO #t VALUES ('x'); INSERT INTO #t VALUES (2)").number == 245
    )
    # Without a transaction of its own each statement is committed when it is done.
    assert session.rows("SELECT id FROM #t") == [(1,)]


def test_the_error_of_the_last_statement(session: Session) -> None:
    session.run("CREATE TABLE #t (id int NOT NULL PRIMARY KEY); CREATE TABLE #seen (error int, row_count int)")
    session.attempt(
        "INSERT INTO #t VALUES (1), (2); INSERT INTO #seen VALUES (@@ERROR, @@ROWCOUNT); INSERT INTO #t VALUES (1);"
        " INSERT INTO #seen VALUES (@@ERROR, @@ROWCOUNT); INSERT INTO #seen VALUES (@@ERROR, @@ROWCOUNT)"
    )
    assert session.rows("SELECT error, row_count FROM #seen") == [(0, 2), (2627, 0), (0, 1)]


@pytest.mark.parametrize(
    ("sql", "abort", "left"),
    [
        # "The THROW statement honors SET XACT_ABORT. RAISERROR does not": RAISERROR and THROW (Transact-SQL).
        ("RAISERROR('raised', 16, 1)", "ON", (1, 1)),
        ("THROW 50000, 'raised', 1", "ON", (0, 0)),
        ("RAISERROR('raised', 16, 1)", "OFF", (1, 1)),
        ("THROW 50000, 'raised', 1", "OFF", (1, 1)),
    ],
)
def test_errors_that_a_batch_raises(session: Session, sql: str, abort: str, left: Row) -> None:
    session.run(f"SET XACT_ABORT {abort}; BEGIN TRANSACTION")
    failure = session.error(sql)
    assert (failure.number, failure.sqlstate) == (50000, "42000")
    assert "raised" in failure.text
    assert session.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [left]


def test_an_error_in_the_middle_of_a_result(session: Session) -> None:
    session.run("BEGIN TRANSACTION; CREATE TABLE #t (i int NOT NULL)")
    assert session.error("SELECT 10 / i FROM (VALUES (1), (2), (0)) AS x(i)").number == 8134
    assert session.rows("SELECT @@TRANCOUNT, COUNT(*) FROM #t") == [(1, 0)]
