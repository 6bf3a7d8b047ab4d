"""The seventh fractional digit of datetime2(7) and time(7), SQL Server's default: 100 ns, which the drivers' own values cut.

Arrow and pandas have it in nanoseconds, which reach from 1677 to 2262 only, while microseconds hold every year. So a column's
values decide, once per run and before it is read: without such a digit they are microseconds, else nanoseconds, and where
years beyond those stand beside it (`9999-12-31 23:59:59.9999999`, a temporal table's end of time) text, which loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.engine import Connection

from etl import connect, types
from etl.errors import SchemaError
from etl.selection import Selection
from etl.types import Column, Seventh

FIRST_YEAR, LAST_YEAR = 1678, 2261
"""The years that nanoseconds since 1970 in 64 bits hold whole."""


def found(connection: Connection, selection: Selection) -> list[Column]:
    """The selection's columns, each with how its seventh digit is read. The server scans those that may have one.

    Raises DatabaseError when the server refuses.
    """
    if selection.digits_sql is None:
        return selection.columns
    with connect.statement(f"looking for seventh fractional digits in {selection.origin}"):
        numbers = iter(connection.exec_driver_sql(selection.digits_sql, selection.bounds).one())
    return [
        replace(column, seventh=_way(next(numbers), next(numbers), next(numbers)))
        if column.may_have_seventh
        else column
        for column in selection.columns
    ]


def _way(digit: int | None, first_year: int | None, last_year: int | None) -> Seventh:
    if not digit or first_year is None or last_year is None:
        return ""
    return "ns" if first_year >= FIRST_YEAR and last_year <= LAST_YEAR else "text"


def fitting(text: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Moments as text with seven digits, in the type that holds them all: without such a digit microseconds, else
    nanoseconds, or the text itself.
    """
    is_time = types.base_name(column.sql_type) == "time"
    with_day = pc.binary_join_element_wise("1970-01-01", text, " ") if is_time else text
    if not pc.any(pc.invert(pc.ends_with(text, "0"))).as_py():
        in_us = pc.utf8_slice_codeunits(with_day, 0, -1).cast(pa.timestamp("us"))
        return in_us.cast(pa.time64("us")) if is_time else in_us
    try:
        in_ns = with_day.cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return text
    return in_ns.cast(pa.time64("ns")) if is_time else in_ns


def notes(columns: Sequence[Column]) -> list[str]:
    """What a user should know of columns that are read in another type than their years would suggest."""
    return [
        f"{column.name} is read as text: it holds both 100 ns and years that nanoseconds do not reach"
        for column in columns
        if column.seventh == "text"
    ]


def parsed(batch: pa.RecordBatch, selection: Selection) -> pa.RecordBatch:
    """The batch with the text of columns that are read in nanoseconds parsed. Raises SchemaError for a year out of reach."""
    for position, column in enumerate(selection.columns):
        if column.seventh != "ns":
            continue
        try:
            moments = batch.column(position).cast(pa.timestamp("ns"))
        except pa.ArrowInvalid as error:
            raise SchemaError(
                f"{selection.origin}: column {column.name} ({column.sql_type}) holds a year that nanoseconds do not reach, "
                f"which it did not when the reading was planned ({error})",
                advice="Start anew.",
            ) from error
        field = pa.field(column.name, types.column_type("mssql", column), nullable=column.nullable)
        batch = batch.set_column(position, field, moments.cast(field.type))
    return batch
