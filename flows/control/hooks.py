"""What is done after a flow run has failed, crashed or been cancelled, by whoever is left: its process, worker or runner.

A run whose process could end by itself has set the ledger right: its chunks are rolled back, it is marked as failed. One that
was killed could not, so hooks look after it. A run that was planning needs nothing: the next one plans again.
"""

import datetime as dt
from typing import Any

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.logging.loggers import flow_run_logger
from prefect.states import Scheduled

from etl import ledger
from etl.job import Job
from etl.references import is_redacted
from flows.control import blocks, turns

MOST_CRASHES = 3
"""How often a run's process may die before it is left to people: what kills it so often is no accident."""
AGAIN_AFTER_SEC = 10
RUN_KEY_LABEL, CRASHES_LABEL = "etl.run-key", "etl.crashes"
"""On a flow run that goes on after a crash: the first one's id, which the ledger has, and how many have crashed."""

AnyFlow = Flow[..., Any]


def run_key() -> str:
    """The name under which the ledger finds this flow run's run again: its id, or that of the crashed one it goes on with."""
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    return _key_of(context.flow_run)


def set_ledger_right(flow: AnyFlow, flow_run: FlowRun, state: State) -> None:
    """Mark the ledger run of a flow run that has ended as failed, where it still says that it is running."""
    del state
    job = Job.model_validate(flow_run.parameters["job"])
    if is_redacted(job.target):  # It was given in Python, and its own process has marked its run.
        return
    blocks.fetch(job)
    with job.target_endpoint.connect() as connection:
        run = ledger.last_run(connection, job, _key_of(flow_run)) if ledger.exists(connection) else None
        if run is None or run.state != "running":
            return
        ledger.end_run(connection, run.run_id, "failed")
        connection.commit()
    flow_run_logger(flow_run, flow).info("run %s is marked as failed; what it has committed stays", run.run_id)


def run_again(flow: AnyFlow, flow_run: FlowRun, state: State) -> None:
    """Schedule a flow run that goes on with the ledger run of one whose process has died, up to `MOST_CRASHES` times.

    It is a new one: after its hooks a process worker reports the crash once more, which would end the same one again
    (`BaseWorker._submit_run_and_capture_errors` in Prefect 3.8). A run without a deployment has nobody to run it again.
    """
    del state
    with get_client(sync_client=True) as client:
        # What the hook is given is as old as the run's start.
        now = client.read_flow_run(flow_run.id)
        turns.give_up(now)
        crashes = int(str(now.labels.get(CRASHES_LABEL, 0))) + 1
        if now.deployment_id is None or _was_cancelled(client, now):
            return
        logger = flow_run_logger(now, flow)
        if crashes >= MOST_CRASHES:
            logger.error("its process has died %d times; it is not started again", crashes)
            return
        following = client.create_flow_run_from_deployment(
            now.deployment_id,
            parameters=now.parameters,
            state=Scheduled(scheduled_time=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=AGAIN_AFTER_SEC)),
            tags=now.tags,
            idempotency_key=f"after the crash of {now.id}",
            work_queue_name=now.work_queue_name,
            job_variables=now.job_variables,
            labels={RUN_KEY_LABEL: _key_of(now), CRASHES_LABEL: crashes},
        )
    logger.warning("its process has died; flow run '%s' goes on with what is not committed", following.name)


def _key_of(flow_run: FlowRun) -> str:
    return str(flow_run.labels.get(RUN_KEY_LABEL, flow_run.id))


def _was_cancelled(client: SyncPrefectClient, flow_run: FlowRun) -> bool:
    """A process that does not hear of its cancellation in time dies as in a crash."""
    return any(state.is_cancelling() or state.is_cancelled() for state in client.read_flow_run_states(flow_run.id))
