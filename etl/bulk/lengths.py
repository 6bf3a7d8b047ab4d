"""How long text and binary values are for the server: what does not fit its column, and what bulk copy cannot carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl import code_pages, types
from etl.bulk.records import MAX_VALUE_BYTES, carried_as
from etl.errors import SchemaError
from etl.types import Column

UNIT_BYTES = {"char": 1, "varchar": 1, "binary": 1, "varbinary": 1, "nchar": 2, "nvarchar": 2}
"""The types whose declared length counts, and the bytes of what it counts."""
FIRST_OF_FOUR = 0xF0
"""The least byte that begins a character of four bytes in UTF-8."""


@dataclass(frozen=True, slots=True)
class Split:
    """A table's rows by the way they go."""

    small: pa.Table
    large: pa.Table
    """Rows with a value that bulk copy cannot carry."""


def split(rows: pa.Table, columns: Sequence[Column]) -> Split:
    """Part the rows at `MAX_VALUE_BYTES` of the server's encoding.

    Raises SchemaError, naming column and row, for a value longer than its column declares: FreeTDS cuts a binary one without
    a word (`src/odbc/bcp.c`, _tdsodbc_dbconvert).
    """
    large = None
    for position, column in enumerate(columns):
        found = _too_long(rows.column(position), column)
        if found is not None:
            large = found if large is None else pc.or_(large, found)
    if large is None:
        return Split(rows, rows.slice(0, 0))
    return Split(rows.filter(pc.invert(large)), rows.filter(large))


def may_be_large(column: Column) -> bool:
    """Whether a value of the column may be too long for bulk copy."""
    name, declared, _ = types.split(carried_as(column))
    return name in UNIT_BYTES and (declared is None or declared * UNIT_BYTES[name] > MAX_VALUE_BYTES)


def _too_long(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray | None:
    """Which values bulk copy cannot carry, or None where there are none."""
    carried = replace(column, sql_type=carried_as(column))
    name = types.base_name(carried.sql_type)
    if name not in UNIT_BYTES:
        return None
    most, declared = MAX_VALUE_BYTES // UNIT_BYTES[name], _declared(column)
    limit = most if declared is None else min(declared, most)
    # A byte of UTF-8 is at most one unit of any encoding of the server's.
    if (pc.max(pc.binary_length(values)).as_py() or 0) <= limit:
        return None
    if declared is not None:
        units = _units(values, column)
        _refuse(pc.greater(units, declared), units, column)
    large = pc.fill_null(pc.greater(_units(values, carried), most), False)
    return large if pc.any(large).as_py() else None


def _declared(column: Column) -> int | None:
    name, declared, _ = types.split(column.sql_type)
    return declared if name in UNIT_BYTES else None


def _units(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Each value's length in what the type's declared length counts: bytes, or units of UTF-16."""
    name = types.base_name(column.sql_type)
    if name in {"binary", "varbinary"} or (name in {"char", "varchar"} and code_pages.is_utf8(column.collation)):
        return pc.binary_length(values)
    return pc.utf8_length(values) if name in {"char", "varchar"} else utf16_units(values)


def utf16_units(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """How many units of UTF-16 each text has: two for a supplementary character, which has four bytes in UTF-8."""
    characters = pc.utf8_length(values)
    if not any(map(_has_supplementary, values.chunks)):
        return characters
    return pc.add(characters, pc.count_substring_regex(values, r"[\x{10000}-\x{10FFFF}]"))


def _has_supplementary(texts: pa.Array) -> bool:
    """Whether a byte begins a character of four (RFC 3629, 3): a look at all bytes costs little beside a regular expression."""
    _, _, utf8 = texts.cast(pa.large_string()).buffers()
    return utf8 is not None and utf8.size > 0 and bool(np.frombuffer(utf8, np.uint8).max() >= FIRST_OF_FOUR)


def _refuse(bad: pa.ChunkedArray, units: pa.ChunkedArray, column: Column) -> None:
    rows = np.flatnonzero(np.asarray(pc.fill_null(bad, False)))
    if len(rows):
        row = int(rows[0])
        raise SchemaError(
            f"column {column.name} ({column.sql_type}), row {row}: a value of length {units[row].as_py()}",
            advice="Cut it in the transform, or make the column wider.",
        )
