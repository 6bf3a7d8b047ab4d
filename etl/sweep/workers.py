"""Where a sweep's function runs: on an executor, to which a sweep is a job between two tables of its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from etl import executors
from etl.executors import Runner
from etl.sweep.model import StoredInput
from etl.sweep.sweep import Sweep

if TYPE_CHECKING:
    from etl.job import Job


@contextmanager
def examined(sweep: Sweep) -> Iterator[None]:
    """The executor for the whole of the sweep, where it is a cluster that is there or is reached over ssh.

    Raises JobError, before anything is stored, where a worker cannot do it: a SQLite file on another machine, other code.
    """
    job = _job(sweep)
    with nullcontext() if job is None or not job.runs_elsewhere else executors.opened_for(job):
        if job is not None:
            executors.examine(job)
        yield


@contextmanager
def opened(sweep: Sweep) -> Iterator[tuple[Runner, str]]:
    """What runs tasks, and the database's URL, or the place of it, as it may travel to workers."""
    job = _job(sweep)
    if job is None:
        with executors.opened(sweep.executor, sweep.workers) as runner:
            yield runner, sweep.database
        return
    with executors.opened_for(job) as runner:
        yield runner, runner.travelling(job).target


def _job(sweep: Sweep) -> Job | None:
    """For a cluster: what says which databases and modules its workers need."""
    if sweep.executor != "dask":
        return None
    from etl.job import make  # slow to import

    return make(
        source=sweep.database,
        target=sweep.database,
        source_table=StoredInput.__tablename__,
        target_table=StoredInput.__tablename__,
        transform=sweep.function if isinstance(sweep.function, str) else None,
        executor=sweep.executor,
        cluster=sweep.cluster,
        workers=sweep.workers,
    )
