"""Rows of SQL Server as Arrow record batches through arrow-odbc: fetched and typed in Rust, over the same FreeTDS driver.

arrow-odbc sizes its buffers by what a column declares. A (max) column declares nothing, so its longest value is asked for
first: this module alone decides how wide a buffer is. A value that grew in between stops the chunk instead of being cut.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl import connect, seventh_digit, types
from etl.connect import Endpoint
from etl.errors import SchemaError
from etl.selection import Selection, refuse_cut
from etl.types import Column

BATCH_ROWS = 20_000
BATCH_BYTES = 32 << 20
"""Of one buffer that the driver fills, at the columns' full widths; there are two, since one is filled while one is read."""
MAX_VALUE_BYTES = 1 << 20
"""A chunk with a longer value is read through the driver's rows, which do not hold room for the longest in every row."""
MAX_DECLARED_TEXT_BYTES = 8_000 * 3
MAX_DECLARED_BINARY_BYTES = 8_000
UTF8_BYTES_A_BYTE = {"varchar": 3.0, "text": 3.0, "nvarchar": 1.5, "ntext": 1.5, "xml": 1.5}
"""The most bytes of UTF-8 that a byte of the server's encoding becomes: the euro sign of code page 1252 has three, and so have
two bytes of UTF-16."""
SPARE_TEXT_BYTES = 4
"""Left free behind the longest text: of a text that it converts and cuts FreeTDS tells the length of what is left, as if that
were all. What reaches into these bytes was cut."""


@dataclass(frozen=True, slots=True)
class Widths:
    """How many bytes the buffers of unbounded columns have for each value."""

    text_bytes: int
    binary_bytes: int

    @property
    def fit(self) -> bool:
        """Whether buffers of that width for every row of a batch are reasonable."""
        return max(self.text_bytes, self.binary_bytes) <= MAX_VALUE_BYTES


def can_read(source: Endpoint, selection: Selection) -> bool:
    """Whether arrow-odbc carries the selection whole: parameters are text in ASCII, and (max) columns can be measured.

    So is what it connects by: before a connection is there, FreeTDS takes its bytes for ISO 8859-1 (`src/odbc/odbc_util.c`,
    odbc_mb2utf), and another password comes to the server.

    It binds parameters as varchar, whose code page need not have a key's characters. A query is not measured: it would run
    twice, and the second time may give other rows. For -0.9 in a decimal(1,1) it has a byte too few: it makes room for the
    digits, the sign and the point, and FreeTDS writes a 0 before the point.
    """
    if source.dialect != "mssql" or not all(isinstance(bound, str) and bound.isascii() for bound in selection.bounds):
        return False
    if not source.odbc_string.isascii() or any(map(_is_all_fraction, selection.columns)):
        return False
    return selection.longest_sql is not None or not selection.unbounded


def measure(connection: Any, selection: Selection) -> Widths:
    """The widths that the selection's longest values need. `connection` is arrow-odbc's."""
    longest = {"text": MAX_DECLARED_TEXT_BYTES, "binary": MAX_DECLARED_BINARY_BYTES}
    if selection.longest_sql is not None:
        schema = pa.schema([pa.field(str(number), pa.int64()) for number, _ in enumerate(selection.unbounded)])
        with connect.statement(f"measuring the longest values of {selection.origin}"):
            (batch,) = connection.read_arrow_batches(
                selection.longest_sql, parameters=list(selection.bounds) or None, schema=schema
            )
        for column, (server_bytes,) in zip(selection.unbounded, batch.columns, strict=True):
            name = types.base_name(column.sql_type)
            kind = "text" if name in UTF8_BYTES_A_BYTE else "binary"
            needed = math.ceil((server_bytes.as_py() or 0) * UTF8_BYTES_A_BYTE.get(name, 1.0))
            longest[kind] = max(longest[kind], needed)
    return Widths(longest["text"] + SPARE_TEXT_BYTES, longest["binary"])


def read_batches(connection: Any, selection: Selection, widths: Widths) -> Generator[pa.RecordBatch]:
    """The selection's rows as record batches of the declared types, as they arrive.

    Raises DatabaseError when the server refuses or breaks off, or when binary is wider than its buffer, SchemaError for a value
    that the driver would cut, or that has outgrown the longest that was measured.
    """
    schema = types.driver_schema("mssql", selection.columns)
    doing = f"reading {selection.origin}"
    with connect.statement(doing):
        reader = connection.read_arrow_batches(
            selection.sql,
            batch_size=BATCH_ROWS,
            max_bytes_per_batch=BATCH_BYTES,
            parameters=list(selection.bounds) or None,
            schema=_with_guards(schema, selection),
            max_text_size=widths.text_bytes,
            max_binary_size=widths.binary_bytes,
        )
    batches = iter(reader)
    while True:
        with connect.statement(doing):
            batch = next(batches, None)
        if batch is None:
            return
        _refuse_longer(batch, selection, widths)
        yield seventh_digit.parsed(_without_guards(batch, schema, selection), selection)


def _refuse_longer(batch: pa.RecordBatch, selection: Selection, widths: Widths) -> None:
    for position, column in enumerate(selection.columns):
        values = batch.column(position)
        if not pa.types.is_string(values.type):
            continue
        longest = pc.max(pc.binary_length(values)).as_py() or 0
        if longest > widths.text_bytes - SPARE_TEXT_BYTES:
            raise SchemaError(
                f"{selection.origin}: column {column.name} ({column.sql_type}) holds a value that is longer than the longest "
                "was when it was measured, just before",
                advice="Start again; the table was changed meanwhile.",
            )


def _is_all_fraction(column: Column) -> bool:
    name, precision, scale = types.split(column.sql_type)
    return name in {"decimal", "numeric"} and scale is not None and scale == precision


def _with_guards(schema: pa.Schema, selection: Selection) -> pa.Schema:
    guards = [pa.field(f"guard {number}", pa.int64()) for number, _ in enumerate(selection.guarded)]
    return pa.schema([*schema, *guards])


def _without_guards(batch: pa.RecordBatch, schema: pa.Schema, selection: Selection) -> pa.RecordBatch:
    for column, digits in zip(selection.guarded, batch.columns[len(schema) :], strict=True):
        if any(digits.unique().drop_null().to_pylist()):
            refuse_cut(selection, column)
    return pa.RecordBatch.from_arrays(batch.columns[: len(schema)], schema=schema)
