"""Random rows of every type that has a column form, extremes among them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from etl.sandbox.moments import DAY, MINUTE, SECOND, stamp_of, ticks_of, time_of, unit_of
from etl.sandbox.sqltypes import SqlType, Value

_TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_LATIN = st.sampled_from("aZ 0é€ß\x81\xa0'%")
_OFFSETS = st.integers(-14 * 60, 14 * 60)


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    limit = 10**precision - 1
    units = st.one_of(st.sampled_from([0, 1, -1, limit, -limit]), st.integers(-limit, limit))
    return units.map(lambda item: Decimal(f"{item}E-{scale}"))


def _whole(bits: int) -> st.SearchStrategy[int]:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return st.one_of(st.sampled_from([0, -1, low, high]), st.integers(low, high))


def _ticks(first: str, last: str, step: int) -> st.SearchStrategy[int]:
    """Of 100 ns since 0001-01-01, between two days, both whole, at multiples of `step`."""
    begin, end = (ticks_of(dt.datetime.fromisoformat(day)) for day in (first, last))
    count = (end - begin + DAY) // step - 1
    steps = st.one_of(st.sampled_from([0, count]), st.integers(0, count))
    return steps.map(lambda item: begin + item * step)


def _utf16_units(limit: int) -> Any:
    return lambda text: text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")


def _padded(width: int) -> Any:
    """As char and nchar are shown: with blanks up to their length in UTF-16 units."""
    return lambda text: text + " " * (width - len(text.encode("utf-16-le")) // 2)


def _with_offset(ticks: int, minutes: int) -> dt.datetime:
    # On the wire is the instant in UTC, which cannot lie before the year 1.
    return stamp_of(ticks, 0 if ticks < minutes * MINUTE else minutes)


def _cells() -> dict[SqlType, st.SearchStrategy[Value]]:
    wide, narrow = st.text(_TEXT, max_size=20), st.text(_LATIN, max_size=20)
    cells: dict[SqlType, st.SearchStrategy[Any]] = {
        SqlType("bit"): st.booleans(),
        SqlType("tinyint"): st.integers(0, 255),
        SqlType("smallint"): _whole(16),
        SqlType("int"): _whole(32),
        SqlType("bigint"): _whole(64),
        SqlType("real"): st.floats(width=32, allow_nan=False, allow_infinity=False),
        SqlType("float"): st.floats(allow_nan=False, allow_infinity=False),
        SqlType("money"): _whole(64).map(lambda item: Decimal(f"{item}E-4")),
        SqlType("smallmoney"): _whole(32).map(lambda item: Decimal(f"{item}E-4")),
        SqlType("date"): st.one_of(st.sampled_from([dt.date.min, dt.date.max]), st.dates()),
        SqlType("smalldatetime"): _ticks("1900-01-01", "2079-06-06", MINUTE).map(stamp_of),
        SqlType("datetime"): _ticks("1753-01-01", "9999-12-31", SECOND // 100).map(stamp_of),
        SqlType("uniqueidentifier"): st.uuids(),
        SqlType("char", length=12): st.text(_LATIN, max_size=12).map(_padded(12)),
        SqlType("varchar", length=20): narrow,
        SqlType("varchar"): narrow,
        SqlType("text"): narrow,
        SqlType("nchar", length=12): wide.map(_utf16_units(12)).map(_padded(12)),
        SqlType("nvarchar", length=20): wide.map(_utf16_units(20)),
        SqlType("nvarchar"): st.one_of(wide, st.just("😀漢é" * 5000)),
        SqlType("ntext"): wide,
        SqlType("sysname"): wide,
        SqlType("xml"): wide.map(lambda text: f"<a>{text}</a>"),
        SqlType("binary", length=6): st.binary(min_size=6, max_size=6),
        SqlType("varbinary", length=20): st.binary(max_size=20),
        SqlType("varbinary"): st.one_of(st.binary(max_size=20), st.just(bytes(range(256)) * 100)),
        SqlType("image"): st.binary(max_size=20),
        SqlType("rowversion"): st.binary(min_size=8, max_size=8),
    }
    for precision, scale in [(1, 0), (9, 9), (12, 2), (18, 0), (18, 18), (19, 4), (28, 10), (38, 0), (38, 38)]:
        cells[SqlType("decimal", precision=precision, scale=scale)] = _decimals(precision, scale)
    for scale in range(8):
        ticks = _ticks("0001-01-01", "9999-12-31", unit_of(scale))
        cells[SqlType("datetime2", scale=scale)] = ticks.map(stamp_of)
        cells[SqlType("time", scale=scale)] = ticks.map(lambda item: time_of(item % DAY))
        cells[SqlType("datetimeoffset", scale=scale)] = st.builds(_with_offset, ticks, _OFFSETS)
    return cells


CELLS = _cells()
TYPES = list(CELLS)
ANY_TYPE = st.sampled_from(TYPES)


def tables(
    types: st.SearchStrategy[SqlType] = ANY_TYPE, *, max_columns: int = 6, max_rows: int = 30
) -> st.SearchStrategy[tuple[list[SqlType], list[tuple[Value, ...]]]]:
    """Some types, and rows of them in which a third of the cells is NULL or none is."""

    def rows(chosen: list[SqlType], nulls: bool) -> st.SearchStrategy[tuple[list[SqlType], list[tuple[Value, ...]]]]:
        cells = [st.one_of(CELLS[sql], st.none(), CELLS[sql]) if nulls else CELLS[sql] for sql in chosen]
        return st.tuples(st.just(chosen), st.lists(st.tuples(*cells), min_size=1, max_size=max_rows))

    chosen = st.lists(types, min_size=1, max_size=max_columns)
    return st.tuples(chosen, st.booleans()).flatmap(lambda pair: rows(*pair))


@cache
def _drawn(sql: SqlType) -> list[Value]:
    """Some values of a type, the same every time."""
    values: list[Value] = []

    @settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @given(CELLS[sql])
    def draw(value: Value) -> None:
        values.append(value)

    draw()
    return values


def draw_rows(types: Sequence[SqlType], count: int, seed: int) -> list[tuple[Value, ...]]:
    """Rows without NULL, the same for the same seed."""
    chance = random.Random(seed)
    return [tuple(chance.choice(_drawn(sql)) for sql in types) for _ in range(count)]
