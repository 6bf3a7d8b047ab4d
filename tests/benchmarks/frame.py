"""A data set's rows as the writers get them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from etl import types
from tests.benchmarks.case import Place
from tests.benchmarks.datasets import Dataset

_NULLABLE = {
    pa.bool_(): pd.BooleanDtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
}


def arrow_frame(place: Place) -> pd.DataFrame:
    """The rows with pyarrow-backed columns."""
    frame: pd.DataFrame = place.table().to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def plain_frame(place: Place) -> pd.DataFrame:
    """The rows in the dtypes that pandas chooses, but for whole numbers and flags with NULLs, which stay what they are."""
    table = place.table()
    frame: pd.DataFrame = table.to_pandas()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and column.type in _NULLABLE:
            frame[name] = column.to_pandas(types_mapper=_NULLABLE.get)
    return frame


def python_rows(place: Place) -> list[tuple[Any, ...]]:
    """The rows as tuples of Python's own values."""
    return list(zip(*(column.to_pylist() for column in place.table().columns), strict=True))


def unicode_types(dataset: Dataset) -> dict[str, Any]:
    """What pandas' `to_sql` has to be told of existing columns: it binds text as varchar, and FreeTDS drops a statement whose
    text is not in code page 1252; bytes it takes for text too.
    """
    found: dict[str, Any] = {}
    for column in dataset.columns:
        name, length, _ = types.split(column.sql_type)
        if name in {"nchar", "nvarchar", "ntext", "xml"}:
            found[column.name] = sa.NVARCHAR(length)
        elif name in {"binary", "varbinary", "image"}:
            found[column.name] = sa.VARBINARY(length)
    return found
