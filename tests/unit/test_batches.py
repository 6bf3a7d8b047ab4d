"""Batches cut and joined to runs of equal length."""

from __future__ import annotations

import pyarrow as pa
import pytest

from etl.batches import in_runs


@pytest.mark.parametrize(
    ("lengths", "rows", "expected"),
    [
        ([], 3, []),
        ([0, 0], 3, []),
        ([7], 3, [3, 3, 1]),
        ([1, 1, 1, 1], 3, [3, 1]),
        ([2, 5, 0, 2], 3, [3, 3, 3]),
        ([3], 10, [3]),
    ],
)
def test_every_row_is_in_one_run_and_in_order(lengths: list[int], rows: int, expected: list[int]) -> None:
    start, batches = 0, []
    for length in lengths:
        batches.append(pa.record_batch({"n": pa.array(range(start, start + length), pa.int64())}))
        start += length
    runs = list(in_runs(batches, rows))
    assert [sum(batch.num_rows for batch in run) for run in runs] == expected
    assert [n for run in runs for batch in run for n in batch.column("n").to_pylist()] == list(range(start))
