"""What SQL Server's types are to the translation: families, precedence, storage, and the types of operations' results."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SIZED, SqlType

BIT = SqlType("bit")
TINYINT = SqlType("tinyint")
SMALLINT = SqlType("smallint")
INT = SqlType("int")
BIGINT = SqlType("bigint")
FLOAT = SqlType("float")
REAL = SqlType("real")
MONEY = SqlType("money")
DATE = SqlType("date")
DATETIME = SqlType("datetime")
DATETIME2 = SqlType("datetime2", scale=7)
DATETIMEOFFSET = SqlType("datetimeoffset", scale=7)
GUID = SqlType("uniqueidentifier")
SYSNAME = SqlType("nvarchar", length=128)
NVARCHAR_MAX = SqlType("nvarchar")
VARCHAR_MAX = SqlType("varchar")
VARBINARY_MAX = SqlType("varbinary")

FAMILY = {
    "bit": "bit",
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "int"),
    **dict.fromkeys(("real", "float"), "float"),
    "decimal": "decimal",
    **dict.fromkeys(("money", "smallmoney"), "money"),
    "date": "date",
    "time": "time",
    **dict.fromkeys(("smalldatetime", "datetime", "datetime2"), "stamp"),
    "datetimeoffset": "offset",
    **dict.fromkeys(("char", "varchar", "nchar", "nvarchar", "text", "ntext"), "text"),
    **dict.fromkeys(("binary", "varbinary", "image", "rowversion"), "binary"),
    "uniqueidentifier": "guid",
    "xml": "xml",
}
"""The types that one conversion rule serves."""

# https://learn.microsoft.com/sql/t-sql/data-types/data-type-precedence-transact-sql, lowest first
_PRECEDENCE = {
    name: rank
    for rank, name in enumerate(
        [
            "binary",
            "varbinary",
            "char",
            "varchar",
            "nchar",
            "nvarchar",
            "uniqueidentifier",
            "rowversion",
            "image",
            "text",
            "ntext",
            "bit",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "smallmoney",
            "money",
            "decimal",
            "real",
            "float",
            "time",
            "date",
            "smalldatetime",
            "datetime",
            "datetime2",
            "datetimeoffset",
            "xml",
        ]
    )
}

_STORAGE = {
    "bit": "bool",
    "int": "int4",
    "float": "float8",
    "decimal": "numeric",
    "money": "numeric",
    "date": "date",
    "time": "sandbox.clock",
    "stamp": "sandbox.stamp",
    "offset": "sandbox.dto",
    "text": "citext",
    "binary": "bytea",
    "guid": "uuid",
    "xml": "text",
}
_INTEGERS = {"tinyint": "int2", "smallint": "int2", "int": "int4", "bigint": "int8"}

_SYNONYMS = {
    "integer": "int",
    "dec": "decimal",
    "numeric": "decimal",
    "timestamp": "rowversion",
    "character": "char",
    "double precision": "float",
    "national character": "nchar",
    "national char": "nchar",
    "char varying": "varchar",
    "character varying": "varchar",
    "national char varying": "nvarchar",
    "national character varying": "nvarchar",
    "binary varying": "varbinary",
    "national text": "ntext",
}
_PLAIN = frozenset(
    [
        "bit",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "real",
        "money",
        "smallmoney",
        "date",
        "smalldatetime",
        "datetime",
        "text",
        "ntext",
        "image",
        "uniqueidentifier",
        "xml",
        "rowversion",
    ]
)
_TYPE = re.compile(
    r"^\s*(?:\[?sys\]?\s*\.\s*)?\[?([a-z][a-z0-9_ ]*?)\]?\s*(?:\(\s*(max|\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$",
    re.IGNORECASE,
)
_MAX_LENGTH = {"char": 8000, "varchar": 8000, "nchar": 4000, "nvarchar": 4000, "binary": 8000, "varbinary": 8000}
CAST_LENGTH = 30
"""The length of `varchar` and its like inside CAST and CONVERT; elsewhere it is 1."""


def family(kind: SqlType) -> str:
    """The conversion family of a type."""
    found = FAMILY.get(kind.name)
    if found is None:
        raise not_supported(f"the type {kind}")
    return found


_MISSING = frozenset({"sql_variant", "hierarchyid", "geometry", "geography", "json", "vector"})
"""SQL Server's own types that are not here; any other unknown name is error 2715."""


@lru_cache(maxsize=4096)
def parse_type(text: str, default_length: int = 1) -> SqlType:
    """`nvarchar(40)`, `[decimal](10, 2)`, `double precision` to a SqlType. Error 2715 for an unknown name."""
    match = _TYPE.match(text)
    if match is None:
        raise SqlServerError(102, f"Incorrect syntax near '{text.strip()}'.", severity=15, ends_batch=True)
    name = " ".join(match[1].lower().split())
    name = _SYNONYMS.get(name, name)
    first, second = match[2], match[3]
    return _with_arguments(name, first.lower() if first else None, second, default_length)


def _with_arguments(name: str, first: str | None, second: str | None, default_length: int) -> SqlType:
    if name == "sysname":
        return SYSNAME
    if name in SIZED:
        return _sized(name, first, default_length)
    if name == "decimal":
        precision, scale = int(first or 18), int(second or 0)
        if not 1 <= precision <= 38:
            raise _bad(
                2750,
                f"Column or parameter #1: Specified column precision {precision} is greater than the maximum precision"
                " of 38.",
            )
        if scale > precision:
            raise _bad(183, f"The scale ({scale}) for column '' must be within the range 0 to {precision}.")
        return SqlType("decimal", precision=precision, scale=scale)
    if name == "float":
        return REAL if first is not None and int(first) <= 24 else FLOAT
    if name in {"time", "datetime2", "datetimeoffset"}:
        scale = 7 if first is None else int(first)
        if scale > 7:
            raise _bad(1002, f"Line 1: Specified scale {scale} is invalid.")
        return SqlType(name, scale=scale)
    if name in _PLAIN:
        if first is not None:
            raise _bad(2716, f"Column, parameter, or variable #1: Cannot specify a column width on data type {name}.")
        return SqlType(name)
    if name in _MISSING:
        raise not_supported(f"the type {name}")
    raise _bad(2715, f"Column, parameter, or variable #1: Cannot find data type {name}.")


def _sized(name: str, first: str | None, default_length: int) -> SqlType:
    if first == "max":
        if name in {"char", "nchar", "binary"}:
            raise _bad(102, "Incorrect syntax near 'max'.")
        return SqlType(name)
    length = default_length if first is None else int(first)
    if length == 0:
        raise _bad(1001, "Line 1: Length or precision specification 0 is invalid.")
    if length > _MAX_LENGTH[name]:
        raise _bad(
            131,
            f"The size ({length}) given to the type '{name}' exceeds the maximum allowed for any data type"
            f" ({_MAX_LENGTH[name]}).",
        )
    return SqlType(name, length=length)


def _bad(number: int, message: str) -> SqlServerError:
    return SqlServerError(number, message, ends_batch=True)


def storage(kind: SqlType, collation: str | None = None) -> str:
    """The PostgreSQL type that holds values of `kind`."""
    if kind.name in _INTEGERS:
        return _INTEGERS[kind.name]
    if kind.name == "real":
        return "float4"
    if collation is not None and family(kind) == "text" and is_case_sensitive(collation):
        return "text"
    return _STORAGE[family(kind)]


def column_storage(kind: SqlType, collation: str | None = None) -> str:
    """The PostgreSQL type of a table's column: `storage` with the typmods that keep digits."""
    if kind.name == "decimal":
        return f"numeric({kind.precision},{kind.scale})"
    if kind.name == "money":
        return "numeric(19,4)"
    if kind.name == "smallmoney":
        return "numeric(10,4)"
    return storage(kind, collation)


def is_case_sensitive(collation: str) -> bool:
    """Whether a collation tells case apart (`_CS_`, `_BIN`, `_BIN2`). Error 448 for a collation not known here."""
    name = collation.lower()
    if name == "database_default":
        return False
    if not re.match(r"^(sql_latin1_general|latin1_general)", name):
        raise SqlServerError(448, f"Invalid collation '{collation}'.", ends_batch=True)
    if name.endswith(("_bin", "_bin2")) or "_cs_as" in name:
        return True
    if "_ci_as" in name:
        return False
    raise not_supported(f"the collation {collation}")


def is_wide(kind: SqlType) -> bool:
    """Whether a text type counts UTF-16 units rather than bytes of code page 1252."""
    return kind.name in {"nchar", "nvarchar", "ntext"}


def is_utf8(collation: str | None) -> bool:
    """Whether char and varchar under a collation hold UTF-8."""
    return collation is not None and collation.lower().endswith("_utf8")


def under(kind: SqlType, collation: str | None) -> SqlType:
    """The type that a text has under a collation."""
    utf8 = is_utf8(collation) and kind.name in {"char", "varchar", "text"}
    return kind if kind.utf8 == utf8 else replace(kind, utf8=utf8)


def holds_unicode(kind: SqlType) -> bool:
    """Whether a text type holds every character, rather than those of code page 1252."""
    return is_wide(kind) or kind.utf8


def is_fixed_text(kind: SqlType) -> bool:
    """char and nchar: held without trailing blanks, padded where they are shown."""
    return kind.name in {"char", "nchar"}


def precedence(kind: SqlType) -> int:
    """SQL Server's rank of a type: the lower is converted to the higher."""
    return _PRECEDENCE[kind.name]


def common_type(types: list[SqlType]) -> SqlType:
    """The type of CASE, COALESCE, UNION, VALUES over operands of these types."""
    result = types[0]
    for kind in types[1:]:
        result = _common(result, kind)
    return result


def _common(a: SqlType, b: SqlType) -> SqlType:
    if a == b:
        return a
    high, low = (a, b) if precedence(a) >= precedence(b) else (b, a)
    if high.name == "decimal":
        return _common_decimal(high, low)
    if high.name in SIZED and low.name in SIZED:
        lengths = (high.length, low.length)
        length = None if None in lengths else max(x for x in lengths if x is not None)
        if length is not None:
            length = min(length, _MAX_LENGTH[high.name])
        varying = {"char": "varchar", "nchar": "nvarchar", "binary": "varbinary"}
        name = high.name if a.name == b.name and a.length == b.length else varying.get(high.name, high.name)
        return SqlType(name, length=length)
    if high.name in {"time", "datetime2", "datetimeoffset"}:
        return SqlType(high.name, scale=max(high.scale or 0, time_scale(low)))
    return high


def _digits(kind: SqlType) -> tuple[int, int]:
    """(precision, scale) of a decimal."""
    assert kind.precision is not None
    assert kind.scale is not None
    return kind.precision, kind.scale


def _common_decimal(high: SqlType, low: SqlType) -> SqlType:
    other = as_decimal(low)
    if other is None:
        return high
    high_digits, other_digits = _digits(high), _digits(other)
    scale = max(high_digits[1], other_digits[1])
    whole = max(high_digits[0] - high_digits[1], other_digits[0] - other_digits[1])
    return SqlType("decimal", precision=min(38, whole + scale), scale=min(scale, max(38 - whole, 0)))


def time_scale(kind: SqlType) -> int:
    """Fractional digits that a time type can show."""
    if kind.name == "datetime":
        return 3
    return kind.scale or 0 if kind.name in {"time", "datetime2", "datetimeoffset"} else 0


def as_decimal(kind: SqlType) -> SqlType | None:
    """The decimal that an exact number is treated as next to a decimal; None for other types."""
    digits = {
        "bit": (1, 0),
        "tinyint": (3, 0),
        "smallint": (5, 0),
        "int": (10, 0),
        "bigint": (19, 0),
        "smallmoney": (10, 4),
        "money": (19, 4),
    }
    if kind.name == "decimal":
        return kind
    found = digits.get(kind.name)
    return None if found is None else SqlType("decimal", precision=found[0], scale=found[1])


def decimal_result(operator: str, a: SqlType, b: SqlType) -> SqlType:
    """Precision and scale of `a operator b`: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql."""
    (p1, s1), (p2, s2) = _digits(a), _digits(b)
    if operator in "+-":
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
        if precision > 38:
            scale = max(min(scale, 38 - (precision - scale)), 0)
            precision = 38
        return SqlType("decimal", precision=precision, scale=scale)
    if operator == "*":
        precision, scale = p1 + p2 + 1, s1 + s2
    elif operator == "/":
        scale = max(6, s1 + p2 + 1)
        precision = p1 - s1 + s2 + scale
    else:
        scale = max(s1, s2)
        precision = min(p1 - s1, p2 - s2) + scale
    if precision > 38:
        whole = precision - scale
        scale = min(scale, 6) if whole > 32 else min(scale, 38 - whole)
        precision = 38
    return SqlType("decimal", precision=precision, scale=scale)


def concat_type(a: SqlType, b: SqlType) -> SqlType:
    """The type of `a + b` over two texts or two binaries."""
    text = "nvarchar" if is_wide(a) or is_wide(b) else "varchar"
    name = "varbinary" if "binary" in {family(a), family(b)} else text
    if a.length is None or b.length is None:
        return SqlType(name)
    return SqlType(name, length=min(a.length + b.length, _MAX_LENGTH[name]))
