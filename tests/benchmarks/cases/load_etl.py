"""This project's `to_sql`, from a frame."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import EMPTY_TABLE
from tests.benchmarks.emptied import emptied
from tests.benchmarks.frame import arrow_frame


def prepare(place: Place) -> Callable[[], int]:
    import etl

    emptied(place).close()
    frame, url = arrow_frame(place.count), place.url()
    etl.to_sql(frame.iloc[:0], EMPTY_TABLE, url, if_exists="append", index=False)  # imports, and the driver's probe

    return lambda: etl.to_sql(frame, EMPTY_TABLE, url, if_exists="append", index=False)


CASE = Case("load", "etl.to_sql", prepare)
