"""Rows as JSON that loses nothing: what JSON has no form for (decimals, dates, binary values) is text."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def rows(table: pa.Table) -> list[str]:
    """One JSON object a row, with the columns in order. Binary values are `0x` and hexadecimal digits."""
    columns = [values(column) for column in table.columns]
    names = table.column_names
    return [
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False)
        for row in zip(*columns, strict=True)
    ]


def values(column: pa.ChunkedArray) -> list[Any]:
    """A column's values, each in a form that JSON has."""
    arrow = column.type
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        utc = column.cast(pa.timestamp(arrow.unit, "UTC")).cast(pa.timestamp(arrow.unit))
        return [None if text is None else f"{text}+00:00" for text in pc.cast(utc, pa.string()).to_pylist()]
    if pa.types.is_temporal(arrow) and not pa.types.is_duration(arrow):
        column = pc.cast(column, pa.string())
    return [_value(value) for value in column.to_pylist()]


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
