"""A query read as it stands, for a frame: no SELECT around it, so it may have ORDER BY and WITH, and it runs once.

Moments that a driver's own values would cut come as the driver's text, which has all their digits; what becomes of them is
settled by the values themselves when all are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from etl import read_arrow, seventh_digit, types
from etl.connect import Endpoint
from etl.selection import Selection, special
from etl.types import Column

WITHOUT_FRACTION_CHARS = {"datetime2": 19, "time": 8, "datetimeoffset": 26}
"""Of `YYYY-MM-DD hh:mm:ss`, `hh:mm:ss` and `YYYY-MM-DD hh:mm:ss +hh:mm`."""


def selection(source: Endpoint, query: str, columns: Sequence[Column]) -> Selection | None:
    """The query as it stands, or None where it must be wrapped to arrive whole, or arrow-odbc cannot read it."""
    if any(
        types.base_name(column.sql_type) not in WITHOUT_FRACTION_CHARS for column in special(source.dialect, columns)
    ):
        return None
    as_text = [replace(column, seventh="text") if column.may_have_seventh else column for column in columns]
    plain = Selection(query, as_text, [], "the query")
    return plain if read_arrow.can_read(source, plain) else None


def settled(rows: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """The rows with the driver's text of moments as what they are: a datetimeoffset's text with a year of four digits, the
    others in microseconds, nanoseconds or, beyond these, text.
    """
    for position, column in enumerate(columns):
        name = types.base_name(column.sql_type)
        if column.may_have_seventh or name == "datetimeoffset":
            digits = types.fraction_digits(column.sql_type)
            chars = WITHOUT_FRACTION_CHARS[name] + (digits + 1 if digits else 0)
            text = pc.utf8_lpad(rows.column(position), chars, "0")  # FreeTDS writes the year 1 as 1
            field = rows.schema.field(position)
            values = text if name == "datetimeoffset" else seventh_digit.fitting(text, column)
            rows = rows.set_column(position, field.with_type(values.type), values)
    return rows
