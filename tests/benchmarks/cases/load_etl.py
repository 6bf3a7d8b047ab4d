"""This project's `to_sql`, from a frame."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.frame import arrow_frame
from tests.benchmarks.tables import emptied, write


def prepare(place: Place) -> Callable[[], int]:
    emptied(place).close()
    frame = arrow_frame(place)
    write(frame.iloc[:0], place.empty_table, place)  # imports, and the driver's probe

    return lambda: write(frame, place.empty_table, place)


CASE = Case("load", "etl.to_sql", prepare)
