"""Table-valued functions in FROM."""

from __future__ import annotations

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.described import Given, described_columns
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.nodes import value
from etl.sandbox.translation.open_json import open_json
from etl.sandbox.translation.principal_functions import my_permissions
from etl.sandbox.translation.string_functions import text
from etl.sandbox.translation.types import BIGINT, is_wide

_Columns = list[tuple[str, Expression]]


def table_function(context: Context, node: exp.Expr, physical: str) -> tuple[str, _Columns, str]:
    """A function's name, its columns through the alias `physical`, and its PostgreSQL source."""
    call = node.args["this"]
    if isinstance(call, exp.OpenJSON):
        return "openjson", *open_json(context, call, physical)
    name = ".".join(part.name for part in (node.args.get("db"), call) if part is not None).lower()
    if name == "sys.dm_exec_describe_first_result_set":
        return call.name, *_describe(context, call, physical)
    if name == "string_split":
        return call.name, *_string_split(context, call, physical)
    if name in {"fn_my_permissions", "sys.fn_my_permissions"}:
        return call.name, *my_permissions(context, call.expressions, physical)
    raise not_supported(f"the table-valued function {name}")


def _describe(context: Context, call: exp.Expr, physical: str) -> tuple[_Columns, str]:
    if len(call.expressions) != 3:
        message = (
            "An insufficient number of arguments were supplied for the procedure or function"
            " sys.dm_exec_describe_first_result_set."
        )
        raise SqlServerError(313, message, ends_batch=True)
    query, parameters = (_given(context, argument) for argument in call.expressions[:2])
    return described_columns(context, query, parameters, physical)


def _given(context: Context, node: exp.Expr) -> Given:
    """A variable is not bound itself: what the statement gets is the description of what it holds."""
    if isinstance(node, exp.Parameter):
        return Given(variable=context.declared("@" + node.name))
    if isinstance(node, exp.Null):
        return Given()
    if isinstance(node, exp.National) or (isinstance(node, exp.Literal) and node.args["is_string"]):
        return Given(text=node.name)
    raise not_supported(f"{node.sql()} as an argument of sys.dm_exec_describe_first_result_set")


def _string_split(context: Context, call: exp.Expr, physical: str) -> tuple[_Columns, str]:
    """STRING_SPLIT(text, separator [, enable_ordinal]). Error 214 for a separator that is not one character."""
    if not 2 <= len(call.expressions) <= 3:
        raise SqlServerError(174, "The string_split function requires 2 to 3 arguments.", severity=15, ends_batch=True)
    item, separator = (text(context, argument) for argument in call.expressions[:2])
    ordinal = value(context, call.expressions[2]).literal if len(call.expressions) == 3 else 0
    if ordinal not in {0, 1}:
        raise not_supported("a third argument of STRING_SPLIT that is neither 0 nor 1")
    kind = SqlType("nvarchar" if is_wide(item.type) else "varchar", length=item.type.length)
    columns = [("value", Expression(f"{physical}.value", kind, name="value"))]
    if ordinal:
        columns.append(("ordinal", Expression(f"{physical}.ordinal", BIGINT, nullable=False, name="ordinal")))
    return columns, f"sandbox.string_split(({item.sql})::text, ({separator.sql})::text)"
