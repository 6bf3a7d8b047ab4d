"""The parts that need no server: FreeTDS's bugs by version, what limits a copy, the exit code."""

from __future__ import annotations

import importlib

import pytest

from etl.doctor import freetds_bugs
from etl.doctor.findings import Finding, exit_code
from etl.doctor.probes import Limit, Measured
from etl.doctor.steps import STEPS


@pytest.mark.parametrize(
    ("version", "crashes", "ignores_encrypt", "wrong_dates"),
    [((1, 3, 17), True, True, True), ((1, 5, 14), True, False, True), ((1, 5, 15), False, False, True)],
)
def test_the_bugs_of_a_version(
    version: tuple[int, int, int], crashes: bool, ignores_encrypt: bool, wrong_dates: bool
) -> None:
    told = "\n".join(map(str, freetds_bugs.applying(version)))
    found = ("fast_executemany" in told, "Encrypt=" in told, "dates before 1600" in told)
    assert found == (crashes, ignores_encrypt, wrong_dates)


def test_each_bug_has_its_source_and_what_keeps_it_away() -> None:
    assert all(bug.source and bug.here for bug in freetds_bugs.BUGS)


@pytest.mark.parametrize(
    ("client", "server", "limit"), [(0.9, 0.05, "client"), (0.2, 0.7, "server"), (0.1, 0.2, "network")]
)
def test_what_limits_is_where_most_of_the_time_goes(client: float, server: float, limit: Limit) -> None:
    assert Measured(1000, wall_sec=1.0, client_sec=client, server_sec=server).limit == limit


def test_a_server_that_is_slower_alone_takes_all_of_the_time() -> None:
    assert Measured(1000, wall_sec=1.0, client_sec=0.1, server_sec=1.5).network_sec == 0


def test_the_first_failed_step_decides_the_exit_code() -> None:
    found = [
        Finding("ok", "", exit_code=3),
        Finding("warn", "", exit_code=3),
        Finding("fail", "", exit_code=6),
        Finding("skipped", "", exit_code=3),
        Finding("fail", "", exit_code=3),
    ]
    assert exit_code(found) == 6
    assert exit_code(found[:2]) == 0


def test_each_step_has_its_function_and_comes_after_what_it_needs() -> None:
    seen: set[str] = set()
    for step in STEPS:
        module, _, name = step.function.partition(".")
        assert callable(getattr(importlib.import_module(f"etl.doctor.{module}"), name))
        assert set(step.needs) <= seen
        seen.add(step.name)
