"""What a person or a machine sees of a run: progress while it goes on, its result, the ledger's runs and chunks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from etl.bad_rows.rejects import Reject
from etl.check import Verified
from etl.json_lines import print_event
from etl.ledger import Run, RunSummary
from etl.pipeline import Listener
from etl.pipeline import Progress as RunProgress
from etl.prepare import Prepared
from etl.result import ChunkResult, RunResult
from etl.undo import Undone

MIN_WIDTH_CHARS = 100
"""Off a terminal rich would fold tables at 80 columns."""


def describe(prepared: Prepared) -> str:
    """A run's first line: which run, new or resumed, what goes where, and how it is cut."""
    job, run_plan = prepared.job, prepared.plan
    what = f"{job.mode} {job.source_name} → {job.target_name}"
    if prepared.finished:
        return f"run {prepared.run_id} ({what}) was done before; nothing is left to do"
    if prepared.resumed:
        done = f"{len(prepared.sealed)} of {len(run_plan.chunks)} chunks are committed"
        return f"resuming unfinished run {prepared.run_id} ({what}): {done}"
    cut = f"{len(run_plan.chunks)} chunks, {run_plan.rows_planned:,} rows, {'; '.join(run_plan.notes)}"
    return f"new run {prepared.run_id} ({what}): {cut}"


@contextmanager
def listener(*, as_json: bool) -> Iterator[Listener]:
    """A live bar on a terminal, plain lines elsewhere, JSON lines for machines."""
    if as_json:
        yield _JsonLines()
    elif sys.stdout.isatty():
        bar = _Bar()
        try:
            yield bar
        finally:
            bar.progress.stop()
    else:
        yield _Lines()


def print_result(result: RunResult, *, as_json: bool) -> None:
    """The run's last words."""
    if as_json:
        print_event("done", **asdict(result), rows_per_sec=round(result.rows_per_sec))
        return
    for line in last_lines(result):
        print(line)


def last_lines(result: RunResult) -> list[str]:
    """What is worth telling at a run's end: notes, what limited it, and its result."""
    limit = [f"limit: {result.limit}"] if result.limit else []
    return [*(f"note: {note}" for note in result.notes), *limit, result_line(result)]


def result_line(result: RunResult) -> str:
    """A run's result in a sentence."""
    moved = f"{result.rows_moved:,} rows in {result.seconds:.1f} s ({result.rows_per_sec:,.0f} rows/s)"
    aside = (
        f"; {result.rows_rejected:,} rows are set aside: `etl rejects {result.run_id}`" if result.rows_rejected else ""
    )
    return f"run {result.run_id} is done: {moved}; {result.target_table} got {result.rows_written:,} rows in all{aside}"


def chunk_rows(chunks: Iterable[ChunkResult]) -> list[dict[str, Any]]:
    """One dict a chunk, for tables: number, rows read and written, rows a second, attempt, worker."""
    return [
        {
            "chunk": chunk.chunk_no,
            "rows read": chunk.rows_read,
            "rows written": chunk.rows_written,
            "rejected": chunk.rows_rejected,
            "seconds": round(chunk.seconds, 2),
            "rows/s": round(chunk.rows_written / chunk.seconds) if chunk.seconds else 0,
            "attempt": chunk.attempt,
            "worker": chunk.worker,
        }
        for chunk in chunks
    ]


def print_runs(runs: list[RunSummary], *, as_json: bool) -> None:
    """The list of `etl runs`."""
    if as_json:
        for run in runs:
            print_event("run", **asdict(run))
        return
    table = Table(box=None, header_style="bold")
    for heading in ("run", "state", "mode", "target", "started (UTC)", "chunks", "rows"):
        table.add_column(heading, justify="right" if heading in {"chunks", "rows"} else "left")
    for run in runs:
        started = f"{run.started_at:%Y-%m-%d %H:%M:%S}"
        done = (str(run.chunks_done), f"{run.rows_written:,}")
        table.add_row(run.run_id, run.state, run.mode, run.target_table, started, *done)
    console().print(table if runs else "no runs yet")


def print_run(run: Run, sealed: list[ChunkResult], *, as_json: bool) -> None:
    """What `etl show` says of one run."""
    planned = [] if run.plan_json is None else run.plan.chunks
    if as_json:
        fields = {name: value for name, value in asdict(run).items() if name not in {"plan_json", "job"}}
        chunks = [asdict(chunk) for chunk in sealed]
        print_event("run", **fields, job=json.loads(run.job), chunks_planned=len(planned), chunks=chunks)
        return
    started = f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC on {run.host} by tablehaul {run.version}"
    print(f"run {run.run_id}: {run.state}, started {started}")
    if run.run_key is not None:
        print(f"scheduled as {run.run_key}")
    print(f"job: {run.job}")
    for note in [] if run.plan_json is None else run.plan.notes:
        print(f"plan: {note}")
    print(f"{len(sealed)} of {len(planned)} chunks are committed")
    done = {chunk.chunk_no: chunk for chunk in sealed}
    table = Table(box=None, header_style="bold")
    for heading in ("chunk", "rows read", "rows written", "rejected", "seconds", "attempt", "worker"):
        table.add_column(heading, justify="right" if heading != "worker" else "left")
    for chunk in planned:
        if (end := done.get(chunk.number)) is None:
            table.add_row(str(chunk.number), "", "", "", "", "", "not committed")
            continue
        counts = (f"{end.rows_read:,}", f"{end.rows_written:,}", f"{end.rows_rejected:,}")
        table.add_row(str(chunk.number), *counts, f"{end.seconds:.2f}", str(end.attempt), end.worker)
    console().print(table)


def print_verified(verified: Verified, *, as_json: bool) -> None:
    """What `etl verify` found."""
    if as_json:
        print_event("verified", **asdict(verified))
        return
    others = verified.rows_in_target - verified.rows_written
    among = f" among {others:,} others" if others else ""
    compared = f"{verified.values_compared} numbers of their columns compared" if not others else "only counted"
    print(
        f"run {verified.run_id} agrees: {verified.target_table} holds its {verified.rows_written:,} rows{among}; {compared}"
    )
    for note in verified.notes:
        print(f"note: {note}")


def print_undone(undone: Undone, *, as_json: bool) -> None:
    """What `etl undo` did."""
    if as_json:
        print_event("undone", **asdict(undone))
        return
    print(f"run {undone.run_id} is undone: {undone.rows_deleted:,} rows of {undone.chunks} chunks deleted")
    missing = undone.rows_written - undone.rows_deleted
    if missing:
        print(f"note: {missing:,} of the rows that it wrote were not there any more")


def print_rejects(run_id: str, found: list[Reject], *, as_json: bool) -> None:
    """What `etl rejects` says: each row that a run set aside, and why. JSON has its values too."""
    if as_json:
        for reject in found:
            print_event("reject", **asdict(reject))
        return
    for reject in found:
        key = "" if reject.row_key is None else f" (key {reject.row_key})"
        row = "a row" if reject.row_no is None else f"row {reject.row_no}"
        column = "" if reject.column_name is None else f"column {reject.column_name}: "
        print(f"chunk {reject.chunk_no}, {row}{key}, {reject.stage}: {column}{reject.reason}")
    print(f"{len(found):,} rows of run {run_id} are set aside" if found else f"run {run_id} has set no row aside")


def progress_line(progress: RunProgress) -> str:
    """One chunk's end in words: how much is done, how fast, how long it may still take."""
    rate = progress.rows_done / progress.seconds if progress.seconds else 0.0
    left_sec = max(progress.rows_planned - progress.rows_done, 0) / rate if rate else 0.0
    done = f"{progress.chunks_done}/{progress.chunks_planned} chunks"
    return f"{done}, {progress.rows_done:,} rows, {rate:,.0f} rows/s, {left_sec:.0f} s left"


class _Lines(Listener):
    def started(self, prepared: Prepared) -> None:
        print(describe(prepared), flush=True)

    def chunk_done(self, progress: RunProgress) -> None:
        print(progress_line(progress), flush=True)

    def stopping(self, message: str) -> None:
        print(message, flush=True)

    def retried(self, message: str) -> None:
        print(f"warning: {message}", flush=True)


class _JsonLines(Listener):
    def started(self, prepared: Prepared) -> None:
        print_event(
            "started",
            run_id=prepared.run_id,
            resumed=prepared.resumed,
            chunks_planned=len(prepared.plan.chunks),
            chunks_done=len(prepared.sealed),
            rows_planned=prepared.plan.rows_planned,
            notes=prepared.plan.notes,
        )

    def chunk_done(self, progress: RunProgress) -> None:
        print_event("chunk_done", **asdict(progress))

    def stopping(self, message: str) -> None:
        print_event("stopping", message=message)

    def retried(self, message: str) -> None:
        print_event("retried", message=message)


class _Bar(Listener):
    def __init__(self) -> None:
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self.task: TaskID | None = None

    def started(self, prepared: Prepared) -> None:
        print(describe(prepared))
        done = sum(chunk.rows_read for chunk in prepared.sealed)
        self.progress.start()
        self.task = self.progress.add_task(
            str(prepared.job.target_name), total=prepared.plan.rows_planned, completed=done, rate=""
        )

    def chunk_done(self, progress: RunProgress) -> None:
        assert self.task is not None
        rate = f"{progress.rows_done / progress.seconds:,.0f} rows/s"
        self.progress.update(self.task, completed=progress.rows_done, rate=rate)

    def stopping(self, message: str) -> None:
        self.progress.console.print(message, markup=False)

    def retried(self, message: str) -> None:
        self.progress.console.print(f"warning: {message}", markup=False)


def console() -> Console:
    """Where tables go: the terminal, or lines wide enough for them."""
    return Console() if sys.stdout.isatty() else Console(width=MIN_WIDTH_CHARS)
