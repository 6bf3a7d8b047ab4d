"""This project's `read_sql`, into a frame."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Done, Place


def prepare(place: Place) -> Callable[[], Done]:
    import etl

    url = place.url()
    etl.read_sql("SELECT 1 AS one", url)  # imports

    return lambda: etl.read_sql(place.full_table, url)


CASE = Case("read", "etl.read_sql", prepare)
