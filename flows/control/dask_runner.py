"""The cluster of a flow that has prefect-dask's DaskTaskRunner, for jobs that say `executor: dask` and name no cluster."""

import sys

from prefect.context import FlowRunContext

from etl.cluster.description import is_address
from etl.errors import JobError
from etl.job import Job


def on_runners_cluster(job: Job) -> Job:
    """The job with the cluster of the flow run's task runner; as it is where it names one, or the runner is another.

    Raises JobError for a runner whose cluster is inside of this process.
    """
    address = runners_address() if job.executor == "dask" and job.cluster is None else None
    return job if address is None else job.model_copy(update={"cluster": address})


def runners_address() -> str | None:
    """Where the scheduler of the current flow run's DaskTaskRunner listens, which is started now if need be, or None."""
    context = FlowRunContext.get()
    # A flow that has one has imported it.
    prefect_dask = sys.modules.get("prefect_dask.task_runners")
    if context is None or prefect_dask is None or not isinstance(context.task_runner, prefect_dask.DaskTaskRunner):
        return None
    address = str(context.task_runner.client.scheduler.address)
    if not is_address(address):
        raise JobError(
            f"the cluster of the flow's DaskTaskRunner ({address}) has no processes of its own",
            advice='Give it some: DaskTaskRunner(cluster_kwargs={"processes": True}).',
        )
    return address
