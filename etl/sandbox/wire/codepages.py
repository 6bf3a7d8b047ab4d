"""Columns of text between UTF-8 and the wire's encodings: all values in one go, their lengths counted afterwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from etl.sandbox.codepage import decode_1252, encode_1252
from etl.sandbox.columns import Array, NotPlainError, Varying
from etl.sandbox.utf8 import count_characters, count_utf16_units, is_ascii, sum_per_value


def utf8_to_utf16(column: Varying) -> tuple[Array, Array]:
    """Bytes (uint8) and the length of each value in bytes."""
    if is_ascii(column.data):
        return column.data.astype("<u2").view(np.uint8), column.lengths * 2
    text = column.data.tobytes().decode("utf-8")
    return np.frombuffer(text.encode("utf-16-le"), np.uint8), count_utf16_units(column) * 2


def utf8_to_1252(column: Varying) -> tuple[Array, Array]:
    """Bytes (uint8) and the length of each value; what the code page lacks becomes `?`."""
    if is_ascii(column.data):
        return column.data, column.lengths
    text = column.data.tobytes().decode("utf-8")
    return np.frombuffer(encode_1252(text), np.uint8), count_characters(column)


def utf16_to_utf8(data: Array, lengths: Array) -> tuple[Array, Array]:
    """Texts in UTF-16 that stand one after the other, with their lengths in bytes, to UTF-8. Raises `NotPlainError`."""
    if (lengths & 1).any():
        raise NotPlainError
    units = data.view("<u2")
    if not len(units) or int(units.max()) < 0x80:
        return units.astype(np.uint8), lengths >> 1
    surrogate = (units & 0xF800) == 0xD800
    # Each half of a pair counts for two of its four bytes.
    sizes = 1 + (units >= 0x80) + ((units >= 0x800) & ~surrogate)
    if surrogate.any():
        _require_pairs_inside(units, lengths >> 1)
    try:
        text = data.tobytes().decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise NotPlainError from error
    return np.frombuffer(text.encode(), np.uint8), sum_per_value(sizes, lengths >> 1)


def _require_pairs_inside(units: Array, lengths: Array) -> None:
    """A value that ends in the first half of a pair, before one that begins with the second, is two wrong values."""
    ends = np.cumsum(lengths)
    filled = lengths > 0
    if ((units[ends[filled] - 1] & 0xFC00) == 0xD800).any():
        raise NotPlainError


def code_page_to_utf8(data: Array, lengths: Array, decode: Callable[[bytes], str]) -> tuple[Array, Array]:
    """Texts in a code page (`decode` is its reader) to UTF-8. Raises `NotPlainError`."""
    if is_ascii(data):
        return data, lengths
    if decode is not decode_1252:
        raise NotPlainError
    sizes = _SIZES_1252[data]
    return np.frombuffer(decode_1252(data.tobytes()).encode(), np.uint8), sum_per_value(sizes, lengths)


_SIZES_1252 = np.array([len(decode_1252(bytes((byte,))).encode()) for byte in range(256)], np.int64)
"""Bytes in UTF-8 of each byte in code page 1252."""
