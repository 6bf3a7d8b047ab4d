"""The claim and the seal: one transaction at a time owns a chunk, and a lost claim cannot be sealed."""

from __future__ import annotations

import pytest

from etl import ledger
from etl.connect import Endpoint
from etl.errors import LedgerError
from tests.databases import Database
from tests.pipeline.jobs import job


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
        ledger.claim(connection, run_id, 0, attempt=1)
        ledger.seal(connection, run_id, 0, 10, 9, 0.5)
        connection.commit()
    with pytest.raises(ledger.ChunkTaken), target.connect() as connection:
        ledger.claim(connection, run_id, 0, attempt=2)
    with target.connect() as connection:
        (sealed,) = ledger.sealed_chunks(connection, run_id)
    assert (sealed.chunk_no, sealed.rows_read, sealed.rows_written, sealed.attempt) == (0, 10, 9, 1)


def test_a_claim_that_was_rolled_back_cannot_be_sealed(run: tuple[Endpoint, str]) -> None:
    target, run_id = run
    with target.connect() as connection:
        ledger.claim(connection, run_id, 0, attempt=1)
        connection.rollback()
        with pytest.raises(LedgerError, match=f"chunk 0 of run {run_id} cannot be sealed: its claim is gone"):
            ledger.seal(connection, run_id, 0, 10, 10, 0.5)
        connection.rollback()
    with target.connect() as connection:
        assert ledger.sealed_chunks(connection, run_id) == []
