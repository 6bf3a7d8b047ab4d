"""What is known of a job's data before its run begins, and everything that can be found wrong with it by then."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import (
    catalog,
    extract,
    frames,
    lineage,
    load,
    plan,
    selection,
    seventh_digit,
    source_moves,
    transform,
    types,
    watermark,
    wrapping,
)
from etl.bad_rows import row_schema
from etl.bad_rows.sift import Sieve
from etl.connect import Endpoint
from etl.errors import SchemaError
from etl.job import Job
from etl.selection import EVERY_ROW, Condition, Selection
from etl.statements import TableName
from etl.types import Column

SAMPLE_ROWS = 1_000
"""Rows of the first chunk on which the transform's output schema is tried; the whole chunk only where these do not tell."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a job's data before its run begins."""

    source: list[Column]
    key: Column | None
    note: str
    watermark: Column | None
    source_version: str | None
    output: pa.Schema | None
    """None where the source is empty and the transform's output is not declared."""


def draft(job: Job, target: Endpoint) -> Draft:
    """What the job is about, checked against both databases; `target` is how the job's target is looked at.

    Raises JobError, ConnectError, SchemaError or TransformError for everything that can be found wrong with it by now.
    """
    source = job.source_endpoint
    if job.transform is not None:
        transform.find(job.transform)
    if job.row_schema is not None:
        row_schema.find(job.row_schema)
    with source.connect() as connection:
        columns = plan.source_columns(connection, job)
        if job.query is not None:
            wrapping.require_wrappable(connection, job.query, columns)
        columns = seventh_digit.found(connection, stream(source.dialect, job, columns))
        key, note = plan.choose_key(connection, job, columns)
        new_by = None if job.watermark is None else watermark.find(columns, job)
        version = None if job.query is not None else source_moves.version(connection, columns)
    output = _output_schema(source, job, columns)
    if job.lineage and output is not None:
        output = lineage.extended(output)
    drafted = Draft(columns, key, note, new_by, version, output)
    with target.connect() as connection:
        target_columns(connection, job, drafted, source.dialect)
    return drafted


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


def stream(dialect: str, job: Job, columns: list[Column], rows: Condition = EVERY_ROW) -> Selection:
    """The source's rows as one stream."""
    if job.query is not None:
        return selection.select_query(dialect, job.query, columns)
    assert job.source_table is not None
    return selection.select_table(dialect, TableName.parse(job.source_table), columns, rows)


def _inferred(source: Endpoint, job: Job, columns: list[Column], rows: int) -> pa.Schema | None:
    assert job.transform is not None
    sample = extract.read_head(source, stream(source.dialect, job, columns), rows)
    if sample.num_rows == 0:
        return None
    if job.on_bad_row == "reject":
        result = Sieve(job.transform, None, job.frame_dtypes, pa.schema([])).sample(sample)
    else:
        frame = frames.to_pandas(sample, job.frame_dtypes)
        result = transform.call(job.transform, transform.find(job.transform), frame)
    return frames.infer_schema(result, sample.schema)


def target_columns(connection: Connection, job: Job, draft: Draft, source_dialect: str) -> tuple[list[Column], bool]:
    """The target's columns that the output fills, and whether the table is there already."""
    table, dialect = job.target_name, connection.dialect.name
    table.require_lasting(dialect)
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
