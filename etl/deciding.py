"""What is decided before a run's first row moves: which rows are new, the way of writing, and so the plan. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import catalog, ledger, load, route, seventh_digit, watermark
from etl.connect import Endpoint
from etl.drafting import Draft
from etl.job import Job
from etl.plan import Chunk, Plan
from etl.route import NO_ROUTE, Route, Wishes
from etl.selection import EVERY_ROW, Condition
from etl.statements import TableName
from etl.types import Column
from etl.watermark import Window


@dataclass(frozen=True, slots=True)
class Landing:
    """The table that a run's rows go into."""

    table: TableName
    columns: list[Column]
    """Those that are filled, in the output's order."""
    existing: list[Column]
    """All of the table's."""
    is_new: bool
    """Whether the run makes it."""


def decide(
    connection: Connection,
    job: Job,
    drafted: Draft,
    window: Window | None,
    chunks: list[Chunk],
    landing: Landing,
    folder: Path,
) -> Plan:
    """The plan of a run of these chunks into that table, for a connection to the target. Reads only.

    `folder` has the spool of a job without a key.
    """
    columns = catalog.with_code_pages(connection, landing.columns)
    way = _route(job, connection, replace(landing, columns=columns), drafted.key)
    output = drafted.output if drafted.output is not None else pa.schema([])
    return Plan(
        source_columns=drafted.source,
        target_columns=columns,
        output_schema=load.landing_schema(connection.dialect.name, output, columns),
        chunks=chunks,
        key=None if drafted.key is None else drafted.key.name,
        spool=None if drafted.key is not None else str(folder.resolve()),
        route=way,
        window=window,
        source_version=drafted.source_version,
        target_was_empty=landing.is_new or load.is_empty(connection, landing.table),
        notes=[
            drafted.note,
            *([] if window is None else [f"new rows only: {window}"]),
            f"written by {way}",
            *seventh_digit.notes(drafted.source),
        ],
    )


def new_window(job: Job, target: Endpoint, column: Column | None) -> Window | None:
    """Of a job with a watermark: from the upper bound of its last completed run on, which the target's ledger knows."""
    if column is None:
        return None
    with target.connect() as connection:
        last = ledger.last_done_run(connection, job) if ledger.exists(connection) else None
    before = None if last is None else last.plan.window
    with job.source_endpoint.connect() as connection:
        return watermark.window(connection, job, column, None if before is None else before.upper)


def new_rows(job: Job, drafted: Draft, window: Window | None) -> Condition:
    """Which of the source's rows a run is about."""
    if drafted.watermark is None or window is None:
        return EVERY_ROW
    return watermark.condition(job.source_endpoint.dialect, drafted.watermark, window)


def _route(job: Job, connection: Connection, landing: Landing, key: Column | None) -> Route:
    if not landing.columns:
        return NO_ROUTE
    return route.choose(
        job.target_endpoint,
        connection,
        landing.table,
        landing.existing,
        landing.columns,
        is_new=landing.is_new,
        wishes=Wishes(job.bulk_without, job.table_lock, job.writers, None if key is None else key.name),
    )
