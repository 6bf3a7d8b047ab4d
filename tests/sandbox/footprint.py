"""What a sandbox in this process takes: threads, file descriptors, database sessions and memory."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from etl.sandbox.cluster import OWNER
from etl.sandbox.engine import PostgresEngine

SETTLE_SEC = 20.0
_AGAIN_SEC = 0.02


@dataclass(frozen=True, slots=True)
class Footprint:
    """A count of everything that a client could leave behind."""

    threads: int
    descriptors: int
    sessions: int
    """PostgreSQL's client connections, but for the one that counts them."""


def footprint(engine: PostgresEngine) -> Footprint:
    """What is taken now."""
    with psycopg.connect(engine.cluster.conninfo(OWNER), autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert found is not None
    return Footprint(threading.active_count(), sum(1 for _ in Path("/proc/self/fd").iterdir()), found[0])


def quiet(engine: PostgresEngine) -> Footprint:
    """What is taken once no session is left, or after `SETTLE_SEC`."""
    deadline = time.monotonic() + SETTLE_SEC
    while (found := footprint(engine)).sessions and time.monotonic() < deadline:
        time.sleep(_AGAIN_SEC)
    return settled(engine, found)


def settled(engine: PostgresEngine, wanted: Footprint) -> Footprint:
    """What is taken once it is back at `wanted`, or after `SETTLE_SEC`: clients leave faster than their sessions end."""
    deadline = time.monotonic() + SETTLE_SEC
    while (found := footprint(engine)) != wanted and time.monotonic() < deadline:
        time.sleep(_AGAIN_SEC)
    return found


def resident_bytes(pid: int | str = "self") -> int:
    """A process's memory (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no VmRSS")
