"""How long a run may take, from how fast the job's last one was."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from etl import ledger
from etl.job import Job
from etl.result import ChunkResult


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run may take, from how fast the job's last one was."""

    run_id: str
    """The latest completed run that read rows."""
    workers: int
    """How many processes it had."""
    rows_per_sec: float
    """Of the time in which chunks were worked on: planning, spooling and the start of workers are not in it."""
    seconds: float | None
    """None where the number of rows is not known."""


def estimate(connection: Connection, job: Job, rows: int | None) -> Estimate | None:
    """Of a run of so many rows; None where no run of the job has read rows, in a ledger that is there."""
    run_id = ledger.last_moved(connection, job) if ledger.exists(connection) else None
    if run_id is None:
        return None
    chunks = ledger.sealed_chunks(connection, run_id)
    seconds = _busy_sec(chunks)
    if not seconds:
        return None
    rate = sum(chunk.rows_read for chunk in chunks) / seconds
    workers = len({chunk.worker for chunk in chunks})
    return Estimate(run_id, workers, rate, None if rows is None else rows / rate)


def _busy_sec(chunks: list[ChunkResult]) -> float:
    """How long at least one of the chunks was worked on: a run that was stopped and resumed has gaps."""
    busy, until = dt.timedelta(), dt.datetime.min
    for chunk in sorted(chunks, key=lambda one: one.started_at):
        if chunk.ended_at > until:
            busy += chunk.ended_at - max(chunk.started_at, until)
            until = chunk.ended_at
    return busy.total_seconds()
