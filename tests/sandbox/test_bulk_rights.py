"""Bulk loads by logins that may not everything, and what a client's SQL can do about the rules that a load suspends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.bulk_sessions import bulk_load
from tests.sandbox.people import People
from tests.sandbox.tsql import Session

LOADER = "bulk_loader"
PERMISSION_DENIED, CANNOT_FIND = 229, 1088


@pytest.fixture
def loader(postgres: PostgresEngine, session: Session) -> Iterator[Session]:
    """A login that may INSERT into t and nothing else; t has a constraint, and p has none."""
    session.run("CREATE TABLE t (id int IDENTITY, a int CHECK (a > 0)); CREATE TABLE p (id int IDENTITY, a int)")
    people = People(postgres, session)
    someone = people(LOADER)
    session.run(f"GRANT INSERT ON t TO {LOADER}; GRANT INSERT ON p TO {LOADER}")
    yield someone
    people.forget_all()


def test_insert_is_enough_where_no_rule_is_passed_by(loader: Session, session: Session) -> None:
    assert bulk_load(loader, "p", "a int", [(1,)]).counts == [1]
    assert bulk_load(loader, "t", "a int", [(1,)], "CHECK_CONSTRAINTS").counts == [1]
    assert session.rows("SELECT (SELECT COUNT(*) FROM p), (SELECT COUNT(*) FROM t)") == [(1, 1)]


@pytest.mark.parametrize(
    ("table", "columns", "options"),
    [("t", "a int", ""), ("p", "id int, a int", ""), ("t", "id int", "CHECK_CONSTRAINTS")],
)
def test_what_passes_rules_by_needs_alter(
    loader: Session, session: Session, table: str, columns: str, options: str
) -> None:
    rows = [(5,) * len(columns.split(", "))]
    assert bulk_load(loader, table, columns, rows, options).numbers == [CANNOT_FIND]
    session.run(f"GRANT ALTER ON {table} TO {LOADER}")
    assert bulk_load(loader, table, columns, rows, options).counts == [1]


def test_insert_is_needed(loader: Session, session: Session) -> None:
    session.run(f"DENY INSERT ON p TO {LOADER}")
    assert bulk_load(loader, "p", "a int", [(1,)]).numbers == [PERMISSION_DENIED]


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "SET session_replication_role 'replica'",
        "SET sandbox.unchecked = 'on'",
        "SELECT set_config('session_replication_role', 'replica', 0)",
        "SELECT set_config('sandbox.unchecked', 'on', 0)",
        "SELECT bulk_load_begins(0, 0, 0)",
        "SELECT sandbox.bulk_load_begins(0, 0, 0)",
        "EXEC bulk_load_begins 0, 0, 0",
    ],
)
def test_no_statement_suspends_the_rules(session: Session, statement: str) -> None:
    session.run("CREATE TABLE t (a int CHECK (a > 0))")
    assert session.batch(statement).errors
    assert session.error("INSERT INTO t VALUES (-1)").number == 547
