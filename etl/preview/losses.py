"""Which of a column's values would be refused or changed on the way into its target, and what a new table leaves behind.

Told from types alone, before a row is read: what is said here is what `casting`, `bulk` and the server then do.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from etl import casting, code_pages, lineage, seventh_digit, types
from etl.bulk import lengths, records
from etl.python_values import UnfitError
from etl.types import Column

AFFINITIES = (
    (("int",), "integer"),
    (("char", "clob", "text"), "text"),
    (("blob",), "blob"),
    (("real", "floa", "doub"), "real"),
)
"""Of SQLite's declared types by what their names contain, else numeric (https://www.sqlite.org/datatype3.html 3.1)."""
FIXED = frozenset({"char", "nchar", "binary"})
"""Types that SQL Server pads to their declared length."""
OTHER_LENGTHS = {"uniqueidentifier": 36, "datetimeoffset": 34, "rowversion": 8, "timestamp": 8}
"""Of what is read as text or bytes and declares no length."""
RUN_ID_CHARS = 8
"""Of the ids that `ledger.start_run` makes."""
DIGITS_OF_UNIT = {"s": 0, "ms": 3, "us": 6, "ns": 7}
"""What is sent of nanoseconds has seven."""


@dataclass(frozen=True, slots=True)
class Way:
    """One column from source to target."""

    source: Column | None
    """None for one that a transform or the lineage adds."""
    source_dialect: str
    output: pa.DataType
    """What it is after the transform."""
    landing: pa.Field
    """What it is cast to."""
    target: Column
    target_dialect: str
    is_new: bool
    """Whether the table is to be made."""

    @property
    def is_passed_on(self) -> bool:
        """Whether the values are the source's, as far as their type tells."""
        return self.source is not None and types.column_type(self.source_dialect, self.source) == self.output

    @property
    def bounded_source(self) -> Column | None:
        """The source's column where its declaration bounds the values; SQLite's binds nobody."""
        return self.source if self.is_passed_on and self.source_dialect == "mssql" else None


def remarks(way: Way) -> list[str]:
    """What would be refused or changed on this way, and what is left behind."""
    found = [*_read(way), *_made_anew(way)]
    if way.target_dialect == "sqlite":
        return [*found, *_affinity(way), *_nulls(way)]
    found += _cast(way)
    if not any(one.startswith("refused: every") for one in found):
        found += [*_length(way), *_code_page(way), *_rounding(way), *_floating(way)]
    return [*found, *_nulls(way), *_detour(way)]


def _read(way: Way) -> list[str]:
    source = way.source
    if source is None:
        return ["added by lineage" if way.landing.name in lineage.SCHEMA.names else "added by the transform"]
    if source.seventh == "ns":
        return ["read in nanoseconds: it holds a seventh fractional digit"]
    return seventh_digit.notes([source])


def _made_anew(way: Way) -> list[str]:
    """What a new table's column does not take over."""
    source = way.source
    if source is None or not way.is_new:
        return []
    left = [what for what, has in (("IDENTITY", source.identity), ("its formula", source.computed)) if has]
    found = [f"{what} is not taken over, only the values" for what in left]
    if not source.nullable and way.target.nullable:
        found.append("NOT NULL is not taken over")
    name = types.base_name(source.sql_type) if way.source_dialect == "mssql" else ""
    if name in types.STORED_AS and way.target.sql_type == types.STORED_AS[name]:
        found.append(f"{name} is kept as {way.target.sql_type}")
    return found


def _cast(way: Way) -> list[str]:
    if way.output == way.landing.type or _all_fit(_extremes(way.output), way):
        return []
    if not _all_fit(_neutral(way.output), way):
        kind = casting.kind_of(way.output)
        return [f"refused: every value but NULL, since {kind} is never turned into {way.target.sql_type}"]
    return [f"refused: a value that {way.target.sql_type} does not hold exactly"]


def _all_fit(values: pa.Array | None, way: Way) -> bool:
    if values is None:
        return False
    try:
        casting.cast_exactly(values, way.landing.type)
    except UnfitError:
        return False
    return True


def _neutral(arrow: pa.DataType) -> pa.Array | None:
    """A value that fits every type that its kind is ever turned into."""
    return _values([ZERO[casting.kind_of(arrow)]], arrow) if casting.kind_of(arrow) in ZERO else None


def _extremes(arrow: pa.DataType) -> pa.Array | None:
    """Values of a type that another one holds only where it holds all; None where no few can tell."""
    if pa.types.is_integer(arrow):
        bits = arrow.bit_width
        if pa.types.is_unsigned_integer(arrow):
            return _values([0, 2**bits - 1], arrow)
        return _values([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1], arrow)
    if pa.types.is_decimal(arrow):
        return _values([Decimal(f"{'9' * arrow.precision}E-{arrow.scale}")], arrow)
    if pa.types.is_timestamp(arrow) or pa.types.is_time(arrow):
        return _values([1], arrow)  # one step of its unit
    return _values(SEVERAL[casting.kind_of(arrow)], arrow) if casting.kind_of(arrow) in SEVERAL else None


def _values(values: list[Any], arrow: pa.DataType) -> pa.Array:
    if isinstance(values[0], int) and pa.types.is_temporal(arrow):
        return pa.array(values, pa.int32() if arrow.bit_width == 32 else pa.int64()).cast(arrow)
    return pa.array(values, arrow)


ZERO: dict[str, Any] = {
    "bool": False,
    "integer": 0,
    "float": 0.0,
    "decimal": Decimal(0),
    "text": "",
    "binary": b"",
    "date": dt.date(2000, 1, 1),
    "timestamp": 0,
    "time": 0,
}
SEVERAL: dict[str, list[Any]] = {
    "bool": [False, True],
    "text": [""],
    "binary": [b""],
    "date": [dt.date.min, dt.date.max],
}


def _length(way: Way) -> list[str]:
    name, declared, _ = types.split(way.target.sql_type)
    if name not in lengths.UNIT_BYTES or declared is None:
        return []
    found = []
    longest = _longest(way)
    if longest is None or longest > declared:
        found.append(f"refused: a value longer than {declared}")
    if name in FIXED and not (
        longest == declared and _source_name(way) in {*FIXED, "uniqueidentifier", "rowversion", "timestamp"}
    ):
        found.append(f"padded to {declared}")
    return found


def _longest(way: Way) -> int | None:
    """The greatest length of the values, in what the target's type counts; None where nothing bounds it."""
    source = way.bounded_source
    if source is None:
        return RUN_ID_CHARS if way.landing.name == lineage.RUN else None
    name, declared, _ = types.split(source.sql_type)
    if name in OTHER_LENGTHS:
        return OTHER_LENGTHS[name]
    if declared is None or name not in lengths.UNIT_BYTES:
        return None
    in_bytes = types.base_name(way.target.sql_type) in {"char", "varchar"} and code_pages.is_utf8(way.target.collation)
    was_in_bytes = name in {"char", "varchar"} and code_pages.is_utf8(source.collation)
    # A unit of UTF-16 has at most three bytes of UTF-8, a byte of a single-byte code page too.
    return declared * 3 if in_bytes and not was_in_bytes else declared


def _source_name(way: Way) -> str:
    return "" if way.bounded_source is None else types.base_name(way.bounded_source.sql_type)


def _code_page(way: Way) -> list[str]:
    target, source = way.target, way.bounded_source
    if (
        not code_pages.is_encoded(target)
        or code_pages.is_utf8(target.collation)
        or way.landing.name in lineage.SCHEMA.names
    ):
        return []
    page = code_pages.codec(target.collation)
    if source is not None:
        if types.base_name(source.sql_type) in {"uniqueidentifier", "datetimeoffset"}:
            return []
        if code_pages.is_encoded(source) and (
            source.collation == target.collation or page == code_pages.codec(source.collation)
        ):
            return []
    if page is None:
        return [f"not looked at beforehand: characters that the code page of {target.collation} lacks"]
    return [f"refused: a character that code page {page.removeprefix('cp')} lacks"]


def _rounding(way: Way) -> list[str]:
    """SQL Server's moments, which are rounded to the column's type once they are in its unit."""
    name = types.base_name(way.target.sql_type)
    source, digits = _source_name(way), _digits(way)
    found = []
    if name in {"time", "datetime2", "datetimeoffset"} and digits > types.fraction_digits(way.target.sql_type):
        kept = types.fraction_digits(way.target.sql_type)
        found.append(f"rounded to {kept} fractional digit{'' if kept == 1 else 's'}")
    if name == "datetime" and source not in {"datetime", "smalldatetime"}:
        found += ["rounded to 1/300 s"] if digits else []
        found.append("refused: years before 1753")
    if name == "smalldatetime" and source != "smalldatetime":
        found += [] if casting.kind_of(way.output) == "date" else ["rounded to the minute"]
        found.append("refused: days outside of 1900-01-01 to 2079-06-06")
    return found


def _digits(way: Way) -> int:
    """The fractional digits that values may have when they are sent."""
    arrow = way.landing.type
    held = DIGITS_OF_UNIT[arrow.unit] if pa.types.is_timestamp(arrow) or pa.types.is_time(arrow) else 7
    source = _source_name(way)
    if casting.kind_of(way.output) == "date" or source == "smalldatetime":
        return 0
    if source in {"time", "datetime2", "datetimeoffset"} and way.bounded_source is not None:
        return min(held, types.fraction_digits(way.bounded_source.sql_type))
    return held


def _floating(way: Way) -> list[str]:
    if not pa.types.is_floating(way.landing.type) or way.bounded_source is not None:
        return []
    return ["refused: infinity"]


def _nulls(way: Way) -> list[str]:
    can_be_null = way.source is None or way.source.nullable
    return ["refused: NULL"] if can_be_null and not way.target.nullable and not may_be_rowid(way.target) else []


def may_be_rowid(column: Column) -> bool:
    """Whether it may be SQLite's INTEGER PRIMARY KEY, which numbers rows that come without a value."""
    return column.sql_type == "INTEGER" and not column.nullable


def _detour(way: Way) -> list[str]:
    found = []
    name = types.base_name(way.target.sql_type)
    if records.kind(way.target) is None:
        why = "its code page is not the database's" if way.target.foreign_page else f"bulk copy has no {name}"
        found.append(f"goes through a temporary table as {records.carried_as(way.target)}: {why}")
    if name == "xml":
        # "CAST and CONVERT (Transact-SQL)", xml styles: by default insignificant white space is discarded.
        found.append("parsed anew by the server, which drops insignificant white space")
    return found


def _affinity(way: Way) -> list[str]:
    """SQLite's, by which it changes a value on its way in (https://www.sqlite.org/datatype3.html 3.1, 3.4)."""
    declared, kind = way.target.sql_type.lower(), casting.kind_of(way.output)
    affinity = next((name for parts, name in AFFINITIES if any(part in declared for part in parts)), "numeric")
    is_number = affinity in {"integer", "real", "numeric"}
    if way.is_passed_on and way.source_dialect == "sqlite":
        return []  # SQLite did that when it took the value in.
    if is_number and kind == "decimal" and way.output.precision > types.SQLITE_EXACT_DIGITS:
        return [f"rounded to about {types.SQLITE_EXACT_DIGITS} digits: SQLite makes a number of it"]
    if is_number and kind == "text":
        return ["text that reads as a number becomes one in SQLite"]
    if affinity == "text" and kind == "float":
        return [f"rounded to {types.SQLITE_EXACT_DIGITS} digits: SQLite makes text of it"]
    if affinity == "real" and kind == "integer" and way.output.bit_width == 64:
        return ["rounded above 2**53: SQLite makes a float of it"]
    return []
