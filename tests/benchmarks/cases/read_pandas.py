"""`pandas.read_sql` as everybody writes it."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Done, Place


def prepare(place: Place) -> Callable[[], Done]:
    import pandas as pd
    import sqlalchemy as sa

    engine = sa.create_engine(place.url())
    pd.read_sql("SELECT 1 AS one", engine)

    return lambda: pd.read_sql(f"SELECT * FROM {place.full_table}", engine)


CASE = Case("read", "pandas.read_sql", prepare)
