"""What `python -m flows.serve` reads of a prefect.yaml, and what `python -m flows.server` refuses."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from etl.errors import JobError
from flows import serve, server

CLONE = Path(__file__).parents[2]
DEPLOYMENT = "deployments:\n  - name: often\n    entrypoint: flows.copy_table.copy_table\n"


def test_the_clones_own_deployments() -> None:
    nightly, hourly, by_hand = serve.deployments(CLONE / "prefect.yaml")
    assert [one.name for one in (nightly, hourly, by_hand)] == ["orders-nightly", "order-events-hourly", "by-hand"]
    assert [one.schedule for one in nightly.schedules or []] == [CronSchedule(cron="15 2 * * *", timezone="UTC")]
    assert [one.schedule for one in hourly.schedules or []] == [CronSchedule(cron="0 * * * *", timezone="UTC")]
    assert not by_hand.schedules
    assert (nightly.concurrency_limit, hourly.concurrency_limit, by_hand.concurrency_limit) == (1, 1, None)
    assert nightly.parameters["job"]["source"] == "env:ETL_SOURCE_URL"
    assert by_hand.work_pool_name is None


def test_an_interval_is_in_seconds(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(f"{DEPLOYMENT}    schedules: [{{interval: 90, timezone: UTC}}]\n")
    (often,) = serve.deployments(file)
    (schedule,) = [one.schedule for one in often.schedules or []]
    assert isinstance(schedule, IntervalSchedule)
    assert schedule.interval == dt.timedelta(seconds=90)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: empty\n", "has no deployments"),
        ("deployments: [\n", "cannot be read as YAML"),
        (f"{DEPLOYMENT}    sla: []\n", "sla of a deployment is not read here"),
        (f"{DEPLOYMENT}    schedules: [{{every: day}}]\n", "every of a schedule is not read here"),
        (f"{DEPLOYMENT}    schedules: [{{cron: at noon}}]\n", "a schedule is not Prefect's"),
        (f"{DEPLOYMENT}    schedules: [{{interval: often}}]\n", "a schedule is not Prefect's"),
        ("deployments:\n  - name: nowhere\n", "a deployment has no entrypoint"),
    ],
)
def test_what_is_not_understood_is_told(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(content)
    with pytest.raises(JobError, match=message):
        serve.deployments(file)


@pytest.mark.parametrize("option", ["--background", "-b", "--workers=2"])
def test_a_server_in_other_processes_is_refused(option: str) -> None:
    with pytest.raises(JobError, match="another process, where its schedules would not work"):
        server.main([option])
