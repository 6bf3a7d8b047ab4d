"""Many rows as columns: what the engine and the wire hand each other in place of tuples when there are many rows.

The form is neither side's own: PostgreSQL's binary formats end in `pgbinary`, TDS's in `wire`. What a column holds:

| SQL Server type                      | column    | values                                                                  |
|--------------------------------------|-----------|-------------------------------------------------------------------------|
| bit                                  | `Fixed`   | bool                                                                    |
| tinyint, smallint, int, bigint       | `Fixed`   | uint8, int16, int32, int64                                              |
| real, float                          | `Fixed`   | float32, float64                                                        |
| decimal, money, smallmoney           | `Fixed`   | value times 10^scale: int64, or object (Python's int) where that is short |
| date                                 | `Fixed`   | int32, days since 0001-01-01                                            |
| time                                 | `Fixed`   | int64, ticks of 100 ns of the day                                       |
| smalldatetime, datetime, datetime2   | `Fixed`   | int64, ticks of 100 ns since 0001-01-01                                 |
| datetimeoffset                       | `Fixed`   | `OFFSET_TIME`: ticks of the instant in UTC, minutes of the offset       |
| uniqueidentifier                     | `Fixed`   | uint8 of shape (rows, 16), in the order of `uuid.UUID.bytes_le`         |
| n/char, n/varchar, n/text, xml       | `Varying` | UTF-8, char and nchar with the blanks that they are shown with          |
| binary, varbinary, image, rowversion | `Varying` | the bytes                                                               |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from etl.sandbox.sqltypes import SqlType

Array = npt.NDArray[Any]


class NotPlainError(Exception):
    """Rows that are to be handled one by one: there is something to say about one of their values."""


OFFSET_TIME = np.dtype([("utc", np.int64), ("minutes", np.int16)])
"""A datetimeoffset: ticks of 100 ns since 0001-01-01 in UTC (they may lie just outside of 0001 to 9999), offset in minutes."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A column whose values have one width, see the table above. Where a value is NULL there is a 0."""

    values: Array
    valid: Array | None = None
    """bool, False where NULL; None where nothing is."""


@dataclass(frozen=True, slots=True)
class Varying:
    """A column of texts or bytes, which stand one after the other."""

    data: Array
    """uint8."""
    lengths: Array
    """int64, bytes of each value, 0 where NULL."""
    valid: Array | None = None
    """bool, False where NULL; None where nothing is."""


ColumnData = Fixed | Varying


@dataclass(frozen=True, slots=True)
class ColumnBatch:
    """`rows` rows as columns; each has `rows` values."""

    columns: tuple[ColumnData, ...]
    rows: int

    def __len__(self) -> int:
        return self.rows


_DTYPES: dict[str, np.dtype[Any]] = {
    "bit": np.dtype(np.bool_),
    "tinyint": np.dtype(np.uint8),
    "smallint": np.dtype(np.int16),
    "int": np.dtype(np.int32),
    "bigint": np.dtype(np.int64),
    "real": np.dtype(np.float32),
    "float": np.dtype(np.float64),
    **dict.fromkeys(("decimal", "money", "smallmoney"), np.dtype(np.int64)),
    "date": np.dtype(np.int32),
    **dict.fromkeys(("time", "smalldatetime", "datetime", "datetime2"), np.dtype(np.int64)),
    "datetimeoffset": OFFSET_TIME,
    "uniqueidentifier": np.dtype((np.uint8, 16)),
}
TEXT = frozenset({"char", "varchar", "text", "nchar", "nvarchar", "ntext", "xml", "sysname"})
BYTES = frozenset({"binary", "varbinary", "image", "rowversion"})


def fixed_dtype(sql: SqlType) -> np.dtype[Any] | None:
    """The dtype of a `Fixed` column of this type; None where it is `Varying`."""
    return _DTYPES.get(sql.name)


def has_columns(sql: SqlType) -> bool:
    """Whether the type has a column form. sql_variant has none: its values differ in type."""
    return sql.name in _DTYPES or sql.name in TEXT or sql.name in BYTES
