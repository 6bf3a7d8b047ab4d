"""`pandas.read_sql` as everybody writes it."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import FULL_TABLE


def prepare(place: Place) -> Callable[[], int]:
    import pandas as pd
    import sqlalchemy as sa

    engine = sa.create_engine(place.url())
    pd.read_sql("SELECT 1 AS one", engine)

    return lambda: len(pd.read_sql(f"SELECT * FROM {FULL_TABLE}", engine))


CASE = Case("read", "pandas.read_sql", prepare)
