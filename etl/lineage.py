"""Two columns that say of every row in the target which run and chunk brought it, so that `etl undo` can take a run back."""

from __future__ import annotations

import pyarrow as pa

from etl.errors import SchemaError
from etl.selection import Condition
from etl.statements import quote

RUN, CHUNK = "etl_run_id", "etl_chunk_id"
SCHEMA = pa.schema([pa.field(RUN, pa.string()), pa.field(CHUNK, pa.int32())])
COLUMN_TYPES = {"mssql": {RUN: "varchar(16)", CHUNK: "int"}, "sqlite": {RUN: "TEXT", CHUNK: "INTEGER"}}
"""For a target that is made."""


def extended(output: pa.Schema) -> pa.Schema:
    """The output's columns and these two. Raises SchemaError where it has columns of these names."""
    taken = [name for name in output.names if name.casefold() in {RUN, CHUNK}]
    if taken:
        raise SchemaError(
            f"the output has a column {', '.join(taken)}, which lineage would add",
            state="Nothing was written.",
            advice="Drop it in a transform: it tells of the run that brought the row to the source.",
        )
    return pa.schema([*output, *SCHEMA])


def without(output: pa.Schema) -> pa.Schema:
    """The columns of an extended output that the transform gives."""
    return pa.schema(list(output)[: -len(SCHEMA)])


def added(rows: pa.Table, output: pa.Schema, run_id: str, chunk_no: int) -> pa.Table:
    """The rows with both columns, in the types of the extended output."""
    for field, value in zip(list(output)[-len(SCHEMA) :], (run_id, chunk_no), strict=True):
        rows = rows.append_column(field, pa.repeat(pa.scalar(value, field.type), rows.num_rows))
    return rows


def rows_of(dialect: str, run_id: str) -> Condition:
    """The rows that a run brought."""
    return Condition(f"{quote(dialect, RUN)} = ?", (run_id,))
