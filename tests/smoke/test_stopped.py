"""A smoke test that is stopped tidies up; what one that is killed has left goes with the next one, an hour later."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from etl.smoke import scratch
from tests.databases import MssqlDatabase
from tests.pipeline.command import start
from tests.smoke.smoking import catalog, smoke

ENDS_AT_TEXTS = ("--text", "日本")
"""A smoke test that is over before the first copy."""


def started(database: MssqlDatabase, until: str, temporary: Path) -> subprocess.Popen[str]:
    """One that has made the step; its files, which it may have no time to remove, go into the folder."""
    process = start(["smoke", "--url", database.url, "--json"], environment={"TMPDIR": str(temporary)})
    assert process.stdout is not None
    for line in process.stdout:
        step = json.loads(line)
        assert step["status"] == "ok", step
        if step["step"] == until:
            return process
    raise AssertionError(f"it ended before {until}")


def test_one_that_is_stopped_tidies_up(server_database: MssqlDatabase, tmp_path: Path) -> None:
    before = catalog(server_database)
    process = started(server_database, "texts", tmp_path)
    process.terminate()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stdout + stderr
    assert list(tmp_path.iterdir()) == []
    assert catalog(server_database) == before


def test_what_one_that_is_killed_has_left_goes_an_hour_later(
    server_database: MssqlDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = catalog(server_database)
    process = started(server_database, "worker killed", tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    left = catalog(server_database)
    assert {"etl_run", "etl_chunk", "appended", "samples"} <= server_database.tables()

    young = smoke(server_database.url, *ENDS_AT_TEXTS)
    assert young.steps["leftovers"]["found"] == "nothing of earlier smoke tests"
    assert catalog(server_database) == left

    monkeypatch.setattr(scratch, "ABANDONED", dt.timedelta(0))
    old = smoke(server_database.url, *ENDS_AT_TEXTS)
    assert old.failed == ["texts"]
    assert old.steps["leftovers"]["found"].startswith("dropped of earlier ones: etl_smoke_20")
    assert old.steps["cleanup"]["found"] == "nothing is left, nor the ledger that was made"
    assert catalog(server_database) == before
