"""sys.dm_exec_describe_first_result_set: the columns that a query would give, as rows.

The query is a value that is known when the statement runs, so the interpreter describes it then and binds the rows as JSON.
https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-describe-first-result-set-transact-sql
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Column
from etl.sandbox.sqltypes import SIZED, SqlType, Value
from etl.sandbox.translation.context import Bind, Context
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.types import BIT, INT, NVARCHAR_MAX, SMALLINT, SYSNAME, TINYINT, family, is_wide, storage


@dataclass(frozen=True, slots=True)
class Given:
    """An argument: a variable's name, or a text (None for NULL)."""

    variable: str = ""
    text: str | None = None


@dataclass(frozen=True, slots=True)
class DescribedBind(Bind):
    """A value that is the description of the query that another value holds."""

    query: Given
    parameters: Given


_COLLATION = "SQL_Latin1_General_CP1_CI_AS"
_DEFAULT_COLLATION_ID = 0x00D00409
_UTF8_COLLATION_ID = 0x24D00409
_TEXT = SqlType("nvarchar", length=4000)
COLUMNS: dict[str, SqlType] = {
    "is_hidden": BIT,
    "column_ordinal": INT,
    "name": SYSNAME,
    "is_nullable": BIT,
    "system_type_id": INT,
    "system_type_name": SqlType("nvarchar", length=256),
    "max_length": SMALLINT,
    "precision": TINYINT,
    "scale": TINYINT,
    "collation_name": SYSNAME,
    "user_type_id": INT,
    **dict.fromkeys(("user_type_database", "user_type_schema", "user_type_name"), SYSNAME),
    "assembly_qualified_type_name": _TEXT,
    "xml_collection_id": INT,
    **dict.fromkeys(("xml_collection_database", "xml_collection_schema", "xml_collection_name"), SYSNAME),
    **dict.fromkeys(("is_xml_document", "is_case_sensitive", "is_fixed_length_clr_type"), BIT),
    **dict.fromkeys(("source_server", "source_database", "source_schema", "source_table", "source_column"), SYSNAME),
    **dict.fromkeys(("is_identity_column", "is_part_of_unique_key", "is_updateable", "is_computed_column"), BIT),
    "is_sparse_column_set": BIT,
    **dict.fromkeys(("ordinal_in_order_by_list", "order_by_is_descending", "order_by_list_length"), SMALLINT),
    **dict.fromkeys(("error_number", "error_severity", "error_state"), INT),
    "error_message": SqlType("nvarchar", length=4000),
    "error_type": INT,
    "error_type_desc": SqlType("nvarchar", length=60),
    **dict.fromkeys(("tds_type_id", "tds_length", "tds_collation_id"), INT),
    "tds_collation_sort_id": TINYINT,
}
"""What the function answers, in its order."""


def described_columns(
    context: Context, query: Given, parameters: Given, physical: str
) -> tuple[list[tuple[str, Expression]], str]:
    """The function's columns through the alias `physical`, and its PostgreSQL source."""
    value = context.bind_as(DescribedBind("DESCRIBED", NVARCHAR_MAX, query, parameters))
    shape = ", ".join(f"{name} {storage(kind)}" for name, kind in COLUMNS.items())
    columns = [(name, Expression(f"{physical}.{name}", kind, name=name)) for name, kind in COLUMNS.items()]
    return columns, f"(SELECT * FROM json_to_recordset((({value})::text)::json) AS x({shape}))"


def describe_columns(columns: Sequence[Column]) -> str:
    """The rows for a query's columns, as JSON."""
    return json.dumps([described_row(ordinal, column) for ordinal, column in enumerate(columns, 1)])


def described_row(ordinal: int, column: Column) -> dict[str, Value]:
    """What there is to say of a column; what is not named is NULL."""
    text = family(column.type) == "text"
    fixed = column.identity or column.computed or column.type.name == "rowversion"
    return type_facts(column.type) | {
        "is_hidden": False,
        "column_ordinal": ordinal,
        "name": column.name or None,
        "is_nullable": column.nullable,
        "collation_name": (column.collation or _COLLATION) if text else None,
        "is_xml_document": False,
        "is_case_sensitive": False,
        "is_fixed_length_clr_type": False,
        "is_identity_column": column.identity,
        "is_updateable": False if fixed else None,
        "is_computed_column": column.computed,
        "is_sparse_column_set": False,
        "tds_collation_id": (_UTF8_COLLATION_ID if column.type.utf8 else _DEFAULT_COLLATION_ID) if text else None,
        "tds_collation_sort_id": (0 if column.type.utf8 else 52) if text else None,
    }


def type_facts(kind: SqlType) -> dict[str, Value]:
    """A type as the catalog and the wire number it."""
    precision, scale = _digits(kind)
    size = _max_length(kind)
    return {
        "system_type_id": _SYSTEM_TYPES[kind.name],
        "system_type_name": "timestamp" if kind.name == "rowversion" else str(kind),
        "max_length": size,
        "precision": precision,
        "scale": scale,
        "tds_type_id": _TDS_TYPES[kind.name],
        "tds_length": 65535 if size == -1 else size,
    }


# system_type_id: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql
_SYSTEM_TYPES = {
    **{"image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43},
    **{
        "tinyint": 48,
        "smallint": 52,
        "int": 56,
        "smalldatetime": 58,
        "real": 59,
        "money": 60,
        "datetime": 61,
        "float": 62,
    },
    **{"ntext": 99, "bit": 104, "decimal": 106, "smallmoney": 122, "bigint": 127, "varbinary": 165, "varchar": 167},
    **{"binary": 173, "char": 175, "rowversion": 189, "nvarchar": 231, "nchar": 239, "xml": 241},
}
# The nullable form's number on the wire (MS-TDS 2.2.5.4).
_TDS_TYPES = _SYSTEM_TYPES | {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), 0x26),
    **dict.fromkeys(("real", "float"), 0x6D),
    **dict.fromkeys(("money", "smallmoney"), 0x6E),
    **dict.fromkeys(("datetime", "smalldatetime"), 0x6F),
    **{"bit": 0x68, "decimal": 0x6A, "rowversion": 0xAD},
}
_FIXED_SIZES = {
    **{
        "bit": 1,
        "tinyint": 1,
        "smallint": 2,
        "int": 4,
        "bigint": 8,
        "real": 4,
        "float": 8,
        "smallmoney": 4,
        "money": 8,
    },
    **{"date": 3, "smalldatetime": 4, "datetime": 8, "uniqueidentifier": 16, "rowversion": 8, "xml": -1},
    **{"text": 16, "ntext": 16, "image": 16},
}
_FIXED_DIGITS = {
    **{"bit": (1, 0), "tinyint": (3, 0), "smallint": (5, 0), "int": (10, 0), "bigint": (19, 0), "real": (24, 0)},
    **{"float": (53, 0), "smallmoney": (10, 4), "money": (19, 4), "date": (10, 0), "smalldatetime": (16, 0)},
    "datetime": (23, 3),
}
_TIME_BYTES = {"time": 3, "datetime2": 6, "datetimeoffset": 8}
_TIME_DIGITS = {"time": 8, "datetime2": 19, "datetimeoffset": 26}


def _max_length(kind: SqlType) -> int:
    """Bytes that a value takes at most, as sys.columns has them; -1 for (max)."""
    if kind.name in SIZED:
        return -1 if kind.length is None else kind.length * (2 if is_wide(kind) else 1)
    if kind.name == "decimal":
        return next(size for digits, size in ((9, 5), (19, 9), (28, 13), (38, 17)) if (kind.precision or 0) <= digits)
    if kind.name in _TIME_BYTES:
        return _TIME_BYTES[kind.name] + max((kind.scale or 0) - 1, 0) // 2
    return _FIXED_SIZES[kind.name]


def _digits(kind: SqlType) -> tuple[int, int]:
    """(precision, scale) as sys.columns has them."""
    if kind.name == "decimal":
        return kind.precision or 0, kind.scale or 0
    if kind.name in _TIME_DIGITS:
        scale = kind.scale or 0
        return _TIME_DIGITS[kind.name] + (scale + 1 if scale else 0), scale
    return _FIXED_DIGITS.get(kind.name, (0, 0))


def describe_error(error: SqlServerError) -> str:
    """The one row for a query that cannot be described."""
    syntax = error.severity == 15
    row = {
        "error_number": error.number,
        "error_severity": error.severity,
        "error_state": error.state,
        "error_message": error.message,
        "error_type": 2 if syntax else 1,
        "error_type_desc": "SYNTAX" if syntax else "MISC",
    }
    return json.dumps([row])
