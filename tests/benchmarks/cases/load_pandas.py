"""`DataFrame.to_sql` with its default settings."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import EMPTY_TABLE
from tests.benchmarks.emptied import emptied
from tests.benchmarks.frame import plain_frame

# Without it pandas binds text as varchar, and FreeTDS drops a statement whose text is not in code page 1252.
UNICODE = {"customer": sa.NVARCHAR(40)}


def prepare(place: Place) -> Callable[[], int]:

    emptied(place).close()
    frame, engine = plain_frame(place.count), sa.create_engine(place.url())

    def load() -> int:
        frame.to_sql(EMPTY_TABLE, engine, if_exists="append", index=False, dtype=UNICODE)
        return len(frame)

    return load


CASE = Case("load", "DataFrame.to_sql", prepare, share=0.02)
