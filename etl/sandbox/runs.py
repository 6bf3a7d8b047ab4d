"""Many short runs of bytes copied at once, and rows put together from them: what column-wise encoding and decoding stand on.

NumPy copies an element of any width in about 7 ns when arrays of void elements are indexed by offsets; the width hardly
counts. So runs of different lengths are copied in classes: one of 2^k to 2^(k+1) - 1 bytes is its first 2^k bytes and its last
2^k bytes, which overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from etl.sandbox.columns import Array

_LONG_BITS = 14
"""Runs from 8 KB on are copied one by one."""


def elements(buffer: Array, width: int) -> Array:
    """The bytes of `buffer` (uint8, contiguous) as elements of `width` bytes that begin at every offset."""
    return np.ndarray((max(0, len(buffer) - width + 1),), dtype=f"V{width}", buffer=buffer, strides=(1,))


def gather(source: Array, starts: Array, width: int) -> Array:
    """The `width` bytes at each start, as uint8 of shape (starts, width)."""
    taken: Array = elements(source, width)[starts]
    return taken.view(np.uint8).reshape(len(starts), width)


def copy_runs(target: Array, target_starts: Array, source: Array, source_starts: Array, lengths: Array) -> None:
    """Copy `lengths[i]` bytes of `source` from `source_starts[i]` on to `target_starts[i]`, for every i. All int64."""
    if not len(lengths):
        return
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest == longest < 1 << _LONG_BITS - 1:
        if longest:
            elements(target, longest)[target_starts] = elements(source, longest)[source_starts]
        return
    classes = np.frexp(lengths)[1].astype(np.int8)
    for bits in range(max(1, shortest.bit_length()), longest.bit_length() + 1):
        chosen = np.flatnonzero(classes == bits)
        if not len(chosen):
            continue
        to, begin, size = target_starts[chosen], source_starts[chosen], lengths[chosen]
        if bits >= _LONG_BITS:
            _copy_long(target, to, source, begin, size)
            continue
        width = 1 << bits - 1
        written, read = elements(target, width), elements(source, width)
        written[to] = read[begin]
        if bits > 1:
            rest = size - width
            written[to + rest] = read[begin + rest]


def _copy_long(target: Array, target_starts: Array, source: Array, source_starts: Array, lengths: Array) -> None:
    for to, begin, size in zip(target_starts.tolist(), source_starts.tolist(), lengths.tolist(), strict=True):
        target[to : to + size] = source[begin : begin + size]


Field = tuple[npt.DTypeLike, Any]
"""A dtype and its values, or the one value of all rows."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A part of every row with the same width: its fields."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Runs:
    """A part of every row with a length of its own."""

    source: Array
    starts: Array
    lengths: Array


Part = Cells | Runs


def width_of(fields: Sequence[Field]) -> int:
    """The bytes of fields side by side."""
    return sum(np.dtype(kind).itemsize for kind, _ in fields)


def pack(fields: Sequence[Field], rows: int) -> Array:
    """Fields side by side, without gaps: uint8 of shape (rows, width)."""
    layout = np.dtype([(f"f{i}", kind) for i, (kind, _) in enumerate(fields)])
    packed = np.empty(rows, layout)
    for i, (_, values) in enumerate(fields):
        packed[f"f{i}"] = values
    return packed.view(np.uint8).reshape(rows, layout.itemsize)


def packed_runs(fields: Sequence[Field], rows: int, lengths: Array) -> Runs:
    """Fields side by side, of which only the first `lengths[i]` bytes count."""
    packed = pack(fields, rows)
    return Runs(packed.reshape(-1), np.arange(rows) * packed.shape[1], lengths)


def repeated(constant: bytes, lengths: Array) -> Runs:
    """The first `lengths[i]` bytes of a constant; it must be as long as the longest."""
    return Runs(np.frombuffer(constant, np.uint8), np.zeros(len(lengths), np.int64), lengths)


def interleave(parts: Sequence[Part], rows: int) -> Array:
    """The rows one after the other, each made of its parts in order. Returns uint8."""
    blocks = _blocks(parts, rows)
    fixed = sum(block.shape[1] for block in blocks if isinstance(block, np.ndarray))
    sizes = np.full(rows, fixed, np.int64)
    for block in blocks:
        if isinstance(block, Runs):
            sizes += block.lengths
    if len(blocks) == 1 and isinstance(blocks[0], np.ndarray):
        return blocks[0].reshape(-1)
    ends = np.cumsum(sizes)
    target = np.empty(int(ends[-1]) if rows else 0, np.uint8)
    at = ends - sizes
    for block in blocks:
        if isinstance(block, Runs):
            copy_runs(target, at, block.source, block.starts, block.lengths)
            at += block.lengths
        else:
            width = block.shape[1]
            elements(target, width)[at] = block.reshape(-1).view(f"V{width}")
            at += width
    return target


def _blocks(parts: Sequence[Part], rows: int) -> list[Array | Runs]:
    """The parts with neighbouring cells packed into one."""
    blocks: list[Array | Runs] = []
    waiting: list[Field] = []
    for part in parts:
        if isinstance(part, Cells):
            waiting += part.fields
            continue
        if waiting:
            blocks.append(pack(waiting, rows))
            waiting = []
        blocks.append(part)
    if waiting:
        blocks.append(pack(waiting, rows))
    return blocks
