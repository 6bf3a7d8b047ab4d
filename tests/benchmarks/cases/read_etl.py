"""This project's `read_sql`, into a frame."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import FULL_TABLE


def prepare(place: Place) -> Callable[[], int]:
    import etl

    url = place.url()
    etl.read_sql("SELECT 1 AS one", url)  # imports

    return lambda: len(etl.read_sql(FULL_TABLE, url))


CASE = Case("read", "etl.read_sql", prepare)
