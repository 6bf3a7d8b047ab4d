"""Columns become the same bytes as rows do."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings

from etl.sandbox.column_values import to_rows
from etl.sandbox.errors import SqlServerError
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire.encode import row_encoder
from etl.sandbox.wire.encode_columns import batch_encoder
from tests.sandbox.column_values import to_batch
from tests.sandbox.typed_rows import TYPES, tables

OFTEN = settings(max_examples=150, deadline=None, derandomize=True, database=None)
Table = tuple[list[SqlType], list[tuple[Value, ...]]]


@OFTEN
@given(tables())
def test_batches_hold_the_values_that_they_were_made_of(table: Table) -> None:
    types, rows = table
    assert to_rows(types, to_batch(types, rows)) == rows


@OFTEN
@given(tables())
def test_random_tables_are_encoded_as_their_rows_are(table: Table) -> None:
    types, rows = table
    assert batch_encoder(types)(to_batch(types, rows)).tobytes() == row_encoder(types)(rows)


@pytest.mark.parametrize("sql", TYPES, ids=str)
def test_columns_of_nothing_but_null_are_encoded_as_their_rows_are(sql: SqlType) -> None:
    rows: list[tuple[Value, ...]] = [(None,)] * 3
    assert batch_encoder([sql])(to_batch([sql], rows)).tobytes() == row_encoder([sql])(rows)


@pytest.mark.parametrize("sql", TYPES, ids=str)
def test_no_rows_are_no_bytes(sql: SqlType) -> None:
    assert batch_encoder([sql])(to_batch([sql], [])).tobytes() == b""


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        (SqlType("varchar", length=3), "aaaa"),
        (SqlType("nvarchar", length=3), "a😀a"),
        (SqlType("char", length=3), "aaaa"),
        (SqlType("binary", length=1), b"\1\2"),
        (SqlType("sysname"), "a" * 129),
    ],
)
def test_a_value_wider_than_its_column_is_an_error(sql: SqlType, value: Value) -> None:
    with pytest.raises(ValueError, match="wider than its column's"):
        batch_encoder([sql])(to_batch([sql], [(value,), (None,)]))


@pytest.mark.parametrize(
    "sql",
    [
        SqlType("varchar", length=20, utf8=True),
        SqlType("char", length=20, utf8=True),
        SqlType("varchar", utf8=True),
    ],
    ids=str,
)
def test_text_under_a_utf8_collation_is_encoded_as_its_rows_are(sql: SqlType) -> None:
    texts = ["é😀", "plain", "漢字漢字", ""]
    padded = [text + " " * (20 - len(text.encode())) for text in texts] if sql.name == "char" else texts
    rows: list[tuple[Value, ...]] = [*((text,) for text in padded), (None,)]
    assert batch_encoder([sql])(to_batch([sql], rows)).tobytes() == row_encoder([sql])(rows)


def test_an_instant_before_the_year_1_is_an_error() -> None:
    sql = SqlType("datetimeoffset", scale=0)
    value = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    with pytest.raises(ValueError, match="before the year 1"):
        batch_encoder([sql])(to_batch([sql], [(value,)]))


def test_a_decimal_with_too_many_digits_is_an_error() -> None:
    sql = SqlType("decimal", precision=5, scale=2)
    with pytest.raises(SqlServerError, match="8115"):
        batch_encoder([sql])(to_batch([sql], [(Decimal("1000.00"),)]))
