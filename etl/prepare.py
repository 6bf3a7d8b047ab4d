"""From a job to a run that is ready to move rows: checked against both databases, then new, or resumed with its stored plan."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from etl import (
    catalog,
    executors,
    extract,
    ledger,
    load,
    plan,
    planning_lock,
    spool,
    transform,
    types,
)
from etl.connect import Endpoint
from etl.deciding import Landing, decide, new_rows, new_window
from etl.drafting import Draft, draft, stream, target_columns
from etl.errors import LedgerError, SpoolGone
from etl.job import MOST_WORKERS, Job
from etl.ledger import Run
from etl.plan import Chunk, Plan
from etl.result import ChunkResult
from etl.selection import Condition
from etl.statements import TableName, cut
from etl.types import Column


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run and what is left to do."""

    job: Job
    run_id: str
    plan: Plan
    table: TableName
    """Where rows go: the target, or in mode replace the staging table."""
    sealed: list[ChunkResult]
    """Chunks that are committed already."""
    resumed: bool
    finished: bool = False
    """The run was done before; nothing is left."""

    @property
    def missing(self) -> list[Chunk]:
        """The chunks that are not committed yet."""
        done = {chunk.chunk_no for chunk in self.sealed}
        return [chunk for chunk in self.plan.chunks if chunk.number not in done]

    @property
    def writers(self) -> int:
        """How many chunks are written at once: as the job says, else as the plan, else as there are workers."""
        workers = MOST_WORKERS if self.job.runs_elsewhere else self.job.workers
        return min(workers, self.job.writers or self.plan.route.writers or workers)


def prepare(job: Job, *, new_run: bool = False, run_key: str | None = None) -> Prepared:
    """The job's run: its last one where that is unfinished, else a new one, planned, with its target table made.

    With `run_key` (a scheduler's own name for a run) the run of that key is taken up again, even when it is done. Two
    processes that start a job at once get the same run. Raises JobError, ConnectError, SchemaError, TransformError or
    LedgerError before anything is written to the target.
    """
    with executors.opened_for(job) if job.runs_elsewhere else nullcontext():
        executors.examine(job)
        with planning_lock.held(job):
            return _prepared(job, new_run, run_key)


def _prepared(job: Job, new_run: bool, run_key: str | None) -> Prepared:
    with job.target_endpoint.connect() as connection:
        unfinished = unfinished_run(connection, job, run_key)
        if unfinished is not None and new_run:
            _abandon(connection, job, unfinished)
            unfinished = None
        connection.commit()
    if unfinished is not None and unfinished.plan_json is not None:
        return resume(job, unfinished)
    drafted = draft(job, job.target_endpoint)
    if drafted.key is None:
        executors.require_shared(job, spool_root(job))
    run_id = unfinished.run_id if unfinished is not None else _start_run(job, run_key)
    return _plan_run(job, run_id, drafted)


def resume(job: Job, run: Run) -> Prepared:
    """Take up a run with its stored plan. Raises LedgerError when the source is not what was planned for."""
    with job.target_endpoint.connect() as connection:
        ledger.create_tables(connection)
        sealed = ledger.sealed_chunks(connection, run.run_id)
        connection.commit()
    prepared = taken_up(job, run, sealed)
    if prepared.missing and prepared.plan.spool is not None:
        executors.require_shared(job, Path(prepared.plan.spool))
    return prepared


def taken_up(job: Job, run: Run, sealed: list[ChunkResult]) -> Prepared:
    """A run with its stored plan, of which these chunks are committed. Changes nothing; raises as `resume` does."""
    stored = run.plan
    table = landing_table(job, run.run_id)
    if run.state == "abandoned":
        raise LedgerError(
            f"run {run.run_id} was abandoned for a newer one with --new-run",
            state=f"{len(sealed)} of {len(stored.chunks)} chunks are committed.",
            advice="See `etl runs` for the newer one.",
        )
    _refuse_undoing(run)
    if run.state == "done":
        return Prepared(job, run.run_id, stored, job.target_name, sealed, resumed=True, finished=True)
    with job.source_endpoint.connect() as connection:
        if plan.source_columns(connection, job) != stored.source_columns:
            raise LedgerError(
                f"run {run.run_id} cannot be resumed: the columns of {job.source_name} have changed since it was planned",
                state=f"{len(sealed)} of {len(stored.chunks)} chunks are committed.",
                advice="Start the job again with --new-run.",
            )
    if job.transform is not None:
        transform.find(job.transform)
    prepared = Prepared(job, run.run_id, stored, table, sealed, resumed=True)
    if prepared.missing and stored.spool is not None and not Path(stored.spool).is_dir():
        committed = ", ".join(str(chunk.chunk_no) for chunk in sealed) or "none"
        raise SpoolGone(
            f"run {run.run_id} cannot be resumed: its spool {stored.spool} is gone, or on {run.host}, where it was started",
            state=f"{len(sealed)} of {len(stored.chunks)} chunks are committed: {committed}.",
            advice=spool.NO_OTHER_WAY,
        )
    return prepared


def unfinished_run(connection: Connection, job: Job, run_key: str | None = None) -> Run | None:
    """The job's run that is to be taken up again; with `run_key` that key's own, or the unfinished one under that key now.

    Raises LedgerError for one that is being undone.
    """
    if not ledger.exists(connection):
        return None
    if run_key is not None:
        own = ledger.last_run(connection, job, run_key)
        if own is not None and own.state not in {"abandoned", "undone"}:
            return own
    last = ledger.last_run(connection, job)
    if last is None or last.state in {"abandoned", "undone", "done"}:
        return None
    _refuse_undoing(last)
    if run_key is not None:
        # Rows of it are in the target: another run beside it would bring them again.
        ledger.adopt_run(connection, last.run_id, run_key)
    return last


def _refuse_undoing(run: Run) -> None:
    if run.state in {"undoing", "undone"}:
        raise LedgerError(
            f"run {run.run_id} {'is being' if run.state == 'undoing' else 'was'} undone: it cannot go on",
            state="Some of its rows may still be in the target." if run.state == "undoing" else "",
            advice=f"Finish that with `etl undo {run.run_id}`." if run.state == "undoing" else "Start the job again.",
        )


def _abandon(connection: Connection, job: Job, run: Run) -> None:
    """A new run was asked for: the unfinished one is not taken up again, and what it was loading goes."""
    ledger.end_run(connection, run.run_id, "abandoned")
    if job.mode == "replace":
        load.drop_if_exists(connection, landing_table(job, run.run_id))
    connection.commit()
    stored = None if run.plan_json is None else run.plan.spool
    spool.remove(spool_folder(job, run.run_id) if stored is None else Path(stored))


def _start_run(job: Job, run_key: str | None) -> str:
    with job.target_endpoint.connect() as connection:
        ledger.create_tables(connection)
        connection.commit()
        run_id = ledger.start_run(connection, job, run_key)
        connection.commit()
    return run_id


def _plan_run(job: Job, run_id: str, drafted: Draft) -> Prepared:
    source, target = job.source_endpoint, job.target_endpoint
    folder = spool_folder(job, run_id)
    window = new_window(job, target, drafted.watermark)
    rows = new_rows(job, drafted, window)
    if drafted.key is None:
        chunks = _spool(source, job, drafted.source, rows, folder)
    else:
        with source.connect() as connection:
            chunks = plan.key_ranges(connection, job, drafted.key, rows)
    with target.connect() as connection:
        landing = _made(connection, job, run_id, drafted)
        run_plan = decide(connection, job, drafted, window, chunks, landing, folder)
        # One transaction: a plan without its table, or a table without its plan, cannot be.
        ledger.store_plan(connection, run_id, run_plan)
        connection.commit()
    return Prepared(job, run_id, run_plan, landing.table, [], resumed=False)


def _made(connection: Connection, job: Job, run_id: str, drafted: Draft) -> Landing:
    """The table that rows go into, made where it is not there."""
    columns, exists = target_columns(connection, job, drafted, job.source_endpoint.dialect)
    table = landing_table(job, run_id)
    if job.mode == "replace":
        load.drop_if_exists(connection, table)
    if not exists:
        load.create_table(connection, table, columns)
    return Landing(table, columns, catalog.table_columns(connection, table), is_new=not exists)


def spool_folder(job: Job, run_id: str) -> Path:
    """Where a run keeps the rows of a stream."""
    return spool_root(job) / run_id


def spool_root(job: Job) -> Path:
    """Where the spools of the job's runs are kept."""
    return job.spool_dir or spool.default_folder()


def _spool(source: Endpoint, job: Job, columns: list[Column], rows: Condition, folder: Path) -> list[Chunk]:
    batches = extract.read_batches(source, stream(source.dialect, job, columns, rows))
    return spool.write(batches, types.schema(source.dialect, columns), folder, job.chunk_rows)


def landing_table(job: Job, run_id: str) -> TableName:
    """Where a run's rows go: the target, or in mode replace a table beside it."""
    target = job.target_name
    if job.mode == "append":
        return target
    suffix = f"__etl_{run_id}"
    return target.sibling(cut(target.name, suffix))
