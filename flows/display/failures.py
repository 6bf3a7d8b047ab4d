"""A flow run that fails, or is stopped, shows what is known of its run before the error goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import get_run_logger
from prefect.exceptions import TerminationSignal

from etl.errors import EtlError, Interrupted
from etl.job import Job
from flows.control.stopping import Overdue
from flows.display import artifacts, progress

GOES_ON = "The next run of the job goes on with what is not committed."


@contextmanager
def shown(job: Job, run_key: str) -> Iterator[None]:
    """Around a flow's stages. `run_key` is the flow run's id, by which the ledger knows the run."""
    try:
        yield
    except EtlError as error:
        _show(job, run_key, error)
        raise
    except Overdue as error:
        _show(job, run_key, Interrupted(str(error), advice=GOES_ON))
        raise
    except TerminationSignal:
        _show(job, run_key, Interrupted("the flow run was cancelled, or its process was told to end", advice=GOES_ON))
        raise


def _show(job: Job, run_key: str, error: EtlError) -> None:
    # Whatever goes wrong here, the first error is the one to report.
    try:
        run, sealed = artifacts.ledger_state(job, run_key)
    except EtlError as unknown:
        get_run_logger().warning("the ledger cannot be asked what is committed: %s", unknown.message)
        run, sealed = None, []
    with progress.not_vital("the failure is not shown as an artifact"):
        artifacts.show_failure(job, error, run, sealed)
