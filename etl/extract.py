"""Reading: rows of a chunk or a stream as Arrow record batches in the types that the source declares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, types
from etl.errors import SchemaError
from etl.statements import TableName, quote
from etl.types import Column

Moment = TypeVar("Moment", dt.datetime, dt.time)

BATCH_ROWS = 5_000
"""Rows that exist as Python objects at a time: enough to hide the call overhead, few enough to stay out of the peak."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A statement whose result is the columns in order, followed by one guard value for each guarded column."""

    sql: str
    columns: list[Column]
    guarded: list[Column]
    origin: str
    """What is read, for messages."""


def select_table(dialect: str, table: TableName, columns: list[Column], condition: str = "") -> Selection:
    """SELECT of all columns of a table, restricted by a condition with `?` parameters."""
    where = f" WHERE {condition}" if condition else ""
    sql = f"SELECT {_select_list(dialect, columns)} FROM {table.quoted(dialect)}{where}"
    return Selection(sql, columns, _guarded(dialect, columns), str(table))


def select_query(dialect: str, query: str, columns: list[Column]) -> Selection:
    """The query as it is, or wrapped where a column must be read through an expression to arrive whole."""
    if not needs_expressions(dialect, columns):
        return Selection(query, columns, [], "the query")
    sql = f"SELECT {_select_list(dialect, columns)} FROM (\n{query.rstrip().rstrip(';')}\n) AS etl_query"
    return Selection(sql, columns, _guarded(dialect, columns), "the query")


def needs_expressions(dialect: str, columns: list[Column]) -> bool:
    """Whether a column must be read through an expression, or guarded, to arrive whole."""
    return bool(special(dialect, columns))


def special(dialect: str, columns: list[Column]) -> list[Column]:
    """The columns that must be read through an expression, or guarded, to arrive whole."""
    if dialect != "mssql":
        return []
    guarded = _guarded(dialect, columns)
    return [column for column in columns if column in guarded or types.rule(column.sql_type).read != "{column}"]


def read_batches(
    connection: Connection, selection: Selection, parameters: Sequence[Any] = ()
) -> Generator[pa.RecordBatch]:
    """Run the selection and yield its rows as record batches of the declared types, as they arrive.

    Raises DatabaseError when the server refuses or breaks off, SchemaError for a value that its declared type or the
    driver cannot carry whole.
    """
    schema = types.schema(connection.dialect.name, selection.columns)
    with connect.cursor(connection) as cursor:
        with connect.statement(f"reading {selection.origin}"):
            cursor.execute(selection.sql, tuple(parameters))
        while True:
            with connect.statement(f"reading {selection.origin}"):
                rows = cursor.fetchmany(BATCH_ROWS)
            if not rows:
                return
            yield _record_batch(rows, schema, selection)


def read_table(connection: Connection, selection: Selection, parameters: Sequence[Any] = ()) -> pa.Table:
    """All rows of the selection as one table; for a chunk, whose size the plan bounds."""
    schema = types.schema(connection.dialect.name, selection.columns)
    return pa.Table.from_batches(read_batches(connection, selection, parameters), schema=schema)


def _select_list(dialect: str, columns: list[Column]) -> str:
    if dialect != "mssql":
        return ", ".join(quote(dialect, column.name) for column in columns)
    expressions = []
    for column in columns:
        name = quote(dialect, column.name)
        read = types.rule(column.sql_type).read.format(column=name)
        expressions.append(name if read == name else f"{read} AS {name}")
    expressions += [_guard(column) for column in _guarded(dialect, columns)]
    return ", ".join(expressions)


def _guard(column: Column) -> str:
    guard = types.rule(column.sql_type).guard
    assert guard is not None
    return guard.format(column=quote("mssql", column.name))


def _guarded(dialect: str, columns: list[Column]) -> list[Column]:
    """The columns whose values the driver may cut: only a scale of 7 has digits beyond microseconds."""
    if dialect != "mssql":
        return []
    return [
        column
        for column in columns
        if types.rule(column.sql_type).guard is not None and types.split(column.sql_type)[1] in {None, 7}
    ]


def _record_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema, selection: Selection) -> pa.RecordBatch:
    values = list(zip(*rows, strict=True))
    for column, digits in zip(selection.guarded, values[len(schema) :], strict=True):
        if any(digits):
            raise SchemaError(
                f"{selection.origin}: column {column.name} ({column.sql_type}) holds a value with a seventh fractional "
                "digit, which the driver would cut",
                advice=f"Read a query that casts it, e.g. CAST({column.name} AS {types.base_name(column.sql_type)}(6)).",
            )
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
