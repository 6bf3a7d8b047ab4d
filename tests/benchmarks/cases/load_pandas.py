"""`DataFrame.to_sql` with its default settings."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import plain_frame, unicode_types
from tests.benchmarks.tables import emptied


def prepare(place: Place) -> Callable[[], int]:
    emptied(place).close()
    frame, engine = plain_frame(place), sa.create_engine(place.url())
    declared = unicode_types(place.dataset)

    def load() -> int:
        frame.to_sql(place.empty_table, engine, if_exists="append", index=False, dtype=declared)
        return len(frame)

    return load


CASE = Case("load", "DataFrame.to_sql", prepare, share=0.02)
