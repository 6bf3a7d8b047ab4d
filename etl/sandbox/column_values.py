"""Columns as rows of values again, for whoever has to look at them one by one."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from typing import Any

import numpy as np

from etl.sandbox.columns import BYTES, Array, ColumnBatch, ColumnData, Fixed
from etl.sandbox.moments import MINUTE, stamp_of, time_of
from etl.sandbox.sqltypes import SqlType, Value

_EXACT = Context(prec=60)


def to_rows(types: Sequence[SqlType], batch: ColumnBatch) -> list[tuple[Value, ...]]:
    """A batch as rows."""
    columns = [_values(sql, column) for sql, column in zip(types, batch.columns, strict=True)]
    return list(zip(*columns, strict=True))


def _values(sql: SqlType, column: ColumnData) -> list[Value]:
    if isinstance(column, Fixed):
        values = _fixed_values(sql, column.values)
    else:
        ends = np.cumsum(column.lengths).tolist()
        data = column.data.tobytes()
        parts = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        values = list(parts) if sql.name in BYTES else [part.decode() for part in parts]
    if column.valid is None:
        return values
    return [value if there else None for value, there in zip(values, column.valid.tolist(), strict=True)]


def _fixed_values(sql: SqlType, values: Array) -> list[Value]:
    plain = values.tolist()
    if sql.name == "uniqueidentifier":
        return [uuid.UUID(bytes_le=bytes(item)) for item in plain]
    convert = _FROM_PLAIN.get(sql.name)
    return plain if convert is None else [convert(item, sql) for item in plain]


def _offset_time(item: tuple[int, int], _: SqlType) -> dt.datetime:
    return stamp_of(item[0] + item[1] * MINUTE, item[1])


_FROM_PLAIN: dict[str, Callable[[Any, SqlType], Value]] = {
    "decimal": lambda item, sql: _EXACT.scaleb(Decimal(item), -(sql.scale or 0)),
    "money": lambda item, _: _EXACT.scaleb(Decimal(item), -4),
    "smallmoney": lambda item, _: _EXACT.scaleb(Decimal(item), -4),
    "date": lambda item, _: dt.date.fromordinal(item + 1),
    "time": lambda item, _: time_of(item),
    **dict.fromkeys(("smalldatetime", "datetime", "datetime2"), lambda item, _: stamp_of(item)),
    "datetimeoffset": _offset_time,
}
