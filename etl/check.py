"""Do source, ledger and target agree? Asked after each run, and again by `etl verify`.

The ledger has what every chunk read and wrote, in numbers that a server can count too (`etl.profile`). The target must hold
what was written, or rows are missing: an error. Where the source has other numbers than were read, it has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from etl import ledger, lineage, load, source_moves, types
from etl import profile as profiling
from etl.errors import CheckFailed
from etl.job import Job
from etl.ledger import Run
from etl.plan import Plan
from etl.prepare import Prepared
from etl.profile import Profile
from etl.result import ChunkResult, RunResult
from etl.selection import EVERY_ROW, Condition
from etl.statements import TableName

MOST_TOLD = 5
"""Differences in a message; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What `etl verify` found to agree."""

    run_id: str
    target_table: str
    rows_in_target: int
    rows_written: int
    values_compared: int
    """Numbers of the target's columns that were held against the ledger's."""
    notes: list[str]


def check(prepared: Prepared, result: RunResult) -> list[str]:
    """Compare after a run, and return what the user should know, e.g. that the source changed meanwhile.

    Raises CheckFailed when chunks are missing from the ledger, or the target does not hold what was written.
    """
    job, plan = prepared.job, prepared.plan
    with job.target_endpoint.connect() as connection:
        sealed = ledger.sealed_chunks(connection, prepared.run_id)
        _compare_ledger(prepared.run_id, plan, sealed)
        alone = job.mode == "replace" and not prepared.finished
        _compare_target(connection, job, plan, prepared.run_id, sealed, alone=alone)
    if job.source_table is None or prepared.finished:
        return []
    with job.source_endpoint.connect() as connection:
        return source_moves.told(
            connection,
            TableName.parse(job.source_table),
            plan.source_columns,
            plan.new_rows(connection.dialect.name),
            rows_read=result.rows_read,
            version=plan.source_version,
        )


def verify(job: Job, run: Run) -> Verified:
    """Compare again, the source's values too. Raises CheckFailed for what differs, LedgerError for a run without a plan."""
    plan = run.plan
    with job.target_endpoint.connect() as connection:
        sealed = ledger.sealed_chunks(connection, run.run_id)
        _compare_ledger(run.run_id, plan, sealed)
        read = ledger.profiles(connection, run.run_id).read
        found = _compare_target(connection, job, plan, run.run_id, sealed, alone=job.mode == "replace")
    if job.source_table is None:
        return Verified(run.run_id, run.target_table, *found, notes=["a query's rows cannot be counted again"])
    with job.source_endpoint.connect() as connection:
        dialect = connection.dialect.name
        schema = types.schema(dialect, plan.source_columns)
        table = TableName.parse(job.source_table)
        now = profiling.of_table(connection, table, plan.source_columns, schema, plan.new_rows(dialect))
    changed = profiling.differences(read, now)
    if changed:
        raise CheckFailed(
            f"{job.source_table} is not what run {run.run_id} read: {_told(changed)}",
            state="The target holds what was read.",
            advice="The source has changed since: run the job again to copy it as it is now.",
        )
    return Verified(run.run_id, run.target_table, *found, notes=[])


def _compare_ledger(run_id: str, plan: Plan, sealed: list[ChunkResult]) -> None:
    planned = {chunk.number for chunk in plan.chunks}
    done = [chunk.chunk_no for chunk in sealed]
    if sorted(done) == sorted(planned):
        return
    raise CheckFailed(
        f"run {run_id}: the ledger has {len(done)} committed chunks and the plan {len(planned)}",
        state=f"Missing: {sorted(planned - set(done))}; not planned: {sorted(set(done) - planned)}.",
        advice=f"Look at `etl show {run_id}`.",
    )


def _compare_target(
    connection: Connection, job: Job, plan: Plan, run_id: str, sealed: list[ChunkResult], *, alone: bool
) -> tuple[int, int, int]:
    """Rows found and written, and how many numbers were compared. `alone`: the table holds nothing but the run's rows."""
    rows = _own_rows(connection, job, run_id)
    own = alone or rows != EVERY_ROW
    written = sum(chunk.rows_written for chunk in sealed)
    in_target = load.count(connection, job.target_name, rows)
    if in_target < written or (own and in_target != written):
        raise CheckFailed(
            f"{job.target_table} holds {in_target:,} rows{' of this run' if rows != EVERY_ROW else ''} and run {run_id} "
            f"wrote {written:,}",
            advice="Did something else write to or delete from the table meanwhile?",
        )
    if in_target != written:
        return in_target, written, 0  # Other rows stand among them, and nothing tells which.
    expected = ledger.profiles(connection, run_id).written
    found = profiling.of_table(connection, job.target_name, plan.target_columns, plan.output_schema, rows)
    _refuse_other_values(job.target_table, run_id, expected, found)
    return in_target, written, sum(map(len, expected.values()))


def _own_rows(connection: Connection, job: Job, run_id: str) -> Condition:
    if not job.lineage:
        return EVERY_ROW
    return lineage.rows_of(connection.dialect.name, run_id)


def _refuse_other_values(table: str, run_id: str, expected: Profile, found: Profile) -> None:
    changed = profiling.differences(expected, found)
    if changed:
        raise CheckFailed(
            f"{table} does not hold the values that run {run_id} wrote: {_told(changed)}",
            advice="Did something else, or a trigger, change the rows?",
        )


def _told(changed: list[str]) -> str:
    more = f", and {len(changed) - MOST_TOLD} more" if len(changed) > MOST_TOLD else ""
    return ", ".join(changed[:MOST_TOLD]) + more
