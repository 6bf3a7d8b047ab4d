"""Values that no way leads into their column of the target, found before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from etl import code_pages, insert
from etl.bad_rows import halving
from etl.bulk import lengths, records, staging
from etl.errors import SchemaError
from etl.route import Way
from etl.types import Column

PIECE_ROWS = 4_096
"""Rows that are judged together while bad ones are looked for."""
ALONE = ", row 0: "
"""What stands before the reason of an error about a row that is judged alone."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A value that SQL Server's column cannot hold."""

    row: int
    """From 0."""
    column: Column
    reason: str

    @property
    def error(self) -> SchemaError:
        """The same as an error."""
        return SchemaError(
            f"column {self.column.name} ({self.column.sql_type}): {self.reason}",
            advice="Correct it in the transform, or make the column wider.",
        )


def search(rows: pa.Table, columns: Sequence[Column], way: Way) -> Iterator[Unfit]:
    """Yield each value that its column cannot hold.

    `rows` has one column for each of `columns`, in order; these bear the table's own collations.
    """
    for position, column in enumerate(columns):
        trouble = partial(_trouble, rows.select([position]), column, way)
        if trouble(0, rows.num_rows) is not None:
            for row, error in halving.search(0, rows.num_rows, trouble, piece=PIECE_ROWS):
                _, _, reason = error.message.partition(ALONE)
                yield Unfit(row, column, reason or error.message)


def _trouble(values: pa.Table, column: Column, way: Way, start: int, stop: int) -> SchemaError | None:
    part = values.slice(start, stop - start)
    try:
        code_pages.refuse_foreign(part, [column])
        if way == "insert":
            records.refuse_unfit(part, [column])
            insert.refuse_infinity(part.column(0), column)
            return None
        small = lengths.split(part, [column]).small
        travels = staging.staged(column) if way == "staging table" else column
        if _may_be_refused(small.column(0), travels):
            for _ in records.blocks(small, [travels], [1]):
                pass
    except SchemaError as error:
        return error
    return None


def _may_be_refused(values: pa.ChunkedArray, column: Column) -> bool:
    """False for text, binary values and decimals that fit for sure: to encode them takes most of the time."""
    kind = records.kind(column)
    if (
        kind is None
        or kind.bind_type not in {records.TEXT, records.BINARY}
        or (values.null_count and not column.nullable)
    ):
        return True
    return pa.types.is_string(values.type) and bool(pc.any(pc.match_substring(values, "\0")).as_py())
