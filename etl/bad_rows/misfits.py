"""Which values of a chunk have no exact place in the columns that they are declared for, all of them and not only the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from etl import frames
from etl.bad_rows import halving
from etl.casting import cast_exactly, natural
from etl.python_values import UnfitError

PIECE_ROWS = 4_096
"""Rows that are cast together while bad ones are looked for."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that its column cannot hold."""

    row: int
    """From 0."""
    column: str
    reason: str
    """With the value, shortened."""


def of_frame(frame: pd.DataFrame, schema: pa.Schema) -> Iterator[Misfit]:
    """The misfits of a frame's columns, by name. Raises SchemaError where the columns themselves are others."""
    frames.check_columns(frame, schema)
    position = {str(name): index for index, name in enumerate(frame.columns)}
    for field in schema:
        yield from _misfits(frame.iloc[:, position[field.name]], field)


def of_table(table: pa.Table, schema: pa.Schema) -> Iterator[Misfit]:
    """The misfits of a table's columns, by position."""
    for values, field in zip(table.columns, schema, strict=True):
        yield from _misfits(values.combine_chunks(), field)


def _misfits(values: Any, field: pa.Field) -> Iterator[Misfit]:
    array = _natural(values)
    if not field.nullable:
        for missing in np.flatnonzero(np.asarray(values.isna() if array is None else array.is_null())).tolist():
            yield Misfit(missing, field.name, "NULL, and the column is declared NOT NULL")
    trouble = partial(_trouble, values if array is None else array, field)
    if trouble(0, len(values)) is None:
        return
    for row, error in halving.search(0, len(values), trouble, piece=PIECE_ROWS):
        yield Misfit(row, field.name, f"{_shown(values, row)}: {error.reason}")


def _natural(values: Any) -> pa.Array | None:
    """The values in the Arrow type that they have, or None for those of a Series that have none in common."""
    if not isinstance(values, pd.Series):
        return values
    try:
        return natural(values)
    except UnfitError:
        return None


def _trouble(values: Any, field: pa.Field, start: int, stop: int) -> UnfitError | None:
    """What keeps these values from their column."""
    try:
        array = values[start:stop] if isinstance(values, pa.Array) else natural(values.iloc[start:stop])
        cast_exactly(array, field.type)
    except UnfitError as error:
        return error
    return None


def _shown(values: Any, row: int) -> str:
    if isinstance(values, pd.Series):
        return frames.shown(values, row)
    return frames.shown(pd.Series(values.slice(row, 1).to_pylist(), dtype=object), 0)
