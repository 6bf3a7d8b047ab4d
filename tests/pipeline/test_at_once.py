"""Two processes that start the same job at once make one run and share its chunks."""

from __future__ import annotations

from pathlib import Path

import pytest

import etl
from etl import planning_lock, prepare
from etl.errors import LedgerError
from tests.databases import Database
from tests.pipeline.command import ended, start
from tests.pipeline.jobs import Stop, job, make_orders


@pytest.mark.parametrize("keyed", [True, False])
def test_one_run(database: Database, keyed: bool, tmp_path: Path) -> None:
    make_orders(database, 200, primary_key="id" if keyed else None)
    urls = {"ETL_SOURCE_URL": database.url, "ETL_TARGET_URL": database.url, "XDG_CACHE_HOME": str(tmp_path)}
    table, copies = database.name("orders"), database.name("copies")
    arguments = ["copy", table, copies, "--chunk-rows", "10", "--executor", "serial", "--json"]
    both = [start(arguments, environment=urls) for _ in range(2)]
    done = [ended(process) for process in both]
    assert [one.exit_code for one in done] == [0, 0], [one.said for one in done]
    assert len({one.events[-1]["run_id"] for one in done}) == 1
    assert database.rows("copies") == database.rows("orders")
    assert database.run_states() == ["done"]
    assert database.ledger() == [(number, "done", 10) for number in range(20)]


def test_planning_waits_for_who_plans_already(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    make_orders(database, 5)
    monkeypatch.setattr(planning_lock, "LOCK_TIMEOUT_MS", 100)
    copied = job(database)
    with planning_lock.held(copied), pytest.raises(LedgerError, match="another process has been planning the copy to"):
        prepare.prepare(copied)
    assert database.tables() == {"orders"}
    assert etl.run(copied).rows_written == 5


def test_another_key_takes_up_the_unfinished_run_and_does_not_bring_its_rows_again(database: Database) -> None:
    make_orders(database, 25)
    with pytest.raises(etl.errors.Interrupted):
        etl.run(job(database), run_key="monday", listener=Stop(after_chunks=1))
    tuesday = etl.run(job(database), run_key="tuesday")
    assert (tuesday.resumed, tuesday.rows_written, tuesday.rows_moved) == (True, 25, 15)
    assert database.rows("copies") == database.rows("orders")
    again = prepare.prepare(job(database), run_key="tuesday")
    assert (again.run_id, again.finished) == (tuesday.run_id, True)
