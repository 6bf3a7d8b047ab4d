"""What Prefect keeps of a run beside its log: tables of chunks, rejects and comparisons, and a summary, by target table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from etl import ledger, report
from etl.bad_rows import rejects
from etl.check import Compared
from etl.errors import EtlError, JobError
from etl.job import Job
from etl.ledger import Run
from etl.prepare import Prepared
from etl.result import ChunkResult, RunResult
from flows.display import reconciliation, run_plot, summary

MOST_CHUNKS = 1_000
MOST_REJECTS = 200
"""Rows of a table: the ledger has all, and nothing large belongs into Prefect's database."""
MOST_REASON_CHARS = 300


def key(job: Job, what: str) -> str:
    """Names an artifact, so that those of one target table are its history: small letters, digits and dashes only."""
    name = str(job.target_name)
    words = re.findall(r"[a-z0-9]+", name.lower())
    if re.search(r"[^A-Za-z0-9_.]", name):
        # What is left of an unusual name may be left of another one too.
        words.append(hashlib.sha256(name.encode()).hexdigest()[:6])
    return "-".join(["copy", *words, what])


def show_result(prepared: Prepared, result: RunResult, compared: Compared) -> None:
    """The artifacts of a run that is done, of the current task run."""
    job, of_run = prepared.job, f"run {result.run_id}"
    _show_chunks(job, of_run, result.chunks)
    if job.on_bad_row == "reject":
        _show_rejects(job, result)
    comparisons = reconciliation.rows(prepared, result, compared)
    create_table_artifact(comparisons, key(job, "reconciliation"), f"{of_run} of {job.target_name}: what agrees")
    before = {chunk.chunk_no for chunk in prepared.sealed}
    moved = [chunk for chunk in result.chunks if chunk.chunk_no not in before]
    _show_summary(job, of_run, summary.done(prepared, result, _picture(moved)))


def show_failure(job: Job, error: EtlError, run: Run | None, sealed: Sequence[ChunkResult]) -> None:
    """The artifacts of a run that failed: what is committed of it, and what to do."""
    of_run = "no run" if run is None else f"run {run.run_id}"
    if sealed:
        _show_chunks(job, of_run, sealed)
    _show_summary(job, f"{of_run}, failed", summary.failed(job, error, run, sealed))


def _show_summary(job: Job, of_run: str, markdown: str) -> None:
    create_markdown_artifact(markdown, key(job, "summary"), f"{of_run} of {job.target_name}")


def _show_chunks(job: Job, of_run: str, chunks: Sequence[ChunkResult]) -> None:
    told = _some(len(chunks), MOST_CHUNKS, "chunks are committed")
    table = report.chunk_rows(chunks[:MOST_CHUNKS])
    create_table_artifact(table, key(job, "chunks"), f"{of_run} of {job.target_name}: {told}")


def _show_rejects(job: Job, result: RunResult) -> None:
    """Keys and reasons; the rows' values stay in the target database."""
    told = _some(result.rows_rejected, MOST_REJECTS, "rows are set aside")
    table = _rejects(job, result.run_id) if result.rows_rejected else []
    all_of_them = f"`etl rejects {result.run_id} --json` has all, with their values"
    create_table_artifact(
        table, key(job, "rejects"), f"run {result.run_id} of {job.target_name}: {told}; {all_of_them}"
    )


def _rejects(job: Job, run_id: str) -> list[dict[str, Any]]:
    with job.target_endpoint.connect() as connection:
        found = rejects.of_run(connection, run_id, MOST_REJECTS)
    return [
        {
            "chunk": reject.chunk_no,
            "row": reject.row_no,
            "key": reject.row_key,
            "stage": reject.stage,
            "column": reject.column_name,
            "reason": reject.reason[:MOST_REASON_CHARS],
        }
        for reject in found
    ]


def _some(count: int, most: int, what: str) -> str:
    return f"{count:,} {what}" if count <= most else f"{count:,} {what}, here are the first {most:,}"


def _picture(moved: Sequence[ChunkResult]) -> bytes | str:
    if not moved:
        return ""
    try:
        return run_plot.png(moved)
    except JobError as error:  # Without matplotlib; the run is done all the same.
        return f"No picture: {error.message}. {error.advice}"


def ledger_state(job: Job, run_key: str) -> tuple[Run | None, list[ChunkResult]]:
    """What the ledger has of the run that a scheduler knows by `run_key`. Raises EtlError where it cannot be asked."""
    with job.target_endpoint.connect() as connection:
        if not ledger.exists(connection):
            return None, []
        run = ledger.last_run(connection, job, run_key)
        return run, [] if run is None else ledger.sealed_chunks(connection, run.run_id)
