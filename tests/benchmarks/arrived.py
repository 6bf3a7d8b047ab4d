"""Whether rows are what was sent, to the last column and digit: in the table that a case wrote, or in what it read."""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from collections.abc import Callable, Iterable, Sequence, Sized
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyodbc

from etl import types
from tests.benchmarks.case import Group, Place
from tests.benchmarks.datasets import Dataset

_SLICE_ROWS = 20_000
_SHOWN = {"datetimeoffset": "CONVERT(varchar(34), {0}, 121)", "xml": "CONVERT(nvarchar(max), {0})"}
"""What pyodbc over FreeTDS cannot fetch as it is."""
_OFFSET = re.compile(r"(.{19})(?:\.(\d{1,7}))? ?([+-])(\d\d):(\d\d)")
_YEAR_1 = dt.datetime(1, 1, 1)


def changed_columns(place: Place, table: str, group: Group = "load") -> list[str]:
    """The columns of a table that do not hold what they should, or how many rows it has where it is another number.

    After a copy they should hold what its transform makes of them.
    """
    dataset = place.dataset
    shown = [_SHOWN.get(types.base_name(c.sql_type), "{0}").format(c.name) for c in dataset.columns]
    connection = pyodbc.connect(place.odbc(), autocommit=True)
    connection.execute(f"SET TEXTSIZE {2**31 - 1}")
    cursor = connection.execute(f"SELECT {', '.join(shown)} FROM {table} ORDER BY {', '.join(dataset.key)}")
    sent, done, changed = place.table(), 0, set[str]()
    while rows := cursor.fetchmany(_SLICE_ROWS):
        expected = sent.slice(done, len(rows))
        done += len(rows)
        if len(expected) < len(rows):
            continue
        columns = dict(zip(sent.column_names, zip(*rows, strict=True), strict=True))
        changed |= set(_differing(dataset, expected, columns.__getitem__, group))
    return _in_order(dataset, changed) if done == len(sent) else [_wrong_number(done, len(sent))]


def changed_in(place: Place, got: Sized) -> list[str]:
    """The same for what was read: an Arrow table, a frame, or a sequence of rows."""
    dataset, sent = place.dataset, place.table()
    if len(got) != len(sent):
        return [_wrong_number(len(got), len(sent))]
    column = _columns(got, sent.column_names)
    keys = [column(name) for name in dataset.key]
    order = sorted(range(len(sent)), key=lambda row: tuple(key[row] for key in keys))

    def in_key_order(name: str) -> list[Any]:
        cells = column(name)
        return [cells[row] for row in order]

    return _in_order(dataset, _differing(dataset, sent, in_key_order))


def _columns(got: Sized, names: Sequence[str]) -> Callable[[str], Sequence[Any]]:
    if isinstance(got, pa.Table):
        return lambda name: got.column(name).to_pylist()
    if hasattr(got, "columns"):
        return lambda name: got[name].tolist()  # type: ignore[index]  # a DataFrame
    assert isinstance(got, Sequence)
    return lambda name: [row[names.index(name)] for row in got]


def _differing(
    dataset: Dataset, sent: pa.Table, found: Callable[[str], Sequence[Any]], group: Group = "load"
) -> Iterable[str]:
    for column in dataset.columns:
        changes = dataset.transformed.get(column.name) if group == "copy" else None
        as_sent = sent.column(column.name).to_pylist()
        if changes is not None:
            as_sent = [None if value is None else changes(value) for value in as_sent]
        kind = types.base_name(column.sql_type)
        if any(not same(kind, left, right) for left, right in zip(as_sent, found(column.name), strict=True)):
            yield column.name


def same(kind: str, sent: Any, found: Any) -> bool:
    """Whether two values of a SQL type are the same one, in whatever form a tool gives it."""
    if sent is None or _is_missing(found):
        return sent is None and _is_missing(found)
    normal = _NORMAL.get(kind)
    if normal is None:
        return bool(sent == found)
    try:
        return bool(normal(sent) == normal(found))
    except (ValueError, TypeError):
        return False  # the tool's value is none of the type


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or type(value).__name__ in {"NAType", "NaTType"}
        or (isinstance(value, float) and math.isnan(value))
    )


def _decimal(value: Any) -> Decimal:
    """A float stands for the digits that it shows."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _date(value: Any) -> Any:
    return value.date() if isinstance(value, dt.datetime) and value.time() == dt.time() else value


def _instant(value: Any) -> tuple[int, int]:
    """The instant, in 100 ns, and the offset in minutes."""
    if isinstance(value, dt.datetime):
        offset = value.utcoffset() or dt.timedelta()
        local, digits = value.replace(tzinfo=None), 0
    else:
        match = _OFFSET.fullmatch(value)
        if match is None:
            raise ValueError(value)
        second, fraction, sign, hours, minutes = match.groups()
        offset = dt.timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
        local, digits = dt.datetime.fromisoformat(second), int((fraction or "").ljust(7, "0"))
    ticks = (local - _YEAR_1 - offset) // dt.timedelta(microseconds=1) * 10 + digits
    return ticks, offset // dt.timedelta(minutes=1)


_NORMAL: dict[str, Callable[[Any], Any]] = {
    "uniqueidentifier": lambda value: value if isinstance(value, uuid.UUID) else uuid.UUID(value),
    "datetimeoffset": _instant,
    "date": _date,
    **dict.fromkeys(("decimal", "numeric", "money", "smallmoney"), _decimal),
    **dict.fromkeys(("binary", "varbinary", "image"), bytes),
}


def _wrong_number(found: int, sent: int) -> str:
    return f"{found:,} of {sent:,} rows"


def _in_order(dataset: Dataset, changed: Iterable[str]) -> list[str]:
    found = set(changed)
    return [column.name for column in dataset.columns if column.name in found]
