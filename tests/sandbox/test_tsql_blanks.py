"""Trailing blanks of texts do not count when they are compared, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.sandbox.engine import PostgresEngine
from etl.sandbox.translation.batch import Statement, parse_batch
from etl.sandbox.translation.compile import compile_statement
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.plans import QueryPlan
from tests.sandbox.conftest import LOGIN
from tests.sandbox.tsql import Session, argument


@pytest.fixture(scope="module")
def words(postgres: PostgresEngine) -> Iterator[Session]:
    session = Session(postgres.login(*LOGIN, ""))
    session.run("CREATE DATABASE words")
    session.run("USE words")
    session.run(
        "CREATE TABLE t (k int NOT NULL, v varchar(20), n nvarchar(20) COLLATE Latin1_General_CS_AS, c char(5))"
    )
    session.run(
        "INSERT INTO t VALUES (1, 'a', N'a', 'a'), (2, 'A  ', N'A  ', 'A'), (3, 'a b ', N'a b ', 'a b'), (4, 'b', N'b', 'b')"
    )
    session.run("INSERT INTO t VALUES (5, '   ', N'', ''), (6, NULL, NULL, NULL)")
    yield session
    session.run("USE sandbox")
    session.run("DROP DATABASE words")
    session.interpreter.close()


CONDITIONS = [
    ("v = 'a'", [1, 2]),
    ("'a  ' = v", [1, 2]),
    ("v <> 'a'", [3, 4, 5]),
    ("v > 'a'", [3, 4]),
    ("v >= 'a'", [1, 2, 3, 4]),
    ("v < 'a b'", [1, 2, 5]),
    ("v <= 'a'", [1, 2, 5]),
    ("'a' < v", [3, 4]),
    ("v = ''", [5]),
    ("NOT (v = 'a')", [3, 4, 5]),
    ("NOT (v <= 'a')", [3, 4]),
    ("v BETWEEN 'a' AND 'a b'", [1, 2, 3]),
    ("v IN ('A', 'B ')", [1, 2, 4]),
    ("v NOT IN ('a', 'b')", [3, 5]),
    ("v IN (SELECT c FROM t WHERE k = 1)", [1, 2]),
    ("n = 'a'", [1]),
    ("n = 'A'", [2]),
    ("n > 'A'", [1, 3, 4]),
    ("c = 'a'", [1, 2]),
    ("c = v", [1, 2, 3, 4, 5]),
    ("v = CAST(N'a   ' AS nvarchar(9))", [1, 2]),
    ("UPPER(v) = 'A'", [1, 2]),
    ("CASE v WHEN 'a' THEN 1 ELSE 0 END = 1", [1, 2]),
    ("NULLIF(v, 'a') IS NULL", [1, 2, 6]),
    ("v LIKE 'a'", [1]),
]


@pytest.mark.parametrize(("condition", "keys"), CONDITIONS, ids=[case[0] for case in CONDITIONS])
def test_a_condition(words: Session, condition: str, keys: list[int]) -> None:
    assert [row[0] for row in words.rows(f"SELECT k FROM t WHERE {condition} ORDER BY k")] == keys


def test_a_parameter_finds_them_too(words: Session) -> None:
    for given in ("a", "a "):
        rows = words.rows("SELECT k FROM t WHERE v = @p ORDER BY k", "@p nvarchar(9)", [argument(given, "nvarchar", 9)])
        assert rows == [(1,), (2,)]


def test_a_join_finds_them_too(words: Session) -> None:
    assert words.rows("SELECT a.k, b.k FROM t a JOIN t b ON a.v = b.v AND a.k < b.k") == [(1, 2)]


def test_an_index_serves_a_constant(session: Session) -> None:
    digits = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
    session.run("CREATE TABLE t (v varchar(20) NOT NULL PRIMARY KEY)")
    session.run(f"INSERT INTO t SELECT CONCAT('k', a.n, b.n, c.n) FROM {digits} a (n), {digits} b (n), {digits} c (n)")
    interpreter = session.interpreter
    interpreter._link.run("ANALYZE")
    for condition in ("v = 'k123'", "v IN ('k1', 'k2')", "v > 'k998'", "v <= 'k000'"):
        statement = parse_batch(f"SELECT COUNT(*) FROM t WHERE {condition}")[0]
        assert isinstance(statement, Statement)
        plan = compile_statement(Context(interpreter._catalog, interpreter.database, {}), statement, None)
        assert isinstance(plan, QueryPlan)
        steps = [row[0] for row in interpreter._link.run(f"EXPLAIN {plan.sql}").rows]
        assert any("Index" in step for step in steps), steps
