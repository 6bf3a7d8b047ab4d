"""Rows of values as column batches, value by value: what the fast ways are compared with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Context
from typing import Any

import numpy as np

from etl.sandbox.columns import ColumnBatch, ColumnData, Fixed, Varying, fixed_dtype
from etl.sandbox.moments import MINUTE, day_ticks, ticks_of
from etl.sandbox.sqltypes import SqlType, Value

EXACT = Context(prec=60)


def to_batch(types: Sequence[SqlType], rows: Sequence[Sequence[Value]]) -> ColumnBatch:
    """Rows as a batch."""
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    return ColumnBatch(tuple(_column(sql, column) for sql, column in zip(types, cells, strict=True)), len(rows))


def _column(sql: SqlType, cells: Sequence[Value]) -> ColumnData:
    valid = np.array([cell is not None for cell in cells], np.bool_)
    mask = None if valid.all() else valid
    dtype = fixed_dtype(sql)
    if dtype is None:
        parts = [_to_bytes(cell) for cell in cells]
        lengths = np.array([len(part) for part in parts], np.int64)
        return Varying(np.frombuffer(b"".join(parts), np.uint8), lengths, mask)
    plain = [_to_plain(sql, cell) for cell in cells]
    if sql.name == "uniqueidentifier":
        return Fixed(np.array(plain, np.uint8).reshape(len(plain), 16), mask)
    if sql.name == "decimal" and any(abs(item) >= 10**18 for item in plain):
        return Fixed(np.array(plain, object), mask)
    return Fixed(np.array(plain, dtype), mask)


def _to_bytes(cell: Value) -> bytes:
    if cell is None:
        return b""
    if isinstance(cell, str):
        return cell.encode()
    assert isinstance(cell, bytes)
    return cell


def _to_plain(sql: SqlType, cell: Any) -> Any:  # noqa: PLR0911 - one return a family of types
    match sql.name:
        case "decimal" | "money" | "smallmoney":
            return 0 if cell is None else int(EXACT.scaleb(cell, 4 if sql.scale is None else sql.scale))
        case "date":
            return 0 if cell is None else cell.toordinal() - 1
        case "time":
            return 0 if cell is None else day_ticks(cell)
        case "smalldatetime" | "datetime" | "datetime2":
            return 0 if cell is None else ticks_of(cell)
        case "datetimeoffset":
            if cell is None:
                return 0, 0
            minutes = cell.utcoffset() // dt.timedelta(minutes=1)
            return ticks_of(cell) - minutes * MINUTE, minutes
        case "uniqueidentifier":
            return list(bytes(16) if cell is None else cell.bytes_le)
    return 0 if cell is None else cell
