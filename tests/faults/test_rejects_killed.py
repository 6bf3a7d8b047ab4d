"""Killed while it sets rows aside, a chunk leaves nothing behind; after the resume each row is loaded or set aside once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import etl
from etl.bad_rows import rejects
from etl.connect import Endpoint
from tests.databases import Database, SqliteDatabase
from tests.faults import victims
from tests.pipeline import bad_rows
from tests.pipeline.jobs import job

ROWS, CHUNK_ROWS, BAD_OF_A_KIND = 150, 30, 2
POINTS = {
    "before the rejects": ("etl.bad_rows.rejects", "store", "before"),
    "between rejects and seal": ("etl.bad_rows.rejects", "store", "after"),
    "before the commit": ("etl.ledger", "seal", "after"),
    "after the commit": ("etl.worker", "ChunkWork._commit", "after"),
    "among the slices": ("etl.bad_rows.slices", "Inserter._trouble", "after"),
}
SERVER_POINTS = {
    **POINTS,
    "when the suspects wait": ("etl.bad_rows.slices", "Staged.stage", "after"),
    "before a suspect": ("etl.bad_rows.slices", "Staged.insert", "before"),
}


def rejecting(database: Database, **fields: Any) -> Any:
    return job(database, transform=bad_rows.TRANSFORM, chunk_rows=CHUNK_ROWS, on_bad_row="reject", **fields)


def assert_consistent(database: Database) -> None:
    """What is in the target, in `etl_reject` and in the ledger tells of the same chunks."""
    ledger = database.query(
        "SELECT chunk_no, rows_read, rows_written, rows_rejected FROM etl_chunk WHERE state = 'done'"
    )
    aside = Counter(number for (number,) in database.query("SELECT chunk_no FROM etl_reject"))
    assert aside == {number: rejected for number, _, _, rejected in ledger if rejected}
    assert sum(bad_rows.in_target(database).values()) == sum(written for _, _, written, _ in ledger)
    assert all(read == written + rejected for _, read, written, rejected in ledger)


def assert_each_row_once(database: Database, planted: bad_rows.Planted, run_id: str) -> None:
    assert_consistent(database)
    assert bad_rows.in_target(database) == bad_rows.expected_target(planted)
    with Endpoint.of(database.url, "writer").connect() as connection:
        found = rejects.of_run(connection, run_id)
    why = bad_rows.BY_SQLITE if database.dialect == "sqlite" else bad_rows.BY_BULK_COPY
    bad_rows.check_reasons(found, planted, expected=why)
    assert database.run_states() == ["done"]


@pytest.mark.parametrize("point", POINTS)
def test_killed_on_sqlite(sqlite_file: SqliteDatabase, point: str) -> None:
    planted = bad_rows.plant(ROWS, BAD_OF_A_KIND)
    bad_rows.make(sqlite_file, planted)
    victims.killed_at(rejecting(sqlite_file), POINTS[point], nth_call=2)
    assert_consistent(sqlite_file)
    result = etl.run(rejecting(sqlite_file))
    assert result.resumed
    assert_each_row_once(sqlite_file, planted, result.run_id)


@pytest.mark.parametrize("primary_key", ["id", None], ids=["key ranges", "stream"])
@pytest.mark.parametrize("point", SERVER_POINTS)
def test_killed_on_a_server(server_database: Database, point: str, primary_key: str | None) -> None:
    planted = bad_rows.plant(ROWS, BAD_OF_A_KIND)
    bad_rows.make(server_database, planted, primary_key=primary_key)
    victims.killed_at(rejecting(server_database), SERVER_POINTS[point], nth_call=2)
    assert_consistent(server_database)
    result = etl.run(rejecting(server_database))
    assert result.resumed
    assert_each_row_once(server_database, planted, result.run_id)
