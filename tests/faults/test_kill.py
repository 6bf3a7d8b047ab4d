"""Killed at any instant and started again, a job leaves every row exactly once and one sealed ledger row a chunk."""

from __future__ import annotations

import random

import pytest

import etl
from etl.errors import SchemaError
from tests.databases import Database, SqliteDatabase
from tests.faults import victims
from tests.pipeline.jobs import job, make_orders

ROWS, CHUNK_ROWS = 50, 10
INSTANTS = [random.Random(seed).uniform(0.0, 0.25) for seed in range(6)]


def assert_exactly_once(database: Database) -> None:
    assert database.rows("copies") == database.rows("orders")
    assert database.ledger() == [(number, "done", CHUNK_ROWS) for number in range(ROWS // CHUNK_ROWS)]
    assert database.run_states() == ["done"]
    assert database.tables() == {"orders", "copies", "etl_run", "etl_chunk", "etl_reject"}


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("point", victims.POINTS)
def test_killed_inside_a_chunk(sqlite_file: SqliteDatabase, point: str, mode: str) -> None:
    make_orders(sqlite_file, ROWS)
    copied = job(sqlite_file, mode=mode, chunk_rows=CHUNK_ROWS)
    victims.killed_at(copied, victims.POINTS[point], nth_call=3)
    committed = 3 if point == "after the commit" else 2
    assert len(sqlite_file.ledger()) == committed
    result = etl.run(copied)
    assert (result.resumed, result.rows_moved) == (True, ROWS - committed * CHUNK_ROWS)
    assert_exactly_once(sqlite_file)


@pytest.mark.parametrize("point", victims.BULK_POINTS)
def test_killed_inside_a_chunk_that_goes_by_bulk_copy(server_database: Database, point: str) -> None:
    make_orders(server_database, ROWS)
    copied = job(server_database, chunk_rows=CHUNK_ROWS)
    probed = 1 if "bulk copy" in point else 0  # the driver is tried with a bulk copy first
    victims.killed_at(copied, victims.BULK_POINTS[point], nth_call=3 + probed)
    committed = 3 if point == "after the commit" else 2
    assert len(server_database.ledger()) == committed
    result = etl.run(copied)
    assert (result.resumed, result.rows_moved) == (True, ROWS - committed * CHUNK_ROWS)
    assert_exactly_once(server_database)


@pytest.mark.parametrize("change", ["ADD extra int NULL", "ALTER COLUMN customer nvarchar(60) NULL"])
def test_a_target_that_changed_meanwhile_is_not_written_to(server_database: Database, change: str) -> None:
    make_orders(server_database, ROWS)
    make_orders(server_database, 0, table="copies")
    copied = job(server_database, chunk_rows=CHUNK_ROWS)
    victims.killed_at(copied, victims.POINTS["before the claim"], nth_call=3)
    server_database.query(f"ALTER TABLE dbo.copies {change}")
    with pytest.raises(
        SchemaError, match=r"chunk 2 .*the columns of dbo\.copies have changed since the run was planned"
    ):
        etl.run(copied)
    assert len(server_database.query("SELECT * FROM dbo.copies")) == 2 * CHUNK_ROWS


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("point", victims.RUN_POINTS)
def test_killed_between_the_stages(sqlite_file: SqliteDatabase, point: str, mode: str) -> None:
    make_orders(sqlite_file, ROWS)
    copied = job(sqlite_file, mode=mode, chunk_rows=CHUNK_ROWS)
    victims.killed_at(copied, victims.RUN_POINTS[point], nth_call=1)
    if sqlite_file.run_states() != ["done"]:
        etl.run(copied)
    assert_exactly_once(sqlite_file)


@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_around_the_swap(sqlite_file: SqliteDatabase, side: str) -> None:
    make_orders(sqlite_file, ROWS)
    make_orders(sqlite_file, 3, table="copies")
    old = sqlite_file.rows("copies")
    copied = job(sqlite_file, mode="replace", chunk_rows=CHUNK_ROWS)
    victims.killed_at(copied, ("etl.load", "swap", side), nth_call=1)
    assert sqlite_file.rows("copies") == old
    assert etl.run(copied).rows_moved == 0
    assert_exactly_once(sqlite_file)


def test_killed_again_and_again(database: Database) -> None:
    make_orders(database, ROWS)
    copied = job(database, mode="replace", chunk_rows=CHUNK_ROWS)
    points = victims.POINTS if isinstance(database, SqliteDatabase) else victims.BULK_POINTS
    for point in [*list(victims.RUN_POINTS.values())[:3], *points.values(), ("etl.load", "swap", "after")]:
        victims.killed_at(copied, point, nth_call=1)
    assert len(database.ledger()) == ROWS // CHUNK_ROWS
    etl.run(copied)
    assert_exactly_once(database)


def test_killed_at_any_moment(database: Database) -> None:
    make_orders(database, ROWS)
    copied = job(database, mode="replace", chunk_rows=CHUNK_ROWS)
    for seconds in INSTANTS:
        victims.killed_after(copied, seconds)
    etl.run(copied)
    # A victim may have come to its end: then the next one began a run of its own.
    assert database.rows("copies") == database.rows("orders")
    assert set(database.run_states()) == {"done"}
    chunks = database.query("SELECT run_id, chunk_no, state, COUNT(*) FROM etl_chunk GROUP BY run_id, chunk_no, state")
    assert {(state, count) for _, _, state, count in chunks} == {("done", 1)}
    assert len(chunks) == ROWS // CHUNK_ROWS * len(database.run_states())


def test_a_killed_stream_goes_on_from_its_spool(database: Database) -> None:
    make_orders(database, ROWS, primary_key=None)
    copied = job(database, chunk_rows=CHUNK_ROWS)
    victims.killed_at(copied, victims.POINTS["before the commit"], nth_call=3)
    assert etl.run(copied).resumed
    assert_exactly_once(database)


def test_a_stream_killed_while_it_is_spooled_is_read_anew(database: Database) -> None:
    make_orders(database, ROWS, primary_key=None)
    copied = job(database, chunk_rows=CHUNK_ROWS)
    victims.killed_at(copied, ("etl.spool", "_write_chunk", "after"), nth_call=2)
    database.query(f"DELETE FROM {database.quoted('orders')} WHERE id > 45")
    result = etl.run(copied)
    assert result.rows_written == 45
    assert database.rows("copies") == database.rows("orders")


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_the_same_job_twice_at_the_same_time_is_one_run_or_two_whole_ones(database: Database, mode: str) -> None:
    """Both may plan a run of their own; chunks of one run are done once, whoever does them."""
    make_orders(database, ROWS)
    copied = job(database, mode=mode, chunk_rows=CHUNK_ROWS)
    victims.killed_at(copied, victims.POINTS["before the claim"], nth_call=2)
    assert victims.run_together([copied, copied]) == ["done", "done"]
    runs = database.run_states()
    assert set(runs) == {"done"}
    copies = 1 if mode == "replace" else len(runs)
    assert database.rows("copies") == dict.fromkeys(database.rows("orders"), copies)
    assert database.tables() == {"orders", "copies", "etl_run", "etl_chunk", "etl_reject"}
