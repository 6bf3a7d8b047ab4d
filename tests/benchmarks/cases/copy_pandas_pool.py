"""A whole copy as people write it with `multiprocessing`: the parent reads in chunks, two processes transform and write."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.transform import find
from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import unicode_types
from tests.benchmarks.tables import emptied

_CHUNKS = 6
_PROCESSES = 2

Task = tuple[pd.DataFrame, str, str, str, dict[str, Any]]


def prepare(place: Place) -> Callable[[], int]:
    emptied(place).close()
    declared = unicode_types(place.dataset)

    def copy() -> int:
        with multiprocessing.Pool(_PROCESSES) as pool:
            done = sum(pool.imap(_write, _tasks(place, declared)))
            # Ended, so that their CPU time counts.
            pool.close()
            pool.join()
        return done

    return copy


def _tasks(place: Place, declared: dict[str, Any]) -> Iterator[Task]:
    engine = sa.create_engine(place.url())
    for frame in pd.read_sql(place.first_rows, engine, chunksize=max(1, place.count // _CHUNKS)):
        yield frame, place.dataset.transform, place.empty_table, place.url(), declared


def _write(task: Task) -> int:
    frame, transform, table, url, declared = task
    find(transform)(frame).to_sql(table, sa.create_engine(url), if_exists="append", index=False, dtype=declared)
    return len(frame)


CASE = Case("copy", "pandas and Pool(2), by hand", prepare, share=0.02)
