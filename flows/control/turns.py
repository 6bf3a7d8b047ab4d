"""Runs of the same job take turns, whichever deployments they come from.

Each job has one global concurrency limit in Prefect, of one slot. A slot is a lease that its flow run renews, so that one
whose process or machine is gone gives it up by itself after `LEASE_SEC`; where a crash is noticed, its hook does so at once.
The ledger needs none of this: two processes with the same job would share its chunks. But then two runs would be one.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, FlowRun
from prefect.concurrency.context import ConcurrencyContext
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectAlreadyExists

from etl.job import Job

LEASE_SEC = 60
"""The shortest that Prefect's server grants. It is renewed after three quarters of it."""
LEASE_LABEL = "etl.lease"
"""On a flow run: its lease, for the hook that gives up what a crashed one held."""


@contextmanager
def taken(job: Job) -> Iterator[None]:
    """Wait for the job's turn and keep it. Raises what Prefect raises when its server cannot be asked."""
    name = f"etl-{job.hash()}"
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    get_run_logger().info("runs of this job take turns, by the concurrency limit %s", name)
    # A lease that could not be renewed must not end a run whose rows the ledger keeps right anyway.
    with concurrency(
        name,
        lease_duration=LEASE_SEC,
        # One that somebody has switched off is passed over.
        strict=False,
        raise_on_lease_renewal_failure=False,
        holder=ConcurrencyLeaseHolder(type="flow_run", id=context.flow_run.id),
    ):
        _remember_lease(context.flow_run)
        yield


def give_up(flow_run: FlowRun) -> None:
    """Give up the lease of a flow run that is gone. One that has ended, or that the server does not know, is passed over."""
    lease = flow_run.labels.get(LEASE_LABEL)
    if lease is not None:
        with get_client(sync_client=True) as client:
            client.release_concurrency_slots_with_lease(UUID(str(lease)))


def _remember_lease(flow_run: FlowRun) -> None:
    leases = ConcurrencyContext.get()
    if leases is None or not leases.cleanup_lease_ids:
        return
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(flow_run.id, {LEASE_LABEL: str(leases.cleanup_lease_ids[-1])})
