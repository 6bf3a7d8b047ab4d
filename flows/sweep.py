"""The flow that runs a function over inputs: what has a result already is not run again.

Results go from the workers to the database; Prefect gets none of them, only how many there are. A retry, or another run with
the same name, goes on with what is left.

    python -m flows.sweep simulation:run grid.json
"""

# No `from __future__ import annotations` here: Prefect has to find the parameters' types in the flow's signature.
import os
import sys
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from etl.cluster.description import SshHosts
from etl.errors import ConnectError, DatabaseError, WorkerDied, told
from etl.executors import Executor
from etl.sweep import input_files, printing
from etl.sweep.events import SweepResult
from etl.sweep.run import run_sweep
from etl.sweep.sweep import DEFAULT_DATABASE, Sweep
from flows.control import blocks, parameters, stopping

RETRIES = 1
RETRY_DELAY_SEC = 10


def may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a retry may do better: not where the function failed on inputs, or is not there."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, ConnectError | DatabaseError | WorkerDied)


@task(
    name="run",
    task_run_name="run {wanted.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_SEC,
    retry_condition_fn=may_pass,
)
def run_inputs(wanted: Sweep) -> SweepResult:
    """Every input that has no result yet."""
    logger = get_run_logger()
    result = run_sweep(wanted, listener=printing.Lines(logger.info, logger.warning))
    logger.info(printing.result_line(result))
    return result


@flow(name="sweep", flow_run_name="sweep {function}", persist_result=False)
def sweep(  # noqa: PLR0913, PLR0917 - each parameter is a field of Prefect's form
    function: str,
    inputs: list[Any] | str,
    name: str = "",
    database: str = DEFAULT_DATABASE,
    executor: Executor = "process",
    cluster: str | SshHosts | None = None,
    workers: int | None = None,
    again: bool = False,
    timeout_sec: float | None = None,
) -> SweepResult:
    """Run a function on every input that has no result yet, and store each result as it comes.

    Args:
        function: As module:function; it takes one input and returns what JSON has a form for.
        inputs: A list of them, the path of a .json, .jsonl, .csv or .yaml file, or module:name of a list.
        name: By which the sweep is found again; by default the function's.
        database: Where results go: block:NAME, env:NAME, or a URL without a password.
        executor: process for a pool of workers, dask for a Dask cluster, serial for the flow's own process.
        cluster: With dask, as a job has it.
        workers: By default one a core.
        again: Run inputs again whose results are of another version of the function.
        timeout_sec: After how many seconds it is stopped; results that are stored stay.
    """
    parameters.refuse_password("database", database, "No input was run.")
    blocks.fetch_named(database)
    with stopping.within(timeout_sec):
        return run_inputs(
            Sweep(
                function=function,
                inputs=input_files.read(inputs) if isinstance(inputs, str) else inputs,
                name=name,
                database=database,
                executor=executor,
                cluster=cluster,
                workers=workers or os.cpu_count() or 1,
                again=again,
            )
        )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m flows.sweep MODULE:FUNCTION INPUTS")
    with told():
        sweep(sys.argv[1], sys.argv[2])
