"""A whole copy with a vectorised transform, by this project."""

from __future__ import annotations

from collections.abc import Callable

from etl.executors import Executor
from tests.benchmarks.case import Place
from tests.benchmarks.tables import emptied


def prepared(place: Place, workers: int, executor: Executor = "process") -> Callable[[], int]:
    """The copy of the full table into the emptied one, in so many workers."""
    import etl
    from etl import pipeline

    emptied(place).close()
    url = place.url()
    job = etl.Job(
        source=url,
        target=url,
        source_table=f"dbo.{place.full_table}",
        target_table=f"dbo.{place.empty_table}",
        key=place.dataset.key[0],
        transform=place.dataset.transform,
        workers=workers,
        executor=executor,
    )

    return lambda: pipeline.run(job, new_run=True).rows_written
