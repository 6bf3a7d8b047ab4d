"""Rows as JSON: every value can be read back exactly."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from etl.bad_rows import exact_json


@pytest.mark.parametrize(
    ("value", "arrow", "expected"),
    [
        (None, pa.int32(), None),
        (9_223_372_036_854_775_807, pa.int64(), 9_223_372_036_854_775_807),
        (0.1, pa.float64(), 0.1),
        (float("inf"), pa.float64(), "inf"),
        (True, pa.bool_(), True),
        ('"quoted" ż 😀\n\0', pa.string(), '"quoted" ż 😀\n\0'),
        (Decimal("0.0000000001"), pa.decimal128(38, 10), "0.0000000001"),
        (Decimal("-99999999999999999999999999999999999999"), pa.decimal128(38, 0), "-" + "9" * 38),
        (b"\x00\xff", pa.binary(), "0x00ff"),
        (b"", pa.binary(), "0x"),
        (dt.date(1, 1, 1), pa.date32(), "0001-01-01"),
        (dt.time(23, 59, 59, 999_999), pa.time64("us"), "23:59:59.999999"),
        (dt.datetime(9999, 12, 31, 23, 59, 59, 999_999), pa.timestamp("us"), "9999-12-31 23:59:59.999999"),
        (1_700_000_000_123_456_700, pa.timestamp("ns"), "2023-11-14 22:13:20.123456700"),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), pa.timestamp("us", "Europe/Berlin"), "2024-01-01 00:00:00.000000+00:00"),
    ],
)  # fmt: skip
def test_a_value_as_json(value: Any, arrow: pa.DataType, expected: Any) -> None:
    (text,) = exact_json.rows(pa.table({"a column": pa.array([value], arrow)}))
    assert json.loads(text) == {"a column": expected}


def test_rows_keep_their_columns_in_order() -> None:
    table = pa.table({"b": [1, 2], "a": ["x", None]})
    assert exact_json.rows(table) == ['{"b": 1, "a": "x"}', '{"b": 2, "a": null}']
    assert exact_json.rows(table.slice(0, 0)) == []
