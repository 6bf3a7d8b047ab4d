"""What Prefect keeps of a run: artifacts with the right numbers, whatever becomes of it."""

from __future__ import annotations

import base64
import json
import re
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import Artifact, TaskRun
from prefect.flow_engine import run_flow_sync

from etl import ledger, pipeline, prepare, report
from etl.errors import EtlError, TransformError
from etl.job import Job
from etl.prepare import Prepared
from flows.control.hooks import RUN_KEY_LABEL
from flows.control.stopping import Overdue
from flows.copy_table import copy_table
from flows.display import artifacts, failures, progress, run_plot
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import job, make_orders
from tests.pipeline.transforms import FAIL_VARIABLE

pytestmark = pytest.mark.usefixtures("temporary_prefect")

SHOWN_SEC = 30
ONCE = copy_table.with_options(retries=0)
CHUNK_COLUMNS = ("chunk", "rows read", "rows written", "rejected", "attempt")


@pytest.fixture
def fail_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While this file exists, `fail_at_25` fails."""
    flag = tmp_path / "fail"
    flag.touch()
    monkeypatch.setenv(FAIL_VARIABLE, str(flag))
    return flag


def run_once(of: Job, key: UUID | None = None) -> tuple[UUID, EtlError | None]:
    """Run the flow without retries, going on with the ledger run of `key`. Returns its flow run's id and its error."""
    with get_client(sync_client=True) as client:
        created = client.create_flow_run(ONCE, parameters={"job": of.model_dump(mode="json")})
        if key is not None:
            client.update_flow_run_labels(created.id, {RUN_KEY_LABEL: str(key)})
            created = client.read_flow_run(created.id)
    try:
        run_flow_sync(ONCE, flow_run=created, parameters={"job": of})
    except EtlError as error:
        return created.id, error
    return created.id, None


def artifacts_of(flow_run_id: UUID) -> dict[str, Artifact]:
    """A flow run's artifacts by the end of their keys, the latest of each."""
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=only)
    return {str(item.key).rpartition("-")[2]: item for item in found if item.key}


def artifact_called(key: str) -> Artifact:
    """The only artifact of that key."""
    with get_client(sync_client=True) as client:
        (found,) = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return found


def task_runs_of(flow_run_id: UUID) -> list[TaskRun]:
    with get_client(sync_client=True) as client:
        return client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])))


def ledger_run(database: Database) -> ledger.Run:
    """The latest run in the database's ledger."""
    ((run_id,),) = database.query("SELECT run_id FROM etl_run ORDER BY started_at DESC")[:1]
    with job(database).target_endpoint.connect() as connection:
        return ledger.find_run(connection, run_id)


def table(artifact: Artifact, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in json.loads(str(artifact.data))]


def facts(summary: Artifact) -> dict[str, str]:
    """The lines of the summary's table."""
    return dict(re.findall(r"^\| ([a-z ]+) \| (.*) \|$", str(summary.data), re.MULTILINE))


def test_a_run_with_a_reject_shows_its_numbers(database: Database, fail_flag: Path) -> None:
    del fail_flag
    make_orders(database, 25)
    of = job(database, transform="tests.pipeline.transforms:fail_at_25", on_bad_row="reject", mode="replace")
    flow_run, error = run_once(of)
    assert error is None
    run = ledger_run(database)
    shown = artifacts_of(flow_run)

    assert run.run_key == str(flow_run)
    assert {item.key for item in shown.values()} == {
        f"copy-{'dbo-' if database.dialect == 'mssql' else ''}copies-{what}"
        for what in ("progress", "chunks", "rejects", "reconciliation", "summary")
    }
    assert all(run.run_id in str(item.description) for item in shown.values())
    assert (shown["progress"].data, "3/3 chunks, 25 rows" in str(shown["progress"].description)) == (100, True)
    assert table(shown["chunks"], *CHUNK_COLUMNS) == [(0, 10, 10, 0, 1), (1, 10, 10, 0, 1), (2, 5, 4, 1, 1)]
    assert table(shown["rejects"], "chunk", "row", "key", "stage", "column") == [(2, 4, "25", "transform", None)]
    assert "25 is not to be had" in table(shown["rejects"], "reason")[0][0]
    numbers = 10 if database.dialect == "mssql" else 5
    assert table(shown["reconciliation"], "expected", "found", "verdict") == [
        (3, 3, "equal"),
        (25, 25, "equal"),
        (25, 25, "equal"),
        (24, 24, "equal"),
        (numbers, numbers, "equal"),
    ]
    told = facts(shown["summary"])
    assert told["ledger run"] == f"`{run.run_id}`, new"
    assert told["chunks"] == "3 of 3 are committed, 3 by this try"
    assert told["rows"] == "25 read, 24 written, 1 set aside"
    assert f"etl show {run.run_id}" in str(shown["summary"].data)
    assert f"etl rejects {run.run_id}" in str(shown["summary"].data)

    source, target = f"{database.name('orders')}", f"{of.target_name}"
    assert sorted(one.name for one in task_runs_of(flow_run)) == [
        f"check {target} of run {run.run_id}",
        f"copy 3 chunks of run {run.run_id}",
        f"plan {source} → {target}",
        f"report run {run.run_id}",
    ]
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(flow_run).name == f"replace {source} → {target}"
    password = sa.make_url(database.url).password
    assert password is None or password not in str([(item.data, item.description) for item in shown.values()])


def test_the_summary_has_a_picture_and_tables_an_end(
    sqlite_file: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_orders(sqlite_file, 25)
    monkeypatch.setattr(artifacts, "MOST_CHUNKS", 2)
    flow_run, _ = run_once(job(sqlite_file))
    shown = artifacts_of(flow_run)
    assert table(shown["chunks"], "chunk") == [(0,), (1,)]
    assert str(shown["chunks"].description).endswith("3 chunks are committed, here are the first 2")
    data = str(shown["summary"].data)
    (encoded,) = re.findall(r"!\[[^\]]+\]\(data:image/png;base64,([^)]+)\)", data)
    png = base64.b64decode(encoded)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")  # PNG 11.2.2, IHDR
    assert (width, height) == (run_plot.WIDTH_PX, run_plot.HEIGHT_PX)
    assert len(data) < 100_000


def test_a_run_that_fails_is_resumed_and_is_started_once_more(
    sqlite_file: SqliteDatabase,
    fail_flag: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_orders(sqlite_file, 50)
    of = job(sqlite_file, transform="tests.pipeline.transforms:fail_at_25")
    first, error = run_once(of)
    assert isinstance(error, TransformError)
    run = ledger_run(sqlite_file)
    shown = artifacts_of(first)
    assert set(shown) == {"progress", "chunks", "summary"}
    assert shown["progress"].data == 40
    assert str(shown["progress"].description).endswith("; stopped here")
    assert table(shown["chunks"], *CHUNK_COLUMNS) == [(0, 10, 10, 0, 1), (1, 10, 10, 0, 1)]
    told = facts(shown["summary"])
    assert (told["ledger run"], told["chunks"]) == (f"`{run.run_id}`, failed", "2 of 5 are committed")
    assert told["rows"] == "20 read, 20 written, 0 set aside"
    assert "25 is not to be had" in str(shown["summary"].data)
    assert f"etl resume {run.run_id} --target {sqlite_file.url}" in str(shown["summary"].data)
    report.print_run(run, [], as_json=False)
    assert f"scheduled as {first}" in capsys.readouterr().out

    fail_flag.unlink()
    # As where matplotlib is not installed.
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    second, error = run_once(of)
    assert error is None
    shown = artifacts_of(second)
    assert shown["progress"].data == 100
    assert [chunk for (chunk,) in table(shown["chunks"], "chunk")] == [0, 1, 2, 3, 4]
    told = facts(shown["summary"])
    assert told["ledger run"] == f"`{run.run_id}`, taken up again"
    assert told["chunks"] == "5 of 5 are committed, 3 by this try"
    assert "pip install 'tablehaul\\[prefect\\]'" in str(shown["summary"].data)
    assert "image/png" not in str(shown["summary"].data)
    assert f"copy 3 of 5 chunks of run {run.run_id}" in {one.name for one in task_runs_of(second)}

    third, error = run_once(of, key=second)
    assert error is None
    shown = artifacts_of(third)
    assert shown["progress"].data == 100
    told = facts(shown["summary"])
    assert told["ledger run"] == f"`{run.run_id}`, done before"
    assert told["chunks"] == "5 of 5 are committed, 0 by this try"
    assert {"time", "limit"}.isdisjoint(told)
    assert table(shown["reconciliation"], "expected", "found", "verdict")[:2] == [
        (5, 5, "equal"),
        (50, None, "not counted"),
    ]
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


def test_a_run_that_does_not_come_to_be_says_why(sqlite_file: SqliteDatabase) -> None:
    flow_run, error = run_once(job(sqlite_file, source_table="nowhere"))
    assert error is not None
    shown = artifacts_of(flow_run)
    assert set(shown) == {"summary"}
    assert "nowhere" in str(shown["summary"].data)
    assert set(facts(shown["summary"])) == {"from", "to"}
    assert shown["summary"].description == "no run, failed of copies"


@flow(persist_result=False)
def overdue(of: Job) -> None:
    """Fails before anything is done."""
    with failures.shown(of, "a key"):
        raise Overdue("it took too long")


def test_a_ledger_that_cannot_be_asked_hides_no_error(caplog: pytest.LogCaptureFixture) -> None:
    of = Job(source="env:NOT_SET", target="env:NOT_SET", source_table="a", target_table="unknown")
    with pytest.raises(Overdue, match="it took too long"):
        overdue(of)
    assert "the ledger cannot be asked what is committed: no database URL" in caplog.text
    shown = artifact_called("copy-unknown-summary")
    assert "> it took too long" in str(shown.data)
    assert failures.GOES_ON in str(shown.data)


class _WatchThenDelete(pipeline.Listener):
    """After the second chunk, waits until the artifact shows it, and then takes the artifact away."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def chunk_done(self, progress: pipeline.Progress) -> None:
        if progress.chunks_done != 2:
            return
        deadline = time.monotonic() + SHOWN_SEC
        while time.monotonic() < deadline:
            found = artifact_called("watched")
            self.seen.append(float(str(found.data)))
            if self.seen[-1] == 40:
                break
        with get_client(sync_client=True) as client:
            client.delete_artifact(found.id)


def test_progress_moves_while_the_run_goes_on_and_fails_nothing(
    sqlite_file: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "EVERY_SEC", 0.05)
    make_orders(sqlite_file, 50)
    watch = _WatchThenDelete()

    @task(persist_result=False)
    def moving(prepared: Prepared) -> int:
        with progress.live(prepared, "watched", watch) as listener:
            return pipeline.execute(prepared, listener).rows_written

    @flow(persist_result=False)
    def watched() -> int:
        return moving(prepare.prepare(job(sqlite_file)))

    assert watched() == 50
    assert set(watch.seen) <= {0, 20, 40}
    assert watch.seen[-1] == 40
    assert "the progress artifact is not kept up to date" in caplog.text


@pytest.mark.parametrize(
    ("done", "planned", "shown"),
    [(0, 0, 100.0), (0, 3, 0.0), (1, 3, 33.3), (2, 3, 66.7), (3, 3, 100.0), (9_999, 10_000, 99.9)],
)
def test_progress_is_100_only_at_the_end(done: int, planned: int, shown: float) -> None:
    assert progress.percent(done, planned) == shown
