"""Function calls: the registry, and the functions about NULL and choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation import operators
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.nodes import predicate, value, value_node
from etl.sandbox.translation.types import INT, common_type, family
from etl.sandbox.translation.values import case

Call = Callable[[Context, Sequence[exp.Expr]], Expression]

_functions: dict[str, tuple[Call, int, int]] = {}
ANY = 254


def function(name: str, least: int, most: int | None = None) -> Callable[[Call], Call]:
    """Register the handler of a function with `least` to `most` arguments."""

    def register(handler: Call) -> Call:
        _functions[name] = handler, least, least if most is None else most
        return handler

    return register


@value_node(exp.Anonymous, "this", "expressions")
def _call(context: Context, node: exp.Expr) -> Expression:
    name = node.name.upper()
    arguments = node.args.get("expressions") or []
    found = _functions.get(name)
    if found is None:
        raise SqlServerError(
            195,
            f"'{node.name}' is not a recognized built-in function name (sandbox: it is not supported).",
            severity=15,
            ends_batch=True,
        )
    handler, least, most = found
    if not least <= len(arguments) <= most:
        raise SqlServerError(
            174, f"The {node.name.lower()} function requires {least} argument(s).", severity=15, ends_batch=True
        )
    return handler(context, arguments).unnamed()


def integer(context: Context, node: exp.Expr) -> Expression:
    """An argument that is taken as int."""
    return convert(value(context, node), INT)


def word(node: exp.Expr) -> str:
    """An argument that is a bare word: `day` in DATEADD(day, …)."""
    if isinstance(node, exp.Column) and not node.args.get("table"):
        return str(node.name).lower()
    raise not_supported(f"{node.sql()} as a date part")


@function("ISNULL", 2)
def _isnull(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    first, second = (value(context, argument) for argument in arguments)
    kind = second.type if first.is_null else first.type
    a, b = convert(first, kind), convert(second, kind)
    b = _same_storage(b, a)
    nullable = first.nullable and second.nullable
    return Expression(
        f"coalesce({a.sql}, {b.sql})",
        kind,
        nullable=nullable,
        collation=a.collation,
        aggregate=first.aggregate or second.aggregate,
    )


def _same_storage(value_: Expression, like: Expression) -> Expression:
    if family(like.type) == "text" and like.collation != value_.collation:
        from etl.sandbox.translation.types import storage

        return replace(value_, sql=f"({value_.sql})::{storage(like.type, like.collation)}")
    return value_


@function("COALESCE", 2, ANY)
def _coalesce(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    items = [value(context, argument) for argument in arguments]
    kinds = [item.type for item in items if not item.is_null]
    if not kinds:
        raise SqlServerError(
            4127,
            "At least one of the arguments to COALESCE must be an expression that is not the NULL constant.",
            ends_batch=True,
        )
    kind = common_type(kinds)
    collation = operators.merged_collation(*items) if family(kind) == "text" else None
    first = Expression("", kind, collation=collation)
    converted = [_same_storage(convert(item, kind), first) for item in items]
    nullable = all(item.nullable for item in items)
    aggregate = any(item.aggregate for item in items)
    sql = f"coalesce({', '.join(item.sql for item in converted)})"
    return Expression(sql, kind, nullable=nullable, collation=collation, aggregate=aggregate)


@function("NULLIF", 2)
def _nullif(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    first, second = (value(context, argument) for argument in arguments)
    a, b = operators.comparable(first, second)
    return replace(first, sql=f"(CASE WHEN {a} = {b} THEN NULL ELSE {first.sql} END)", nullable=True, literal=None)


@function("IIF", 3)
def _iif(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    return case([predicate(context, arguments[0])], [value(context, arguments[1]), value(context, arguments[2])])


@function("CHOOSE", 2, ANY)
def _choose(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    index = integer(context, arguments[0])
    results = [value(context, argument) for argument in arguments[1:]]
    conditions = [f"({index.sql} = {position})" for position in range(1, len(results) + 1)]
    return case(conditions, [*results, Expression("NULL", INT, is_null=True)])
