"""Runs of any lengths are copied, and rows are put together, as slicing and joining would do it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.sandbox.runs import Cells, Part, Runs, copy_runs, gather, interleave, packed_runs, repeated

OFTEN = settings(max_examples=150, deadline=None, derandomize=True, database=None)
LENGTHS = st.lists(
    st.one_of(st.integers(0, 40), st.sampled_from([63, 64, 65, 4096, 8191, 8192, 8193, 20_000])), max_size=30
)


def random_bytes(size: int) -> np.ndarray:
    return np.frombuffer(random.Random(size).randbytes(size), np.uint8)


@OFTEN
@given(LENGTHS, st.randoms(use_true_random=False))
def test_runs_from_anywhere_are_copied_side_by_side(lengths: list[int], chance: random.Random) -> None:
    source = random_bytes(25_000)
    starts = [chance.randint(0, len(source) - length) for length in lengths]
    sizes = np.array(lengths, np.int64)
    target = np.zeros(sum(lengths), np.uint8)
    copy_runs(target, np.cumsum(sizes) - sizes, source, np.array(starts, np.int64), sizes)
    expected = b"".join(source[start : start + length].tobytes() for start, length in zip(starts, lengths, strict=True))
    assert target.tobytes() == expected


@pytest.mark.parametrize("width", [1, 7, 4096, 8191, 8192, 10_000])
def test_runs_of_one_length_are_copied_whole(width: int) -> None:
    source = random_bytes(3 * width)
    starts, sizes = np.array([2 * width, 0, width]), np.full(3, width)
    target = np.zeros(3 * width, np.uint8)
    copy_runs(target, np.arange(3) * width, source, starts, sizes)
    assert target.tobytes() == np.concatenate([source[2 * width :], source[: 2 * width]]).tobytes()


def test_gather_takes_as_many_bytes_at_each_start() -> None:
    assert gather(np.frombuffer(b"abcdef", np.uint8), np.array([3, 0]), 3).tolist() == [[100, 101, 102], [97, 98, 99]]


@OFTEN
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=12), st.booleans()), max_size=40))
def test_rows_are_their_parts_in_order(rows: list[tuple[int, bytes, bool]]) -> None:
    lengths = np.array([len(data) for _, data, _ in rows], np.int64)
    data = np.frombuffer(b"".join(data for _, data, _ in rows), np.uint8)
    numbers = np.array([number for number, _, _ in rows], np.int64)
    shown = np.array([3 if shown else 1 for _, _, shown in rows], np.int64)
    parts: list[Part] = [
        Cells((("u1", 0xD1), ("<u2", numbers))),
        Cells(((">u4", numbers),)),
        Runs(data, np.cumsum(lengths) - lengths, lengths),
        repeated(b"xyz", lengths % 4),
        packed_runs([("u1", shown), ("<u2", 0x4241)], len(rows), shown),
    ]
    expected = b"".join(
        b"\xd1"
        + number.to_bytes(2, "little")
        + number.to_bytes(4, "big")
        + value
        + b"xyz"[: len(value) % 4]
        + (b"\3AB" if wide else b"\1")
        for number, value, wide in rows
    )
    assert interleave(parts, len(rows)).tobytes() == expected
