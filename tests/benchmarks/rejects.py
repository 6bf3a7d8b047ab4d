"""What rows that are set aside cost: the same orders copied with and without bad ones among them, in turn.

`python -m tests.benchmarks.rejects [ROWS BAD ROUNDS]`: 1,000,000 rows with 1,000 bad ones (wrong type, too long, duplicate key,
NULL, constraint) unless said otherwise. It ends with an error where another row than these is in `etl_reject`, or where the
target does not hold exactly the others.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections import Counter
from dataclasses import dataclass

import etl
from etl.bad_rows import rejects
from etl.connect import Endpoint
from etl.job import Job
from tests.benchmarks.processes import server_use
from tests.benchmarks.server import opened
from tests.databases import Database, fresh_database
from tests.pipeline import bad_rows
from tests.pipeline.bad_rows import Planted

ROWS, BAD, ROUNDS = 1_000_000, 1_000, 3
CHUNK_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What a copy took."""

    rows_per_sec: float
    cpu_sec: float
    """Of the workers and, where it is a sandbox of our own, of the server: other programs on the machine hardly change it."""


def copied(database: Database, planted: Planted, server_pid: int | None) -> Cost:
    """Copy the orders into an empty target, hold what came of it against what was planted, and return what it took."""
    job = Job(
        source=database.url,
        target=database.url,
        source_table="dbo.orders",
        target_table="dbo.copies",
        transform=bad_rows.TRANSFORM,
        chunk_rows=CHUNK_ROWS,
        on_bad_row="reject",
        max_rejects=len(planted.kinds),
    )
    before = None if server_pid is None else server_use(server_pid)
    result = etl.run(job, new_run=True)
    cpu_sec = sum(chunk.cpu_sec for chunk in result.chunks)
    if server_pid is not None and before is not None:
        used = server_use(server_pid).since(before)
        cpu_sec += used.server_cpu_sec + used.engine_cpu_sec
    with Endpoint.of(database.url, "writer").connect() as connection:
        found = rejects.of_run(connection, result.run_id)
    ids = Counter(json.loads(one.row_values or "{}").get("id") for one in found)
    assert ids == Counter(dict.fromkeys(planted.kinds, 1)), "other rows than the bad ones were set aside"
    bad_rows.check_reasons(found, planted)
    assert bad_rows.in_target(database) == bad_rows.expected_target(planted), "the target does not hold the other rows"
    assert result.rows_read == result.rows_written + result.rows_rejected == len(planted.frame)
    return Cost(len(planted.frame) / result.seconds, cpu_sec)


def main(rows: int = ROWS, bad: int = BAD, rounds: int = ROUNDS) -> None:
    """Print what each copy took, and the ratio of their medians."""
    cases = {"clean": bad_rows.plant(rows, 0), "dirty": bad_rows.plant(rows, bad // len(bad_rows.KINDS))}
    costs: dict[str, list[Cost]] = {name: [] for name in cases}
    with opened(os.environ.get("ETL_TEST_DSN")) as server:
        url = server.url.render_as_string(hide_password=False)
        for _ in range(rounds):
            for name, planted in cases.items():
                with fresh_database(url) as database:
                    bad_rows.make(database, planted)
                    cost = copied(database, planted, server.pid)
                costs[name].append(cost)
                told = (
                    f"{cost.rows_per_sec:,.0f} rows/s, {cost.cpu_sec:.1f} CPU s, {len(planted.kinds):,} rows set aside"
                )
                print(f"{name}: {told}", flush=True)
    clean, dirty = (statistics.median(cost.rows_per_sec for cost in costs[name]) for name in cases)
    cpu_clean, cpu_dirty = (statistics.median(cost.cpu_sec for cost in costs[name]) for name in cases)
    print(f"with bad rows {dirty / clean:.2f} of the speed without, {cpu_dirty / cpu_clean:.2f} of its CPU time")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
