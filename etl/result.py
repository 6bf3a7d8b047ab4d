"""What a run and its chunks did, as plain data that crosses processes and is printed."""

from __future__ import annotations

from dataclasses import dataclass, field

from etl.ledger import Sealed


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """A chunk that is committed. Plain data."""

    chunk_no: int
    rows_read: int
    rows_written: int
    seconds: float
    attempt: int
    worker: str


def from_ledger(sealed: Sealed) -> ChunkResult:
    """A chunk that was committed before, as its result."""
    return ChunkResult(
        sealed.chunk_no, sealed.rows_read, sealed.rows_written, sealed.seconds, sealed.attempt, sealed.worker
    )


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
    notes: list[str] = field(default_factory=list)

    @property
    def rows_per_sec(self) -> float:
        """Rows that this execution moved, in a second."""
        return self.rows_moved / self.seconds if self.seconds else 0.0
