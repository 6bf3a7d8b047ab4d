"""What becomes of each column on its way: its pandas dtype, its column in the target, and what is lost or refused there."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from etl import casting, frames, types
from etl.frame_dtypes import FrameDtypes
from etl.job import Job
from etl.plan import Plan
from etl.preview.losses import Way, may_be_rowid, remarks
from etl.types import Column

OBJECTS = {"decimal": "Decimal", "binary": "bytes", "date": "date", "time": "time", "bool": "bool"}
"""What a column of dtype object holds, by the kind of its Arrow type."""


@dataclass(frozen=True, slots=True)
class ColumnPreview:
    """One column's way. Plain data."""

    name: str
    source_type: str | None
    """None for a column that is not read."""
    pandas: str | None
    """The dtype in which a transform sees it."""
    output_type: str | None
    """The Arrow type that every chunk is cast to; None for a column that is not written."""
    target_type: str | None
    """None for a column that the target does not have."""
    target_nullable: bool | None
    remarks: list[str] = field(default_factory=list)
    """What would be refused or changed, and what a reader should know."""


def columns_of(
    job: Job, plan: Plan, output: pa.Schema, existing: list[Column], target_dialect: str, *, is_new: bool
) -> list[ColumnPreview]:
    """Each column that is read, then those that are only written, then those of the target that get nothing.

    `output` is what the transform gives, `existing` are all columns of the target's table. A plan without target columns
    is one whose output is not known yet.
    """
    dialect = job.source_endpoint.dialect
    dtypes = pandas_dtypes(dialect, plan.source_columns, job.frame_dtypes)
    sources = {column.name: column for column in plan.source_columns}
    ways = {
        landing.name: Way(
            sources.get(landing.name), dialect, output.field(landing.name).type, landing, target, target_dialect, is_new
        )
        for landing, target in zip(plan.output_schema, plan.target_columns, strict=True)
    }
    read = [_preview(name, column, dtypes[name], ways.get(name)) for name, column in sources.items()]
    added = [_preview(name, None, None, way) for name, way in ways.items() if name not in sources]
    filled = {column.name.casefold() for column in plan.target_columns}
    rest = [column for column in existing if filled and column.name.casefold() not in filled]
    left = [
        ColumnPreview(column.name, None, None, None, column.sql_type, column.nullable, [unfilled(column)])
        for column in rest
    ]
    return [*read, *added, *left]


def _preview(name: str, source: Column | None, dtype: str | None, way: Way | None) -> ColumnPreview:
    source_type = None if source is None else source.sql_type
    if way is None:
        return ColumnPreview(name, source_type, dtype, None, None, None)
    target = way.target
    return ColumnPreview(
        name, source_type, dtype, str(way.landing.type), target.sql_type, target.nullable, remarks(way)
    )


def pandas_dtypes(dialect: str, columns: list[Column], frame_dtypes: FrameDtypes) -> dict[str, str]:
    """The dtype of each column in a transform's frame, and the other one that it has in a chunk with NULLs."""
    schema = types.schema(dialect, columns)
    nothing = pa.table([pa.nulls(1, column.type) for column in schema], names=schema.names)
    full = frames.to_pandas(schema.empty_table(), frame_dtypes).dtypes
    with_null = frames.to_pandas(nothing, frame_dtypes).dtypes
    found = {}
    for column in columns:
        values = OBJECTS.get(casting.kind_of(schema.field(column.name).type), "")
        always, then = (_named(str(dtypes[column.name]), values) for dtypes in (full, with_null))
        found[column.name] = always if always == then or not column.nullable else f"{always}, with NULLs {then}"
    return found


def _named(dtype: str, values: str) -> str:
    return f"{dtype} ({values})" if dtype == "object" and values else dtype


def unfilled(column: Column) -> str:
    """What a column of the target gets that no output fills."""
    if not column.writable or column.identity or may_be_rowid(column):
        return "not filled: the server gives the values"
    if column.nullable:
        return "not filled: its DEFAULT, else NULL"
    return "not filled: its DEFAULT; without one the server refuses the rows, since it is NOT NULL"
