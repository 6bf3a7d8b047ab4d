"""A run whose worker is killed in the middle, and that goes on afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from etl import ledger, load, pipeline
from etl.doctor.findings import Finding, ok
from etl.errors import CheckFailed, WorkerDied
from etl.job import Job
from etl.smoke import copies, transforms
from etl.smoke.case import Smoke

TABLE = "appended"
WORKERS = 2
LETHAL_ROW = 4
"""Of the third chunk: with two workers it cannot be begun before another one is committed."""


def killed(case: Smoke) -> Finding:
    """Append by the pool until a worker is killed: what the ledger has as committed is there, and nothing else."""
    died = _died(case)
    with case.connected() as connection:
        (run,) = [run for run in ledger.all_runs(connection) if run.target_table == str(case.table(TABLE))]
        rows = load.count(connection, case.table(TABLE))
    case.require(
        agreed=run.state == "failed" and run.rows_written == rows and 0 < rows < case.sample_rows,
        message=f"run {run.run_id} is {run.state}, its ledger has {run.rows_written} rows and the table {rows}",
    )
    return ok(f"{rows} of {case.sample_rows} rows, in {run.chunks_done} chunks, are committed", died.message)


def resumed(case: Smoke) -> Finding:
    """Start the job again: the same run goes on with what it lacks."""
    with _armed(case):
        result = copies.moved(case, _job(case, workers=1))
    case.require(agreed=result.resumed, message=f"run {result.run_id} is a new one: the killed one was to go on")
    copies.require_same(case, TABLE)
    return ok(f"run {result.run_id} went on with {result.rows_moved} rows; every value is the same")


def _died(case: Smoke) -> WorkerDied:
    with _armed(case):
        try:
            pipeline.run(_job(case, run_retries=0, workers=WORKERS))
        except WorkerDied as died:
            return died
    raise CheckFailed("a worker was to be killed in the middle of a run, and the run came to its end")


def _job(case: Smoke, **fields: int) -> Job:
    transform = f"{transforms.__name__}:{transforms.killed_once.__name__}"
    return copies.pooled(case, TABLE, transform=transform, **fields)


@contextmanager
def _armed(case: Smoke) -> Iterator[None]:
    """Workers that are started meanwhile know which row kills, and where it is marked that it has done so."""
    told = {transforms.MARK_VARIABLE: str(case.folder / "killed"), transforms.ROW_VARIABLE: str(LETHAL_ROW)}
    os.environ.update(told)
    try:
        yield
    finally:
        for name in told:
            del os.environ[name]
