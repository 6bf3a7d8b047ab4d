"""A column's values as bounds: exact text that the server makes and compares in the column's own type and collation."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

from etl import types
from etl.types import Column

Bound = str | int | float
SQLITE_KEYS: list[Callable[[pa.DataType], bool]] = [
    pa.types.is_integer,
    pa.types.is_string,
    pa.types.is_date,
    pa.types.is_timestamp,
]
COLLATION_NAME = re.compile(r"\w+")
ROWVERSIONS = frozenset({"rowversion", "timestamp"})


def is_rowversion(dialect: str, column: Column) -> bool:
    """Whether the server gives the column a new, higher value at every change of its row."""
    return dialect == "mssql" and types.base_name(column.sql_type) in ROWVERSIONS


def is_keyable(dialect: str, column: Column) -> bool:
    """Whether the column's values have an order in which they can be cut into ranges."""
    if dialect == "mssql":
        name, length, _ = types.split(column.sql_type)
        is_max = name in types.COLLATED and length is None
        return types.rule(column.sql_type).key is not None and not is_max
    arrow = types.arrow_type(dialect, column.sql_type)
    return any(check(arrow) for check in SQLITE_KEYS)


def bound_text(dialect: str, key: Column, expression: str) -> str:
    """SQL for the exact text of an expression of the key's type; SQLite's own value where that is exact."""
    if is_rowversion(dialect, key):
        return f"CONVERT(varchar(18), CAST({expression} AS binary(8)), 1)"
    if dialect != "mssql":
        return expression
    rule = types.rule(key.sql_type)
    return f"CONVERT({rule.key}, {expression}{rule.key_style})"


def bound_value(dialect: str, key: Column) -> str:
    """SQL for a bound parameter in the key's exact type.

    Text in a code page takes the column's collation, hence code page, first.
    """
    if dialect != "mssql":
        return "?"
    if is_rowversion(dialect, key):
        return "CONVERT(binary(8), ?, 1)"
    name = types.base_name(key.sql_type)
    if name in {"char", "varchar"} and key.collation and COLLATION_NAME.fullmatch(key.collation):
        return f"CAST(CAST(? AS nvarchar(4000)) COLLATE {key.collation} AS {key.sql_type})"
    rule = types.rule(key.sql_type)
    if rule.key_style:
        return f"CONVERT({key.sql_type}, ?{rule.key_style})"
    return f"CAST(? AS {key.sql_type})"
