"""The plan: a job's chunks, fixed before the first row moves.

A table with a usable key is cut into key ranges. The bounds are read as the key's exact text and compared by the server in
the key's own type and collation, so no rounding or case rule of Python gets a say, and an index on the key is used. Ranges
are half-open; the last one is closed at the highest key that planning saw; rows without a key have a chunk of their own.
Anything else is one stream, which is spooled first (`etl.spool`); its chunks are the spool's files.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import catalog, connect, statements, types, watermark
from etl.errors import JobError
from etl.job import Job
from etl.keys import Bound, bound_text, bound_value, is_keyable
from etl.route import NO_ROUTE, Route
from etl.selection import EVERY_ROW, Condition
from etl.statements import TableName, quote
from etl.types import Column
from etl.watermark import Window

ChunkKind = Literal["range", "nulls", "spool"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of work, retry and commit. Plain data: it is stored with the run and sent to workers."""

    number: int
    kind: ChunkKind
    lower: Bound | None = None
    upper: Bound | None = None
    upper_closed: bool = False
    rows_planned: int = 0
    """An estimate for key ranges, exact for slices of a spool."""
    file: str = ""
    sha256: str = ""

    def __str__(self) -> str:
        return f"chunk {self.number} ({self.extent})"

    @property
    def extent(self) -> str:
        """Which rows it has, in words."""
        if self.kind == "nulls":
            return "rows without a key"
        if self.kind == "spool":
            return self.file
        below = "<=" if self.upper_closed else "<"
        return f"{self.lower} <= key {below} {self.upper}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run needs to know about its data, stored in the ledger before the first row moves."""

    source_columns: list[Column]
    target_columns: list[Column]
    output_schema: pa.Schema
    """What every chunk is cast to after the transform: one field for each target column that is written, in order."""
    chunks: list[Chunk]
    key: str | None = None
    spool: str | None = None
    route: Route = NO_ROUTE
    window: Window | None = None
    """Which rows are new, for a job with a watermark."""
    source_version: str | None = None
    """The source's row version when it was planned: what changed since lies above it."""
    target_was_empty: bool = False
    """Then all that the target holds in the end is this run's, unless others write to it meanwhile."""
    notes: list[str] = field(default_factory=list)
    """What the user should know: why there are no key ranges, what was decided."""

    @property
    def rows_planned(self) -> int:
        """Rows in all chunks, as planned."""
        return sum(chunk.rows_planned for chunk in self.chunks)

    def new_rows(self, dialect: str) -> Condition:
        """Which of the source's rows the run is about."""
        if self.window is None:
            return EVERY_ROW
        column = next(column for column in self.source_columns if column.name == self.window.column)
        return watermark.condition(dialect, column, self.window)

    def to_json(self) -> str:
        """The plan as text for the ledger."""
        fields: dict[str, Any] = {
            "source_columns": [asdict(column) for column in self.source_columns],
            "target_columns": [asdict(column) for column in self.target_columns],
            "output_schema": base64.b64encode(self.output_schema.serialize().to_pybytes()).decode("ascii"),
            "chunks": [asdict(chunk) for chunk in self.chunks],
            "key": self.key,
            "spool": self.spool,
            "route": asdict(self.route),
            "window": None if self.window is None else asdict(self.window),
            "source_version": self.source_version,
            "target_was_empty": self.target_was_empty,
            "notes": self.notes,
        }
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote."""
        fields = json.loads(text)
        schema_bytes = base64.b64decode(fields["output_schema"])
        return cls(
            source_columns=[Column(**column) for column in fields["source_columns"]],
            target_columns=[Column(**column) for column in fields["target_columns"]],
            output_schema=pa.ipc.read_schema(pa.py_buffer(schema_bytes)),
            chunks=[Chunk(**chunk) for chunk in fields["chunks"]],
            key=fields["key"],
            spool=fields["spool"],
            route=Route.from_dict(fields["route"]),
            window=None if fields["window"] is None else Window(**fields["window"]),
            source_version=fields["source_version"],
            target_was_empty=fields.get("target_was_empty", False),
            notes=fields["notes"],
        )


def source_columns(connection: Connection, job: Job) -> list[Column]:
    """The columns that the job reads. Raises JobError for an unknown table, a refused query, a type without a rule."""
    if job.query is not None:
        columns = catalog.query_columns(connection, job.query)
    else:
        assert job.source_table is not None
        columns = catalog.table_columns(connection, TableName.parse(job.source_table))
    types.schema(connection.dialect.name, columns)
    return columns


def choose_key(connection: Connection, job: Job, columns: list[Column]) -> tuple[Column | None, str]:
    """The column that cuts the table into ranges, or None, and why. Raises JobError when the job's key cannot do it."""
    if job.query is not None:
        return None, "a query has no order to come back to: its rows are spooled first"
    assert job.source_table is not None
    by_name = {column.name.casefold(): column for column in columns}
    dialect = connection.dialect.name
    if job.key is not None:
        column = by_name.get(job.key.casefold())
        if column is None:
            raise JobError(
                f"{job.source_table} has no column {job.key}",
                advice=f"Its columns: {', '.join(column.name for column in columns)}.",
            )
        if not is_keyable(dialect, column):
            raise JobError(
                f"{job.source_table}.{column.name} is {column.sql_type}, which cannot be cut into ranges",
                advice="Take a key of integers, decimals, dates, text or uniqueidentifier, or none.",
            )
        return column, f"key ranges over {column.name}"
    key = catalog.primary_key(connection, TableName.parse(job.source_table))
    if len(key) == 1 and is_keyable(dialect, by_name[key[0].casefold()]):
        return by_name[key[0].casefold()], f"key ranges over the primary key {key[0]}"
    return None, "no single-column primary key: the rows are spooled first; name a key to avoid that"


def key_ranges(connection: Connection, job: Job, key: Column, new: Condition = EVERY_ROW) -> list[Chunk]:
    """Chunks that cover every new row once: ranges of about `chunk_rows` rows each, and one for rows without a key."""
    assert job.source_table is not None
    dialect = connection.dialect.name
    names = {
        "table": TableName.parse(job.source_table).quoted(dialect),
        "key": quote(dialect, key.name),
        "new": new.sql,
    }
    bounds_sql = statements.load("plan_bounds").format(bound=bound_text(dialect, key, "numbered.key_value"), **names)
    totals_sql = statements.load(f"plan_totals_{dialect}").format(
        bound=bound_text(dialect, key, "totals.key_value"), **names
    )
    with connect.statement(f"planning key ranges of {job.source_table} over {key.name}"):
        starts = connection.exec_driver_sql(bounds_sql, (*new.bounds, job.chunk_rows)).all()
        totals = connection.exec_driver_sql(totals_sql, new.bounds).one()
    chunks = _ranges([(row.bound, row.first_row) for row in starts], totals.last_bound, totals.keyed_rows)
    if totals.null_rows:
        chunks.append(Chunk(len(chunks), "nulls", rows_planned=totals.null_rows))
    return chunks


def range_condition(dialect: str, key: Column, chunk: Chunk) -> Condition:
    """Which rows a key-range chunk has."""
    column = quote(dialect, key.name)
    if chunk.kind == "nulls":
        return Condition(f"{column} IS NULL")
    assert chunk.lower is not None
    assert chunk.upper is not None
    bound = bound_value(dialect, key)
    operator = "<=" if chunk.upper_closed else "<"
    return Condition(f"{column} >= {bound} AND {column} {operator} {bound}", (chunk.lower, chunk.upper))


def _ranges(starts: list[tuple[Bound, int]], last: Bound | None, rows: int) -> list[Chunk]:
    """[start, next start) … [last start, last], numbered from 0."""
    if not starts or last is None:
        return []
    inner = [
        Chunk(number, "range", lower, upper, rows_planned=next_row - row)
        for number, ((lower, row), (upper, next_row)) in enumerate(pairwise(starts))
    ]
    lower, first_row = starts[-1]
    closing = Chunk(len(inner), "range", lower, last, upper_closed=True, rows_planned=max(rows - first_row + 1, 0))
    return [*inner, closing]
