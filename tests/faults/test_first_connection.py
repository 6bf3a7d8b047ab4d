"""A fault while pyodbc asks a server about its types must not cut what is sent from then on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

import etl
from etl import connect
from etl.errors import EtlError
from etl.plan import Plan
from etl.prepare import Prepared
from etl.sandbox.faults import Disconnect, Fail, Fault, Moment
from tests.faults.copies import Stage, open_stage
from tests.pipeline.jobs import Recorder

ASKED = "sp_datatype_info"
CHUNKS = 60
"""Whose plan is text of more than 4,000 characters."""


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage of the test's own: what pyodbc believes of a server lasts as long as the process."""
    connect._mssql_engine.cache_clear()
    with open_stage() as stage:
        stage.fill(CHUNKS)
        yield stage
    connect._mssql_engine.cache_clear()


FAULTS = [
    Disconnect(at=ASKED, nth=2),
    Disconnect(at=ASKED, nth=4, moment=Moment.AFTER),
    Fail(at=ASKED, nth=2, number=1205),
    Fail(at=ASKED, number=1222, times=4),
]


class Planned(Recorder):
    """Ends the run when it is planned."""

    def started(self, prepared: Prepared) -> None:
        super().started(prepared)
        raise KeyboardInterrupt


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{type(fault).__name__} {fault.nth}, {fault.times} times")
def test_what_is_stored_is_whole(stage: Stage, fault: Fault) -> None:
    # The stage's own connection went by the server's port, this goes by the proxy's: the driver asks again.
    armed, planned, tries = stage.events.add(fault), Planned(), 0
    while planned.prepared is None:
        tries += 1
        assert tries < 6
        with contextlib.suppress(EtlError, KeyboardInterrupt):
            etl.run(stage.job(chunk_rows=1), listener=planned)
    assert armed.met
    ((stored, length, microseconds),) = stage.database.query(
        "SELECT plan_json, LEN(plan_json), DATEPART(microsecond, started_at) FROM dbo.etl_run"
    )
    assert length > 4_000
    assert Plan.from_json(stored).chunks == planned.prepared.plan.chunks
    assert microseconds
