"""Counting in columns of UTF-8: what each value has of characters and of UTF-16 units."""

from __future__ import annotations

import numpy as np

from etl.sandbox.columns import Array, Varying


def is_ascii(data: Array) -> bool:
    """Whether the bytes (uint8) are all ASCII."""
    return not len(data) or int(data.max()) < 0x80


def count_characters(column: Varying) -> Array:
    """Characters (code points) of each value."""
    return column.lengths if is_ascii(column.data) else sum_per_value(_begins_character(column.data), column.lengths)


def count_utf16_units(column: Varying) -> Array:
    """UTF-16 units of each value."""
    data = column.data
    if is_ascii(data):
        return column.lengths
    # A character outside of the basic plane is two units; in UTF-8 it begins with a byte from F0 on.
    return sum_per_value(_begins_character(data).astype(np.int64) + (data >= 0xF0), column.lengths)


def _begins_character(data: Array) -> Array:
    begins: Array = (data & 0xC0) != 0x80
    return begins


def sum_per_value(counts: Array, lengths: Array) -> Array:
    """The sums of `counts` over runs of these lengths, which stand one after the other."""
    sums = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=sums[1:])
    ends = np.cumsum(lengths)
    found: Array = sums[ends] - sums[ends - lengths]
    return found
