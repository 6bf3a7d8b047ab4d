"""Rows that are set aside instead of written, as the ledger keeps them in `etl_reject`, and how many a job allows.

A reject is written in the transaction of its chunk's other rows, before the seal: it exists when they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Literal

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import connect, insert, ledger, statements
from etl.errors import TooManyRejects
from etl.job import Job
from etl.statements import TableName
from etl.stored_types import LONG_TEXT, NAME
from etl.types import Column

Stage = Literal["transform", "schema", "cast", "server"]

TABLE = TableName("etl_reject")
COLUMNS = [
    Column("run_id", "varchar(16)", nullable=False),
    Column("chunk_no", "int", nullable=False),
    Column("reject_no", "int", nullable=False),
    Column("row_no", "int"),
    Column("stage", "varchar(16)", nullable=False),
    Column("error_number", "int"),
    Column("column_name", "nvarchar(400)"),
    Column("reason", "nvarchar(max)", nullable=False),
    Column("row_key", "nvarchar(max)"),
    Column("row_values", "nvarchar(max)"),
    Column("output_values", "nvarchar(max)"),
]
ARROW_TYPES = {"int": pa.int32()}

table = sa.Table(
    TABLE.name,
    ledger.metadata,
    sa.Column("run_id", sa.String(16), primary_key=True),
    sa.Column("chunk_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("reject_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("row_no", sa.Integer, nullable=True),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("error_number", sa.Integer, nullable=True),
    sa.Column("column_name", NAME, nullable=True),
    sa.Column("reason", LONG_TEXT, nullable=False),
    sa.Column("row_key", LONG_TEXT, nullable=True),
    sa.Column("row_values", LONG_TEXT, nullable=True),
    sa.Column("output_values", LONG_TEXT, nullable=True),
)


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that was set aside, as it stands in the ledger."""

    run_id: str
    chunk_no: int
    reject_no: int
    """From 0 within its chunk."""
    row_no: int | None
    """Its place among the chunk's rows as they were read, from 0; None where a transform that moves rows hides it."""
    stage: Stage
    """What refused it: the transform, the job's schema, the exact cast to the target's columns, or the server."""
    error_number: int | None
    """SQL Server's."""
    column_name: str | None
    reason: str
    row_key: str | None
    """The value of the column whose ranges the chunks are."""
    row_values: str | None
    """The row as it was read, JSON: decimals, dates and binary values as text."""
    output_values: str | None
    """The row as it was sent to the server, where a transform had made another one of it."""


def store(connection: Connection, rejects: Sequence[Reject]) -> None:
    """Write them inside the connection's transaction."""
    if not rejects:
        return
    fields = [asdict(reject) for reject in rejects]
    arrays = {
        column.name: pa.array(
            [values[column.name] for values in fields], ARROW_TYPES.get(column.sql_type, pa.large_string())
        )
        for column in COLUMNS
    }
    insert.append_rows(connection, TABLE, pa.table(arrays), COLUMNS)


def of_run(connection: Connection, run_id: str, most: int | None = None) -> list[Reject]:
    """The rejects of a run, by chunk and row, the first `most` of them. None where the ledger is older than rejects."""
    with connect.statement(f"reading the rejects of run {run_id}"):
        if not sa.inspect(connection).has_table(TABLE.name):
            return []
        found = connection.execute(sa.text(statements.load("rejects_of_run")), {"run_id": run_id}).mappings()
        return [Reject(**row) for row in (found.all() if most is None else found.fetchmany(most))]


def committed(connection: Connection, run_id: str) -> int:
    """How many rows of the run's committed chunks were rejected."""
    with connect.statement(f"counting the rejects of run {run_id}"):
        skip_locked = " WITH (READPAST)" if connection.dialect.name == "mssql" else ""
        sql = statements.load("rejects_committed").format(skip_locked=skip_locked)
        return int(connection.execute(sa.text(sql), {"run_id": run_id}).scalar_one() or 0)


def too_many(run_id: str, rejected: int, limit: int | None) -> TooManyRejects | None:
    """The error of a run whose committed chunks have set aside more rows than its limit, which may be."""
    if limit is None or rejected <= limit:
        return None
    return TooManyRejects(
        f"{rejected:,} rows are set aside, and max_rejects is {limit:,}",
        advice=f"See them with `etl rejects {run_id}`; correct what they have in common, or give the job a higher max_rejects.",
    )


def limit_of(job: Job, rows_planned: int) -> int | None:
    """How many rows of the job's run may be rejected, None for not one: a count, or a share of the rows planned."""
    if job.on_bad_row == "fail":
        return None
    if isinstance(job.max_rejects, int):
        return job.max_rejects
    return int(Decimal(job.max_rejects.rstrip("%")) / 100 * rows_planned)
