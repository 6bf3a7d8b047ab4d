"""Rows that are set aside instead of written: found in a chunk, counted against the job's limit, kept in `etl_reject`.

A reject is written in the transaction of its chunk's other rows, before the seal: it exists when they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Connection

from etl import connect, exact_json, insert, ledger, statements
from etl.errors import EtlError, TooManyRejects
from etl.statements import TableName
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

_long = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")

table = sa.Table(
    TABLE.name,
    ledger.metadata,
    sa.Column("run_id", sa.String(16), primary_key=True),
    sa.Column("chunk_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("reject_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("row_no", sa.Integer, nullable=True),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("error_number", sa.Integer, nullable=True),
    sa.Column("column_name", sa.Unicode(400), nullable=True),
    sa.Column("reason", _long, nullable=False),
    sa.Column("row_key", _long, nullable=True),
    sa.Column("row_values", _long, nullable=True),
    sa.Column("output_values", _long, nullable=True),
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


@dataclass(frozen=True, slots=True)
class Refused:
    """A row of a chunk that something refuses."""

    stage: Stage
    reason: str
    row: int | None
    """Its place in the chunk as it was read, from 0."""
    number: int | None = None
    column: str | None = None
    output: pa.Table | None = None
    """The one row that the transform made of it, where the server refuses that."""


class Tally:
    """The refused rows of one chunk."""

    def __init__(self, rows: pa.Table, key: str | None, limit: int | None) -> None:
        """`rows` as they were read; at most `limit` may be refused, with None not one."""
        self.rows = rows
        self.refused: list[Refused] = []
        self._key = key
        self._limit = limit

    def __len__(self) -> int:
        return len(self.refused)

    @property
    def tolerant(self) -> bool:
        """Whether rows may be refused at all."""
        return self._limit is not None

    def add(self, refused: Refused, error: EtlError) -> None:
        """Set a row aside; `error` is what it met. Raises it, with the row named, where none may be set aside.

        Raises TooManyRejects for one that is beyond the limit.
        """
        if self._limit is None:
            error.message = f"{error.message}; it is {self._who(refused)}{_sent(refused)}"
            raise error
        self.refused.append(refused)
        if len(self.refused) > self._limit:
            raise self._too_many(self._limit)

    def require_room_beside(self, committed: int) -> None:
        """Raise TooManyRejects where these are too many together with those of the run's committed chunks."""
        if self._limit is not None and self.refused and committed + len(self.refused) > self._limit:
            raise self._too_many(self._limit, committed)

    def back_to(self, count: int) -> None:
        """Forget all but the first: what refused the others was taken back."""
        del self.refused[count:]

    def as_rejects(self, run_id: str, chunk_no: int) -> list[Reject]:
        """The rows for the ledger, in the order of the source as far as that is known."""
        found = sorted(self.refused, key=lambda refused: (refused.row is None, refused.row))
        places = [refused.row for refused in found if refused.row is not None]
        values = dict(zip(places, exact_json.rows(self.rows.take(pa.array(places, pa.int64()))), strict=True))
        return [
            Reject(
                run_id=run_id,
                chunk_no=chunk_no,
                reject_no=number,
                row_no=refused.row,
                stage=refused.stage,
                error_number=refused.number,
                column_name=refused.column,
                reason=refused.reason,
                row_key=self._key_text(refused),
                row_values=None if refused.row is None else values[refused.row],
                output_values=None if refused.output is None else exact_json.rows(refused.output)[0],
            )
            for number, refused in enumerate(found)
        ]

    def _key_text(self, refused: Refused) -> str | None:
        for row, table in ((refused.row, self.rows), (0, refused.output)):
            if row is not None and table is not None and self._key in table.column_names:
                value = exact_json.values(table.column(self._key).slice(row, 1))[0]
                return None if value is None else str(value)
        return None

    def _who(self, refused: Refused) -> str:
        key = self._key_text(refused)
        place = "a row" if refused.row is None else f"row {refused.row} of the chunk"
        return place if key is None else f"{place}, {self._key} = {key}"

    def _too_many(self, limit: int, committed: int = 0) -> TooManyRejects:
        shown = "; ".join(f"{self._who(refused)}: {refused.reason}" for refused in self.refused[:SHOWN_REJECTS])
        before = f" beside {committed:,} of committed chunks" if committed else ""
        more = "or more " if not committed else ""
        return TooManyRejects(
            f"{len(self.refused):,} {more}rows are refused{before}, and max_rejects is {limit:,}; the first: {shown}",
            advice="Correct what they have in common, or give the job a higher max_rejects.",
        )


SHOWN_REJECTS = 3
"""Of too many, in a message."""
MAX_SENT_CHARS = 300
"""Of a refused row in a message."""


def _sent(refused: Refused) -> str:
    if refused.output is None:
        return ""
    text = exact_json.rows(refused.output)[0]
    return f": {text}" if len(text) <= MAX_SENT_CHARS else f": {text[:MAX_SENT_CHARS]}… ({len(text)} characters)"


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


def of_run(connection: Connection, run_id: str) -> list[Reject]:
    """The rejects of a run, by chunk and row. None where the ledger is older than rejects."""
    with connect.statement(f"reading the rejects of run {run_id}"):
        if not sa.inspect(connection).has_table(TABLE.name):
            return []
        found = connection.execute(sa.text(statements.load("rejects_of_run")), {"run_id": run_id}).mappings()
        return [Reject(**row) for row in found]


def committed(connection: Connection, run_id: str) -> int:
    """How many rows of the run's committed chunks were rejected."""
    with connect.statement(f"counting the rejects of run {run_id}"):
        skip_locked = " WITH (READPAST)" if connection.dialect.name == "mssql" else ""
        sql = statements.load("rejects_committed").format(skip_locked=skip_locked)
        return int(connection.execute(sa.text(sql), {"run_id": run_id}).scalar_one() or 0)


def require_within(limit: int | None, counts: Any, run_id: str) -> None:
    """Raise TooManyRejects where the committed chunks of a run, written side by side, have more than its limit."""
    total = sum(counts)
    if limit is not None and total > limit:
        raise TooManyRejects(
            f"{total:,} rows are rejected, and max_rejects is {limit:,}",
            advice=f"See them with `etl rejects {run_id}`; correct what they have in common, or raise max_rejects.",
        )


def limit_of(max_rejects: int | str, rows_planned: int) -> int:
    """How many rows may be rejected: a count, or a share of the planned rows as `0.1%`."""
    if isinstance(max_rejects, int):
        return max_rejects
    return int(float(max_rejects.rstrip("%")) / 100 * rows_planned)
