"""A whole copy with a vectorised transform, by this project, in two workers."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import EMPTY_TABLE, FULL_TABLE
from tests.benchmarks.emptied import emptied


def prepare(place: Place) -> Callable[[], int]:
    import etl

    emptied(place).close()
    url = place.url()
    job = etl.Job(
        source=url,
        target=url,
        source_table=f"dbo.{FULL_TABLE}",
        target_table=f"dbo.{EMPTY_TABLE}",
        transform="tests.benchmarks.transform:raise_prices",
        workers=2,
    )

    return lambda: etl.run(job, new_run=True).rows_written


CASE = Case("copy", "etl.run, two workers", prepare)
