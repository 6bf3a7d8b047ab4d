"""The workflow against real SQL Servers runs what is there, on pinned actions, and holds no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipeline.command import etl_here
from tests.real_server import IMAGE_VARIABLE

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
TEXT = (WORKFLOWS / "server.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, Any] = WORKFLOW["jobs"]
COMMANDS = "\n".join(step.get("run", "") for job in JOBS.values() for step in job["steps"])


def test_it_runs_weekly_and_where_something_changes_that_a_server_sees() -> None:
    triggers = WORKFLOW[True]  # YAML 1.1 reads `on` as true
    assert set(triggers) == {"schedule", "pull_request", "workflow_dispatch"}
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", triggers["schedule"][0]["cron"])
    paths = triggers["pull_request"]["paths"]
    assert {"etl/**", "sql/**", "tests/contract/**"} <= set(paths)
    assert [path for path in paths if not (ROOT / path.removesuffix("/**")).exists()] == []


@pytest.mark.parametrize("name", JOBS)
def test_each_job_ends_and_takes_the_three_images(name: str) -> None:
    job = JOBS[name]
    assert 0 < job["timeout-minutes"] <= 60
    assert job["strategy"]["matrix"]["version"] == ["2019", "2022", "2025"]
    (image,) = job["env"].values()
    assert image == "mcr.microsoft.com/mssql/server:${{ matrix.version }}-latest"


def test_the_contract_tests_get_their_image_by_the_variable_that_they_read() -> None:
    assert list(JOBS["contract"]["env"]) == [IMAGE_VARIABLE]


def test_actions_are_those_of_the_other_workflow_pinned_by_their_commit() -> None:
    pinned = r"uses: (\S+@[0-9a-f]{40} # v[\d.]+)$"
    used = re.findall(pinned, TEXT, re.MULTILINE)
    assert len(used) == TEXT.count("uses: ")
    assert set(used) <= set(re.findall(pinned, (WORKFLOWS / "ci.yml").read_text(), re.MULTILINE))


def test_its_commands_exist() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    used = re.findall(r"^make (\w+)", COMMANDS, re.MULTILINE)
    assert used
    assert set(used) <= set(targets)
    (arguments,) = re.findall(r'^make test ARGS="([^"]+)"', COMMANDS, re.MULTILINE)
    folders = [word for word in arguments.split() if word.startswith("tests/")]
    assert folders == ["tests/contract", "tests/smoke"]
    assert all((ROOT / folder).is_dir() for folder in folders)
    called = re.findall(r"\.venv/bin/etl (\w+)(.*)$", COMMANDS, re.MULTILINE)
    assert [name for name, _ in called] == ["smoke"]
    for name, options in called:
        known = etl_here(name, "--help")
        assert known.exit_code == 0
        assert all(option in known.stdout for option in re.findall(r"--[a-z-]+", options))


def test_it_holds_no_secret() -> None:
    given = re.findall(r"(?:password|PASSWORD)=(\S+)", COMMANDS)
    assert given == ['"aA1!$(openssl', '$password"']
    assert "::add-mask::$password" in COMMANDS
    assert "secrets." not in TEXT
