"""An object column, which may hold anything, as the Arrow array that its Python values really are."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa


class UnfitError(Exception):
    """A value has no exact place in the type asked for. `etl.frames` turns it into a SchemaError with the column.

    `position` is the value's 0-based row, None where no single row is to blame (or the caller has to find it).
    """

    def __init__(self, reason: str, position: int | None, hint: str = "") -> None:
        super().__init__(reason, position, hint)
        self.reason = reason
        self.position = position
        self.hint = hint


_KIND_OF_TYPE: dict[type, str] = {
    bool: "bool",
    np.bool_: "bool",
    int: "integer",
    float: "float",
    Decimal: "decimal",
    str: "text",
    uuid.UUID: "uuid",
    bytes: "binary",
    bytearray: "binary",
    memoryview: "binary",
    dt.datetime: "timestamp",
    pd.Timestamp: "timestamp",
    np.datetime64: "timestamp",
    dt.date: "date",
    dt.time: "time",
    dt.timedelta: "duration",
    pd.Timedelta: "duration",
    np.timedelta64: "duration",
}


def array_of_objects(column: pd.Series[Any]) -> pa.Array:
    """Read an object column. Missing values of every sort (None, NaN, NaT, NA, Decimal('NaN')) become NULL.

    Integers, floats and Decimals together are read as decimals, dates and naive datetimes together as datetimes, UUIDs
    as their text. Raises `UnfitError` for any other mixture and for types that no table holds.
    """
    missing = column.isna().to_numpy(dtype=bool)
    present = column.to_numpy(dtype=object)[~missing].tolist()
    kind_of_type = {t: _kind(t) for t in set(map(type, present))}
    kinds = frozenset(kind_of_type.values())
    if not kinds:
        return pa.nulls(len(column))
    build = _BUILDERS.get(kinds)
    positions = np.flatnonzero(~missing)
    if build is None:
        raise _mixture(present, kind_of_type, positions)
    try:
        array = build(present)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, ArithmeticError, UnfitError) as error:
        raise _first_refused(present, build, positions, error) from error
    # Taking with a NULL index yields NULL: the values go back to their rows.
    indices = np.full(len(column), -1)
    indices[positions] = np.arange(len(present))
    return array.take(pa.array(indices, mask=missing))


def _kind(python_type: type) -> str:
    for base in python_type.__mro__:
        if base in _KIND_OF_TYPE:
            return _KIND_OF_TYPE[base]
        if base is np.integer:
            return "integer"
        if base is np.floating:
            return "float"
    return python_type.__name__


def _mixture(present: Sequence[Any], kind_of_type: dict[type, str], positions: np.ndarray[Any, Any]) -> UnfitError:
    expected = kind_of_type[type(present[0])]
    foreign = next((i for i, v in enumerate(present) if kind_of_type[type(v)] != expected), 0)
    found = kind_of_type[type(present[foreign])]
    if found == expected:
        return UnfitError(f"it is a {type(present[0]).__name__}, which no column can hold", int(positions[0]))
    return UnfitError(
        f"it is {found} in a column of {expected} values", int(positions[foreign]), "make the column of one type"
    )


def _first_refused(
    present: Sequence[Any],
    build: Callable[[Sequence[Any]], pa.Array],
    positions: np.ndarray[Any, Any],
    error: Exception,
) -> UnfitError:
    for position, value in zip(positions, present, strict=True):
        try:
            build([value])
        except (pa.ArrowException, ValueError, TypeError, OverflowError, ArithmeticError, UnfitError) as own:
            reason = own.reason if isinstance(own, UnfitError) else str(own)
            return UnfitError(reason, int(position))
    return UnfitError(error.reason if isinstance(error, UnfitError) else str(error), None)


def _integers(values: Sequence[Any]) -> pa.Array:
    plain = [int(value) for value in values]
    try:
        return pa.array(plain, pa.int64())
    except OverflowError:
        return _decimals(plain)


def _decimals(values: Sequence[Any]) -> pa.Array:
    return pa.array([_as_decimal(value) for value in values])


def _as_decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, (float, np.floating)):
        # The shortest decimal that means this float, as everywhere in etl.casting.
        return Decimal(repr(float(value)))
    return Decimal(int(value))


def _timestamps(values: Sequence[Any]) -> pa.Array:
    moments = [_as_datetime(value) for value in values]
    if any(getattr(moment, "nanosecond", 0) for moment in moments):
        raise UnfitError("it has nanoseconds, which pyarrow would cut", None, "use .dt.round('us')")
    aware = {moment.tzinfo is not None for moment in moments}
    if len(aware) > 1:
        reason = "datetimes with and without a time zone stand in one column"
        raise UnfitError(reason, None, "use pd.to_datetime(..., utc=True)")
    return pa.array(moments, pa.timestamp("us", tz="UTC" if aware == {True} else None))


def _as_datetime(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    return cast(dt.datetime, pd.Timestamp(value))


def _times(values: Sequence[Any]) -> pa.Array:
    if any(value.tzinfo is not None for value in values):
        raise UnfitError("a time of day with a time zone cannot be stored", None)
    return pa.array(values, pa.time64("us"))


def _one_type(arrow_type: pa.DataType, convert: Callable[[Any], Any]) -> Callable[[Sequence[Any]], pa.Array]:
    return lambda values: pa.array([convert(value) for value in values], arrow_type)


_BUILDERS: dict[frozenset[str], Callable[[Sequence[Any]], pa.Array]] = {
    frozenset({"bool"}): _one_type(pa.bool_(), bool),
    frozenset({"integer"}): _integers,
    frozenset({"bool", "integer"}): _integers,
    frozenset({"float"}): _one_type(pa.float64(), float),
    frozenset({"decimal"}): _decimals,
    frozenset({"decimal", "integer"}): _decimals,
    frozenset({"decimal", "float"}): _decimals,
    frozenset({"decimal", "float", "integer"}): _decimals,
    frozenset({"float", "integer"}): _decimals,
    frozenset({"text"}): _one_type(pa.string(), str),
    frozenset({"uuid"}): _one_type(pa.string(), str),
    frozenset({"binary"}): _one_type(pa.binary(), bytes),
    frozenset({"timestamp"}): _timestamps,
    frozenset({"date"}): _one_type(pa.date32(), lambda value: value),
    frozenset({"date", "timestamp"}): _timestamps,
    frozenset({"time"}): _times,
    frozenset({"duration"}): lambda values: pa.array(pd.Series(list(values), dtype="timedelta64[us]")),
}
