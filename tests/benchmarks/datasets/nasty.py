"""A column of every type that can be copied, with what tools stumble over.

NULL in every column but the key, text and bytes around the 4,096 of FreeTDS's buffers and of 100 KB, characters beyond the
basic plane, empty and blank text, the first and the last day there is, the extremes of the numbers, 38 digits.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.types import Column
from tests.benchmarks.datasets import Dataset

if TYPE_CHECKING:
    import pandas as pd

_NULL_EVERY = 5
_EXTREMES_FIRST = 60
"""Rows in the beginning that hold nothing but extremes, so that a run of few rows meets them all."""
_EXTREMES_EVERY, _EXTREMES_RUN = 500, 10
"""Later so many rows of every so many do: a hundred kilobytes in each row would be all that is measured."""

LONG_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class _Cells:
    """A column's values: extremes, and the ordinary one of a row."""

    sql_type: str
    extremes: Sequence[Any]
    ordinary: Callable[[int], Any]

    def value(self, row: int, column: int) -> Any:
        """The value in a row. Each column has its NULLs in other rows."""
        if (row + column) % _NULL_EVERY == 0:
            return None
        if row < _EXTREMES_FIRST or row % _EXTREMES_EVERY < _EXTREMES_RUN:
            return self.extremes[(row + column) % len(self.extremes)]
        return self.ordinary(row)


def _integer(sql_type: str, low: int, high: int) -> _Cells:
    return _Cells(sql_type, (low, 0, high), lambda row: row % 100)


def _decimal(sql_type: str, scale: int, *extremes: str) -> _Cells:
    return _Cells(sql_type, [Decimal(text) for text in extremes], lambda row: Decimal(row % 90_000).scaleb(-scale))


def _time(sql_type: str, microsecond: int) -> _Cells:
    return _Cells(
        sql_type,
        (dt.time(0), dt.time(23, 59, 59, microsecond)),
        lambda row: dt.time(row % 24, row % 60, row % 59, microsecond // 3),
    )


def _moment(sql_type: str, first: dt.datetime, last: dt.datetime, step_us: int) -> _Cells:
    start = dt.datetime(2024, 2, 29, 12, 34)
    return _Cells(sql_type, (first, last), lambda row: start + dt.timedelta(minutes=row, microseconds=step_us))


def _offset_text(row: int) -> str:
    return f"2024-02-29 {row % 24:02}:34:56.{row % 1_000_000:06}0 {'+-'[row % 2]}{row % 14:02}:30"


def _text(sql_type: str, lengths: Sequence[int], pieces: Sequence[str]) -> _Cells:
    """Empty, blank at the end, the pieces, and text of the lengths, made of the last piece."""
    long = [(pieces[-1] * length)[:length] for length in lengths]
    return _Cells(sql_type, ["", "a  ", *pieces, *long], lambda row: f"{pieces[0]} {row}")


def _bytes(sql_type: str, lengths: Sequence[int]) -> _Cells:
    every = bytes(range(256))
    long = [(every * (length // 256 + 1))[:length] for length in lengths]
    return _Cells(sql_type, [b"", b"\0", b"\0\xff\0", every, *long], lambda row: row.to_bytes(4, "big"))


_NARROW = ("€ŠšŽžŸ", "a|b,'\"\t\r\n;c", "0123456789")
_WIDE = ("日本語 Ł", "𝄞 a😀b 𠜎", "a|b,'\"\t\r\n;c", "naïve Ω ")
_AROUND_4096 = (4095, 4096, 4097)
_YEAR_1, _YEAR_9999 = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)

_CELLS = {
    "flag": _Cells("bit", (True, False), lambda row: row % 3 == 0),
    "tiny": _integer("tinyint", 0, 255),
    "small": _integer("smallint", -(2**15), 2**15 - 1),
    "whole": _integer("int", -(2**31), 2**31 - 1),
    "big": _integer("bigint", -(2**63), 2**63 - 1),
    "single": _Cells("real", (0.0, -3.4028234663852886e38, 1.1754943508222875e-38), lambda row: row / 4),
    "double": _Cells("float", (0.1, -1.7976931348623157e308, 1e-300), lambda row: row / 3),
    "exact": _decimal("decimal(38,10)", 10, f"{'9' * 28}.{'9' * 10}", f"-{'9' * 28}.{'9' * 10}", "0.0000000001"),
    "digits": _decimal("decimal(38,0)", 0, "9" * 38, "-" + "9" * 38),
    "share": _decimal("numeric(9,4)", 4, "99999.9999", "-99999.9999", "-0.0001"),
    "cash": _decimal("money", 4, "-922337203685477.5808", "922337203685477.5807", "-0.0001"),
    "coins": _decimal("smallmoney", 4, "-214748.3648", "214748.3647"),
    "day": _Cells(
        "date",
        (dt.date(1, 1, 1), dt.date(1582, 10, 15), dt.date(1599, 12, 31), dt.date(9999, 12, 31)),
        lambda row: dt.date(2013, 1, 1) + dt.timedelta(days=row % 5000),
    ),
    "clock_whole": _time("time(0)", 0),
    "clock": _time("time(7)", 999_999),
    "minute": _moment("smalldatetime", dt.datetime(1900, 1, 1), dt.datetime(2079, 6, 6, 23, 59), 0),
    # Whose fractions of a second end in 0, 3 and 7 milliseconds.
    "stamp": _moment("datetime", dt.datetime(1753, 1, 1), _YEAR_9999.replace(microsecond=997_000), 333_000),
    "moment_whole": _moment("datetime2(0)", _YEAR_1, _YEAR_9999, 0),
    "moment_milli": _moment("datetime2(3)", _YEAR_1, _YEAR_9999.replace(microsecond=999_000), 123_000),
    "moment": _moment("datetime2(7)", _YEAR_1, _YEAR_9999.replace(microsecond=999_999), 123_456),
    "instant": _Cells(
        "datetimeoffset(7)",
        (
            "0001-01-01 14:00:00.0000000 +14:00",
            "9999-12-31 09:59:58.9999990 -14:00",
            "2024-02-29 12:34:56.1234560 +05:30",
        ),
        _offset_text,
    ),
    "code": _Cells("char(10)", ("€ŠšŽžŸßàüÿ", " " * 10), lambda row: f"{row:<10}"),
    "note": _text("varchar(8000)", (*_AROUND_4096, 8000), _NARROW),
    "story": _text("varchar(max)", (*_AROUND_4096, LONG_CHARS), _NARROW),
    "label": _Cells("nchar(10)", ("日本語日本語日本語日", "😀" * 5), lambda row: f"{row:<10}"),
    # Of two bytes a character.
    "title": _text("nvarchar(4000)", (2047, 2048, 2049, 4000), _WIDE),
    "essay": _text("nvarchar(max)", (2047, 2048, 2049, LONG_CHARS // 2), _WIDE),
    "document": _Cells("xml", ("<a/>", '<a b="1"><c>é😀</c></a>'), lambda row: f"<row>{row}</row>"),
    "token": _Cells(
        "uniqueidentifier",
        (str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1)).upper()),
        lambda row: str(uuid.UUID(int=row * 2**64 + row)).upper(),
    ),
    "version": _Cells("binary(8)", (bytes(8), b"\xff" * 8), lambda row: row.to_bytes(8, "big")),
    "bytes": _bytes("varbinary(8000)", (*_AROUND_4096, 8000)),
    "picture": _bytes("varbinary(max)", (*_AROUND_4096, LONG_CHARS)),
    "old_text": _text("text", _AROUND_4096, _NARROW),
    "old_wide": _text("ntext", (2047, 2048, 2049), _WIDE),
    "old_bytes": _bytes("image", _AROUND_4096),
}

COLUMNS = (Column("id", "int", nullable=False), *(Column(name, cells.sql_type) for name, cells in _CELLS.items()))


def make(count: int) -> pa.Table:
    """So many rows."""
    columns = [list(range(count))]
    columns += [[cells.value(row, place) for row in range(count)] for place, cells in enumerate(_CELLS.values())]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, DATASET.schema.types, strict=True)]
    return pa.table(arrays, schema=DATASET.schema)


def transform(rows: pd.DataFrame) -> pd.DataFrame:
    """One column of numbers and one of text made anew."""
    return rows.assign(double=rows["double"] * 0.5, title=rows["title"].str.upper())


DATASET = Dataset(
    name="nasty",
    columns=COLUMNS,
    key=("id",),
    make=make,
    transform=f"{__name__}:{transform.__name__}",
    transformed={"double": lambda number: number * 0.5, "title": str.upper},
    row_share=0.05,
    options={
        "max_text_size": 2 * LONG_CHARS,
        "max_binary_size": 2 * LONG_CHARS,
        "max_bytes_per_batch": 64 * 1024 * 1024,
    },
)
