"""Runs that stop and go on: every row exactly once, whatever stopped them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import etl
from etl import ledger, pipeline
from etl.connect import Endpoint
from etl.errors import Interrupted, LedgerError, TransformError
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import Recorder, Stop, job, make_orders, orders
from tests.pipeline.transforms import FAIL_VARIABLE

FAILING = "tests.pipeline.transforms:fail_at_25"


@pytest.fixture
def flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While this file is there, the transform fails on one chunk."""
    path = tmp_path / "fail"
    path.touch()
    monkeypatch.setenv(FAIL_VARIABLE, str(path))
    return path


@pytest.fixture
def stopped(database: Database, flag: Path) -> Database:
    """A run of five chunks that has failed at the third, with its reason gone."""
    make_orders(database, 50)
    with pytest.raises(TransformError) as failure:
        etl.run(job(database, transform=FAILING))
    assert "chunk 2 (21 <= key < 31) of " in str(failure.value)
    assert "2 of 5 chunks (20 rows) of run " in failure.value.state
    assert "etl resume " in failure.value.advice
    flag.unlink()
    return database


def test_a_failed_run_keeps_its_committed_chunks(stopped: Database) -> None:
    assert sorted(number for (number,) in stopped.rows("copies", "id")) == list(range(1, 21))
    assert stopped.ledger() == [(0, "done", 10), (1, "done", 10)]
    assert stopped.run_states() == ["failed"]


def test_the_same_job_goes_on(stopped: Database) -> None:
    recorder = Recorder()
    result = etl.run(job(stopped, transform=FAILING), listener=recorder)
    assert stopped.rows("copies") == stopped.rows("orders")
    assert (result.resumed, result.rows_moved, result.rows_written) == (True, 30, 50)
    assert recorder.prepared is not None
    assert [chunk.number for chunk in recorder.prepared.missing] == [2, 3, 4]
    assert stopped.run_states() == ["done"]
    assert [number for number, _, _ in stopped.ledger()] == [0, 1, 2, 3, 4]


def test_how_fast_is_no_part_of_a_jobs_identity(stopped: Database) -> None:
    result = etl.run(job(stopped, transform=FAILING, chunk_rows=7, workers=1))
    assert (result.resumed, len(result.chunks), result.rows_moved) == (True, 5, 30)
    assert stopped.rows("copies") == stopped.rows("orders")


def test_a_new_run_starts_over(stopped: Database) -> None:
    result = etl.run(job(stopped, transform=FAILING), new_run=True)
    assert (result.resumed, result.rows_moved) == (False, 50)
    first_twenty = sorted(number for (number,) in stopped.rows("copies", "id").elements())
    assert first_twenty == sorted([*range(1, 21), *range(1, 51)])
    assert sorted(stopped.run_states()) == ["abandoned", "done"]


def test_an_abandoned_run_is_not_taken_up_again(stopped: Database) -> None:
    etl.run(job(stopped, transform=FAILING), new_run=True)
    with Endpoint.of(stopped.url, "writer").connect() as connection:
        (abandoned,) = (run.run_id for run in ledger.all_runs(connection) if run.state == "abandoned")
        run = ledger.find_run(connection, abandoned)
    with pytest.raises(LedgerError, match="was abandoned for a newer one") as refusal:
        pipeline.resume(job(stopped, transform=FAILING), run)
    assert "2 of 5 chunks are committed" in refusal.value.state


def test_a_new_run_of_replace_leaves_nothing_of_the_old_one(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 50)
    replacing = job(sqlite_file, mode="replace")
    with pytest.raises(Interrupted):
        etl.run(replacing, listener=Stop(after_chunks=2))
    assert len(sqlite_file.tables()) == 5
    etl.run(replacing, new_run=True)
    assert sqlite_file.tables() == {"orders", "copies", "etl_run", "etl_chunk", "etl_reject"}
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


def test_another_job_does_not_go_on(stopped: Database) -> None:
    result = etl.run(job(stopped, target_table=stopped.name("elsewhere"), transform=FAILING))
    assert not result.resumed
    assert stopped.rows("elsewhere") == stopped.rows("orders")


def test_rows_that_came_after_planning_wait_for_the_next_run(stopped: Database) -> None:
    stopped.insert("orders", orders(5, start=1000))
    result = etl.run(job(stopped, transform=FAILING))
    assert result.rows_written == 50
    assert result.notes == ["the source changed during the run: 50 rows were read and it has 55 now"]
    assert sorted(number for (number,) in stopped.rows("copies", "id")) == list(range(1, 51))


def test_a_changed_source_is_not_resumed(stopped: Database) -> None:
    stopped.query(f"ALTER TABLE {stopped.quoted('orders')} ADD more int NULL")
    before = stopped.rows("copies")
    with pytest.raises(LedgerError, match=r"the columns of .*orders.* have changed since it was planned") as refusal:
        etl.run(job(stopped, transform=FAILING))
    assert "--new-run" in refusal.value.advice
    assert stopped.rows("copies") == before


def test_a_run_is_resumed_by_its_id(stopped: Database) -> None:
    with Endpoint.of(stopped.url, "writer").connect() as connection:
        (summary,) = ledger.all_runs(connection)
        run = ledger.find_run(connection, summary.run_id)
    with pytest.raises(LedgerError, match="copied other data"):
        pipeline.resume(job(stopped, target_table=stopped.name("elsewhere"), transform=FAILING), run)
    assert pipeline.resume(job(stopped, transform=FAILING), run).rows_moved == 30
    assert stopped.rows("copies") == stopped.rows("orders")


def test_a_run_that_does_not_exist_is_said_so(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 5)
    with (
        Endpoint.of(sqlite_file.url, "writer").connect() as connection,
        pytest.raises(LedgerError, match="there is no run beef"),
    ):
        ledger.find_run(connection, "beef")


def test_ctrl_c_keeps_what_is_committed(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 50)
    with pytest.raises(Interrupted) as stop:
        etl.run(job(sqlite_file), listener=Stop(after_chunks=3))
    assert "3 of 5 chunks (30 rows)" in stop.value.state
    assert sqlite_file.run_states() == ["failed"]
    assert etl.run(job(sqlite_file)).rows_moved == 20
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


def test_a_run_key_names_one_run(sqlite_file: SqliteDatabase, flag: Path) -> None:
    make_orders(sqlite_file, 50)
    keyed = job(sqlite_file, transform=FAILING)
    with pytest.raises(TransformError):
        etl.run(keyed, run_key="monday")
    flag.unlink()
    resumed = etl.run(keyed, run_key="monday")
    again = etl.run(keyed, run_key="monday")
    other = etl.run(keyed, run_key="tuesday")
    assert (resumed.resumed, resumed.rows_moved) == (True, 30)
    assert (again.run_id, again.rows_moved, again.rows_written) == (resumed.run_id, 0, 50)
    assert other.run_id != resumed.run_id
    assert other.rows_moved == 50
    assert sum(sqlite_file.rows("copies").values()) == 100


def test_a_run_that_died_while_planning_is_planned_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    make_orders(database, 20)

    def dies(*_arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr("etl.plan.key_ranges", dies)
        with pytest.raises(Interrupted, match="stopped while planning") as stop:
            etl.run(job(database))
    assert stop.value.exit_code == 130
    assert database.run_states() == ["planning"]
    assert "copies" not in database.tables()
    etl.run(job(database))
    assert database.run_states() == ["done"]
    assert database.rows("copies") == database.rows("orders")


def test_a_chunk_that_another_process_has_done_is_left_alone(database: Database) -> None:
    make_orders(database, 30)

    class Rival(Recorder):
        """Runs the same job to its end between two chunks of this one."""

        def chunk_done(self, progress: object) -> None:
            if not self.lost:
                self.lost.append("once")
                assert etl.run(job(database)).resumed

    result = etl.run(job(database), listener=Rival())
    assert database.rows("copies") == database.rows("orders")
    assert [chunk.rows_written for chunk in result.chunks] == [10, 10, 10]
    assert database.run_states() == ["done"]
