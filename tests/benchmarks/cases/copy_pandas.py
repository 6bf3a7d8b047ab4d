"""A whole copy as people write it: read_sql in chunks, the transform, to_sql."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import EMPTY_TABLE, FULL_TABLE
from tests.benchmarks.emptied import emptied
from tests.benchmarks.transform import raise_prices

# Without it pandas binds text as varchar, and FreeTDS drops a statement whose text is not in code page 1252.
UNICODE = {"customer": sa.NVARCHAR(40)}


def prepare(place: Place) -> Callable[[], int]:
    import pandas as pd

    emptied(place).close()
    source, target = sa.create_engine(place.url()), sa.create_engine(place.url())

    def copy() -> int:
        done = 0
        query = f"SELECT * FROM {FULL_TABLE} WHERE id < {place.count}"
        for frame in pd.read_sql(query, source, chunksize=50_000):
            raise_prices(frame).to_sql(EMPTY_TABLE, target, if_exists="append", index=False, dtype=UNICODE)
            done += len(frame)
        return done

    return copy


CASE = Case("copy", "pandas: read_sql, to_sql", prepare, share=0.02)
