"""What can be counted of a column on both sides of the driver: by the server in its table, by Arrow in the rows that passed.

Every measure is exact and does not depend on the order of rows, so that those of chunks add up to those of a table. Left out
is what a server may store otherwise than it was sent (padding, rounding to a coarser clock) or what sums would not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.engine import Connection

from etl import code_pages, connect, types
from etl.bulk.lengths import utf16_units
from etl.selection import EVERY_ROW, Condition
from etl.statements import TableName, quote
from etl.types import Column

Profile = dict[str, dict[str, str]]
"""For each column its measures as text: {"amount": {"values": "10", "sum": "12.50"}}.

A column that cannot hold NULL has as many values as there are rows, which are counted elsewhere."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """Of the rows that a chunk read, and of those that it wrote."""

    read: Profile
    written: Profile


SUM_DIGITS = 28
"""Decimals that may be summed: ten digits are left for the number of rows."""
EXACT_SCALES = frozenset({0, 3, 6, 7})
"""Fractional digits of times that Arrow has too, so that nothing is rounded on the way."""
TWO_BYTE_CODEC = "cp932"
"""The only code page of `etl.code_pages` whose characters have one byte or two."""
DAYS_1900_TO_1970 = 25_567
MICROSECONDS_OF_DAY = 86_400_000_000
MODULUS = 2_147_483_647
"""Of microseconds, whose sum over a table would not fit a bigint; the sum of their remainders does for four billion rows. A
prime: a shift by whole seconds goes unseen only at 68 years."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a column's values."""

    name: str
    sql: str
    """Of `{column}`, without its aggregate function SUM."""
    arrow: Callable[[pa.ChunkedArray], Decimal | int]
    """The sum over the values, NULLs left out."""


def profile(rows: pa.Table, dialect: str, columns: Sequence[Column]) -> Profile:
    """Of rows with one column for each of `columns`, in order, as they are in that database."""
    found: Profile = {}
    for position, column in enumerate(columns):
        values = rows.column(position)
        found[column.name] = {"values": str(len(values) - values.null_count)} if column.nullable else {}
        for measure in measures(dialect, column, values.type):
            found[column.name][measure.name] = _text(measure.arrow(values) if len(values) > values.null_count else 0)
    return found


def of_table(
    connection: Connection, table: TableName, columns: Sequence[Column], schema: pa.Schema, rows: Condition = EVERY_ROW
) -> tuple[int, Profile]:
    """How many rows a table has, and their profile. `schema`: the Arrow types that the columns were read as or written from."""
    dialect = connection.dialect.name
    count = "COUNT" if dialect == "sqlite" else "COUNT_BIG"
    expressions, places = [f"{count}(*)"], []
    found: Profile = {column.name: {} for column in columns}
    for column, field in zip(columns, schema, strict=True):
        name = quote(dialect, column.name)
        if column.nullable:
            expressions.append(f"{count}({name})")
            places.append((column.name, "values"))
        for measure in measures(dialect, column, field.type):
            expressions.append(f"SUM({measure.sql.format(column=name)})")
            places.append((column.name, measure.name))
    sql = f"SELECT {', '.join(expressions)} FROM {table.quoted(dialect)} WHERE {rows.sql}"
    with connect.statement(f"counting the values of {table}"):
        row_count, *numbers = connection.exec_driver_sql(sql, rows.bounds).one()
    for (column_name, measure_name), number in zip(places, numbers, strict=True):
        found[column_name][measure_name] = _text(number or 0)
    return row_count, found


def total(profiles: Iterable[Profile]) -> Profile:
    """The profile of all rows together."""
    summed: dict[str, dict[str, Decimal]] = {}
    for one in profiles:
        for column, numbers in one.items():
            for name, number in numbers.items():
                into = summed.setdefault(column, {})
                into[name] = into.get(name, Decimal(0)) + Decimal(number)
    return {column: {name: _text(number) for name, number in numbers.items()} for column, numbers in summed.items()}


def differences(expected: Profile, found: Profile) -> list[str]:
    """Where two profiles differ, in words; columns and measures that only one of them has do not count."""
    return [
        f"{column}: {name} {found[column][name]} instead of {number}"
        for column, numbers in expected.items()
        for name, number in numbers.items()
        if found.get(column, {}).get(name, number) != number
    ]


def measures(dialect: str, column: Column, arrow: pa.DataType) -> list[Measure]:
    """What is measured of a column beside how many values it has."""
    if dialect != "mssql":
        return []
    name, _, _ = types.split(column.sql_type)
    build = MEASURES.get(name)
    return [] if build is None else build(column, arrow)


def _text(number: Any) -> str:
    return format(Decimal(number).normalize(), "f")


def _sum(_column: Column, arrow: pa.DataType) -> list[Measure]:
    if pa.types.is_boolean(arrow):
        return [Measure("sum", "CAST({column} AS bigint)", lambda values: int(pc.sum(values.cast(pa.int8())).as_py()))]
    if pa.types.is_integer(arrow) and arrow.bit_width < 64:
        return [Measure("sum", "CAST({column} AS bigint)", lambda values: int(pc.sum(values).as_py()))]
    if pa.types.is_integer(arrow):
        return [Measure("sum", "CAST({column} AS decimal(38,0))", _sum_of_bigints)]
    if not pa.types.is_decimal(arrow) or arrow.precision > SUM_DIGITS:
        return []
    # Arrow adds decimals up in 38 digits by itself.
    sql = f"CAST({{column}} AS decimal(38,{arrow.scale}))"
    return [Measure("sum", sql, lambda values: Decimal(pc.sum(values).as_py()))]


def _sum_of_bigints(values: pa.ChunkedArray) -> int:
    """By halves: Arrow's sum of whole ones would wrap around."""
    high = pc.sum(pc.shift_right(values, 32)).as_py()
    low = pc.sum(pc.bit_wise_and(values, 0xFFFF_FFFF)).as_py()
    return (int(high) << 32) + int(low)


def _days(_column: Column, _arrow: pa.DataType) -> list[Measure]:
    return [
        Measure(
            "days since 1900",
            "DATEDIFF_BIG(day, '19000101', {column})",
            lambda values: int(pc.sum(pc.add(values.cast(pa.int32()).cast(pa.int64()), DAYS_1900_TO_1970)).as_py()),
        )
    ]


def _moment(column: Column, arrow: pa.DataType) -> list[Measure]:
    if not pa.types.is_timestamp(arrow) or types.fraction_digits(column.sql_type) not in EXACT_SCALES:
        return []

    def remainders(values: pa.ChunkedArray) -> int:
        since_1900 = pc.add(_microseconds(values), DAYS_1900_TO_1970 * MICROSECONDS_OF_DAY)
        return int(pc.sum(pc.remainder(since_1900, MODULUS)).as_py())

    sql = f"DATEDIFF_BIG(microsecond, '19000101', {{column}}) % {MODULUS}"
    return [Measure(f"microseconds since 1900 % {MODULUS}", sql, remainders)]


def _microseconds(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    """Since 1970, cut off as `DATEDIFF_BIG` cuts the seventh digit."""
    return pc.floor_temporal(moments, unit="microsecond").cast(pa.timestamp("us")).cast(pa.int64())


def _bytes(column: Column, arrow: pa.DataType) -> list[Measure]:
    name, _, _ = types.split(column.sql_type)
    codec = code_pages.codec(column.collation)
    count: Callable[[pa.ChunkedArray], pa.ChunkedArray]
    if not (pa.types.is_string(arrow) or pa.types.is_binary(arrow)):
        return []
    if name in {"nvarchar", "ntext"}:
        count = _utf16_bytes
    elif name in {"varbinary", "image"} or code_pages.is_utf8(column.collation):
        count = pc.binary_length
    elif codec not in {None, TWO_BYTE_CODEC}:
        count = pc.utf8_length
    else:
        return []
    return [
        Measure(
            "bytes",
            "CAST(DATALENGTH({column}) AS bigint)",
            lambda values: int(pc.sum(pc.cast(count(values), pa.int64())).as_py()),
        )
    ]


def _utf16_bytes(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.multiply(utf16_units(values), 2)


MEASURES: dict[str, Callable[[Column, pa.DataType], list[Measure]]] = {
    **dict.fromkeys(("bit", "tinyint", "smallint", "int", "bigint", "decimal", "numeric", "money", "smallmoney"), _sum),
    "date": _days,
    "datetime2": _moment,
    **dict.fromkeys(("varchar", "nvarchar", "varbinary", "text", "ntext", "image"), _bytes),
}
"""By SQL Server type. Of real and float, of what is padded (char, nchar, binary), of the coarse clocks (datetime,
smalldatetime), of times, offsets, uniqueidentifier, xml and rowversion only the values are counted."""
