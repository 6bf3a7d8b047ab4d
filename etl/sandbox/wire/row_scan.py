"""Where the cells of many ROW tokens stand, found for all rows at once (MS-TDS 2.2.7.19, 2.2.5.5).

Where a row begins is only known when the row before it has been read. So every byte that could be a ROW token is taken for one,
its cells are followed column by column with NumPy, and at the end the rows are those that the first one leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etl.sandbox.columns import Array
from etl.sandbox.runs import elements
from etl.sandbox.wire.typeinfo import Framing, WireType

ROW = 0xD1
_PADDING_BYTES = 32
"""More than the longest prefix of a value: reading at the end of the data is harmless."""
_TIMESTAMP_BYTES = 8
_PLP_NULL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_PLP_UNKNOWN = np.uint64(0xFFFF_FFFF_FFFF_FFFE)
_MOST_CELLS_PER_BYTE = 6
"""More cells to follow come from bytes that are no rows: a cell has a byte at least, and one byte in 256 looks like a ROW token
where there are a thousand columns. Such rows are left to be read one by one."""
_BEYOND = 1 << 40
"""A length that no message has: the row does not count."""


@dataclass(frozen=True, slots=True)
class CellRuns:
    """Where the values of one column stand. int64; a NULL has no length."""

    starts: Array
    lengths: Array
    null: Array | None
    """bool; None where the type has no NULL."""


@dataclass(frozen=True, slots=True)
class ScannedRows:
    """Rows that stand in `data` (uint8, padded) one after the other, from its first byte to `end`."""

    data: Array
    cells: tuple[CellRuns, ...]
    rows: int
    end: int


def scan_rows(data: bytes, wire_types: Sequence[WireType]) -> ScannedRows:
    """The whole rows that `data` begins with, up to the first byte that is no ROW token, or a value in several pieces."""
    padded = np.frombuffer(data + bytes(_PADDING_BYTES), np.uint8)
    candidates = np.flatnonzero(padded[: len(data)] == ROW)
    if len(candidates) * len(wire_types) > _MOST_CELLS_PER_BYTE * len(data):
        candidates = candidates[:0]
    at = candidates + 1
    columns = []
    for wire in wire_types:
        cells, at = _follow(padded, at, wire)
        columns.append(cells)
        np.minimum(at, len(data) + 1, out=at)
    rows = _chain(candidates, at, len(data))
    return ScannedRows(
        padded,
        tuple(_chosen(cells, rows) for cells in columns),
        len(rows),
        int(at[rows[-1]]) if len(rows) else 0,
    )


def _chain(candidates: Array, ends: Array, size: int) -> Array:
    """The candidates that are rows: the one at 0, the one where it ends, and so on."""
    index_at = np.full(size + 2, -1, np.int64)
    index_at[candidates] = np.arange(len(candidates))
    following = index_at[ends].tolist()
    whole = (ends <= size).tolist()
    rows = []
    row = int(index_at[0])
    while row >= 0 and whole[row]:
        rows.append(row)
        row = following[row]
    return np.array(rows, np.int64)


def _chosen(cells: CellRuns, rows: Array) -> CellRuns:
    null = cells.null
    return CellRuns(cells.starts[rows], cells.lengths[rows], None if null is None else null[rows])


def _follow(data: Array, at: Array, wire: WireType) -> tuple[CellRuns, Array]:
    """One column's cells that begin at `at`, and where the next column's begin."""
    match wire.framing:
        case Framing.FIXED:
            return _fixed(at, wire.max_bytes)
        case Framing.BYTE_LENGTH:
            return _prefixed(at, _read(data, at, 1), 1, 0)
        case Framing.SHORT_LENGTH:
            return _prefixed(at, _read(data, at, 2), 2, 0xFFFF)
        case Framing.LONG_LENGTH:
            return _pointed(data, at)
        case Framing.PLP:
            return _plp(data, at)


def _read(data: Array, at: Array, width: int) -> Array:
    """Unsigned numbers of `width` bytes as int64."""
    if width == 1:
        return data[at].astype(np.int64)
    numbers: Array = elements(data, width)[at].view(f"<u{width}").astype(np.int64)
    return numbers


def _fixed(at: Array, width: int) -> tuple[CellRuns, Array]:
    lengths = np.full(len(at), width, np.int64)
    # The one type without a value is NULLTYPE.
    return CellRuns(at, lengths, None if width else np.ones(len(at), np.bool_)), at + width


def _prefixed(at: Array, lengths: Array, width: int, null_length: int) -> tuple[CellRuns, Array]:
    null = lengths == null_length
    lengths[null] = 0
    starts = at + width
    return CellRuns(starts, lengths, null), starts + lengths


def _pointed(data: Array, at: Array) -> tuple[CellRuns, Array]:
    """text, ntext, image: a text pointer whose absence means NULL, a timestamp, and the value."""
    pointer = _read(data, at, 1)
    null = pointer == 0
    size_at = np.minimum(at + 1 + pointer + _TIMESTAMP_BYTES, len(data) - 4)
    lengths = np.where(null, 0, _read(data, size_at, 4))
    starts = np.where(null, at + 1, at + 1 + pointer + _TIMESTAMP_BYTES + 4)
    return CellRuns(starts, lengths, null), starts + lengths


def _plp(data: Array, at: Array) -> tuple[CellRuns, Array]:
    """(max) types: total length, one chunk, the end. A value in more chunks ends the rows before it (2.2.5.2.3)."""
    totals = elements(data, 8)[at].view("<u8")
    null = totals == _PLP_NULL
    lengths = np.where(null, 0, _read(data, at + 8, 4))
    starts = np.where(null | (lengths == 0), at + 8, at + 12)
    after = np.minimum(starts + lengths, len(data) - 4)
    last = null | (_read(data, after, 4) == 0)
    promised = null | (totals == _PLP_UNKNOWN) | (totals == lengths.astype(np.uint64))
    ends = np.where(null, starts, starts + lengths + 4)
    return CellRuns(starts, lengths, null), np.where(last & promised, ends, _BEYOND)
