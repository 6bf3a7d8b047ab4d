"""A worker's peak memory depends on the chunk, not on the table."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pandas as pd
import pytest

import etl
from tests.databases import SqliteDatabase
from tests.pipeline.jobs import job

LIMIT_MB = 300
ROWS, CHUNK_ROWS = 200_000, 50_000
COLUMNS = {
    "flight_id": "INTEGER PRIMARY KEY",
    **{f"n{number}": "INTEGER" for number in range(13)},
    **{f"t{number}": "VARCHAR(6)" for number in range(4)},
    "time_hour": "DATETIME",
}
"""As many columns of each kind as the flights have."""
PEAKS_VARIABLE = "ETL_TEST_PEAKS"


def note_peak(frame: pd.DataFrame) -> pd.DataFrame:
    """Write down this process's peak so far: that of the chunks before, from reading to commit, and of reading this one."""
    import os

    with Path(os.environ[PEAKS_VARIABLE]).open("a") as peaks:
        peaks.write(f"{os.getpid()} {peak_mb()}\n")
    return frame


def peak_mb() -> int:
    """This process's highest resident memory. On Linux getrusage starts with the parent's peak, which exec passes on."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) >> 10


def test_a_worker_stays_under_its_limit(
    sqlite_file: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    values = ["i", *["i % 2400"] * 13, *["'N' || (i % 100000)"] * 4, "'2013-01-01 05:00:00.000000'"]
    sqlite_file.query(f"CREATE TABLE orders ({declared})")
    sqlite_file.query(
        f"WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {ROWS}) "
        f"INSERT INTO orders SELECT {', '.join(values)} FROM numbers"
    )
    peaks = tmp_path / "peaks"
    monkeypatch.setenv(PEAKS_VARIABLE, str(peaks))
    result = etl.run(
        job(
            sqlite_file,
            transform="tests.pipeline.test_memory:note_peak",
            chunk_rows=CHUNK_ROWS,
            executor="process",
            workers=1,
        )
    )
    assert result.rows_written == ROWS
    worker = result.chunks[0].worker.rpartition(":")[2]
    noted = [line.split() for line in peaks.read_text().splitlines()]
    megabytes = [int(peak) for pid, peak in noted if pid == worker]
    assert len(megabytes) == ROWS // CHUNK_ROWS
    assert max(megabytes) < LIMIT_MB, megabytes
