"""Column types: what each SQL type is in Arrow, how it is read and bound without loss, and what a new table gets.

The rules are data. A SQL Server type that has no rule cannot be copied and is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import pyarrow as pa

from etl.errors import JobError

Build = Callable[[int | None, int | None], pa.DataType]
OdbcType = tuple[int, int]
"""ODBC's SQL type and column size, as pyodbc's `setinputsizes` takes them; size 0 for what has none or is (max)."""

# ODBC's numbers of SQL types (sql.h, sqlext.h, sqlucode.h).
SQL_BIT = -7
SQL_BIGINT = -5
SQL_DOUBLE = 8
SQL_LONGVARBINARY = -4
SQL_WVARCHAR = -9
SQL_WLONGVARCHAR = -10
WIDE_TEXT = (SQL_WVARCHAR, 4000)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one SQL type travels. In templates `{column}` is the quoted column, `{type}` the whole type as SQL writes it."""

    arrow: Build
    """(precision, scale) → Arrow type."""
    read: str = "{column}"
    """What to select so that the driver returns every digit."""
    guard: str | None = None
    """An expression that is 0 for every value without a seventh fractional digit; anything else stops a chunk that is read
    without it."""
    six_digits: str = "{column}"
    """What to select of a column that may have a seventh digit and has none."""
    seven_digits: str | None = None
    """The value with all seven fractional digits as text, `YYYY-MM-DD hh:mm:ss.nnnnnnn`."""
    parameter: OdbcType = WIDE_TEXT
    """How a value is declared as a parameter. Fixed, so that every batch is the same statement to the server and a NULL has its
    column's type: pyodbc's own choice for NULL is varchar, which SQL Server does not convert to binary types (error 257)."""
    bind_text: bool = False
    """Bind as ISO text, which the server converts in the column's own type: the driver would change the value itself."""
    key: str | None = None
    """The type's exact text, for range bounds; None where the type cannot be a chunk key."""
    key_style: str = ""


def _fixed(arrow: pa.DataType) -> Build:
    return lambda _precision, _scale: arrow


def _decimal(precision: int | None, scale: int | None) -> pa.DataType:
    return pa.decimal128(precision or 18, scale or 0)


def _datetime2(digits: int | None, _scale: int | None) -> pa.DataType:
    # The coarsest unit that holds the type, so that what a column would round is refused instead.
    return pa.timestamp("s" if digits == 0 else "ms" if digits in {1, 2, 3} else "us")


def _time(digits: int | None, _scale: int | None) -> pa.DataType:
    return pa.time32("s") if digits == 0 else pa.time32("ms") if digits in {1, 2, 3} else pa.time64("us")


# pyodbc cuts time values to microseconds (`src/getdata.cpp`, GetDataTimestamp), so a seventh digit must be looked for.
HUNDRED_NANOSECONDS = "DATEPART(nanosecond, {column}) % 1000"

_text = Rule(_fixed(pa.string()), key="nvarchar(4000)")
# As SQL_VARBINARY of size 0 FreeTDS sends every value empty, without an error, and of any size none beyond 8,000 bytes.
_binary = Rule(_fixed(pa.binary()), parameter=(SQL_LONGVARBINARY, 0))
# Dates travel as text: FreeTDS writes every date parameter before 1600-03-01 wrong (`src/odbc/sql2tds.c`).
_datetime = Rule(_fixed(pa.timestamp("ms")), bind_text=True, key="varchar(23)", key_style=", 121")

MSSQL: dict[str, Rule] = {
    "bit": Rule(_fixed(pa.bool_()), parameter=(SQL_BIT, 0)),
    "tinyint": Rule(_fixed(pa.uint8()), parameter=(SQL_BIGINT, 0), key="varchar(20)"),
    "smallint": Rule(_fixed(pa.int16()), parameter=(SQL_BIGINT, 0), key="varchar(20)"),
    "int": Rule(_fixed(pa.int32()), parameter=(SQL_BIGINT, 0), key="varchar(20)"),
    "bigint": Rule(_fixed(pa.int64()), parameter=(SQL_BIGINT, 0), key="varchar(20)"),
    "real": Rule(_fixed(pa.float32()), parameter=(SQL_DOUBLE, 0)),
    "float": Rule(_fixed(pa.float64()), parameter=(SQL_DOUBLE, 0)),
    "decimal": Rule(_decimal, bind_text=True, key="varchar(41)"),
    "numeric": Rule(_decimal, bind_text=True, key="varchar(41)"),
    "money": Rule(_fixed(pa.decimal128(19, 4)), bind_text=True),
    "smallmoney": Rule(_fixed(pa.decimal128(10, 4)), bind_text=True),
    "date": Rule(_fixed(pa.date32()), bind_text=True, key="varchar(10)", key_style=", 23"),
    "time": Rule(
        _time,
        bind_text=True,
        guard=HUNDRED_NANOSECONDS,
        # arrow-odbc reads a time as text and has no room for a seventh digit.
        six_digits="CAST({column} AS time(6))",
        seven_digits="'1970-01-01 ' + CONVERT(varchar(16), {column}, 121)",
    ),
    "smalldatetime": replace(_datetime, arrow=_fixed(pa.timestamp("s"))),
    "datetime": _datetime,
    "datetime2": replace(
        _datetime,
        arrow=_datetime2,
        guard=HUNDRED_NANOSECONDS,
        seven_digits="CONVERT(varchar(27), {column}, 121)",
        key="varchar(27)",
    ),
    # As text, since pandas and Arrow keep an instant but not each value's own offset.
    "datetimeoffset": Rule(
        _fixed(pa.string()), read="CONVERT(varchar(34), {column}, 121)", key="varchar(34)", key_style=", 121"
    ),
    "char": _text,
    "varchar": _text,
    "nchar": _text,
    "nvarchar": _text,
    "text": replace(_text, key=None),
    "ntext": replace(_text, key=None),
    "xml": Rule(_fixed(pa.string()), read="CONVERT(nvarchar(max), {column})"),
    "uniqueidentifier": Rule(_fixed(pa.string()), key="char(36)"),
    "binary": _binary,
    "varbinary": _binary,
    "image": _binary,
    "timestamp": _binary,
    "rowversion": _binary,
}

SYNONYMS = {"sysname": "nvarchar(128)", "integer": "int", "dec": "decimal", "double precision": "float"}

STORED_AS = {"timestamp": "binary(8)", "rowversion": "binary(8)", "text": "varchar(max)", "ntext": "nvarchar(max)",
             "image": "varbinary(max)"}  # fmt: skip
"""What a new table gets for a source type that cannot be written, or that SQL Server has deprecated."""

COLLATED = frozenset({"char", "varchar", "nchar", "nvarchar", "text", "ntext"})

TYPE_TEXT = re.compile(r"^\s*([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(max|\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$", re.IGNORECASE)

SQLITE_EXACT_DIGITS = 15
"""Decimal digits that a REAL holds exactly; SQLite turns every number of a NUMERIC column into one."""


Seventh = Literal["", "ns", "text"]
"""How a column with a seventh fractional digit is read: "" without it (and stopped where there is one), in nanoseconds (the
years 1678 to 2261), or as text (all years)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or query, as its database declares it."""

    name: str
    sql_type: str
    nullable: bool = True
    identity: bool = False
    computed: bool = False
    collation: str | None = None
    seventh: Seventh = field(default="", compare=False)
    """Found in the values (`etl.seventh_digit`), so no part of what the database declares."""

    foreign_page: bool = field(default=False, compare=False)
    """Its text is in another code page than the database's (`etl.catalog.with_code_pages`)."""

    @property
    def may_have_seventh(self) -> bool:
        """Whether values may have a seventh fractional digit: 100 ns."""
        rule = MSSQL.get(base_name(self.sql_type))
        return rule is not None and rule.seven_digits is not None and fraction_digits(self.sql_type) == 7

    @property
    def writable(self) -> bool:
        """Whether an INSERT may name the column."""
        return not self.computed and base_name(self.sql_type) not in {"timestamp", "rowversion"}


def split(sql_type: str) -> tuple[str, int | None, int | None]:
    """`decimal(10,2)` → (`decimal`, 10, 2); `nvarchar(max)` → (`nvarchar`, None, None).

    Raises JobError for a text that is not a type.
    """
    match = TYPE_TEXT.match(SYNONYMS.get(sql_type.lower(), sql_type))
    if match is None:
        raise JobError(f"{sql_type!r} is not a SQL type", advice="Write it as in CREATE TABLE, e.g. nvarchar(60).")
    name, first, second = match.groups()
    number = None if first is None or first.lower() == "max" else int(first)
    return name.lower(), number, None if second is None else int(second)


def base_name(sql_type: str) -> str:
    """The type's name without arguments."""
    return split(sql_type)[0]


VARYING = frozenset({"varchar", "nvarchar", "varbinary"})
LARGE = frozenset({"text", "ntext", "image", "xml"})


def is_unbounded(sql_type: str) -> bool:
    """Whether the declaration does not say how long a value may be: (max) and the large types."""
    name, length, _ = split(sql_type)
    return name in LARGE or (name in VARYING and length is None)


UNITS_PER_SEC = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Of Arrow's units of time."""


def fraction_digits(sql_type: str) -> int:
    """The fractional digits of a time, datetime2 or datetimeoffset; 0 for a date."""
    name, digits, _ = split(sql_type)
    return 0 if name == "date" else 7 if digits is None else digits


def stored_as(dialect: str, sql_type: str) -> str:
    """The type of a new table's column that takes over a source column's values."""
    return STORED_AS.get(base_name(sql_type), sql_type) if dialect == "mssql" else sql_type


def rule(sql_type: str) -> Rule:
    """The rule of a SQL Server type. Raises JobError for a type that cannot be copied."""
    name = base_name(sql_type)
    if name not in MSSQL:
        raise JobError(
            f"columns of type {sql_type} cannot be copied",
            advice="Read a query that casts them, e.g. CAST(c AS nvarchar(4000)).",
        )
    return MSSQL[name]


def arrow_type(dialect: str, sql_type: str) -> pa.DataType:
    """The Arrow type of a declared type. Raises JobError for one that cannot be copied."""
    name, precision, scale = split(sql_type)
    if dialect == "mssql":
        return rule(sql_type).arrow(precision, scale)
    return _sqlite_arrow(name, precision, scale)


def _sqlite_arrow(name: str, precision: int | None, scale: int | None) -> pa.DataType:
    """SQLite's rules of affinity (https://www.sqlite.org/datatype3.html 3.1), with the dates that SQLAlchemy declares."""
    exact: dict[str, pa.DataType] = {
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "datetime": pa.timestamp("us"),
        "timestamp": pa.timestamp("us"),
        "time": pa.time64("us"),
    }
    if name in exact:
        return exact[name]
    if name in {"decimal", "numeric"} and precision is not None:
        return pa.decimal128(precision, scale or 0)
    affinities: list[tuple[tuple[str, ...], pa.DataType]] = [
        (("int",), pa.int64()),
        (("char", "clob", "text"), pa.string()),
        (("blob",), pa.binary()),
        (("real", "floa", "doub", "numeric", "decimal"), pa.float64()),
    ]
    for fragments, arrow in affinities:
        if any(fragment in name for fragment in fragments):
            return arrow
    raise JobError(f"SQLite columns declared as {name!r} cannot be copied", advice="Read a query that casts them.")


def column_type(dialect: str, column: Column) -> pa.DataType:
    """The Arrow type of a column's values. Raises JobError that names a column that cannot be copied."""
    if column.seventh == "text":
        return pa.string()
    if column.seventh == "ns":
        return pa.time64("ns") if base_name(column.sql_type) == "time" else pa.timestamp("ns")
    try:
        return arrow_type(dialect, column.sql_type)
    except JobError as error:
        raise JobError(f"column {column.name}: {error.message}", advice=error.advice) from None


def schema(dialect: str, columns: list[Column]) -> pa.Schema:
    """The Arrow schema of columns as they are read. Raises JobError that names a column that cannot be copied."""
    return pa.schema(
        [pa.field(column.name, column_type(dialect, column), nullable=column.nullable) for column in columns]
    )


def driver_schema(dialect: str, columns: list[Column]) -> pa.Schema:
    """The Arrow schema of columns as they come from the driver: values with a seventh digit are text still."""
    fields = list(schema(dialect, columns))
    return pa.schema(
        [
            field.with_type(pa.string()) if column.seventh else field
            for column, field in zip(columns, fields, strict=True)
        ]
    )


def landing_type(dialect: str, arrow: pa.DataType, column: Column) -> pa.DataType:
    """What values of an Arrow type are cast to before they are written to a column: what its type holds.

    An instant goes into a datetimeoffset as it is, and what has a seventh digit, as nanoseconds or as text, into a type with
    seven. SQLite holds what it is given.
    """
    if dialect != "mssql":
        return arrow
    wanted = arrow_type(dialect, column.sql_type)
    if pa.types.is_timestamp(arrow) and arrow.tz and base_name(column.sql_type) == "datetimeoffset":
        return arrow
    if column.may_have_seventh and (
        arrow in NANOSECONDS or (pa.types.is_timestamp(wanted) and pa.types.is_string(arrow))
    ):
        return arrow
    return wanted


NANOSECONDS = (pa.timestamp("ns"), pa.time64("ns"))


MSSQL_OF_ARROW: list[tuple[Callable[[pa.DataType], bool], str]] = [
    (pa.types.is_boolean, "bit"),
    (pa.types.is_uint8, "tinyint"),
    (pa.types.is_int8, "smallint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_uint16, "int"),
    (pa.types.is_int32, "int"),
    (pa.types.is_uint32, "bigint"),
    (pa.types.is_int64, "bigint"),
    (pa.types.is_uint64, "decimal(20,0)"),
    (pa.types.is_float16, "real"),
    (pa.types.is_float32, "real"),
    (pa.types.is_float64, "float"),
    (pa.types.is_date, "date"),
    (lambda arrow: arrow == pa.time64("ns"), "time(7)"),
    (pa.types.is_time, "time(6)"),
    (pa.types.is_string, "nvarchar(max)"),
    (pa.types.is_large_string, "nvarchar(max)"),
    (pa.types.is_binary, "varbinary(max)"),
    (pa.types.is_large_binary, "varbinary(max)"),
]


def mssql_type(name: str, arrow: pa.DataType) -> str:
    """The SQL Server type that holds an Arrow type whole. Raises JobError that names the column for one that none does."""
    if pa.types.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if pa.types.is_timestamp(arrow):
        return f"{'datetimeoffset' if arrow.tz else 'datetime2'}({7 if arrow.unit == 'ns' else 6})"
    for matches, sql_type in MSSQL_OF_ARROW:
        if matches(arrow):
            return sql_type
    raise JobError(f"column {name}: no SQL Server type holds {arrow}", advice="Convert it in the transform.")


def sqlite_type(name: str, arrow: pa.DataType) -> str:
    """The declaration under which SQLite keeps an Arrow type whole. Raises JobError as `mssql_type` does."""
    if pa.types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision},{arrow.scale})" if arrow.precision <= SQLITE_EXACT_DIGITS else "TEXT"
    if pa.types.is_timestamp(arrow):
        return "TEXT" if arrow.tz or arrow.unit == "ns" else "DATETIME"
    simple = {"bit": "BOOLEAN", "real": "REAL", "float": "REAL", "date": "DATE", "time(6)": "TIME", "time(7)": "TEXT",
              "nvarchar(max)": "TEXT", "varbinary(max)": "BLOB", "decimal(20,0)": "TEXT"}  # fmt: skip
    return simple.get(mssql_type(name, arrow), "INTEGER")


def declare(dialect: str, name: str, arrow: pa.DataType) -> str:
    """The type of a new column that holds an Arrow type whole. Raises JobError as `mssql_type` does."""
    return mssql_type(name, arrow) if dialect == "mssql" else sqlite_type(name, arrow)
