"""Random typed tables survive the sandbox: what goes in as bytes comes out as the same bytes, whichever way it goes in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.sandbox.columns import ColumnBatch
from etl.sandbox.engine import PostgresEngine
from etl.sandbox.outcomes import Argument, Column, Command, Outcome, Parameterized, ResultSet, StatementDone
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire.bulk import read_bulk_load
from etl.sandbox.wire.encode import row_encoder
from etl.sandbox.wire.encode_columns import batch_encoder
from etl.sandbox.wire.tokens import col_metadata
from tests.sandbox.tsql import Session
from tests.sandbox.typed_rows import TYPES, tables

LOGIN = ("sa", "secret word")
# COLMETADATA of a bulk load and of a result differ for text, ntext and image.
STORABLE = st.sampled_from(
    [sql for sql in TYPES if sql.name not in {"rowversion", "sysname", "xml", "text", "ntext", "image"}]
)
SOME = settings(max_examples=25, deadline=None, derandomize=True, database=None)
Table = tuple[list[SqlType], list[tuple[Value, ...]]]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with PostgresEngine(None, user=LOGIN[0], password=LOGIN[1], database="sandbox") as engine:
        session = Session(engine.login(*LOGIN, ""))
        yield session
        session.interpreter.close()


def make_table(session: Session, types: Sequence[SqlType]) -> None:
    session.run("DROP TABLE IF EXISTS t")
    session.run(
        f"CREATE TABLE t (id int IDENTITY PRIMARY KEY, {', '.join(f'c{i} {sql}' for i, sql in enumerate(types))})"
    )


def bytes_out(session: Session, types: Sequence[SqlType]) -> bytes:
    """The table's rows as ROW tokens."""
    outcomes = session.interpreter.run(Parameterized(f"SELECT {names(types)} FROM t ORDER BY id"))
    result = next(outcomes)
    assert isinstance(result, ResultSet)
    found = [column.type for column in result.columns]
    assert found == list(types)
    by_row, by_column = row_encoder(found), batch_encoder(found)
    return b"".join(
        by_column(batch).tobytes() if isinstance(batch, ColumnBatch) else by_row(batch) for batch in result.batches
    )


def names(types: Sequence[SqlType]) -> str:
    return ", ".join(f"c{i}" for i in range(len(types)))


def bulk_insert(session: Session, types: Sequence[SqlType], rows: bytes) -> list[Outcome]:
    session.run(f"INSERT BULK t ({', '.join(f'c{i} {sql}' for i, sql in enumerate(types))})")
    message = iter([col_metadata([Column(f"c{i}", sql) for i, sql in enumerate(types)]) + rows, b""])
    return list(session.interpreter.bulk_load(read_bulk_load(lambda: next(message))))


@SOME
@given(tables(STORABLE), st.sampled_from([1, 20]))
def test_bulk_insert(session: Session, table: Table, times: int) -> None:
    types, few = table
    rows = few * times
    sent = row_encoder(types)(rows)
    make_table(session, types)
    assert bulk_insert(session, types, sent)[-1:] == [StatementDone(Command.INSERT, len(rows))]
    assert bytes_out(session, types) == sent


@SOME
@given(tables(STORABLE, max_rows=5))
def test_insert_with_parameters(session: Session, table: Table) -> None:
    types, rows = table
    make_table(session, types)
    declared = ", ".join(f"@p{i} {sql}" for i, sql in enumerate(types))
    statement = f"INSERT INTO t ({names(types)}) VALUES ({', '.join(f'@p{i}' for i in range(len(types)))})"
    for row in rows:
        arguments = [Argument(value, sql) for sql, value in zip(types, row, strict=True)]
        session.run(statement, declared, arguments)
    assert bytes_out(session, types) == row_encoder(types)(rows)
