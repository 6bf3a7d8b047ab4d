"""The flow through Prefect's own engine and a temporary Prefect server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import Artifact, TaskRun
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH
from prefect_dask.task_runners import DaskTaskRunner

from etl.errors import TransformError
from flows.copy_table import copy_table
from tests.cluster import processes
from tests.databases import Database
from tests.pipeline.jobs import job, make_orders
from tests.pipeline.transforms import FAIL_VARIABLE

pytestmark = pytest.mark.usefixtures("temporary_prefect")


def artifact_of(run_id: str) -> Artifact:
    """The artifact that tells of a ledger run's chunks."""
    with get_client(sync_client=True) as client:
        listed = client.read_artifacts()
    found = [item for item in listed if str(item.key).endswith("-chunks") and run_id in (item.description or "")]
    assert len(found) == 1
    return found[0]


def task_runs_of(artifact: Artifact) -> list[TaskRun]:
    """All task runs of the flow run that made the artifact."""
    assert artifact.flow_run_id is not None
    only = FlowRunFilter(id=FlowRunFilterId(any_=[artifact.flow_run_id]))
    with get_client(sync_client=True) as client:
        return client.read_task_runs(flow_run_filter=only)


def test_the_flow_copies_and_says_what_it_did(database: Database) -> None:
    make_orders(database, 25)
    result = copy_table(job(database, executor="process", transform="tests.pipeline.transforms:with_total"))
    assert result.rows_written == 25
    assert database.rows("copies", "id, amount") == database.rows("orders", "id, amount")
    artifact = artifact_of(result.run_id)
    chunks = json.loads(str(artifact.data))
    assert [(chunk["chunk"], chunk["rows read"], chunk["rows written"]) for chunk in chunks] == [
        (0, 10, 10),
        (1, 10, 10),
        (2, 5, 5),
    ]
    assert sorted(run.name.split()[0] for run in task_runs_of(artifact)) == ["check", "copy", "plan", "report"]


def test_a_retry_of_the_flow_run_goes_on_with_the_ledger_run(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_orders(database, 50)
    flag = tmp_path / "fail"
    flag.touch()
    monkeypatch.setenv(FAIL_VARIABLE, str(flag))
    failed: list[str] = []

    def repair(_flow: object, _run: object, state: object) -> None:
        failed.append(str(state))
        flag.unlink()

    # The retry is a second call with the same flow run; what failed is repaired by the task's own failure.
    from flows import copy_table as module

    monkeypatch.setattr(module, "move_chunks", module.move_chunks.with_options(on_failure=[repair]))
    result = copy_table.with_options(retries=1, retry_delay_seconds=0)(
        job(database, transform="tests.pipeline.transforms:fail_at_25")
    )
    assert len(failed) == 1
    assert (result.resumed, result.rows_moved, result.rows_written) == (True, 30, 50)
    assert database.rows("copies") == database.rows("orders")
    assert database.run_states() == ["done"]


def test_a_flow_that_fails_raises_the_librarys_error(database: Database) -> None:
    make_orders(database, 5)
    with pytest.raises(TransformError, match="ZeroDivisionError"):
        copy_table.with_options(retries=0)(job(database, transform="tests.pipeline.transforms:fail_quietly"))
    assert "copies" not in database.tables()


def test_no_rows_are_stored_by_prefect(database: Database) -> None:
    make_orders(database, 10)
    copy_table(job(database))
    storage = Path(PREFECT_LOCAL_STORAGE_PATH.value())
    stored = [path.read_bytes() for path in storage.rglob("*") if path.is_file()] if storage.is_dir() else []
    assert not [content for content in stored if b"customer" in content]


def test_a_job_on_dask_runs_on_the_cluster_of_the_flows_task_runner(server_database: Database, tmp_path: Path) -> None:
    make_orders(server_database, 25)
    with processes.running(tmp_path, 1) as cluster:
        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(1, 60)
            (worker,) = client.run(os.getpid).values()
        runner: Any = DaskTaskRunner(address=cluster.address)  # its types are not quite Prefect's
        flow = copy_table.with_options(task_runner=runner, retries=0)
        result = flow(job(server_database, executor="dask"))
        assert {chunk.worker.rpartition(":")[2] for chunk in result.chunks} == {str(worker)}
    assert server_database.rows("copies") == server_database.rows("orders")
