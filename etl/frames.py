"""Arrow tables to pandas frames and back, without a value changing on the way.

`etl.frame_dtypes` says which of pandas' type systems a transform may see, what breaks where, and why the default is what it is.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.casting import EXACT_FLOAT_INTEGERS, cast_exactly, kind_of, natural, whole_steps
from etl.errors import SchemaError
from etl.frame_dtypes import FrameDtypes
from etl.python_values import UnfitError

__all__ = ["FrameDtypes", "exact_decimals", "infer_schema", "to_arrow", "to_pandas"]

_DECIMAL_DIGITS = 77
"""A product of two decimal(38, s) has at most 76 digits, a sum of ten million of them 45."""

DECLARE = "Declare the output's columns in the job's `output_schema`."


def to_pandas(table: pa.Table, frame_dtypes: FrameDtypes) -> pd.DataFrame:
    """The table as a frame in the dtypes asked for, with a RangeIndex and the columns in order.

    Raises `SchemaError` when two columns share a name, and under "numpy" when an integer column holds NULL and a value
    beyond 2**53, which pandas would turn into another number.
    """
    _refuse_duplicates(table.column_names, "the source")
    return _READERS[frame_dtypes](table)


def to_arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """The frame's columns, found by name, in exactly the types of `schema`. The index is left out.

    Nothing is rounded, cut, overflowed or moved to another time zone: whole floats may become integers (up to 2**53)
    and midnights dates; anything else of another kind is an error. Every missing value (None, NaN, NaT, NA) is NULL.

    Raises `SchemaError` naming the missing or unknown columns, or the column, the frame's 0-based row and the value.
    """
    check_columns(frame, schema)
    position = {str(name): index for index, name in enumerate(frame.columns)}
    arrays = [_cast_column(frame.iloc[:, position[field.name]], field) for field in schema]
    return pa.table(arrays, schema=schema.remove_metadata())


def cast_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table's columns, by position, in exactly the types and under the names of `schema`.

    Raises `SchemaError` naming the column and the first value that does not fit.
    """
    arrays = [_cast_values(values.combine_chunks(), field) for values, field in zip(table.columns, schema, strict=True)]
    return pa.table(arrays, schema=schema.remove_metadata())


def infer_schema(frame: pd.DataFrame, source: pa.Schema | None = None) -> pa.Schema:
    """The Arrow schema that the frame's values have, in types that SQL Server has too.

    A column that bears the name of one in `source` keeps that one's type as long as its values are of the same kind and
    fit exactly: what a transform only passes on stays decimal(10,2), smallint or date, even where this chunk has
    nothing but NULLs. Other integers keep their size, Decimals become decimal(38, digits seen), datetimes microseconds, or
    nanoseconds where they have digits there.

    Raises `SchemaError` for an empty frame, which knows no types, and per column where no type can be told: all values
    missing, or of a sort that no table holds.
    """
    _refuse_duplicates([str(name) for name in frame.columns], "the frame")
    if frame.empty:
        raise SchemaError("the columns' types cannot be inferred from an empty frame", advice=DECLARE)
    known = {} if source is None else {field.name: field.type for field in source}
    types = {str(name): _infer_type(column, known.get(str(name))) for name, column in frame.items()}
    return pa.schema(list(types.items()))


@contextmanager
def exact_decimals() -> Iterator[None]:
    """Let Decimals add and multiply exactly inside the block; Python's own context rounds every result to 28 digits."""
    with decimal.localcontext() as context:
        context.prec = _DECIMAL_DIGITS
        yield


def _refuse_duplicates(names: list[str], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SchemaError(
            f"{where} has more than one column named {', '.join(map(repr, twice))}", advice="Give each its own name."
        )


def _to_nullable(table: pa.Table) -> pd.DataFrame:
    table = _with_microseconds(table)
    frame: pd.DataFrame = table.to_pandas(types_mapper=_nullable_dtype, date_as_object=False)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_decimal(column.type) and column.null_count:
            # NaN: arithmetic, comparisons and astype('float64') all pass over it, while None and NA each break some.
            frame[name] = frame[name].where(frame[name].notna(), np.nan)
    return frame


def _with_microseconds(table: pa.Table) -> pa.Table:
    """Dates and coarser timestamps as microseconds, so that a transform may write any moment into them."""
    for position, field in enumerate(table.schema):
        if pa.types.is_date(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.timestamp("us")))
        elif pa.types.is_timestamp(field.type) and field.type.unit in {"s", "ms"}:
            target = pa.timestamp("us", tz=field.type.tz)
            table = table.set_column(position, field.name, table.column(position).cast(target))
    return table


def _nullable_dtype(arrow_type: pa.DataType) -> Any:
    if arrow_type == pa.time64("ns"):
        return _numpy_dtype(arrow_type)
    if pa.types.is_uint64(arrow_type):
        return pd.UInt64Dtype()
    if pa.types.is_integer(arrow_type):
        return pd.Int64Dtype()  # for all sizes: pandas' narrow integers wrap around in silence, 200 * 2 is 144 as UInt8
    return _NULLABLE.get(arrow_type)


_NULLABLE = {
    pa.bool_(): pd.BooleanDtype(),
    pa.float32(): pd.Float32Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.string(): pd.StringDtype(na_value=pd.NA),
    pa.large_string(): pd.StringDtype(na_value=pd.NA),
}


def _to_pyarrow(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _to_numpy(table: pa.Table) -> pd.DataFrame:
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) and column.null_count:
            _refuse_inexact_floats(name, column)
    frame: pd.DataFrame = table.to_pandas(types_mapper=_numpy_dtype)
    return frame


def _numpy_dtype(arrow_type: pa.DataType) -> Any:
    """Python's time of day, which stands for Arrow's elsewhere, ends at microseconds."""
    return pd.ArrowDtype(arrow_type) if arrow_type == pa.time64("ns") else None


def _refuse_inexact_floats(name: str, column: pa.ChunkedArray) -> None:
    extremes = pc.min_max(column).as_py()
    largest = max((extremes["min"], extremes["max"]), key=lambda value: abs(value or 0))
    if largest is not None and abs(largest) > EXACT_FLOAT_INTEGERS:
        raise SchemaError(
            f"column {name!r} holds NULL and {largest}: with frame_dtypes 'numpy' it becomes float64, which"
            " changes integers above 2**53",
            advice="Use frame_dtypes 'numpy_nullable', which keeps them.",
        )


_READERS: dict[FrameDtypes, Callable[[pa.Table], pd.DataFrame]] = {
    "numpy_nullable": _to_nullable,
    "pyarrow": _to_pyarrow,
    "numpy": _to_numpy,
}


def check_columns(frame: pd.DataFrame, schema: pa.Schema) -> None:
    """Raise SchemaError where the frame's columns are not, by name, those of the schema."""
    names = [str(name) for name in frame.columns]
    _refuse_duplicates(names, "the frame")
    missing = [name for name in schema.names if name not in names]
    unknown = [name for name in names if name not in schema.names]
    if not (missing or unknown):
        return
    parts = [f"lacks {', '.join(map(repr, missing))}"] if missing else []
    parts += [f"has {', '.join(map(repr, unknown))} beyond them"] if unknown else []
    in_index = [str(name) for name in frame.index.names if name is not None and str(name) in missing]
    advice = (
        f"Columns in the index are not seen: call reset_index() for {', '.join(in_index)}." if in_index else DECLARE
    )
    raise SchemaError(
        f"the columns are not those declared ({', '.join(schema.names)}): the frame {' and '.join(parts)}",
        advice=advice,
    )


def _cast_column(column: pd.Series[Any], field: pa.Field) -> pa.Array:
    try:
        array = cast_exactly(natural(column), field.type)
    except UnfitError as error:
        raise _schema_error(column, error) from error
    return _without_null(array, field)


def _cast_values(values: pa.Array, field: pa.Field) -> pa.Array:
    try:
        array = cast_exactly(values, field.type)
    except UnfitError as error:
        raise _schema_error(pd.Series(values.to_pylist(), dtype=object, name=field.name), error) from error
    return _without_null(array, field)


def _without_null(array: pa.Array, field: pa.Field) -> pa.Array:
    if array.null_count and not field.nullable:
        position = pc.index(array.is_null(), True).as_py()
        raise SchemaError(f"column {field.name!r}, row {position}: NULL, and the column is declared NOT NULL")
    return array


def _schema_error(column: pd.Series[Any], error: UnfitError) -> SchemaError:
    advice = f"{error.hint[:1].upper()}{error.hint[1:]}." if error.hint else ""
    if error.position is None:
        return SchemaError(f"column {column.name!r}: {error.reason}", advice=advice)
    value = shown(column, error.position)
    return SchemaError(f"column {column.name!r}, row {error.position}: {value}: {error.reason}", advice=advice)


def shown(column: pd.Series[Any], position: int) -> str:
    """A value as a message shows it: as Python writes it, shortened."""
    try:
        value = column.iloc[position]
    except (OverflowError, ValueError):  # Python's datetime has no place for it either
        return f"a value of {column.dtype}"
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


def _infer_type(column: pd.Series[Any], known: pa.DataType | None) -> pa.DataType:
    try:
        array = natural(column)
    except UnfitError as error:
        raise _schema_error(column, error) from error
    if known is not None and _keeps(array, known):
        return known
    inferred = _storable(array)
    if inferred is None:
        sort = "holds only missing values" if array.null_count == len(array) else f"holds {array.type} values"
        raise SchemaError(f"column {column.name!r} {sort}: no column type can be told from them", advice=DECLARE)
    return inferred


def _keeps(array: pa.Array, known: pa.DataType) -> bool:
    # pandas has no date and, under "numpy", no nullable integer: there a datetime and a float stand for them.
    same_kind = kind_of(array.type) == kind_of(known) or (kind_of(array.type), kind_of(known)) in {
        ("timestamp", "date"),
        ("float", "integer"),
    }
    if not (same_kind or array.null_count == len(array)):
        return False
    try:
        cast_exactly(array, known)
    except UnfitError:
        return False
    return True


def _storable(array: pa.Array) -> pa.DataType | None:
    kind = kind_of(array.type)
    if kind in _INFERRED:
        return _INFERRED[kind]
    if kind in {"timestamp", "time"}:
        unit = "ns" if array.type.unit == "ns" and pc.all(whole_steps(array, 1_000)).as_py() is False else "us"
        return pa.time64(unit) if kind == "time" else pa.timestamp(unit, tz=array.type.tz)
    if kind == "integer":
        return _WIDENED.get(array.type, array.type)
    if kind == "float":
        return pa.float64() if array.type == pa.float64() else pa.float32()
    if kind == "decimal" and array.type.precision <= 38:
        return pa.decimal128(38, max(array.type.scale, 0))
    return None


_INFERRED = {
    "bool": pa.bool_(),
    "text": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
}

_WIDENED = {
    pa.int8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
}
"""The integers that SQL Server lacks, and the next ones it has: its tinyint is unsigned, the rest signed."""
