"""`DataFrame.to_sql` with this project's bulk copy as its method."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import arrow_frame
from tests.benchmarks.tables import emptied


def prepare(place: Place) -> Callable[[], int]:
    import sqlalchemy as sa

    import etl

    emptied(place).close()
    frame, engine = arrow_frame(place), sa.create_engine(place.url())

    def load() -> int:
        frame.to_sql(place.empty_table, engine, if_exists="append", index=False, method=etl.bulk_copy)
        return len(frame)

    return load


CASE = Case("load", "DataFrame.to_sql(method=etl.bulk_copy)", prepare)
