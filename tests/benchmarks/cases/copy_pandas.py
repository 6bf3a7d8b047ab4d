"""A whole copy as people write it: read_sql in chunks, the transform, to_sql."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from etl.transform import find
from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import unicode_types
from tests.benchmarks.tables import emptied


def prepare(place: Place) -> Callable[[], int]:
    import pandas as pd

    emptied(place).close()
    source, target = sa.create_engine(place.url()), sa.create_engine(place.url())
    transform, declared = find(place.dataset.transform), unicode_types(place.dataset)

    def copy() -> int:
        done = 0
        for frame in pd.read_sql(place.first_rows, source, chunksize=50_000):
            transform(frame).to_sql(place.empty_table, target, if_exists="append", index=False, dtype=declared)
            done += len(frame)
        return done

    return copy


CASE = Case("copy", "pandas: read_sql, to_sql", prepare, share=0.02)
