"""sp_datatype_info_100: what ODBC drivers ask about the server's types (SQLGetTypeInfo).

pyodbc over FreeTDS asks for 93 (timestamp) when it connects and takes the digits of a parameter's fraction from the answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from etl.sandbox.outcomes import Column, Command, Outcome, ResultSet, StatementDone
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState
from etl.sandbox.translation.types import INT, SYSNAME

_SMALLINT = SqlType("smallint")
_TEXT = SqlType("varchar", length=32)

_COLUMNS = (
    Column("TYPE_NAME", SYSNAME, nullable=False),
    Column("DATA_TYPE", _SMALLINT, nullable=False),
    Column("PRECISION", INT),
    Column("LITERAL_PREFIX", _TEXT),
    Column("LITERAL_SUFFIX", _TEXT),
    Column("CREATE_PARAMS", _TEXT),
    Column("NULLABLE", _SMALLINT),
    Column("CASE_SENSITIVE", _SMALLINT),
    Column("SEARCHABLE", _SMALLINT),
    Column("UNSIGNED_ATTRIBUTE", _SMALLINT),
    Column("MONEY", _SMALLINT),
    Column("AUTO_INCREMENT", _SMALLINT),
    Column("LOCAL_TYPE_NAME", SYSNAME),
    Column("MINIMUM_SCALE", _SMALLINT),
    Column("MAXIMUM_SCALE", _SMALLINT),
    Column("SQL_DATA_TYPE", _SMALLINT, nullable=False),
    Column("SQL_DATETIME_SUB", _SMALLINT),
    Column("NUM_PREC_RADIX", INT),
    Column("INTERVAL_PRECISION", _SMALLINT),
    Column("USERTYPE", _SMALLINT),
)

# name, ODBC type, precision, prefix, suffix, parameters, case-sensitive, unsigned, money, minimum and maximum scale, radix
_TYPES: tuple[tuple[Value, ...], ...] = (
    ("datetimeoffset", -155, 34, "'", "'", "scale", 0, None, 0, 0, 7, None),
    ("time", -154, 16, "'", "'", "scale", 0, None, 0, 0, 7, None),
    ("xml", -152, 0, "N'", "'", None, 1, None, 0, None, None, None),
    ("uniqueidentifier", -11, 36, "'", "'", None, 0, None, 0, None, None, None),
    ("ntext", -10, 1073741823, "N'", "'", None, 0, None, 0, None, None, None),
    ("nvarchar", -9, 4000, "N'", "'", "max length", 0, None, 0, None, None, None),
    ("sysname", -9, 128, "N'", "'", None, 0, None, 0, None, None, None),
    ("nchar", -8, 4000, "N'", "'", "length", 0, None, 0, None, None, None),
    ("bit", -7, 1, None, None, None, 0, None, 0, 0, 0, None),
    ("tinyint", -6, 3, None, None, None, 0, 1, 0, 0, 0, 10),
    ("bigint", -5, 19, None, None, None, 0, 0, 0, 0, 0, 10),
    ("image", -4, 2147483647, "0x", None, None, 0, None, 0, None, None, None),
    ("varbinary", -3, 8000, "0x", None, "max length", 0, None, 0, None, None, None),
    ("binary", -2, 8000, "0x", None, "length", 0, None, 0, None, None, None),
    ("timestamp", -2, 8, "0x", None, None, 0, None, 0, None, None, None),
    ("text", -1, 2147483647, "'", "'", None, 0, None, 0, None, None, None),
    ("char", 1, 8000, "'", "'", "length", 0, None, 0, None, None, None),
    ("numeric", 2, 38, None, None, "precision,scale", 0, 0, 0, 0, 38, 10),
    ("decimal", 3, 38, None, None, "precision,scale", 0, 0, 0, 0, 38, 10),
    ("money", 3, 19, "$", None, None, 0, 0, 1, 4, 4, 10),
    ("smallmoney", 3, 10, "$", None, None, 0, 0, 1, 4, 4, 10),
    ("int", 4, 10, None, None, None, 0, 0, 0, 0, 0, 10),
    ("smallint", 5, 5, None, None, None, 0, 0, 0, 0, 0, 10),
    ("float", 6, 53, None, None, None, 0, 0, 0, None, None, 2),
    ("real", 7, 24, None, None, None, 0, 0, 0, None, None, 2),
    ("varchar", 12, 8000, "'", "'", "max length", 0, None, 0, None, None, None),
    ("date", 91, 10, "'", "'", None, 0, None, 0, None, 0, None),
    ("datetime2", 93, 27, "'", "'", "scale", 0, None, 0, 0, 7, None),
    ("datetime", 93, 23, "'", "'", None, 0, None, 0, 3, 3, None),
    ("smalldatetime", 93, 16, "'", "'", None, 0, None, 0, 0, 0, None),
)
_DATETIME_SUBCODES = {91: 1, 93: 3}


def datatype_info(wanted: int, state: SessionState) -> Iterator[Outcome]:
    """The types with ODBC number `wanted`, or all for 0."""
    rows = [_row(item) for item in _TYPES if wanted in {0, item[1]}]
    state.row_count = len(rows)
    yield ResultSet(_COLUMNS, iter([rows] if rows else []))
    yield StatementDone(Command.SELECT, len(rows))


def _row(item: tuple[Value, ...]) -> tuple[Value, ...]:
    name, number, precision, prefix, suffix, parameters, sensitive, unsigned, money, low, high, radix = item
    assert isinstance(number, int)
    searchable = 2 if number in {-152, -4, -10, -1} else 3
    base = 9 if number in _DATETIME_SUBCODES else number
    increment = 0 if unsigned is not None else None
    return (
        *(
            name,
            number,
            precision,
            prefix,
            suffix,
            parameters,
            1,
            sensitive,
            searchable,
            unsigned,
            money,
            increment,
            name,
        ),
        *(low, high, base, _DATETIME_SUBCODES.get(number), radix, None, 0),
    )
