"""ISJSON, JSON_VALUE and JSON_QUERY."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from etl.sandbox.errors import SqlServerError
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.functions import function
from etl.sandbox.translation.json_paths import path_argument
from etl.sandbox.translation.nodes import value
from etl.sandbox.translation.types import INT, NVARCHAR_MAX, family


def json_text(context: Context, node: exp.Expr, name: str) -> str:
    """An argument that holds JSON, as PostgreSQL text. Error 8116 for what is no text."""
    given = value(context, node)
    if not given.is_null and family(given.type) != "text":
        raise SqlServerError(
            8116, f"Argument data type {given.type.name} is invalid for argument 1 of {name} function.", ends_batch=True
        )
    return f"({convert(given, NVARCHAR_MAX).sql})::text"


@function("ISJSON", 1)
def _isjson(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    return Expression(f"sandbox.is_json({json_text(context, arguments[0], 'isjson')})", INT)


@function("JSON_VALUE", 1, 2)
def _json_value(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    """A scalar of at most 4,000 characters. Errors 13608, 13623 and 13625 in strict mode, else NULL."""
    path = path_argument(arguments[1] if len(arguments) == 2 else None)
    found = path.from_root(f"sandbox.json_document({json_text(context, arguments[0], 'json_value')})")
    strict = "true" if path.strict else "false"
    return Expression(f"sandbox.json_short_scalar({found}, {strict})::citext", SqlType("nvarchar", length=4000))


@function("JSON_QUERY", 1, 2)
def _json_query(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    """An object or array as it is written. Errors 13608 and 13624 in strict mode, else NULL."""
    path = path_argument(arguments[1] if len(arguments) == 2 else None)
    found = path.from_root(f"sandbox.json_document({json_text(context, arguments[0], 'json_query')})")
    call = "json_fragment_strict" if path.strict else "json_fragment"
    return Expression(f"sandbox.{call}({found})::citext", NVARCHAR_MAX)
