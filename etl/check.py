"""After a run: does what the ledger says agree with the plan, the target and the source?"""

from __future__ import annotations

from etl import ledger, load
from etl.errors import CheckFailed
from etl.prepare import Prepared
from etl.result import ChunkResult, RunResult
from etl.statements import TableName


def check(prepared: Prepared, result: RunResult) -> list[str]:
    """Compare and return what the user should know, e.g. that the source changed meanwhile.

    Raises CheckFailed when chunks are missing from the ledger, or the target does not hold the rows written.
    """
    with prepared.job.target_endpoint.connect() as connection:
        sealed = ledger.sealed_chunks(connection, prepared.run_id)
        in_target = load.count(connection, prepared.job.target_name)
    _compare_ledger(prepared, sealed)
    written = sum(chunk.rows_written for chunk in sealed)
    _compare_target(prepared, result, in_target, written)
    return _compare_source(prepared, result)


def _compare_ledger(prepared: Prepared, sealed: list[ChunkResult]) -> None:
    planned = {chunk.number for chunk in prepared.plan.chunks}
    done = [chunk.chunk_no for chunk in sealed]
    if sorted(done) == sorted(planned):
        return
    raise CheckFailed(
        f"run {prepared.run_id}: the ledger has {len(done)} committed chunks and the plan {len(planned)}",
        state=f"Missing: {sorted(planned - set(done))}; not planned: {sorted(set(done) - planned)}.",
        advice=f"Look at `etl show {prepared.run_id}`.",
    )


def _compare_target(prepared: Prepared, result: RunResult, in_target: int, written: int) -> None:
    """A replaced table holds exactly the run's rows while nobody else writes to it; one that was appended to at least them."""
    exact = prepared.job.mode == "replace" and not prepared.finished
    if in_target == written or (not exact and in_target >= written):
        return
    raise CheckFailed(
        f"{prepared.job.target_table} holds {in_target:,} rows after run {result.run_id} wrote {written:,}",
        advice="Did something else write to or delete from the table meanwhile?",
    )


def _compare_source(prepared: Prepared, result: RunResult) -> list[str]:
    if prepared.job.source_table is None or prepared.finished:
        return []
    with prepared.job.source_endpoint.connect() as connection:
        now = load.count(connection, TableName.parse(prepared.job.source_table))
    if now == result.rows_read:
        return []
    return [f"the source changed during the run: {result.rows_read:,} rows were read and it has {now:,} now"]
