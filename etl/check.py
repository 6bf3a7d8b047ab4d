"""Do source, ledger and target agree? Asked after each run, and again by `etl verify`.

The ledger has what every chunk read and wrote, in numbers that a server can count too (`etl.profile`). The target must hold
what was written, or rows are missing: an error. Where the source has other numbers than were read, it has changed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class Compared:
    """What was held against each other after a run, and agreed."""

    target: Verified | None
    """None where the target had rows before: it is not counted then."""
    rows_in_source: int | None
    """As the source has them now; None where they cannot be counted again, or the run was done before."""
    notes: list[str]
    """What the user should know."""


def check(prepared: Prepared, result: RunResult) -> list[str]:
    """What the user should know after a run, e.g. that the source changed meanwhile. Raises as `compare`."""
    return compare(prepared, result).notes


def compare(prepared: Prepared, result: RunResult) -> Compared:
    """Compare after a run.

    A target that had rows before is not counted, which could take longer than the run; `etl verify` does it. Raises
    CheckFailed when chunks are missing from the ledger, or the target does not hold what was written.
    """
    # Two long counts, by servers that may be two.
    with ThreadPoolExecutor(1) as beside:
        source = beside.submit(_compare_source, prepared, result)
        target, target_notes = _compare_own_target(prepared)
        rows_in_source, source_notes = source.result()
    return Compared(target, rows_in_source, [*target_notes, *source_notes])


def _compare_own_target(prepared: Prepared) -> tuple[Verified | None, list[str]]:
    job, plan, run_id = prepared.job, prepared.plan, prepared.run_id
    with job.target_endpoint.connect() as connection:
        sealed = ledger.sealed_chunks(connection, run_id)
        _compare_ledger(run_id, plan, sealed)
        rows = _own_rows(connection, job, run_id)
        if rows == EVERY_ROW and not plan.target_was_empty:
            return None, [f"{job.target_table} had rows before this run: count them with `etl verify {run_id}`"]
        alone = job.mode == "replace" and not prepared.finished
        found = _compare_target(connection, job, plan, run_id, sealed, alone=alone)
    return found, found.notes


def _compare_source(prepared: Prepared, result: RunResult) -> tuple[int | None, list[str]]:
    job, plan = prepared.job, prepared.plan
    if job.source_table is None or prepared.finished:
        return None, []
    table = TableName.parse(job.source_table)
    with job.source_endpoint.connect() as connection:
        rows = plan.new_rows(connection.dialect.name)
        rows_now = load.count(connection, table, rows)
        notes = source_moves.told(
            connection,
            table,
            plan.source_columns,
            rows,
            rows_read=result.rows_read,
            rows_now=rows_now,
            version=plan.source_version,
        )
    return rows_now, notes


def verify(job: Job, run: Run) -> Verified:
    """Compare again, the source's values too. Raises CheckFailed for what differs, LedgerError for a run without a plan."""
    plan = run.plan
    with job.target_endpoint.connect() as connection:
        sealed = ledger.sealed_chunks(connection, run.run_id)
        _compare_ledger(run.run_id, plan, sealed)
        read = ledger.profiles(connection, run.run_id).read
        found = _compare_target(connection, job, plan, run.run_id, sealed, alone=job.mode == "replace")
    if job.source_table is None:
        return replace(found, notes=[*found.notes, "a query's rows cannot be counted again"])
    with job.source_endpoint.connect() as connection:
        dialect = connection.dialect.name
        schema = types.schema(dialect, plan.source_columns)
        table = TableName.parse(job.source_table)
        _, now = profiling.of_table(connection, table, plan.source_columns, schema, plan.new_rows(dialect))
    changed = profiling.differences(read, now)
    if changed:
        raise CheckFailed(
            f"{job.source_table} is not what run {run.run_id} read: {_told(changed)}",
            state="The target holds what was read.",
            advice="The source has changed since: run the job again to copy it as it is now.",
        )
    return found


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
) -> Verified:
    """Count the run's rows and hold their values against the ledger's. `alone`: nobody else may write to the table."""
    rows, written = _own_rows(connection, job, run_id), sum(chunk.rows_written for chunk in sealed)
    its_own = alone or rows != EVERY_ROW
    found: Profile | None = None
    if its_own or plan.target_was_empty:
        schema = plan.output_schema
        in_target, found = profiling.of_table(connection, job.target_name, plan.target_columns, schema, rows)
    else:
        in_target = load.count(connection, job.target_name)
    if in_target < written or (its_own and in_target != written):
        raise CheckFailed(
            f"{job.target_table} holds {in_target:,} rows{' of this run' if rows != EVERY_ROW else ''} and run {run_id} "
            f"wrote {written:,}",
            advice="Did something else write to or delete from the table meanwhile?",
        )
    verified = Verified(run_id, job.target_table, in_target, written, 0, [])
    if found is None or in_target != written:
        others = f"{in_target - written:,} rows of {job.target_table} are not this run's: no values were compared"
        return replace(verified, notes=[others])
    expected = ledger.profiles(connection, run_id).written
    changed = profiling.differences(expected, found)
    if changed:
        raise CheckFailed(
            f"{job.target_table} does not hold the values that run {run_id} wrote: {_told(changed)}",
            advice="Did something else, or a trigger, change the rows?",
        )
    return replace(verified, values_compared=sum(map(len, expected.values())))


def _own_rows(connection: Connection, job: Job, run_id: str) -> Condition:
    if not job.lineage:
        return EVERY_ROW
    return lineage.rows_of(connection.dialect.name, run_id)


def _told(changed: list[str]) -> str:
    more = f", and {len(changed) - MOST_TOLD} more" if len(changed) > MOST_TOLD else ""
    return ", ".join(changed[:MOST_TOLD]) + more
