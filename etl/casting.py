"""One pandas column into one Arrow column of a declared type, exactly or not at all.

Arrow's own casts let much through in silence (pyarrow 26): `pa.array([1.5], pa.int64())` is 1, a float rounds into a
decimal, a timestamp loses its time of day in a date and its zone in a naive timestamp, `bytes` pass for text, integers
for timestamps, nanoseconds vanish. So a column is first read as the Arrow type that its values really have (`natural`),
and then cast only along the pairs of kinds listed in `_CASTS`, each with a function that loses nothing or raises.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.python_values import UnfitError, array_of_objects

EXACT_FLOAT_INTEGERS = 2**53
"""From here on neighbouring integers share one float64, so a float can no longer say which integer it was."""

SQL_SERVER_STEP_NS = 100
"""The smallest step of datetime2(7) and time(7)."""

_FIRST_MICROSECOND = -62_135_596_800_000_000
"""0001-01-01 00:00:00 in microseconds since 1970-01-01: the first moment of SQL Server, Python and ISO 8601."""
_LAST_MICROSECOND = 253_402_300_799_999_999
"""9999-12-31 23:59:59.999999."""

Cast = Callable[[pa.Array, pa.DataType], pa.Array]


def kind_of(arrow_type: pa.DataType) -> str:
    """The family of an Arrow type in which a value may move without changing its meaning; the type's name if none."""
    for kind, belongs in _KINDS:
        if belongs(arrow_type):
            return kind
    return str(arrow_type)


@contextmanager
def _time_zones_heeded() -> Iterator[None]:
    """Without a variable under which pyarrow takes 12:00+05:30 for 12:00 UTC; importing pandera sets it, for pyspark."""
    ignore = os.environ.pop("PYARROW_IGNORE_TIMEZONE", None)
    try:
        yield
    finally:
        if ignore is not None:
            os.environ["PYARROW_IGNORE_TIMEZONE"] = ignore


def natural(column: pd.Series[Any]) -> pa.Array:
    """The column in the Arrow type that its values have; NaN, NaT, None and NA are NULL, whatever the dtype.

    Raises `UnfitError` for values that no table can hold: lists, periods, complex numbers, naive datetimes among aware.
    """
    with _time_zones_heeded():
        return _natural(column)


def _natural(column: pd.Series[Any]) -> pa.Array:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _natural(column.astype(dtype.categories.dtype))
    if isinstance(dtype, pd.SparseDtype):
        return _natural(pd.Series(column.array.to_dense()))
    if dtype.kind == "O" and isinstance(dtype, np.dtype):
        return array_of_objects(column)
    if isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)) or getattr(dtype, "kind", "") == "c":
        raise UnfitError(f"a column of dtype {dtype} has no counterpart in a database", position=None)
    try:
        array = pa.array(column, from_pandas=True)
    except pa.ArrowNotImplementedError as error:  # long doubles, structures
        raise UnfitError(f"a column of dtype {dtype} has no counterpart in a database", position=None) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type) and array.null_count < len(array):
        return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    return array


def cast_exactly(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The array in the type `target`. Raises `UnfitError` with the position of the first value that would change."""
    if array.null_count == len(array):
        return pa.nulls(len(array), target)
    kinds = kind_of(array.type), kind_of(target)
    cast = _CASTS.get(kinds)
    if cast is None:
        first = pc.index(array.is_valid(), True).as_py()
        raise UnfitError(f"it is {kinds[0]}, the column is declared {target}", first, _HINTS.get(kinds, ""))
    try:
        return _checked_years(cast(array, target), target)
    except (pa.ArrowInvalid, UnfitError):
        error = _first_unfit(array, target)
    raise error


def _first_unfit(array: pa.Array, target: pa.DataType) -> UnfitError:
    """Bisect for the first value that cannot be cast: every cast here judges each value by itself."""
    start, length = 0, len(array)
    while length > 1:
        half = length // 2
        if _fits(array.slice(start, half), target):
            start, length = start + half, length - half
        else:
            length = half
    value = array.slice(start, 1)
    try:
        _checked_years(_CASTS[kind_of(array.type), kind_of(target)](value, target), target)
    except UnfitError as error:
        return UnfitError(error.reason, start, error.hint)
    except pa.ArrowInvalid as error:
        return UnfitError(f"it does not fit {target} ({error})", start)
    return UnfitError(f"its {len(array)} values together do not fit {target}", None, "use smaller chunks")


def _fits(array: pa.Array, target: pa.DataType) -> bool:
    cast = _CASTS[kind_of(array.type), kind_of(target)]
    try:
        _checked_years(cast(array, target), target)
    except (pa.ArrowInvalid, UnfitError):
        return False
    return True


def _all_or_unfit(mask: pa.Array, reason: str, hint: str = "") -> None:
    """Raise unless every value of the boolean mask is true or NULL."""
    if pc.all(mask).as_py() is False:
        raise UnfitError(reason, position=None, hint=hint)


def _plain(array: pa.Array, target: pa.DataType) -> pa.Array:
    """For pairs where Arrow's safe cast checks all there is to check."""
    return array.cast(target)


def _integer_to_bool(array: pa.Array, target: pa.DataType) -> pa.Array:
    _all_or_unfit(pc.is_in(array, pa.array([0, 1], array.type)), "only 0 and 1 are boolean")
    return array.cast(target)


def _integer_to_decimal(array: pa.Array, target: pa.DataType) -> pa.Array:
    # Arrow refuses int64 → decimal(10,2) for its type alone, whatever the values; 20 digits hold any 64-bit integer.
    return array.cast(pa.decimal128(20, 0)).cast(target)


def _float_to_integer(array: pa.Array, target: pa.DataType) -> pa.Array:
    wide = array.cast(pa.float64())
    _all_or_unfit(
        pc.less_equal(pc.abs(wide), EXACT_FLOAT_INTEGERS),
        "as a float it can no longer say which integer it was (above 2**53)",
        "keep the column an integer: with frame_dtypes numpy_nullable it stays Int64 when values are missing",
    )
    _all_or_unfit(
        pc.equal(wide, pc.trunc(wide)), f"it is not a whole number, the column is declared {target}", "round it first"
    )
    return wide.cast(target)


def _float_to_float(array: pa.Array, target: pa.DataType) -> pa.Array:
    cast = array.cast(target)
    same = pc.equal(cast.cast(pa.float64()), array.cast(pa.float64()))
    _all_or_unfit(same, f"it loses digits as {target}", "declare float64, or convert with .astype('float32')")
    return cast


def _float_to_decimal(array: pa.Array, target: pa.DataType) -> pa.Array:
    # The shortest decimal that means this float is the number its author sees: 0.1 is 0.1, not 0.1000000000000000055.
    wide = array.cast(pa.float64())
    _all_or_unfit(pc.is_finite(wide), f"infinity does not fit {target}")
    _all_or_unfit(pc.less_equal(pc.abs(wide), EXACT_FLOAT_INTEGERS), "as a float it has lost digits (above 2**53)")
    try:
        return wide.cast(pa.string()).cast(target)
    except pa.ArrowInvalid as error:
        raise UnfitError(f"it does not fit {target}", None, f"round it to {target.scale} digits first") from error


def _decimal_to_decimal(array: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        return array.cast(target)
    except pa.ArrowInvalid as error:
        raise UnfitError(
            f"it does not fit {target}", None, f"quantize it to {target.scale} digits, or declare a wider type"
        ) from error


def _decimal_to_float(array: pa.Array, target: pa.DataType) -> pa.Array:
    floats = [None if value is None else float(value) for value in array.to_pylist()]
    for value, as_float in zip(array.to_pylist(), floats, strict=True):
        if as_float is not None and (math.isinf(as_float) or Decimal(repr(as_float)) != value):
            raise UnfitError(
                f"it loses digits as {target}", None, "convert it with .astype('float64') where that is meant"
            )
    return _float_to_float(pa.array(floats, pa.float64()), target)


def _timestamp_to_timestamp(array: pa.Array, target: pa.DataType) -> pa.Array:
    if (array.type.tz is None) != (target.tz is None):
        meaning = "has no time zone, the column is declared with one" if array.type.tz is None else "has a time zone"
        raise UnfitError(
            f"it {meaning} ({target})", None, "say which zone is meant: .dt.tz_localize(...) or .dt.tz_convert(...)"
        )
    return _to_100_ns(array.cast(target))


def _time_to_time(array: pa.Array, target: pa.DataType) -> pa.Array:
    return _to_100_ns(array.cast(target))


def _to_100_ns(moments: pa.Array) -> pa.Array:
    if moments.type.unit == "ns":
        in_steps = whole_steps(moments, SQL_SERVER_STEP_NS)
        _all_or_unfit(in_steps, "it has digits beyond 100 ns", "round it: .dt.round('100ns')")
    return moments


def whole_steps(moments: pa.Array, step_ns: int) -> pa.Array:
    """Which of the moments, in nanoseconds, are multiples of so many of them."""
    units = pc.cast(moments, pa.int64())
    return pc.equal(pc.multiply(pc.divide(units, step_ns), step_ns), units)


def _timestamp_to_date(array: pa.Array, target: pa.DataType) -> pa.Array:
    if array.type.tz is not None:
        raise UnfitError(
            f"it has a time zone, the column is declared {target}",
            None,
            "say which day is meant: .dt.tz_localize(None)",
        )
    days = array.cast(target)
    _all_or_unfit(
        pc.equal(days.cast(array.type), array),
        f"it has a time of day, the column is declared {target}",
        "use .dt.normalize()",
    )
    return days


def _date_to_timestamp(array: pa.Array, target: pa.DataType) -> pa.Array:
    return _timestamp_to_timestamp(array.cast(pa.timestamp("us")), target)


def _checked_years(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The array, whose dates all lie in the years 0001 to 9999, which is what databases and Python can hold."""
    if not (pa.types.is_timestamp(target) or pa.types.is_date(target)) or array.null_count == len(array):
        return array
    if pa.types.is_timestamp(target) and target.unit == "ns":  # 1677 to 2262
        return array
    microseconds = array.cast(pa.timestamp("us")).cast(pa.int64())
    inside = pc.and_(pc.greater_equal(microseconds, _FIRST_MICROSECOND), pc.less_equal(microseconds, _LAST_MICROSECOND))
    _all_or_unfit(inside, "it lies outside the years 0001 to 9999")
    return array


_KINDS: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("bool", pa.types.is_boolean),
    ("integer", pa.types.is_integer),
    ("float", pa.types.is_floating),
    ("decimal", pa.types.is_decimal),
    ("text", lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t)),
    (
        "binary",
        lambda t: (
            pa.types.is_binary(t)
            or pa.types.is_large_binary(t)
            or pa.types.is_fixed_size_binary(t)
            or pa.types.is_binary_view(t)
        ),
    ),
    ("date", pa.types.is_date),
    ("timestamp", pa.types.is_timestamp),
    ("time", pa.types.is_time),
    ("duration", pa.types.is_duration),
)

_CASTS: dict[tuple[str, str], Cast] = {
    ("bool", "bool"): _plain,
    ("bool", "integer"): _plain,
    ("integer", "bool"): _integer_to_bool,
    ("integer", "integer"): _plain,
    ("integer", "float"): _plain,
    ("integer", "decimal"): _integer_to_decimal,
    ("float", "integer"): _float_to_integer,
    ("float", "float"): _float_to_float,
    ("float", "decimal"): _float_to_decimal,
    ("decimal", "integer"): _plain,
    ("decimal", "float"): _decimal_to_float,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("text", "text"): _plain,
    ("binary", "binary"): _plain,
    ("date", "date"): _plain,
    ("date", "timestamp"): _date_to_timestamp,
    ("timestamp", "timestamp"): _timestamp_to_timestamp,
    ("timestamp", "date"): _timestamp_to_date,
    ("time", "time"): _time_to_time,
}

_HINTS = {
    ("integer", "text"): "convert it where the form is yours to choose: .astype('string')",
    (
        "float",
        "text",
    ): "convert it where the form is yours to choose; an integer column with missing values became float",
    ("text", "integer"): "parse it: pd.to_numeric(...)",
    ("text", "float"): "parse it: pd.to_numeric(...)",
    ("text", "decimal"): "parse it: .map(Decimal, na_action='ignore')",
    ("text", "timestamp"): "parse it: pd.to_datetime(...)",
    ("text", "date"): "parse it: pd.to_datetime(...)",
    ("duration", "time"): "add it to a date and take .dt.time",
    ("duration", "integer"): "say in which unit: // pd.Timedelta(minutes=1)",
    ("duration", "float"): "say in which unit: .dt.total_seconds()",
    ("timestamp", "text"): "format it: .dt.strftime(...)",
    ("timestamp", "time"): "take the time of day: .dt.time",
}
