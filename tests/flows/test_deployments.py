"""prefect.yaml's deployments on a real Prefect server and process worker: on schedule, by hand, cancelled, killed, overdue."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import yaml
from prefect.client.schemas.actions import DeploymentScheduleCreate, GlobalConcurrencyLimitCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions, FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, RRuleSchedule
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Running

from etl import pipeline
from etl.job import Job, make
from tests.databases import MssqlDatabase, fresh_database
from tests.flows.prefect_side import CLONE, ENDS_SEC, PrefectSide, prefect_side, processes_of, until
from tests.pipeline.jobs import ORDERS, make_orders

# A flow run is three processes, one after the other, that import Prefect and pandas: beside other tests that takes its time.
pytestmark = pytest.mark.timeout(400)

ROWS, CHUNK_ROWS, HELD_ROW = 50, 10, 35
NIGHTLY, BY_HAND = "copy-table/orders-nightly", "copy-table/by-hand"
TIMEOUT_SEC = 8
ONE_AFTER_THE_OTHER = ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)


@pytest.fixture(scope="module")
def database(server_url: str) -> Iterator[MssqlDatabase]:
    """What the deployments expect: their source tables and the schema of their targets."""
    with fresh_database(server_url) as fresh:
        fresh.query("CREATE SCHEMA stage")
        make_orders(fresh, ROWS)
        events = [(number, f"event {number}") for number in range(1, 31)]
        fresh.make(
            "order_events", {"event_id": "bigint NOT NULL", "what": "nvarchar(20) NULL"}, events, primary_key="event_id"
        )
        yield fresh


@pytest.fixture(scope="module")
def side(database: MssqlDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectSide]:
    """A server with the deployments of this clone, and a worker."""
    variables = {"ETL_SOURCE_URL": database.url, "ETL_TARGET_URL": database.url}
    variables["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    with prefect_side(tmp_path_factory.mktemp("prefect"), variables) as started:
        started.start("worker", "start", "--pool", "etl", "--type", "process")
        until(started.client.read_work_pools, "the worker's pool", ENDS_SEC, started.log)
        deployed = started.command("deploy", "--all")()
        assert deployed.count("successfully created") == 3
        yield started


def run_by_hand(side: PrefectSide, job: dict[str, Any], **parameters: Any) -> UUID:
    """A flow run of the deployment without a schedule."""
    deployment = side.client.read_deployment_by_name(BY_HAND)
    return side.client.create_flow_run_from_deployment(deployment.id, parameters={"job": job, **parameters}).id


def test_they_run_on_schedule_and_by_hand_and_runs_of_one_job_take_turns(
    side: PrefectSide, database: MssqlDatabase
) -> None:
    nightly = side.client.read_deployment_by_name(NIGHTLY)
    source, target = in_blocks(side, database)
    job = {**nightly.parameters["job"], "source": source, "target": target}
    end_turn = begin_turn(side, make(**{**job, "source": database.url, "target": database.url}))
    watched = side.command("deployment", "run", BY_HAND, "--param", f"job={json.dumps(job)}", "--watch")
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    once = RRuleSchedule(rrule=f"DTSTART:{soon:%Y%m%dT%H%M%SZ}\nRRULE:FREQ=SECONDLY;COUNT=1")
    side.client.create_deployment_schedules(nightly.id, [DeploymentScheduleCreate(schedule=once, active=True)])
    until(lambda: side.runs(BY_HAND) and side.runs(NIGHTLY), "a run by hand and one on schedule", ENDS_SEC, side.log)
    assert database.tables() == {"orders", "order_events"}
    end_turn()
    assert "finished successfully" in watched()
    same_job = [run.id for deployment in (BY_HAND, NIGHTLY) for run in side.runs(deployment)]
    assert [side.ended(run_id).name for run_id in same_job] == ["Completed", "Completed"], side.log()
    assert database.query("SELECT * FROM stage.orders ORDER BY id") == database.query(
        "SELECT * FROM orders ORDER BY id"
    )
    assert not overlaps(side, same_job)
    assert artifacts_of(side, same_job[1]), side.log()
    password = str(sa.make_url(database.url).password)
    assert password not in side.log() + everything_stored(side) + str(database.query("SELECT job FROM etl_run"))


def begin_turn(side: PrefectSide, job: Job) -> Callable[[], object]:
    """Take the job's turn before any run does. Ends when the function that is returned is called."""
    name = f"etl-{job.hash()}"
    side.client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
    taken = side.client.increment_concurrency_slots_with_lease([name], 1, "concurrency", ENDS_SEC)
    return partial(side.client.release_concurrency_slots_with_lease, UUID(taken.json()["lease_id"]))


def in_blocks(side: PrefectSide, database: MssqlDatabase) -> tuple[str, str]:
    """The database as a job may name it: by a block with its URL, and by a URL whose password is in a block."""
    url = sa.make_url(database.url)
    query = {**url.query, "password_from": "block:orders-password"}
    without = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database, query)
    references = ["block:orders", without.render_as_string()]
    wrong = ["block:nowhere", "block:secret/orders", "block:s3-bucket/orders", "block:with-arguments"]
    asked = {"url": database.url, "password": url.password, "read": [*references, *wrong]}
    assert json.loads(side.answer("tests.flows.block_writer", json.dumps(asked))) == [
        None,
        None,
        "there is no block nowhere of type sqlalchemy-connector or secret",
        "there is no block secret/orders of type secret",
        "block:s3-bucket/orders is of a type that holds no URL",
        "block:with-arguments has connect_args (timeout), which are not read",
    ]
    return references[0], references[1]


def overlaps(side: PrefectSide, run_ids: list[UUID]) -> list[tuple[dt.datetime, dt.datetime]]:
    """When those of the flow runs worked that began before another one had ended."""
    spans: list[tuple[dt.datetime, dt.datetime]] = []
    for run_id in run_ids:
        tasks = side.client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
        assert len(tasks) == 4
        moments = [moment for task in tasks for moment in (task.start_time, task.end_time) if moment is not None]
        spans.append((min(moments), max(moments)))
    return [later for earlier, later in pairwise(sorted(spans)) if later[0] < earlier[1]]


def artifacts_of(side: PrefectSide, run_id: UUID) -> list[Any]:
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    return list(side.client.read_artifacts(artifact_filter=only))


def everything_stored(side: PrefectSide) -> str:
    """What Prefect keeps and shows: flow runs, artifacts, logs."""
    kept = [*side.client.read_flow_runs(), *side.client.read_artifacts(), *side.client.read_logs()]
    return json.dumps([one.model_dump(mode="json") for one in kept])


def test_they_are_served_without_a_work_pool(side: PrefectSide, database: MssqlDatabase, tmp_path: Path) -> None:
    described = yaml.safe_load((CLONE / "prefect.yaml").read_text())
    hourly = described["deployments"][1]
    hourly["name"] = "served"
    file = tmp_path / "prefect.yaml"
    file.write_text(yaml.safe_dump({"deployments": [hourly]}))
    side.start(str(file), module="flows.serve")
    found = until(lambda: deployment_named(side, "copy-table/served"), "the deployment", ENDS_SEC, side.log)
    assert (found.tags, found.concurrency_options) == (["etl", "hourly"], ONE_AFTER_THE_OTHER)
    assert [one.schedule for one in found.schedules] == [CronSchedule(cron="0 * * * *", timezone="UTC")]
    run = side.client.create_flow_run_from_deployment(found.id)
    assert side.ended(run.id).name == "Completed", side.log()
    assert database.query("SELECT COUNT(*), MAX(event_id) FROM stage.order_events") == [(30, 30)]


def deployment_named(side: PrefectSide, name: str) -> DeploymentResponse | None:
    with suppress(ObjectNotFound):
        return side.client.read_deployment_by_name(name)
    return None


@dataclass
class Stopped:
    """A flow run that was stopped with chunks committed and one in the middle of its transaction."""

    run_id: UUID
    table: str
    job: dict[str, Any]
    state: State


@pytest.fixture(scope="module")
def stopped(side: PrefectSide, database: MssqlDatabase) -> dict[str, Stopped]:
    """Three runs, side by side: one is cancelled, one is killed and one takes too long."""
    runs = {}
    with ExitStack() as locks:
        for how in ("cancelled", "killed", "overdue"):
            database.make(how, ORDERS, primary_key="id")
            # A row that is inserted and not committed: the chunk that comes to it waits, with rows before it inserted.
            insert = locks.enter_context(database.transaction())
            insert(f"INSERT INTO {how} (id) VALUES ({HELD_ROW})")
            locks.callback(insert, f"DELETE FROM {how} WHERE id = {HELD_ROW}")
            job = {"source_table": "dbo.orders", "target_table": f"dbo.{how}", "chunk_rows": CHUNK_ROWS, "workers": 2}
            parameters = {"timeout_sec": TIMEOUT_SEC} if how == "overdue" else {}
            runs[how] = Stopped(run_by_hand(side, job, **parameters), how, job, Running())
        for how in ("cancelled", "killed"):
            wait_until_held(side, database, runs[how])
        killed = side.client.read_flow_run(runs["killed"].run_id)
        os.kill(int(str(killed.infrastructure_pid)), signal.SIGKILL)
        # As `prefect flow-run cancel` and the UI's button do.
        side.client.set_flow_run_state(runs["cancelled"].run_id, Cancelling())
        for run in runs.values():
            run.state = side.ended(run.run_id)
    return runs


def wait_until_held(side: PrefectSide, database: MssqlDatabase, run: Stopped) -> None:
    all_but_one = ROWS // CHUNK_ROWS - 1
    until(lambda: committed(database, run.table) == all_but_one, f"the chunks of {run.table}", ENDS_SEC, side.log)
    assert len(processes_of(run.run_id)) > 1


def committed(database: MssqlDatabase, table: str) -> int:
    if "etl_chunk" not in database.tables():  # The first run is about to make it.
        return 0
    ((count,),) = database.query(
        "SELECT COUNT(*) FROM etl_chunk INNER JOIN etl_run ON etl_run.run_id = etl_chunk.run_id"
        f" WHERE etl_run.target_table LIKE '%{table}%' AND etl_chunk.state = 'done'"
    )
    return int(count)


def run_states(database: MssqlDatabase, table: str) -> list[str]:
    return [state for (state,) in database.query(f"SELECT state FROM etl_run WHERE target_table LIKE '%{table}%'")]


@pytest.mark.parametrize(("how", "state"), [("cancelled", "Cancelled"), ("overdue", "TimedOut")])
def test_a_run_that_is_stopped_leaves_whole_chunks_and_no_process(
    how: str, state: str, side: PrefectSide, database: MssqlDatabase, stopped: dict[str, Stopped]
) -> None:
    run = stopped[how]
    assert run.state.name == state, side.log()
    until(lambda: not processes_of(run.run_id), f"the end of the processes of {how}", ENDS_SEC, side.log)
    assert run_states(database, how) == ["failed"], side.log()
    assert database.query(f"SELECT COUNT(*) FROM {how}") == [(committed(database, how) * CHUNK_ROWS,)]
    assert f"{committed(database, how)} of {ROWS // CHUNK_ROWS} are committed" in summary_of(side, run)
    result = pipeline.run(make(source=database.url, target=database.url, **run.job))
    assert result.resumed
    assert database.rows(how) == database.rows("orders")


def summary_of(side: PrefectSide, run: Stopped) -> str:
    """The latest summary that a flow run has left."""
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.run_id]))
    found = side.client.read_artifacts(artifact_filter=only, sort=ArtifactSort.UPDATED_DESC)
    return next(str(item.data) for item in found if item.key == f"copy-dbo-{run.table}-summary")


def test_a_run_that_is_killed_is_run_again_and_every_row_is_there_once(
    side: PrefectSide, database: MssqlDatabase, stopped: dict[str, Stopped]
) -> None:
    run = stopped["killed"]
    assert run.state.name == "Crashed", side.log()
    (following,) = until(lambda: after_crash(side, run.run_id), "the run after the crash", ENDS_SEC, side.log)
    assert side.ended(following.id).name == "Completed", side.log()
    assert run_states(database, "killed") == ["done"]
    assert database.rows("killed") == database.rows("orders")
    assert not processes_of(run.run_id)


def after_crash(side: PrefectSide, run_id: UUID) -> list[FlowRun]:
    """The flow runs that go on with a crashed one."""
    return [run for run in side.runs(BY_HAND) if run.labels.get("etl.run-key") == str(run_id)]
