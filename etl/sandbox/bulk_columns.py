"""Columns of a bulk load as their table stores them: `loading`'s rounding, lengths and blanks for all rows at once.

What needs a word (a value that is too long, a NULL that takes the DEFAULT) is declined, and its rows are stored one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from etl.sandbox.columns import Array, ColumnData, Fixed, NotPlainError, Varying
from etl.sandbox.loading import rounded
from etl.sandbox.moments import DAY, END, MINUTE
from etl.sandbox.sqltypes import SIZED, SqlType
from etl.sandbox.translation.types import family, is_fixed_text, is_wide
from etl.sandbox.utf8 import count_characters, count_utf16_units

ToStored = Callable[[ColumnData], ColumnData]


def to_stored(declared: SqlType, target: SqlType, *, nulls_stay: bool) -> ToStored:
    """From a column as it was sent to the column as it is stored. What it gives raises `NotPlainError`.

    `declared` is the type that INSERT BULK has given it: no value may be longer. `target` is the type that it is stored as.
    `nulls_stay` is off where NULL becomes the DEFAULT.
    """
    kind = family(target)
    fit: ToStored = _keep
    if kind in {"text", "xml"}:
        fit = _text(declared, target)
    elif kind == "binary":
        fit = _binary(declared, target)
    elif kind in {"stamp", "time", "offset"}:
        fit = _moment(target)
    if nulls_stay:
        return fit

    def without_null(column: ColumnData) -> ColumnData:
        if column.valid is not None:
            raise NotPlainError
        return fit(column)

    return without_null


def _keep(column: ColumnData) -> ColumnData:
    return column


def _text(declared: SqlType, target: SqlType) -> ToStored:
    trimmed = is_fixed_text(target)
    limits = [kind for kind in (declared, target) if kind.name in SIZED and kind.length is not None]

    def fit(column: ColumnData) -> ColumnData:
        assert isinstance(column, Varying)
        # A text cannot hold U+0000.
        if len(column.data) and not int(column.data.min()):
            raise NotPlainError
        if trimmed:
            column = _without_trailing_blanks(column)
        for kind in limits:
            _check(_widths(column, kind), kind)
        return column

    return fit


def _widths(column: Varying, kind: SqlType) -> Array:
    """What the type's length counts: bytes of UTF-8, units of UTF-16, or characters of a code page."""
    if kind.utf8:
        return column.lengths
    return count_utf16_units(column) if is_wide(kind) else count_characters(column)


def _check(widths: Array, kind: SqlType) -> None:
    if len(widths) and int(widths.max()) > (kind.length or 0):
        raise NotPlainError


def _without_trailing_blanks(column: Varying) -> Varying:
    data, lengths = column.data, column.lengths
    ends = np.cumsum(lengths)
    starts = ends - lengths
    # One past the last byte before each end that is no blank; 0 stands for none.
    filled = np.concatenate(([0], np.flatnonzero(data != ord(" ")) + 1))
    last = filled[np.searchsorted(filled, ends, side="right") - 1]
    shorter = np.maximum(last - starts, 0)
    if (shorter == lengths).all():
        return column
    kept = np.repeat(starts + shorter, lengths) > np.arange(len(data))
    return replace(column, data=data[kept], lengths=shorter)


def _binary(declared: SqlType, target: SqlType) -> ToStored:
    limits = [kind for kind in (declared, target) if kind.name in SIZED and kind.length is not None]
    full = target.length if target.name == "binary" else None

    def fit(column: ColumnData) -> ColumnData:
        assert isinstance(column, Varying)
        for kind in limits:
            _check(column.lengths, kind)
        if full is not None:
            lengths = column.lengths if column.valid is None else column.lengths[column.valid]
            if (lengths != full).any():
                raise NotPlainError
        return column

    return fit


def _moment(target: SqlType) -> ToStored:
    if target.scale == 7:
        return _keep

    def fit(column: ColumnData) -> ColumnData:
        assert isinstance(column, Fixed)
        values = column.values
        if target.name == "datetimeoffset":
            # Offsets are whole minutes, so UTC rounds as local time does.
            moments = values.copy()
            moments["utc"] = rounded(values["utc"], target)
            _require_within(moments["utc"] + moments["minutes"] * np.int64(MINUTE))
            return replace(column, values=moments)
        ticks = rounded(values, target)
        if target.name == "time":
            return replace(column, values=ticks % DAY)
        _require_within(ticks)
        return replace(column, values=ticks)

    return fit


def _require_within(stamps: Array) -> None:
    if len(stamps) and int(stamps.max()) >= END:
        raise NotPlainError
