"""Sweeps that are killed go on: no result is lost, none is computed again, and the file is the same on both databases."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from random import Random

import pytest

import etl
from etl.errors import InputsFailed, WorkerDied
from tests.databases import Database, SqliteDatabase
from tests.pipeline.command import ended
from tests.sweep.trial import Trial

INPUTS = 300
"""The soak has 10,000."""
FEW = 80


@pytest.fixture
def trial(database: Database, tmp_path: Path) -> Trial:
    return Trial(database, tmp_path, INPUTS, Random(7))


def test_a_killed_sweep_goes_on_and_exports_every_result_once(trial: Trial) -> None:
    trial.strike(("worker", 30), ("parent", 90))
    assert 90 <= len(trial.stored) < INPUTS
    trial.finish()
    assert trial.wrong == []
    assert trial.killed == {"worker": 1, "parent": 1}


def test_two_that_run_the_same_sweep_at_once_share_it(database: Database, tmp_path: Path) -> None:
    """Each input is begun once, by one of the two, and both end when all are done."""
    trial = Trial(database, tmp_path, FEW, Random(7))
    both = [ended(process) for process in [trial.start("serial"), trial.start("serial")]]
    assert [one.exit_code for one in both] == [0, 0], [one.said for one in both]
    assert [one.events[-1]["inputs"] for one in both] == [FEW, FEW]
    assert sum(one.events[-1]["ran"] for one in both) == FEW
    assert trial.calls_that("begun") == dict.fromkeys(trial.numbers, 1)
    assert trial.exported() == trial.expected()


def test_an_interrupted_sweep_keeps_what_has_ended(sqlite_file: SqliteDatabase, tmp_path: Path) -> None:
    trial = Trial(sqlite_file, tmp_path, INPUTS, Random(1))
    process = trial.start()
    assert process.stdout is not None
    assert any(json.loads(line).get("done", 0) > 0 for line in process.stdout if '"progress"' in line)
    process.send_signal(signal.SIGINT)
    stopped = ended(process)
    assert (stopped.exit_code, stopped.stderr) == (130, "")
    last = stopped.events[-1]
    assert (last["event"], last["kind"]) == ("error", "Interrupted")
    done = len(trial.stored_inputs())
    assert last["state"] == f"{done:,} of {INPUTS} inputs have a result in {sqlite_file.path}."
    assert last["advice"] == "The same command goes on with the others."
    assert 0 < done < INPUTS
    assert sorted(tmp_path.glob(f"{sqlite_file.path.name}-sweep-*")) == []


def test_an_input_that_kills_its_workers_is_named_and_the_others_go_on(
    sqlite_file: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.sweep.run.MAX_DEATHS", 2)
    sweep = etl.Sweep("tests.sweep.functions:deadly", range(8), "deadly", sqlite_file.url, workers=1)
    with pytest.raises(InputsFailed, match="1 of 8 inputs of the sweep deadly failed") as failed:
        etl.run_sweep(sweep)
    assert failed.value.failed == 1
    stored = sqlite_file.query("SELECT input, state, attempt, error_kind FROM etl_sweep_input ORDER BY input")
    assert [row for row in stored if row[1] != "done"] == [("3", "failed", 2, "WorkerDied")]
    assert len(stored) == 8


def test_workers_that_die_with_every_input_end_the_sweep(
    sqlite_file: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.sweep.run.MAX_DEATHS_IN_A_ROW", 1)
    sweep = etl.Sweep("tests.sweep.functions:deadly", [3, 3.0], "deadly", sqlite_file.url, workers=1)
    with pytest.raises(
        WorkerDied, match="2 workers of the sweep deadly died one after the other: worker process "
    ) as died:
        etl.run_sweep(sweep)
    assert died.value.state == f"0 of 2 inputs have a result in {sqlite_file.path}."
