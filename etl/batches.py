"""Record batches of any size, cut and joined to runs of as many rows as one asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa


def in_runs(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[list[pa.RecordBatch]]:
    """The batches' rows in order, `rows` of them at a time; the last run may be shorter and none is empty."""
    pending: list[pa.RecordBatch] = []
    pending_rows = 0
    for batch in batches:
        rest = batch
        while pending_rows + rest.num_rows >= rows:
            taken = rows - pending_rows
            yield [*pending, rest.slice(0, taken)]
            rest, pending, pending_rows = rest.slice(taken), [], 0
        pending.append(rest)
        pending_rows += rest.num_rows
    if pending_rows:
        yield pending
