"""arrow-odbc over FreeTDS, batch by batch: the fastest reader."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place


def prepare(place: Place) -> Callable[[], int]:
    import arrow_odbc

    options = {"batch_size": 20_000, **place.dataset.options}

    def read() -> int:
        batches = arrow_odbc.read_arrow_batches_from_odbc(
            f"SELECT * FROM {place.full_table}", connection_string=place.odbc(), **options
        )
        return sum(len(batch) for batch in batches)

    return read


CASE = Case("read", "arrow-odbc", prepare)
