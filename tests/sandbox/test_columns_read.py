"""Rows come out of PostgreSQL as columns with the same values, and go on with the same bytes, as one by one."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator

import pytest

from etl.sandbox.column_values import to_rows
from etl.sandbox.columns import ColumnBatch
from etl.sandbox.engine import PostgresEngine
from etl.sandbox.outcomes import Parameterized, ResultSet
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire.encode import row_encoder
from etl.sandbox.wire.encode_columns import batch_encoder
from tests.sandbox.conftest import LOGIN
from tests.sandbox.tsql import Session
from tests.sandbox.typed_rows import TYPES, draw_rows

LOADABLE = [sql for sql in TYPES if sql.name not in {"rowversion", "sysname"}]
ROWS = 80
"""More than are read one by one."""
Rows = list[tuple[Value, ...]]


@pytest.fixture(scope="module", params=[0, 0.3, 1], ids=["full", "some-null", "all-null"])
def table(request: pytest.FixtureRequest, postgres: PostgresEngine) -> Iterator[Session]:
    """A session with a table that has a column of every type."""
    session = Session(postgres.login(*LOGIN, ""))
    columns = ", ".join(f"c{i} {sql}" for i, sql in enumerate(LOADABLE))
    session.run(f"CREATE TABLE many (id int IDENTITY PRIMARY KEY, {columns})")
    chance = random.Random(1)
    rows = [[None if chance.random() < request.param else cell for cell in row] for row in draw_rows(LOADABLE, ROWS, 1)]
    postgres.load(session.interpreter.database, "dbo", "many", rows)
    yield session
    session.run("DROP TABLE many")
    session.interpreter.close()


def in_bulk(session: Session, columns: str) -> tuple[list[SqlType], Rows, bytes]:
    """Types, rows and ROW tokens of a query whose rows come as columns (but for the last few)."""
    outcomes = session.interpreter.run(Parameterized(f"SELECT {columns} FROM many ORDER BY id"))
    outcome = next(outcomes)
    assert isinstance(outcome, ResultSet)
    types = [column.type for column in outcome.columns]
    first, *others = outcome.batches
    assert isinstance(first, ColumnBatch)
    rows, sent = to_rows(types, first), batch_encoder(types)(first).tobytes()
    for batch in others:
        assert not isinstance(batch, ColumnBatch)
        rows += batch
        sent += row_encoder(types)(batch)
    return types, rows, sent


def one_by_one(session: Session, columns: str) -> Rows:
    """The same rows, a few at a time."""
    pages = [
        session.rows(f"SELECT {columns} FROM many WHERE id BETWEEN {i} AND {i + 19} ORDER BY id")
        for i in range(1, ROWS, 20)
    ]
    return [row for page in pages for row in page]


@pytest.mark.parametrize("number", range(len(LOADABLE)), ids=map(str, LOADABLE))
def test_each_type_is_read_by_column(number: int, table: Session) -> None:
    types, rows, sent = in_bulk(table, f"id, c{number}")
    expected = one_by_one(table, f"id, c{number}")
    assert types[1] == LOADABLE[number]
    assert rows == expected
    assert [type(cell) for _, cell in rows] == [type(cell) for _, cell in expected]
    assert sent == row_encoder(types)(expected)


def test_a_row_of_every_type_goes_out_as_its_values_do(table: Session) -> None:
    columns = ", ".join(["id", *(f"c{i}" for i in range(len(LOADABLE)))])
    types, rows, sent = in_bulk(table, columns)
    expected = one_by_one(table, columns)
    assert rows == expected
    assert sent == row_encoder(types)(expected)


COMPUTED = [
    "CAST(n AS decimal(38, 0)) * 100000000000000000000000000000",
    "CAST(n AS decimal(38, 20)) / 3",
    "CAST(n AS decimal(9, 0)) * 10000",
    "CAST(n AS money) / 7",
    "CAST(n * 9000000000000000 AS decimal(19, 1))",
    "CAST(n * CAST(9223372036854 AS bigint) AS money)",
    "CAST(n AS decimal(5, 2)) / 100",
    "ROW_NUMBER() OVER (ORDER BY n)",
    "CASE WHEN n % 2 = 0 THEN 1.5 END",
    "CAST(n AS float) / 3",
    "CAST(n AS tinyint)",
    "CASE WHEN n > 3 THEN N'ü😀' ELSE '' END",
    "CAST(CASE WHEN n > 3 THEN 'é' ELSE '' END AS char(3))",
    "CAST(n AS binary(2))",
    "DATEADD(day, n, CAST('0001-01-01' AS date))",
    "CAST('2000-01-01 23:59:59.997' AS datetime)",
]


@pytest.mark.parametrize("expression", COMPUTED)
def test_computed_columns_have_the_same_values_in_many_rows_as_in_few(
    expression: str, sessions: Callable[[], Session]
) -> None:
    session = sessions()
    session.run("CREATE TABLE numbers (n int PRIMARY KEY)")
    session.run(f"INSERT INTO numbers VALUES {', '.join(f'({n})' for n in range(ROWS))}")
    query = f"SELECT {expression} AS x FROM numbers"
    many = session.rows(f"{query} ORDER BY n")
    few: Rows = [(n + 1,) for n in range(ROWS)] if "OVER" in expression else []
    few = few or [row for n in range(ROWS) for row in session.rows(f"{query} WHERE n = {n}")]
    assert many == few


def test_rows_with_megabytes_are_not_turned_into_columns(sessions: Callable[[], Session]) -> None:
    session = sessions()
    session.run("CREATE TABLE numbers (n int PRIMARY KEY)")
    session.run(f"INSERT INTO numbers VALUES {', '.join(f'({n})' for n in range(ROWS))}")
    query = "SELECT REPLICATE(CAST('x' AS varchar(max)), {}) FROM numbers"
    kinds = []
    for size in (1000, 300_000):
        outcomes = session.interpreter.run(Parameterized(query.format(size)))
        outcome = next(outcomes)
        assert isinstance(outcome, ResultSet)
        batches = list(outcome.batches)
        kinds.append([type(batch) for batch in batches])
        assert isinstance(outcomes, Generator)
        outcomes.close()
    assert kinds == [[ColumnBatch, list], [list, list]]


def test_a_result_that_nobody_wants_any_more_ends_in_its_middle(sessions: Callable[[], Session]) -> None:
    session = sessions()
    session.run("CREATE TABLE numbers (n int PRIMARY KEY)")
    session.run(f"INSERT INTO numbers VALUES {', '.join(f'({n})' for n in range(ROWS))}")
    outcomes = session.interpreter.run(
        Parameterized("SELECT a.n FROM numbers a, numbers b, numbers c, numbers d, numbers e")
    )
    outcome = next(outcomes)
    assert isinstance(outcome, ResultSet)
    assert isinstance(next(outcome.batches), ColumnBatch)
    assert isinstance(outcomes, Generator)
    outcomes.close()
    assert session.rows("SELECT COUNT(*) FROM numbers") == [(ROWS,)]
