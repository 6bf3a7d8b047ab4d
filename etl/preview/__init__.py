"""What a run of a job would do, found out by the run's own planning, and nothing changed anywhere.

A source is asked all that a run asks before it moves rows, except for a stream's rows: those are not spooled, hence not
read, and of a query not even counted. The transform is tried on the first rows, as a run does.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import catalog, code_pages, ledger, load, plan, prepare, statements, types
from etl.bulk import lengths, records
from etl.connect import Endpoint
from etl.deciding import Landing, decide, new_rows, new_window
from etl.drafting import Draft, draft, target_columns
from etl.job import Job
from etl.ledger import Run
from etl.plan import Chunk
from etl.prepare import Prepared
from etl.preview import estimate
from etl.preview.columns import ColumnPreview, columns_of
from etl.preview.estimate import Estimate
from etl.selection import Condition
from etl.statements import TableName
from etl.types import Column

NO_RUN = "<run>"
"""Where a run's id would stand in names."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What `etl run` of a job would do."""

    prepared: Prepared
    """The run as it would be: unfinished, or new under the id `NO_RUN`. A new stream has no chunks yet."""
    columns: list[ColumnPreview]
    ddl: str | None
    """The CREATE TABLE that makes the target; None where the run's table is there."""
    replaces: bool
    """Whether a table that is there goes when the new one is swapped in."""
    rows: int | None
    """Rows that are left to move; an estimate for key ranges, None for a query that is not spooled yet."""
    chunks: int | None
    """Chunks that are left; None where the rows are not known."""
    locks: str
    estimate: Estimate | None
    """None where no run of this job has read rows."""

    @property
    def by_parameters(self) -> list[str]:
        """The columns whose values of more than `MAX_VALUE_BYTES` take the rows that hold them another way."""
        if self.prepared.plan.route.way == "insert":
            return []
        return [
            column.name
            for column in self.prepared.plan.target_columns
            if lengths.may_be_large(column) and not _is_short(column)
        ]

    @property
    def is_spooled_first(self) -> bool:
        """Whether the run would begin with reading all rows of a stream into files."""
        return self.prepared.plan.key is None and not self.prepared.resumed


def preview(job: Job) -> Preview:
    """What `etl run` would do now: go on with the job's unfinished run, or plan a new one. Takes no lock and keeps nothing.

    Raises what `prepare.prepare` raises, for a job that cannot run: JobError, ConnectError, SchemaError, TransformError,
    LedgerError, DatabaseError.
    """
    target = _looked_at(job.target_endpoint)
    with target.connect() as connection:
        run = prepare.unfinished_run(connection, job)
    if run is not None and run.plan_json is not None:
        return _resumed(job, target, run)
    return _new(job, target)


def _looked_at(target: Endpoint) -> Endpoint:
    """The target for looking only: a run's own connection to SQLite makes the file, and changes its journal mode."""
    if target.dialect != "sqlite":
        return target
    file = Path(target.url.database or "")
    if file.is_file() and os.access(file, os.W_OK) and _is_sqlite(file):
        return replace(target, role="reader")
    if not file.exists() and os.access(file.parent, os.W_OK):
        return replace(target, url=sa.make_url("sqlite://"))  # empty, as the file that a run would make
    return target  # A run fails here, and so does this: it can make nothing.


def _is_sqlite(file: Path) -> bool:
    """As its header says (https://www.sqlite.org/fileformat.html 1.3); an empty file is an empty database."""
    with file.open("rb") as opened:
        return opened.read(16) in {b"", b"SQLite format 3\0"}


def _resumed(job: Job, target: Endpoint, run: Run) -> Preview:
    with target.connect() as connection:
        prepared = prepare.taken_up(job, run, ledger.sealed_chunks(connection, run.run_id))
        existing = catalog.table_columns(connection, prepared.table)
        replaces = _replaces(connection, job)
        estimated = estimate.estimate(connection, job, _rows(prepared.missing))
    stored = prepared.plan
    source = types.schema(job.source_endpoint.dialect, stored.source_columns)
    # What the transform gave is not stored, only what it is cast to.
    output = stored.output_schema if job.transform is not None or job.lineage else source
    columns = columns_of(job, stored, output, existing, target.dialect, is_new=False)
    left = prepared.missing
    return Preview(prepared, columns, None, replaces, _rows(left), len(left), _locks(prepared, target), estimated)


def _new(job: Job, target: Endpoint) -> Preview:
    drafted = draft(job, target)
    window = new_window(job, target, drafted.watermark)
    rows = new_rows(job, drafted, window)
    with job.source_endpoint.connect() as connection:
        chunks = [] if drafted.key is None else plan.key_ranges(connection, job, drafted.key, rows)
        count = _rows(chunks) if drafted.key is not None else _stream_rows(connection, job, rows)
    with target.connect() as connection:
        landing = _landing(connection, job, drafted)
        folder = prepare.spool_folder(job, NO_RUN)
        run_plan = decide(connection, job, drafted, window, chunks, landing, folder)
        replaces = _replaces(connection, job)
        estimated = estimate.estimate(connection, job, count)
        told = replace(run_plan, target_columns=_collated(connection, run_plan.target_columns))
    prepared = Prepared(job, NO_RUN, run_plan, landing.table, [], resumed=False)
    columns = columns_of(
        job, told, drafted.output or pa.schema([]), landing.existing, target.dialect, is_new=landing.is_new
    )
    ddl = load.create_statement(target.dialect, job.target_name, landing.columns) if landing.is_new else None
    number = len(chunks) if drafted.key is not None else None if count is None else math.ceil(count / job.chunk_rows)
    return Preview(prepared, columns, ddl, replaces, count, number, _locks(prepared, target), estimated)


def _landing(connection: Connection, job: Job, drafted: Draft) -> Landing:
    """The table as the run would find or make it."""
    columns, exists = target_columns(connection, job, drafted, job.source_endpoint.dialect)
    table = prepare.landing_table(job, NO_RUN)
    existing = catalog.table_columns(connection, table) if exists else columns
    return Landing(table, columns, existing, is_new=not exists)


def _replaces(connection: Connection, job: Job) -> bool:
    return job.mode == "replace" and catalog.table_exists(connection, job.target_name)


def _stream_rows(connection: Connection, job: Job, rows: Condition) -> int | None:
    """A table is counted; a query may take as long for that as for all its rows."""
    if job.source_table is None:
        return None
    return load.count(connection, TableName.parse(job.source_table), rows)


def _rows(chunks: Sequence[Chunk]) -> int:
    return sum(chunk.rows_planned for chunk in chunks)


def _collated(connection: Connection, columns: list[Column]) -> list[Column]:
    """The columns with the database's collation where they have none, which a new table's get."""
    if connection.dialect.name != "mssql" or not any(_lacks_collation(column) for column in columns):
        return columns
    ours = connection.exec_driver_sql(statements.load("database_collation")).scalar_one()
    return [replace(column, collation=ours) if _lacks_collation(column) else column for column in columns]


def _lacks_collation(column: Column) -> bool:
    return code_pages.is_encoded(column) and column.collation is None


def _is_short(column: Column) -> bool:
    """Whether the column's own type bounds its values, also where a wider one carries them."""
    name, declared, _ = types.split(column.sql_type)
    return name in lengths.UNIT_BYTES and declared is not None and declared * 2 <= records.MAX_VALUE_BYTES


def _locks(prepared: Prepared, target: Endpoint) -> str:
    """What others may have to wait for, in words."""
    route = prepared.plan.route
    if target.dialect == "sqlite":
        return "the database file, for one writer at a time, until each chunk commits"
    if "TABLOCK" in route.hints and route.way == "bulk copy":
        beside = "nobody else writes" if prepared.writers == 1 else "only other bulk loads go on beside it"
        held = f"the whole of {prepared.table} (TABLOCK) until each chunk commits: {beside}"
    else:
        held = "the rows that a chunk writes, until it commits; the server may lock the whole table instead"
    if prepared.job.mode == "replace":
        return f"{held}; at the end {prepared.job.target_name}, while the tables are swapped"
    return held
