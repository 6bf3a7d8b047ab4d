"""sys.dm_exec_describe_first_result_set: the columns that a query would give, as rows.

The query is a value that is known when the statement runs, so the interpreter describes it then and binds the rows as JSON.
https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-describe-first-result-set-transact-sql
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Column
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.types import BIT, INT, NVARCHAR_MAX, SYSNAME, TINYINT, family, storage

DESCRIBED = "DESCRIBED "
"""How the bound value is called: this and the variable's name."""

_COLLATION = "SQL_Latin1_General_CP1_CI_AS"
_COLUMNS: dict[str, SqlType] = {
    "is_hidden": BIT,
    "column_ordinal": INT,
    "name": SYSNAME,
    "is_nullable": BIT,
    "system_type_name": SqlType("nvarchar", length=256),
    "precision": TINYINT,
    "scale": TINYINT,
    "collation_name": SYSNAME,
    "is_identity_column": BIT,
    "is_computed_column": BIT,
    "error_number": INT,
    "error_severity": INT,
    "error_state": INT,
    "error_message": SqlType("nvarchar", length=4000),
}


def described_columns(context: Context, variable: str, physical: str) -> tuple[list[tuple[str, Expression]], str]:
    """The function's columns through the alias `physical`, and its PostgreSQL source."""
    value = context.bind(DESCRIBED + variable, NVARCHAR_MAX)
    shape = ", ".join(f"{name} {storage(kind)}" for name, kind in _COLUMNS.items())
    columns = [(name, Expression(f"{physical}.{name}", kind, name=name)) for name, kind in _COLUMNS.items()]
    return columns, f"(SELECT * FROM json_to_recordset((({value})::text)::json) AS x({shape}))"


def describe_columns(columns: Sequence[Column]) -> str:
    """The rows for a query's columns, as JSON."""
    rows = []
    for ordinal, column in enumerate(columns, 1):
        rows.append(
            {
                "is_hidden": False,
                "column_ordinal": ordinal,
                "name": column.name or None,
                "is_nullable": column.nullable,
                "system_type_name": "timestamp" if column.type.name == "rowversion" else str(column.type),
                "precision": column.type.precision or 0,
                "scale": column.type.scale or 0,
                "collation_name": _COLLATION if family(column.type) == "text" else None,
                "is_identity_column": column.identity,
                "is_computed_column": column.computed,
            }
        )
    return json.dumps(rows)


def describe_error(error: SqlServerError) -> str:
    """The one row for a query that cannot be described."""
    row = {
        "error_number": error.number,
        "error_severity": error.severity,
        "error_state": error.state,
        "error_message": error.message,
    }
    return json.dumps([row])
