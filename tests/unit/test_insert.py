"""How values are bound."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from etl import insert
from etl.errors import SchemaError
from etl.types import Column


@pytest.mark.parametrize("dialect", ["mssql", "sqlite"])
def test_decimals_are_bound_as_plain_digits(dialect: str) -> None:
    values = [
        Decimal("-1E-10"),
        Decimal("1E-7"),
        Decimal("0"),
        Decimal("9999999999999999999999999999.9999999999"),
        None,
    ]
    column = pa.chunked_array([pa.array(values, pa.decimal128(38, 10))])
    bound = insert.bound_values(dialect, column, Column("d", "decimal(38,10)", True))
    assert bound == [
        "-0.0000000001", "0.0000001000", "0.0000000000", "9999999999999999999999999999.9999999999", None]  # fmt: skip


def test_dates_are_bound_as_iso_text_from_year_1_on() -> None:
    days = pa.chunked_array([pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None])])
    assert insert.bound_values("mssql", days, Column("d", "date", True)) == ["0001-01-01", "9999-12-31", None]
    moments = pa.chunked_array([pa.array([dt.datetime(1, 1, 1, 0, 0, 0, 1), None], pa.timestamp("us"))])
    bound = insert.bound_values("mssql", moments, Column("d", "datetime2(6)", True))
    assert bound == ["0001-01-01T00:00:00.000001", None]


def test_an_instant_is_bound_with_its_offset() -> None:
    kolkata = pa.timestamp("us", tz="Asia/Kolkata")
    instants = pa.chunked_array([pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None], kolkata)])
    bound = insert.bound_values("mssql", instants, Column("i", "datetimeoffset(6)", True))
    assert bound == ["2024-01-01 00:00:00.000000 +00:00", None]


@pytest.mark.parametrize("infinite", [float("inf"), float("-inf")])
def test_infinity_is_refused_by_row(infinite: float) -> None:
    values = pa.chunked_array([pa.array([1.0, None, infinite])])
    with pytest.raises(SchemaError, match=r"column f, row 2 of the chunk: -?inf, which SQL Server cannot hold"):
        insert.bound_values("mssql", values, Column("f", "float", True))
