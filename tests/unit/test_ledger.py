"""The claim and the seal: one transaction at a time owns a chunk, and a lost claim cannot be sealed."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from etl import here_and_now, ledger
from etl.connect import Endpoint
from etl.errors import LedgerError
from etl.profile import Profiles
from etl.result import ChunkResult
from tests.databases import Database
from tests.pipeline.jobs import job

SEALED = ChunkResult(
    chunk_no=0,
    rows_read=10,
    rows_written=9,
    attempt=1,
    worker=here_and_now.this_worker(),
    seconds=0.5,
    extract_sec=0.125,
    transform_sec=0.0625,
    wait_sec=0.03125,
    load_sec=0.25,
    cpu_sec=0.375,
    route="bulk copy",
    started_at=dt.datetime(2026, 11, 22, 12, 0, 0, 123_456),
    ended_at=dt.datetime(2026, 11, 22, 12, 0, 1),
)


PROFILES = Profiles(read={"id": {"values": "10", "sum": "55"}}, written={"id": {"values": "9", "sum": "45"}})


@pytest.fixture
def run(database: Database) -> tuple[Endpoint, str]:
    """A target with a ledger, and the id of a run in it."""
    target = Endpoint.of(database.url, "writer")
    with target.connect() as connection:
        ledger.create_tables(connection)
        run_id = ledger.start_run(connection, job(database), None)
        connection.commit()
    return target, run_id


def test_a_sealed_chunk_cannot_be_claimed_again(run: tuple[Endpoint, str]) -> None:
    target, run_id = run
    with target.connect() as connection:
        ledger.claim(connection, run_id, 0, 1, SEALED.started_at)
        ledger.seal(connection, run_id, SEALED, PROFILES)
        connection.commit()
    with pytest.raises(ledger.ChunkTaken), target.connect() as connection:
        ledger.claim(connection, run_id, 0, 2, here_and_now.now())
    with target.connect() as connection:
        (sealed,) = ledger.sealed_chunks(connection, run_id)
        assert ledger.profiles(connection, run_id) == PROFILES
    assert sealed == SEALED


def test_a_claim_that_was_rolled_back_cannot_be_sealed(run: tuple[Endpoint, str]) -> None:
    target, run_id = run
    with target.connect() as connection:
        ledger.claim(connection, run_id, 0, 1, here_and_now.now())
        connection.rollback()
        with pytest.raises(LedgerError, match=f"chunk 0 of run {run_id} cannot be sealed: its claim is gone"):
            ledger.seal(connection, run_id, SEALED, PROFILES)
        connection.rollback()
    with target.connect() as connection:
        assert ledger.sealed_chunks(connection, run_id) == []


def test_a_ledger_of_an_older_version_gets_the_columns_it_lacks(database: Database) -> None:
    target = Endpoint.of(database.url, "writer")
    with target.connect() as connection:
        ledger.create_tables(connection)
        connection.exec_driver_sql("ALTER TABLE etl_chunk DROP COLUMN cpu_sec")
        connection.commit()
        ledger.create_tables(connection)
        connection.commit()
        added = sa.inspect(connection).get_columns("etl_chunk")[-1]
    assert (added["name"], added["nullable"]) == ("cpu_sec", True)
