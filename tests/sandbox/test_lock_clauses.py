"""Table hints in all places of a query: rows are locked where they can be told, else tables, else the hint is refused."""

from __future__ import annotations

import pytest

from tests.sandbox.tsql import Session

UPDATES = "t WITH (UPDLOCK)"


@pytest.fixture
def tables(session: Session) -> Session:
    session.run("CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE u (id int PRIMARY KEY, v int)")
    session.run("INSERT INTO t VALUES (1, 10), (2, 20), (3, 20); INSERT INTO u VALUES (1, 100)")
    session.run("CREATE VIEW w AS SELECT id, v FROM t")
    return session


def held(session: Session) -> set[tuple[object, ...]]:
    """(table, PostgreSQL's lock) of what this session's transaction holds on tables of the test, plain reading apart."""
    link = session.interpreter._link
    return set(
        link.run(
            "SELECT c.relname::text, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid ="
            " pg_backend_pid() AND c.relname IN ('t', 'u') AND l.mode <> 'AccessShareLock'"
        ).rows
    )


ROWS = {("t", "RowShareLock"), ("t", "RowExclusiveLock")}
TABLE = {("t", "ShareRowExclusiveLock")}


@pytest.mark.parametrize(
    ("query", "rows", "locks"),
    [
        (f"SELECT id FROM {UPDATES} WHERE id = 1", 1, ROWS),
        (f"SELECT TOP (1) id FROM {UPDATES} ORDER BY id DESC", 1, ROWS),
        (f"SELECT id FROM {UPDATES} ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", 1, ROWS),
        (f"SELECT x.id FROM (SELECT id FROM {UPDATES}) AS x", 3, ROWS),
        (f"WITH x AS (SELECT id FROM {UPDATES}) SELECT id FROM x", 3, ROWS),
        (f"SELECT u.id FROM u WHERE EXISTS (SELECT 1 FROM {UPDATES} WHERE t.id = u.id)", 1, ROWS),
        (f"SELECT (SELECT v FROM {UPDATES} WHERE t.id = u.id) FROM u", 1, ROWS),
        (f"SELECT t.id FROM {UPDATES} JOIN u ON u.id = t.id", 1, ROWS),
        (f"SELECT t.id FROM {UPDATES} LEFT JOIN u ON u.id = t.id", 3, ROWS),
        (f"SELECT u.id FROM u LEFT JOIN {UPDATES} ON u.id = t.id", 1, TABLE),
        (f"SELECT COUNT(*) FROM {UPDATES}", 1, TABLE),
        (f"SELECT DISTINCT v FROM {UPDATES}", 2, TABLE),
        (f"SELECT v FROM {UPDATES} GROUP BY v", 2, TABLE),
        (f"SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM {UPDATES}", 3, TABLE),
        (f"SELECT TOP (1) WITH TIES id FROM {UPDATES} ORDER BY v DESC", 2, TABLE),
        ("SELECT id FROM t WITH (REPEATABLEREAD)", 3, {("t", "RowShareLock")}),
        ("SELECT id FROM t WITH (HOLDLOCK)", 3, {("t", "ShareLock")}),
        ("SELECT id FROM t WITH (UPDLOCK, HOLDLOCK)", 3, TABLE),
        ("SELECT id FROM t WITH (XLOCK, HOLDLOCK)", 3, {("t", "ExclusiveLock")}),
        ("SELECT id FROM t WITH (TABLOCK)", 3, {("t", "ShareLock")}),
        ("SELECT id FROM t WITH (TABLOCKX)", 3, {("t", "ExclusiveLock")}),
        ("SELECT a.id FROM t AS a WITH (HOLDLOCK) JOIN t AS b WITH (UPDLOCK) ON a.id = b.id", 3, TABLE),
        ("SELECT id FROM t WITH (NOLOCK)", 3, set()),
        ("SELECT id FROM t WITH (READPAST)", 3, set()),
    ],
)
def test_what_a_hint_locks(tables: Session, query: str, rows: int, locks: set[tuple[str, str]]) -> None:
    tables.run("BEGIN TRAN")
    assert len(tables.rows(query)) == rows
    found = held(tables)
    assert locks <= found
    assert found <= locks | {("t", "RowShareLock"), ("u", "RowShareLock")}
    tables.run("ROLLBACK")


def test_both_sides_of_a_union(tables: Session) -> None:
    tables.run("BEGIN TRAN")
    assert len(tables.rows(f"SELECT id FROM {UPDATES} WHERE id = 1 UNION ALL SELECT id FROM u")) == 2
    assert held(tables) & (ROWS | TABLE)
    tables.run("ROLLBACK")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_what_a_level_locks(tables: Session, level: str) -> None:
    tables.run(f"SET TRANSACTION ISOLATION LEVEL {level}; BEGIN TRAN; SELECT v FROM w")
    assert held(tables) == {("t", "ShareLock")}
    tables.run("DELETE FROM u")
    assert ("u", "ShareRowExclusiveLock") in held(tables)
    tables.run("ROLLBACK; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRAN; SELECT v FROM w")
    assert held(tables) == set()
    tables.run("ROLLBACK")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM t WITH (UPDLOCK, READPAST)",
        "SELECT id FROM t WITH (HOLDLOCK, READPAST)",
        "UPDATE t SET v = 0 FROM t JOIN u WITH (READPAST) ON u.id = t.id",
        "INSERT INTO t WITH (READPAST) VALUES (4, 40)",
        "SELECT id FROM w WITH (UPDLOCK)",
    ],
)
def test_a_hint_that_would_be_ignored_is_refused(tables: Session, sql: str) -> None:
    error = tables.error(sql)
    assert error.number == 40517
    assert "hint" in error.message
