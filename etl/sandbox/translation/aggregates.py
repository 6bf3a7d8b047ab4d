"""Aggregate and window functions, with the types that SQL Server answers in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert, shown
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.functions import function, integer
from etl.sandbox.translation.nodes import only, value, value_node
from etl.sandbox.translation.types import BIGINT, FLOAT, INT, MONEY, family, is_wide, storage

_Wrap = Callable[[str], str]


def _plain(sql: str) -> str:
    return sql


class _Aggregate:
    """PostgreSQL's call and what is to be done around it (outside of OVER)."""

    def __init__(
        self, call: str, kind: SqlType, wrap: _Wrap = _plain, nullable: bool = True, collation: str | None = None
    ) -> None:
        self.call = call
        self.kind = kind
        self.wrap = wrap
        self.nullable = nullable
        self.collation = collation

    def expression(self, over: str = "") -> Expression:
        """The finished value."""
        sql = self.wrap(self.call + over)
        return Expression(sql, self.kind, nullable=self.nullable, collation=self.collation, aggregate=not over)


_Builder = Callable[[Context, Sequence[exp.Expr]], _Aggregate]
_builders: dict[str, _Builder] = {}


def _aggregate(name: str, arguments: int) -> Callable[[_Builder], _Builder]:
    def register(builder: _Builder) -> _Builder:
        _builders[name] = builder
        function(name, arguments)(lambda context, nodes: builder(context, nodes).expression())
        return builder

    return register


def _argument(context: Context, node: exp.Expr) -> tuple[str, Expression]:
    """(`DISTINCT ` or empty, the operand)."""
    if isinstance(node, exp.Distinct):
        only(node, {"expressions"})
        if len(node.expressions) != 1:
            raise not_supported("DISTINCT over several expressions")
        return "DISTINCT ", value(context, node.expressions[0])
    return "", value(context, node)


def _count(kind: SqlType) -> _Builder:
    def build(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
        if not nodes:
            raise SqlServerError(174, "The COUNT function requires 1 argument(s).", severity=15, ends_batch=True)
        if isinstance(nodes[0], exp.Star):
            only(nodes[0], set())
            call = "count(*)"
        else:
            distinct, operand = _argument(context, nodes[0])
            if operand.is_null:
                raise SqlServerError(8117, "Operand data type NULL is invalid for count operator.", ends_batch=True)
            call = f"count({distinct}{operand.sql})"
        return _Aggregate(call, kind, lambda sql: f"({sql})::{storage(kind)}", nullable=False)

    return build


_aggregate("COUNT", 1)(_count(INT))
_aggregate("COUNT_BIG", 1)(_count(BIGINT))


def _number_operand(context: Context, node: exp.Expr, what: str) -> tuple[str, Expression]:
    distinct, operand = _argument(context, node)
    if family(operand.type) not in {"int", "decimal", "money", "float"} or operand.is_null:
        name = "NULL" if operand.is_null else operand.type.name
        raise SqlServerError(8117, f"Operand data type {name} is invalid for {what} operator.", ends_batch=True)
    return distinct, operand


@_aggregate("SUM", 1)
def _sum(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
    distinct, operand = _number_operand(context, nodes[0], "sum")
    kind = operand.type
    if family(kind) == "int":
        target = BIGINT if kind.name == "bigint" else INT
        call = f"sum({distinct}{operand.sql})"
        return _Aggregate(
            call, target, lambda sql: f"sandbox.int_sum_fit(({sql})::numeric, '{target.name}')::{storage(target)}"
        )
    if kind.name == "decimal":
        return _Aggregate(f"sum({distinct}{operand.sql})", SqlType("decimal", precision=38, scale=kind.scale))
    if family(kind) == "money":
        return _Aggregate(f"sum({distinct}{operand.sql})", MONEY)
    return _Aggregate(f"sum({distinct}({operand.sql})::float8)", FLOAT)


@_aggregate("AVG", 1)
def _avg(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
    distinct, operand = _number_operand(context, nodes[0], "avg")
    kind = operand.type
    call = f"avg({distinct}{operand.sql})"
    if family(kind) == "int":
        target = BIGINT if kind.name == "bigint" else INT
        return _Aggregate(call, target, lambda sql: f"trunc({sql})::{storage(target)}")
    if kind.name == "decimal":
        scale = max(kind.scale or 0, 6)
        return _Aggregate(call, SqlType("decimal", precision=38, scale=scale), lambda sql: f"trunc({sql}, {scale})")
    if family(kind) == "money":
        return _Aggregate(call, MONEY, lambda sql: f"trunc({sql}, 4)")
    return _Aggregate(f"avg({distinct}({operand.sql})::float8)", FLOAT)


def _extreme(name: str) -> None:
    @_aggregate(name, 1)
    def _build(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
        distinct, operand = _argument(context, nodes[0])
        if family(operand.type) in {"bit", "xml"} or operand.is_null:
            raise SqlServerError(
                8117, f"Operand data type {operand.type.name} is invalid for {name.lower()} operator.", ends_batch=True
            )
        call = f"{name.lower()}({distinct}{operand.sql})"
        if family(operand.type) in {"stamp", "time"}:
            # PostgreSQL's own, over the int8 that they are.
            return _Aggregate(call, operand.type, lambda sql: f"({sql})::{storage(operand.type)}")
        return _Aggregate(call, operand.type, collation=operand.collation)


_extreme("MIN")
_extreme("MAX")


def _spread(name: str, postgres: str) -> None:
    @_aggregate(name, 1)
    def _build(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
        distinct, operand = _number_operand(context, nodes[0], name.lower())
        return _Aggregate(f"{postgres}({distinct}({operand.sql})::float8)", FLOAT)


for _name, _postgres in {"STDEV": "stddev_samp", "STDEVP": "stddev_pop", "VAR": "var_samp", "VARP": "var_pop"}.items():
    _spread(_name, _postgres)


@_aggregate("CHECKSUM_AGG", 1)
def _checksum_agg(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
    distinct, operand = _argument(context, nodes[0])
    return _Aggregate(f"sandbox.checksum_agg({distinct}{convert(operand, INT).sql})", INT)


@function("STRING_AGG", 2)
def _string_agg(context: Context, nodes: Sequence[exp.Expr]) -> Expression:
    return _joined_text(context, nodes, "")


def _joined_text(context: Context, nodes: Sequence[exp.Expr], order: str) -> Expression:
    given, separator = value(context, nodes[0]), value(context, nodes[1])
    item = shown(given) if family(given.type) == "text" else convert(given, SqlType("nvarchar", length=4000))
    name = "nvarchar" if is_wide(item.type) else "varchar"
    kind = SqlType(name, length=None if item.type.length is None else 4000 if name == "nvarchar" else 8000)
    sql = f"string_agg(({item.sql})::text, ({separator.sql})::text{order})::{storage(kind, item.collation)}"
    return Expression(sql, kind, collation=item.collation, aggregate=True)


@value_node(exp.WithinGroup, "this", "expression")
def _within_group(context: Context, node: exp.Expr) -> Expression:
    call = node.args["this"]
    if not isinstance(call, exp.Anonymous) or call.name.upper() != "STRING_AGG":
        raise not_supported("WITHIN GROUP with anything but STRING_AGG")
    return _joined_text(context, call.expressions, " " + order_by(context, node.args["expression"]))


def order_by(context: Context, node: exp.Expr) -> str:
    """ORDER BY of a window or a group: NULL is the lowest value."""
    only(node, {"expressions"})
    return "ORDER BY " + ", ".join(ordered(value(context, item.args["this"]), item) for item in node.expressions)


def ordered(key: Expression, item: exp.Expr) -> str:
    """One sort key. Without NULLs an index in PostgreSQL's own order still serves."""
    only(item, {"this", "desc", "nulls_first"})
    if family(key.type) == "xml":
        raise SqlServerError(
            305,
            "The xml data type cannot be compared or sorted, except when using the IS NULL operator.",
            ends_batch=True,
        )
    descending = bool(item.args.get("desc"))
    direction = " DESC" if descending else ""
    nulls = "" if not key.nullable else " NULLS LAST" if descending else " NULLS FIRST"
    if isinstance(key.literal, (int, str)):
        raise SqlServerError(
            408, "A constant expression was encountered in the ORDER BY list, position 1.", ends_batch=True
        )
    return key.sql + direction + nulls


# Window functions


def _ranking(name: str) -> _Builder:
    def build(_context: Context, _nodes: Sequence[exp.Expr]) -> _Aggregate:
        return _Aggregate(f"{name.lower()}()", BIGINT, nullable=False)

    return build


def _share(name: str) -> _Builder:
    def build(_context: Context, _nodes: Sequence[exp.Expr]) -> _Aggregate:
        return _Aggregate(f"{name.lower()}()", FLOAT, nullable=False)

    return build


def _ntile(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
    count = integer(context, nodes[0])
    return _Aggregate(f"ntile({count.sql})", BIGINT, lambda sql: f"({sql})::int8", nullable=False)


def _neighbour(name: str) -> _Builder:
    def build(context: Context, nodes: Sequence[exp.Expr]) -> _Aggregate:
        item = value(context, nodes[0])
        arguments = [item.sql]
        if len(nodes) >= 2:
            arguments.append(integer(context, nodes[1]).sql)
        if len(nodes) == 3:
            arguments.append(convert(value(context, nodes[2]), item.type).sql)
        return _Aggregate(f"{name.lower()}({', '.join(arguments)})", item.type, collation=item.collation)

    return build


_WINDOW_ONLY: dict[str, tuple[_Builder, int, int]] = {
    **{name: (_ranking(name), 0, 0) for name in ("ROW_NUMBER", "RANK", "DENSE_RANK")},
    **{name: (_share(name), 0, 0) for name in ("PERCENT_RANK", "CUME_DIST")},
    "NTILE": (_ntile, 1, 1),
    **{name: (_neighbour(name), 1, 3) for name in ("LAG", "LEAD")},
    **{name: (_neighbour(name), 1, 1) for name in ("FIRST_VALUE", "LAST_VALUE")},
}
_NEED_ORDER = frozenset({"ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "LAG", "LEAD", "PERCENT_RANK", "CUME_DIST"})


@value_node(exp.Window, "this", "partition_by", "order", "spec", "over")
def _window(context: Context, node: exp.Expr) -> Expression:
    call = node.args["this"]
    if not isinstance(call, exp.Anonymous):
        raise not_supported(f"OVER after {type(call).__name__}")
    name, nodes = call.name.upper(), call.args.get("expressions") or []
    found = _WINDOW_ONLY.get(name)
    if found is not None and not found[1] <= len(nodes) <= found[2]:
        raise SqlServerError(
            174, f"The {call.name} function requires {found[1]} argument(s).", severity=15, ends_batch=True
        )
    if any(isinstance(argument, exp.Distinct) for argument in nodes):
        raise SqlServerError(
            10759, "Use of DISTINCT is not allowed with the OVER clause.", severity=15, ends_batch=True
        )
    builder = found[0] if found is not None else _builders.get(name)
    if builder is None:
        raise not_supported(f"{name} with OVER")
    if name in _NEED_ORDER and node.args.get("order") is None:
        raise SqlServerError(
            4112, f"The function '{name}' must have an OVER clause with ORDER BY.", severity=15, ends_batch=True
        )
    return replace(builder(context, nodes).expression(f" OVER ({_over(context, node)})"), aggregate=False)


def _over(context: Context, node: exp.Expr) -> str:
    parts = []
    partition = node.args.get("partition_by") or []
    if partition:
        parts.append("PARTITION BY " + ", ".join(value(context, item).sql for item in partition))
    order = node.args.get("order")
    if order is not None:
        parts.append(_window_order(context, order))
    spec = node.args.get("spec")
    if spec is not None:
        parts.append(_frame(spec))
    return " ".join(parts)


def _window_order(context: Context, node: exp.Expr) -> str:
    """ORDER BY (SELECT NULL) and its like mean any order."""
    keys = []
    for item in node.expressions:
        inner = item.args["this"]
        if (
            isinstance(inner, exp.Subquery)
            and isinstance(inner.args["this"], exp.Select)
            and "from_" not in inner.args["this"].args
        ):
            continue
        keys.append(ordered(value(context, inner), item))
    return "ORDER BY " + ", ".join(keys) if keys else ""


def _frame(spec: exp.Expr) -> str:
    only(spec, {"kind", "start", "start_side", "end", "end_side"})
    start = _edge(spec.args.get("start"), spec.args.get("start_side"))
    end = _edge(spec.args.get("end"), spec.args.get("end_side")) if spec.args.get("end") else "CURRENT ROW"
    return f"{spec.args['kind']} BETWEEN {start} AND {end}"


def _edge(edge: object, side: object) -> str:
    if isinstance(edge, exp.Literal) and edge.is_int:
        return f"{edge.name} {side}"
    if edge in {"UNBOUNDED", "CURRENT ROW"}:
        return f"{edge} {side or ''}".strip()
    raise not_supported(f"the window edge {edge}")
