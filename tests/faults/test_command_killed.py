"""The command with its pool: killed, interrupted, or bereft of a worker, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

import etl
from etl.errors import WorkerDied
from tests.databases import Database, SqliteDatabase
from tests.pipeline.command import ended, start
from tests.pipeline.jobs import Recorder, job, make_orders

ROWS, CHUNK_ROWS = 600, 10


def start_copy(database: Database) -> subprocess.Popen[str]:
    """The command in the middle of its run: two chunks are committed, and many are not."""
    urls = {"ETL_SOURCE_URL": database.url, "ETL_TARGET_URL": database.url}
    arguments = ["copy", "orders", "copies", "--chunk-rows", str(CHUNK_ROWS), "--workers", "2", "--json"]
    process = start(arguments, environment=urls)
    assert process.stdout is not None
    events = (json.loads(line) for line in process.stdout)
    assert next(event for event in events if event.get("chunks_done") == 2)["event"] == "chunk_done"
    return process


def assert_finished_by(database: Database) -> None:
    committed = len(database.ledger())
    assert 2 <= committed < ROWS // CHUNK_ROWS
    result = etl.run(job(database))
    assert (result.resumed, result.rows_moved) == (True, ROWS - committed * CHUNK_ROWS)
    assert database.rows("copies") == database.rows("orders")
    assert database.ledger() == [(number, "done", CHUNK_ROWS) for number in range(ROWS // CHUNK_ROWS)]
    assert database.run_states() == ["done"]


def test_a_killed_command_leaves_no_worker_and_is_gone_on_with(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, ROWS)
    process = start_copy(sqlite_file)
    process.kill()
    # Reading to the end of the output waits for the workers too, which inherited it.
    assert ended(process).exit_code == -signal.SIGKILL
    assert_finished_by(sqlite_file)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_ends_with_130_and_is_gone_on_with(
    sqlite_file: SqliteDatabase, number: signal.Signals
) -> None:
    make_orders(sqlite_file, ROWS)
    process = start_copy(sqlite_file)
    process.send_signal(number)
    done = ended(process)
    assert (done.exit_code, done.stderr) == (130, "")
    last = done.events[-1]
    assert (last["event"], last["kind"], last["exit_code"]) == ("error", "Interrupted", 130)
    assert "chunks (" in last["state"]
    assert "etl resume " in last["advice"]
    assert sqlite_file.run_states() == ["failed"]
    assert_finished_by(sqlite_file)


DEADLY = """
import os, signal
from pathlib import Path

def once(frame):
    mark = Path(os.environ["ETL_TEST_DIED"])
    if len(frame) == 10 and (frame["id"] == 25).any() and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return frame

def always(frame):
    if len(frame) == 10 and (frame["id"] == 25).any():
        os.kill(os.getpid(), signal.SIGKILL)
    return frame
"""


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module whose transforms kill their worker on the chunk with row 25."""
    (tmp_path / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ETL_TEST_DIED", str(tmp_path / "died"))
    return "deadly"


def test_a_chunk_whose_worker_was_killed_is_tried_again(sqlite_file: SqliteDatabase, deadly: str) -> None:
    make_orders(sqlite_file, 50)
    recorder = Recorder()
    result = etl.run(job(sqlite_file, transform=f"{deadly}:once", executor="process", workers=1), listener=recorder)
    (lost,) = recorder.lost
    assert "chunk 2 (21 <= key < 31): worker process " in lost
    assert "ended by SIGKILL; the chunk is tried again" in lost
    assert {chunk.chunk_no: chunk.attempt for chunk in result.chunks} == {0: 1, 1: 1, 2: 2, 3: 1, 4: 1}
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


def test_a_chunk_that_kills_every_worker_is_named(
    sqlite_file: SqliteDatabase, deadly: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.retries.MAX_DEATHS", 2)
    make_orders(sqlite_file, 30)
    dying = job(sqlite_file, transform=f"{deadly}:always", executor="process", workers=1)
    with pytest.raises(WorkerDied) as death:
        etl.run(dying)
    assert death.value.chunk_no == 2
    assert death.value.message.startswith("chunk 2 (21 <= key <= 30) of orders failed: worker process ")
    assert "2 of 3 chunks (20 rows)" in death.value.state
    assert os.environ["ETL_TEST_DIED"]
    assert sorted(number for (number,) in sqlite_file.rows("copies", "id")) == list(range(1, 21))
