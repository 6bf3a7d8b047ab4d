"""What hooks do for a flow run whose process is gone, on a temporary Prefect server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.runner import RunnerDeployment
from prefect.states import Cancelling, Crashed

from etl import ledger, prepare
from etl.job import Job
from flows.control import hooks
from flows.copy_table import copy_table
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import job, make_orders

pytestmark = pytest.mark.usefixtures("temporary_prefect")


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture
def deployment(temporary_prefect: None) -> UUID:
    """One that nobody serves."""
    made = copy_table.to_deployment(f"test-{uuid4().hex[:8]}")
    assert isinstance(made, RunnerDeployment)
    applied = made.apply()
    assert isinstance(applied, UUID)
    return applied


def crashed(client: SyncPrefectClient, deployment: UUID, work: Job, crashes: int = 0) -> FlowRun:
    """A flow run that has crashed, after so many others that it went on with."""
    labels: dict[str, Any] = {hooks.CRASHES_LABEL: crashes, hooks.RUN_KEY_LABEL: "the first"} if crashes else {}
    parameters = {"job": work.model_dump(mode="json", exclude_unset=True)}
    run = client.create_flow_run_from_deployment(deployment, parameters=parameters, labels=labels, tags=["nightly"])
    hooks.run_again(copy_table, run, Crashed())
    return run


def following(client: SyncPrefectClient, deployment: UUID, run: FlowRun) -> list[FlowRun]:
    found = [one for one in client.read_flow_runs() if one.deployment_id == deployment]
    return [one for one in found if one.id != run.id]


def test_a_crashed_run_is_followed_by_one_that_knows_its_ledger_run(
    client: SyncPrefectClient, deployment: UUID, sqlite_file: SqliteDatabase
) -> None:
    run = crashed(client, deployment, job(sqlite_file))
    # The hook of a process that was asked to end, and the runner's: both may come.
    hooks.run_again(copy_table, run, Crashed())
    (following_run,) = following(client, deployment, run)
    assert following_run.labels[hooks.RUN_KEY_LABEL] == str(run.id)
    assert following_run.labels[hooks.CRASHES_LABEL] == 1
    assert (following_run.parameters, following_run.tags) == (run.parameters, run.tags)
    assert following_run.state is not None
    assert following_run.state.is_scheduled()


def test_what_crashes_again_and_again_is_left_to_people(
    client: SyncPrefectClient, deployment: UUID, sqlite_file: SqliteDatabase
) -> None:
    second = crashed(client, deployment, job(sqlite_file), crashes=1)
    (third,) = following(client, deployment, second)
    assert third.labels[hooks.RUN_KEY_LABEL] == "the first"
    assert third.labels[hooks.CRASHES_LABEL] == hooks.MOST_CRASHES - 1
    hooks.run_again(copy_table, third, Crashed())
    assert following(client, deployment, second) == [third]


def test_a_cancelled_run_whose_process_died_is_not_run_again(
    client: SyncPrefectClient, deployment: UUID, sqlite_file: SqliteDatabase
) -> None:
    parameters = {"job": job(sqlite_file).model_dump(mode="json", exclude_unset=True)}
    run = client.create_flow_run_from_deployment(deployment, parameters=parameters)
    client.set_flow_run_state(run.id, Cancelling(), force=True)
    client.set_flow_run_state(run.id, Crashed(), force=True)
    hooks.run_again(copy_table, run, Crashed())
    assert following(client, deployment, run) == []


def test_a_killed_run_is_marked_as_failed_and_one_that_was_planning_is_not(database: Database) -> None:
    make_orders(database, 25)
    work = job(database)
    run = FlowRun(flow_id=uuid4(), parameters={"job": {**work.model_dump(mode="json"), "source": database.url}})
    run.parameters["job"]["target"] = database.url
    hooks.set_ledger_right(copy_table, run, Crashed())  # There is no ledger yet.
    prepare.prepare(work, run_key=str(run.id))
    assert database.run_states() == ["running"]
    hooks.set_ledger_right(copy_table, run, Crashed())
    assert database.run_states() == ["failed"]
    other = FlowRun(flow_id=uuid4(), parameters=run.parameters)
    with work.target_endpoint.connect() as connection:
        ledger.start_run(connection, work, str(other.id))
        connection.commit()
    hooks.set_ledger_right(copy_table, other, Crashed())
    assert database.run_states() == ["failed", "planning"]
