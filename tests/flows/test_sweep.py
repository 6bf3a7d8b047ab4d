"""The flow that sweeps, through Prefect's own engine and a temporary Prefect server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from pydantic import SecretStr

from etl.errors import InputsFailed
from flows.sweep import run_inputs, sweep
from tests.databases import Database, SqliteDatabase
from tests.sweep.functions import BREAK_VARIABLE

pytestmark = pytest.mark.usefixtures("temporary_prefect")


def states(database: Database) -> list[tuple[Any, ...]]:
    return database.query("SELECT state, COUNT(*) FROM etl_sweep_input GROUP BY state ORDER BY state")


def test_the_flow_runs_what_has_no_result_yet(
    sqlite_file: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.blocks.system import Secret

    broken = tmp_path / "broken"
    broken.touch()
    monkeypatch.setenv(BREAK_VARIABLE, str(broken))
    monkeypatch.setattr("flows.sweep.run_inputs", run_inputs.with_options(retry_delay_seconds=0))
    Secret(value=SecretStr(sqlite_file.url)).save("results", overwrite=True)
    numbers = [3, 7, 1]
    function, place = "tests.sweep.functions:breakable", "block:secret/results"
    with pytest.raises(InputsFailed, match="1 of 3 inputs of the sweep numbers failed"):
        sweep(function, numbers, "numbers", place, executor="serial")
    assert states(sqlite_file) == [("done", 2), ("failed", 1)]
    # What fails by itself is not tried again by Prefect.
    assert sqlite_file.query("SELECT MAX(attempt) FROM etl_sweep_input") == [(1,)]
    broken.unlink()
    result = sweep(function, [*numbers, 4], "numbers", place, executor="serial")
    assert (result.inputs, result.ran) == (4, 2)
    assert states(sqlite_file) == [("done", 4)]
    with get_client(sync_client=True) as client:
        shown = str([run.parameters for run in client.read_flow_runs()])
    assert place in shown
    assert sqlite_file.url not in shown
