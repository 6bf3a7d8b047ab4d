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
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from etl import check, pipeline, prepare, report
from etl.errors import told
from etl.job import Job, read_yaml
from etl.prepare import Prepared
from etl.result import RunResult

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


@task(name="plan", cache_policy=NO_CACHE, persist_result=False, retries=0)
def plan_run(job: Job, run_key: str) -> Prepared:
    """A new ledger run with its chunks, or the one that this flow run began before."""
    return prepare.prepare(job, run_key=run_key)


@task(name="run", cache_policy=NO_CACHE, persist_result=False, retries=0)
def move_chunks(prepared: Prepared) -> RunResult:
    """Every chunk that is not committed yet."""
    return pipeline.execute(prepared, FlowLog())


@task(name="check", cache_policy=NO_CACHE, persist_result=False, retries=0)
def check_run(prepared: Prepared, result: RunResult) -> RunResult:
    """Source, ledger and target agree, or the flow fails."""
    return replace(result, notes=[*result.notes, *check.check(prepared, result)])


@task(name="report", cache_policy=NO_CACHE, persist_result=False, retries=0)
def report_run(result: RunResult) -> None:
    """A table of the chunks as an artifact, and the result in the log."""
    create_table_artifact(key="etl-chunks", table=report.chunk_rows(result), description=report.result_line(result))
    for line in report.last_lines(result):
        get_run_logger().info(line)


@flow(name="copy-table", retries=FLOW_RETRIES, retry_delay_seconds=RETRY_DELAY_SEC, persist_result=False)
def copy_table(job: Job) -> RunResult:
    """Copy a table as the job says."""
    prepared = plan_run(job, str(flow_run.id))
    result = check_run(prepared, move_chunks(prepared))
    report_run(result)
    return result


if __name__ == "__main__":
    with told():
        copy_table(read_yaml(Path(sys.argv[1])))
