"""Which values of a chunk have no exact place in the columns that they are declared for, all of them and not only the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa

from etl import frames, halving
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
    trouble = partial(_trouble, values, field)
    if trouble(0, len(values)) is None:
        return
    for row, error in halving.search(0, len(values), trouble, piece=PIECE_ROWS):
        told = "" if error.reason.startswith("NULL") else f"{_shown(values, row)}: "
        yield Misfit(row, field.name, f"{told}{error.reason}")


def _trouble(values: Any, field: pa.Field, start: int, stop: int) -> UnfitError | None:
    """What keeps these values from their column. A Series may hold anything; an array is of one type already."""
    try:
        array = natural(values.iloc[start:stop]) if isinstance(values, pd.Series) else values[start:stop]
        if cast_exactly(array, field.type).null_count and not field.nullable:
            return UnfitError("NULL, and the column is declared NOT NULL", None)
    except UnfitError as error:
        return error
    return None


def _shown(values: Any, row: int) -> str:
    if isinstance(values, pd.Series):
        return frames.shown(values, row)
    return frames.shown(pd.Series(values.slice(row, 1).to_pylist(), dtype=object), 0)
