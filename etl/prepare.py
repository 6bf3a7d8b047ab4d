"""From a job to a run that is ready to move rows: checked against both databases, then new, or resumed with its stored plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import (
    catalog,
    extract,
    frames,
    ledger,
    lineage,
    load,
    plan,
    route,
    selection,
    seventh_digit,
    source_moves,
    spool,
    transform,
    types,
    watermark,
)
from etl.connect import Endpoint
from etl.errors import JobError, LedgerError, SchemaError
from etl.job import Job
from etl.ledger import Run
from etl.plan import Chunk, Plan
from etl.result import ChunkResult
from etl.route import NO_ROUTE, Route, Wishes
from etl.selection import EVERY_ROW, Condition, Selection
from etl.statements import MAX_IDENTIFIER_CHARS, TableName
from etl.types import Column
from etl.watermark import Window

SAMPLE_ROWS = 1_000
"""Rows of the first chunk on which the transform's output schema is tried; the whole chunk only where these do not tell."""


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


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is known of a job's data before its run begins."""

    source: list[Column]
    key: Column | None
    note: str
    watermark: Column | None
    source_version: str | None
    output: pa.Schema | None
    """None where the source is empty and the transform's output is not declared."""


def prepare(job: Job, *, new_run: bool = False, run_key: str | None = None) -> Prepared:
    """The job's run: its last one where that is unfinished, else a new one, planned, with its target table made.

    With `run_key` (a scheduler's own name for a run) the run of that key is taken up again, even when it is done. Raises
    JobError, ConnectError, SchemaError, TransformError or LedgerError before anything is written to the target.
    """
    source, target = job.source_endpoint, job.target_endpoint
    with target.connect() as connection:
        unfinished = _unfinished_run(connection, job, run_key)
        if unfinished is not None and new_run:
            _abandon(connection, job, unfinished)
            unfinished = None
    if unfinished is not None and unfinished.plan_json is not None:
        return resume(job, unfinished)
    draft = _draft(job, source)
    run_id = unfinished.run_id if unfinished is not None else _start_run(job, target, run_key)
    return _plan_run(job, run_id, draft)


def resume(job: Job, run: Run) -> Prepared:
    """Take up a run with its stored plan. Raises LedgerError when the source is not what was planned for."""
    stored = run.plan
    with job.target_endpoint.connect() as connection:
        ledger.create_tables(connection)
        sealed = ledger.sealed_chunks(connection, run.run_id)
        connection.commit()
    table = _landing_table(job, run.run_id)
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
    return Prepared(job, run.run_id, stored, table, sealed, resumed=True)


def _unfinished_run(connection: Connection, job: Job, run_key: str | None) -> Run | None:
    if not ledger.exists(connection):
        return None
    last = ledger.last_run(connection, job, run_key)
    if last is None or last.state in {"abandoned", "undone"} or (last.state == "done" and run_key is None):
        return None
    _refuse_undoing(last)
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
        load.drop_if_exists(connection, _landing_table(job, run.run_id))
    connection.commit()
    stored = None if run.plan_json is None else run.plan.spool
    spool.remove(_spool_folder(job, run.run_id) if stored is None else Path(stored))


def _draft(job: Job, source: Endpoint) -> _Draft:
    """Everything that can be found wrong with the job, before a run of it is recorded."""
    if job.transform is not None:
        transform.find(job.transform)
    with source.connect() as connection:
        columns = plan.source_columns(connection, job)
        _require_readable(connection, job, columns)
        columns = seventh_digit.found(connection, _stream(source.dialect, job, columns))
        key, note = plan.choose_key(connection, job, columns)
        new_by = None if job.watermark is None else watermark.find(columns, job)
        version = None if job.query is not None else source_moves.version(connection, columns)
    output = _output_schema(source, job, columns)
    if job.lineage and output is not None:
        output = lineage.extended(output)
    draft = _Draft(columns, key, note, new_by, version, output)
    with job.target_endpoint.connect() as connection:
        _target_columns(connection, job, draft, source.dialect)
    return draft


def _output_schema(source: Endpoint, job: Job, columns: list[Column]) -> pa.Schema | None:
    """What the transform returns: declared, or inferred from the first rows; without a transform what the source has."""
    source_schema = types.schema(source.dialect, columns)
    if job.transform is None:
        return source_schema
    if job.output_schema is not None:
        return transform.find_schema(job.output_schema)
    try:
        return _inferred(source, job, columns, SAMPLE_ROWS)
    except SchemaError:
        return _inferred(source, job, columns, job.chunk_rows)


def _require_readable(connection: Connection, job: Job, columns: list[Column]) -> None:
    """Raise JobError for a query that must be wrapped, to read a column whole, and cannot be."""
    dialect = connection.dialect.name
    if job.query is None or not selection.needs_expressions(dialect, columns):
        return
    try:
        catalog.query_columns(connection, selection.select_query(dialect, job.query, columns).sql)
    except JobError as error:
        guarded = ", ".join(f"{column.name} ({column.sql_type})" for column in selection.special(dialect, columns))
        raise JobError(
            f"the query cannot be read as it is: {guarded} must be read through an expression around it ({error.message})",
            advice="Put the query into a view and copy that, leave out its WITH and ORDER BY, or cast the columns in it.",
        ) from error


def _stream(dialect: str, job: Job, columns: list[Column], rows: Condition = EVERY_ROW) -> Selection:
    """The source's rows as one stream."""
    if job.query is not None:
        return selection.select_query(dialect, job.query, columns)
    assert job.source_table is not None
    return selection.select_table(dialect, TableName.parse(job.source_table), columns, rows)


def _inferred(source: Endpoint, job: Job, columns: list[Column], rows: int) -> pa.Schema | None:
    assert job.transform is not None
    sample = extract.read_head(source, _stream(source.dialect, job, columns), rows)
    if sample.num_rows == 0:
        return None
    frame = frames.to_pandas(sample, job.frame_dtypes)
    result = transform.call(job.transform, transform.find(job.transform), frame)
    return frames.infer_schema(result, sample.schema)


def _target_columns(connection: Connection, job: Job, draft: _Draft, source_dialect: str) -> tuple[list[Column], bool]:
    """The target's columns that the output fills, and whether the table is there already."""
    table, dialect = job.target_name, connection.dialect.name
    table.quoted(dialect)  # raises for a name that no database takes
    exists = job.mode == "append" and catalog.table_exists(connection, table)
    if not exists:
        catalog.require_schema(connection, table)
    if draft.output is None:
        if exists:
            return [], True
        raise SchemaError(
            f"{job.source_name} has no rows, so the output of {job.transform} is not known, and {table} is not there",
            state="Nothing was written.",
            advice="Declare the output's columns in output_schema, or make the table first.",
        )
    if exists:
        existing = catalog.table_columns(connection, table)
        return load.fit_existing(table, dialect, draft.output.names, existing), True
    return load.target_columns(job, dialect, draft.output, draft.source, source_dialect), False


def _start_run(job: Job, target: Endpoint, run_key: str | None) -> str:
    with target.connect() as connection:
        ledger.create_tables(connection)
        connection.commit()
        run_id = ledger.start_run(connection, job, run_key)
        connection.commit()
    return run_id


def _plan_run(job: Job, run_id: str, draft: _Draft) -> Prepared:
    source, target = job.source_endpoint, job.target_endpoint
    folder = _spool_folder(job, run_id)
    window = _window(job, source, target, draft.watermark)
    rows = EVERY_ROW
    if draft.watermark is not None and window is not None:
        rows = watermark.condition(source.dialect, draft.watermark, window)
    if draft.key is None:
        chunks = _spool(source, job, draft.source, rows, folder)
    else:
        with source.connect() as connection:
            chunks = plan.key_ranges(connection, job, draft.key, rows)
    with target.connect() as connection:
        columns, exists = _target_columns(connection, job, draft, source.dialect)
        output = draft.output if draft.output is not None else pa.schema([])
        table = _landing_table(job, run_id)
        if job.mode == "replace":
            load.drop_if_exists(connection, table)
        if not exists:
            load.create_table(connection, table, columns)
        way = _route(job, connection, table, columns, key=draft.key, is_new=not exists)
        run_plan = Plan(
            source_columns=draft.source,
            target_columns=columns,
            output_schema=load.landing_schema(target.dialect, output, columns),
            chunks=chunks,
            key=None if draft.key is None else draft.key.name,
            spool=None if draft.key is not None else str(folder.resolve()),
            route=way,
            watermark=None if draft.watermark is None else draft.watermark.name,
            window=window,
            source_version=draft.source_version,
            notes=[
                draft.note,
                *_window_notes(draft.watermark, window),
                f"written by {way}",
                *seventh_digit.notes(draft.source),
            ],
        )
        # One transaction: a plan without its table, or a table without its plan, cannot be.
        ledger.store_plan(connection, run_id, run_plan)
        connection.commit()
    return Prepared(job, run_id, run_plan, table, [], resumed=False)


def _window(job: Job, source: Endpoint, target: Endpoint, column: Column | None) -> Window | None:
    """From the upper bound of the job's last completed run on."""
    if column is None:
        return None
    with target.connect() as connection:
        last = ledger.last_done_run(connection, job)
    before = None if last is None else last.plan.window
    with source.connect() as connection:
        return watermark.window(connection, job, column, None if before is None else before.upper)


def _window_notes(column: Column | None, window: Window | None) -> list[str]:
    return [] if column is None else [f"new rows only: {column.name} {window}"]


def _route(
    job: Job, connection: Connection, table: TableName, columns: list[Column], *, key: Column | None, is_new: bool
) -> Route:
    if not columns:
        return NO_ROUTE
    return route.choose(
        job.target_endpoint,
        connection,
        table,
        catalog.table_columns(connection, table),
        columns,
        is_new=is_new,
        wishes=Wishes(job.bulk_without, job.table_lock, job.writers, None if key is None else key.name),
    )


def _spool_folder(job: Job, run_id: str) -> Path:
    return (job.spool_dir or spool.default_folder()) / run_id


def _spool(source: Endpoint, job: Job, columns: list[Column], rows: Condition, folder: Path) -> list[Chunk]:
    batches = extract.read_batches(source, _stream(source.dialect, job, columns, rows))
    return spool.write(batches, types.schema(source.dialect, columns), folder, job.chunk_rows)


def _landing_table(job: Job, run_id: str) -> TableName:
    target = job.target_name
    if job.mode == "append":
        return target
    suffix = f"__etl_{run_id}"
    return target.sibling(target.name[: MAX_IDENTIFIER_CHARS - len(suffix)] + suffix)
