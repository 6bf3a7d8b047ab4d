"""Which limit a run is told it met."""

from __future__ import annotations

from dataclasses import replace

import psutil
import pytest

from etl import limits
from tests.unit.test_ledger import SEALED

CORES = psutil.cpu_count() or 1
CHUNKS = [
    replace(SEALED, chunk_no=number, worker=f"host:{number % 2}", seconds=10.0, wait_sec=0.0, cpu_sec=4.0)
    for number in range(2)
]


@pytest.mark.parametrize(
    ("cpu_sec", "wait_sec", "busy_share", "said"),
    [
        (4.0, 0.0, 1.0, f"the cores are full: 2 workers used 0.8 of {CORES}, other programs the rest"),
        (4.0, 0.0, 0.5, "the servers: 2 workers waited for them 60% of their time, and cores are free"),
        (9.0, 0.0, 0.5, "the number of workers: 2 workers computed 90% of their time, and cores are free"),
        (4.0, 5.0, 0.5, "the target's writers: 2 workers waited 50% of their time for their turn to write"),
    ],
)
def test_the_limit_is_told(cpu_sec: float, wait_sec: float, busy_share: float, said: str) -> None:
    moved = [replace(chunk, cpu_sec=cpu_sec, wait_sec=wait_sec) for chunk in CHUNKS]
    assert limits.limit(moved, 10.0, busy_share * CORES) == said


def test_a_short_run_is_not_judged() -> None:
    assert not limits.limit([replace(chunk, seconds=0.5) for chunk in CHUNKS], 5.0, CORES)
