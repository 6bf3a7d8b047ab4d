"""The flow that copies a table: plan → run → check → report.

Chunks are retried by the pipeline, a run by the flow: a retry of the same flow run takes up the same ledger run. No frame
passes between tasks, and nothing of theirs is cached or stored.

    python -m flows.copy_table job.yaml
"""

# No `from __future__ import annotations` here: Prefect has to find the class Job in the flow's signature, also when it loads
# the flow by a path to another module that imports it.
import sys
from dataclasses import replace
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from etl import check, executors, pipeline, prepare, report
from etl.check import Compared
from etl.errors import told
from etl.job import Job, read_yaml
from etl.prepare import Prepared
from etl.result import RunResult
from flows.control import blocks, dask_runner, hooks, parameters, stopping, turns
from flows.display import artifacts, failures, progress, run_names

FLOW_RETRIES = 1
RETRY_DELAY_SEC = 10


class FlowLog(pipeline.Listener):
    """A run's progress in the flow run's log."""

    def started(self, prepared: Prepared) -> None:
        """Say which run it is."""
        get_run_logger().info(report.describe(prepared))

    def chunk_done(self, progress: pipeline.Progress) -> None:
        """Say how far it is."""
        get_run_logger().info(report.progress_line(progress))

    def stopping(self, message: str) -> None:
        """Say what is waited for."""
        get_run_logger().warning(message)

    def retried(self, message: str) -> None:
        """Warn."""
        get_run_logger().warning(message)


@task(name="plan", task_run_name=run_names.PLAN, cache_policy=NO_CACHE, persist_result=False, retries=0)
def plan_run(job: Job, run_key: str) -> Prepared:
    """A new ledger run with its chunks, or the one that this flow run began before."""
    return prepare.prepare(job, run_key=run_key)


@task(name="run", task_run_name=run_names.COPY, cache_policy=NO_CACHE, persist_result=False, retries=0)
def move_chunks(prepared: Prepared) -> RunResult:
    """Every chunk that is not committed yet."""
    with progress.live(prepared, artifacts.key(prepared.job, "progress"), FlowLog()) as listener:
        return pipeline.execute(prepared, listener)


@task(name="check", task_run_name=run_names.CHECK, cache_policy=NO_CACHE, persist_result=False, retries=0)
def check_run(prepared: Prepared, result: RunResult) -> Compared:
    """Source, ledger and target agree, or the flow fails."""
    return check.compare(prepared, result)


@task(name="report", task_run_name=run_names.REPORT, cache_policy=NO_CACHE, persist_result=False, retries=0)
def report_run(prepared: Prepared, result: RunResult, compared: Compared) -> None:
    """The result in the log, and as artifacts."""
    artifacts.show_result(prepared, result, compared)
    for line in report.last_lines(result):
        get_run_logger().info(line)


@flow(
    name="copy-table",
    flow_run_name=run_names.FLOW,
    retries=FLOW_RETRIES,
    retry_delay_seconds=RETRY_DELAY_SEC,
    persist_result=False,
    on_failure=[hooks.set_ledger_right],
    on_cancellation=[hooks.set_ledger_right],
    on_crashed=[hooks.set_ledger_right, hooks.run_again],
)
def copy_table(job: Job, timeout_sec: float | None = None) -> RunResult:
    """Copy a table as the job says.

    Args:
        job: What to copy, from where to where, and how.
        timeout_sec: After how many seconds a try is stopped; what is committed stays, and the next try goes on with it.
    """
    run_key = hooks.run_key()
    with failures.shown(job, run_key):
        parameters.refuse_passwords(job)
        blocks.fetch(job)
        job = dask_runner.on_runners_cluster(job)
        with turns.taken(job), stopping.within(timeout_sec), executors.opened_for(job):
            prepared = plan_run(job, run_key)
            moved = move_chunks(prepared)
            compared = check_run(prepared, moved)
            result = replace(moved, notes=[*moved.notes, *compared.notes])
            report_run(prepared, result, compared)
            return result


if __name__ == "__main__":
    with told():
        copy_table(read_yaml(Path(sys.argv[1])))
