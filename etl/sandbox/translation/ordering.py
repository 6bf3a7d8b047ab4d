"""ORDER BY, TOP, OFFSET and FETCH of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation.aggregates import ordered
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.nodes import only, value
from etl.sandbox.translation.types import BIGINT

RESULT = "(result)"
"""The one source of a set operation's ORDER BY: the result's own columns."""


def order_by_clause(context: Context, node: exp.Expr, items: Sequence[Expression], distinct: bool = False) -> str:
    """` ORDER BY …` of a query with these columns; empty without one. Errors 108 and 145."""
    order = node.args.get("order")
    if order is None:
        return ""
    only(order, {"expressions"})
    keys = [_sort_key(context, item, items, distinct) for item in order.expressions]
    return " ORDER BY " + ", ".join(keys)


def _sort_key(context: Context, item: exp.Expr, items: Sequence[Expression], distinct: bool) -> str:
    node = item.args["this"]
    if isinstance(node, exp.Literal) and not node.args["is_string"]:
        position = int(node.name)
        if not 1 <= position <= len(items):
            raise SqlServerError(
                108,
                f"The ORDER BY position number {position} is out of range of the number of items in the select list.",
                severity=15,
                ends_batch=True,
            )
        return ordered(replace(items[position - 1], sql=str(position), literal=None), item)
    # Over a set operation a key names a column of the result, whatever qualifier is written before it.
    result_only = len(context.scope.sources) == 1 and context.scope.sources[0].physical == RESULT
    if isinstance(node, exp.Column) and (result_only or not node.args.get("table")):
        named = [i for i, column in enumerate(items, 1) if column.name.lower() == node.name.lower()]
        if named:
            return ordered(replace(items[named[0] - 1], sql=str(named[0]), literal=None), item)
    if (
        isinstance(node, exp.Subquery)
        and isinstance(node.args["this"], exp.Select)
        and not node.args["this"].args.get("from_")
    ):
        return "(SELECT NULL::int4)"
    key = value(context, node)
    for position, column in enumerate(items, 1):
        if column.sql == key.sql:
            return ordered(replace(key, sql=str(position), literal=None), item)
    if distinct:
        raise SqlServerError(
            145,
            "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.",
            severity=15,
            ends_batch=True,
        )
    return ordered(key, item)


def limits(context: Context, node: exp.Expr) -> str:
    """OFFSET, FETCH and a plain TOP. Error 102 for OFFSET without ORDER BY."""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    text = ""
    if offset is not None:
        only(offset, {"expression"})
        if node.args.get("order") is None:
            raise SqlServerError(102, "Incorrect syntax near 'OFFSET'.", severity=15, ends_batch=True)
        text += f" OFFSET {_row_number(context, offset.args['expression'])}"
    if limit is None:
        return text
    if isinstance(limit, exp.Fetch) and offset is None:
        word = str(limit.args.get("direction") or "FIRST").upper()
        raise SqlServerError(
            153, f"Invalid usage of the option {word} in the FETCH statement.", severity=15, state=2, ends_batch=True
        )
    if isinstance(limit, exp.Fetch):
        only(limit, {"direction", "count", "limit_options"})
        options = limit.args.get("limit_options")
        if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
            raise not_supported("FETCH with PERCENT or WITH TIES")
        return text + f" LIMIT {_row_number(context, limit.args['count'])}"
    only(limit, {"expression", "limit_options"})
    return text + f" LIMIT {_row_number(context, limit.args['expression'])}"


def _row_number(context: Context, node: exp.Expr) -> str:
    count = convert(value(context, node), BIGINT)
    return f"({count.sql})"


def with_ties(context: Context, node: exp.Expr, body: str, order: str, items: Sequence[Expression]) -> str | None:
    """TOP n WITH TIES and TOP n PERCENT; None for a plain TOP."""
    limit = node.args.get("limit")
    options = limit.args.get("limit_options") if isinstance(limit, exp.Limit) else None
    if limit is None or options is None:
        return None
    only(options, {"percent", "with_ties", "rows"})
    if options.args.get("with_ties") and not order:
        raise SqlServerError(
            1062,
            "The TOP N WITH TIES clause is not allowed without a corresponding ORDER BY clause.",
            severity=15,
            ends_batch=True,
        )
    if options.args.get("percent"):
        if options.args.get("with_ties"):
            raise not_supported("TOP PERCENT WITH TIES")
        count = value(context, limit.args["expression"])
        alias, names = context.alias(), ", ".join(f"c{i}" for i in range(1, len(items) + 1))
        numbered = f"SELECT {names}, row_number() OVER () AS n, count(*) OVER () AS total FROM ({body}{order}) {alias}"
        return (
            f"SELECT {names} FROM ({numbered}) {context.alias()} WHERE n <= ceil(total * ({count.sql})::numeric / 100)"
            " ORDER BY n"
        )
    if options.args.get("with_ties"):
        return f"{body}{order} FETCH FIRST {_row_number(context, limit.args['expression'])} ROWS WITH TIES"
    return None
