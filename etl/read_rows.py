"""Rows from a driver's cursor as Arrow record batches, through Python values: SQLite's, and what arrow-odbc cannot read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, seventh_digit, types
from etl.errors import SchemaError
from etl.selection import Selection, refuse_cut

Moment = TypeVar("Moment", dt.datetime, dt.time)

BATCH_ROWS = 5_000
"""Rows that exist as Python objects at a time: enough to hide the call overhead, few enough to stay out of the peak."""


def read_batches(connection: Connection, selection: Selection) -> Generator[pa.RecordBatch]:
    """Run the selection and yield its rows as record batches of the declared types, as they arrive.

    Raises DatabaseError when the server refuses or breaks off, SchemaError for a value that its declared type or the
    driver cannot carry whole.
    """
    schema = types.driver_schema(connection.dialect.name, selection.columns)
    with connect.cursor(connection) as cursor:
        with connect.statement(f"reading {selection.origin}"):
            cursor.execute(selection.sql, selection.bounds)
        while True:
            with connect.statement(f"reading {selection.origin}"):
                rows = cursor.fetchmany(BATCH_ROWS)
            if not rows:
                return
            yield seventh_digit.parsed(_record_batch(rows, schema, selection), selection)


def _record_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema, selection: Selection) -> pa.RecordBatch:
    values = list(zip(*rows, strict=True))
    for column, digits in zip(selection.guarded, values[len(schema) :], strict=True):
        if any(digits):
            refuse_cut(selection, column)
    arrays = [
        _array(column_values, field, selection)
        for column_values, field in zip(values[: len(schema)], schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], field: pa.Field, selection: Selection) -> pa.Array:
    try:
        return pa.array(_python_values(values, field.type), field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, ArithmeticError, TypeError) as error:
        raise SchemaError(
            f"{selection.origin}: column {field.name} holds a value that is not {field.type}: {error}",
            advice="Read a query that casts the column to what it really holds.",
        ) from error


def _python_values(values: Sequence[Any], arrow: pa.DataType) -> Sequence[Any]:
    """What the driver returned, as what Arrow takes for that type without changing it.

    SQLite has neither dates, decimals nor booleans, and keeps any value in any column; Arrow would cut 1.5 to the integer 1,
    take bytes for text, and move an instant to UTC.
    """
    kinds = set(map(type, values)) - {type(None)}
    convert = next((convert for matches, convert in FROM_SQLITE if matches(arrow)), None)
    if convert is not None and not kinds.isdisjoint({str, int, float}):
        return [None if value is None else convert(value) for value in values]
    expected = next((expected for matches, expected in EXACT_KINDS if matches(arrow)), kinds)
    if not kinds <= expected:
        stray = next(value for value in values if value is not None and type(value) not in expected)
        raise TypeError(f"{stray!r:.200} is {type(stray).__name__}")
    return values


EXACT_KINDS: list[tuple[Callable[[pa.DataType], bool], set[type]]] = [
    (pa.types.is_integer, {int}),
    (pa.types.is_string, {str}),
    (pa.types.is_binary, {bytes, bytearray}),
]


def _exact_bool(value: Any) -> bool:
    if value not in {0, 1}:
        raise ValueError(f"{value!r} is neither 0 nor 1")
    return bool(value)


def _exact_datetime(text: str) -> dt.datetime:
    return _whole(dt.datetime.fromisoformat(text), text)


def _exact_time(text: str) -> dt.time:
    return _whole(dt.time.fromisoformat(text), text)


def _whole(moment: Moment, text: str) -> Moment:
    if moment.tzinfo is not None:
        raise ValueError(f"{text!r} has an offset from UTC")
    if text.partition(".")[2][6:].strip("0"):
        raise ValueError(f"{text!r} has digits beyond microseconds")
    return moment


FROM_SQLITE: list[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]]] = [
    (pa.types.is_boolean, _exact_bool),
    (pa.types.is_date, dt.date.fromisoformat),
    (pa.types.is_timestamp, _exact_datetime),
    (pa.types.is_time, _exact_time),
    (pa.types.is_decimal, lambda value: Decimal(str(value))),
]
