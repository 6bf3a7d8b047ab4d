"""What a run and its chunks did, as plain data that crosses processes, stands in the ledger and is printed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """A chunk that is committed, as its line in the ledger says."""

    chunk_no: int
    rows_read: int
    rows_written: int
    attempt: int
    worker: str
    """Host and process."""
    seconds: float
    """From the claim of a worker to the seal; the four below are parts of it."""
    extract_sec: float
    transform_sec: float
    wait_sec: float
    """Until the chunk's turn to be written came."""
    load_sec: float
    cpu_sec: float
    """That the worker's process spent meanwhile."""
    route: str
    """Which way the rows took: `etl.route`."""
    started_at: dt.datetime
    """UTC, naive."""
    ended_at: dt.datetime
    rows_rejected: int = 0
    """Set aside in `etl_reject`: `etl.bad_rows.rejects`."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did. Plain data."""

    run_id: str
    target_table: str
    mode: str
    resumed: bool
    chunks: list[ChunkResult]
    """Every chunk of the run, by number, also those committed before a resume."""
    rows_read: int
    rows_written: int
    rows_moved: int
    """Rows written by this execution: all of them unless the run was resumed."""
    seconds: float
    rows_rejected: int = 0
    """Set aside in `etl_reject`."""
    limit: str = ""
    """What kept this execution from being faster; empty for a short one."""
    notes: list[str] = field(default_factory=list)

    @property
    def rows_per_sec(self) -> float:
        """Rows that this execution moved, in a second."""
        return self.rows_moved / self.seconds if self.seconds else 0.0
