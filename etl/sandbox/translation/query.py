"""SELECT: sources, joins, grouping, set operations, TOP and OFFSET, common table expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation import operators
from etl.sandbox.translation.context import Context, Source
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.locks import lock_rows, tells_rows
from etl.sandbox.translation.nodes import only, predicate, value, value_node
from etl.sandbox.translation.ordering import RESULT, limits, order_by_clause, with_ties
from etl.sandbox.translation.sources import compile_from
from etl.sandbox.translation.types import INT, common_type, family, storage

_SELECT = {
    "expressions",
    "from_",
    "joins",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "distinct",
    "with_",
    "into",
    "options",
    "kind",
    "operation_modifiers",
}
_SET_OPERATION = {
    "this",
    "expression",
    "distinct",
    "with_",
    "order",
    "limit",
    "offset",
    "options",
    "by_name",
    "side",
    "kind",
    "on",
}
_AFTER_COLUMNS = {"INTO": "into", "FROM": "from_", "WHERE": "where", "GROUP": "group", "ORDER": "order"}
_JOINERS: dict[type[exp.Expr], str] = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}


@dataclass(slots=True)
class Query:
    """A compiled query: PostgreSQL text whose output columns are named c1, c2 … and what they are."""

    sql: str
    columns: list[Expression]


@value_node(exp.Subquery, "this")
def _scalar(context: Context, node: exp.Expr) -> Expression:
    query = _subquery(context, node.args["this"])
    if len(query.columns) != 1:
        raise SqlServerError(
            116,
            "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
            ends_batch=True,
        )
    return replace(
        query.columns[0], sql=f"({query.sql})", nullable=True, literal=None, is_null=False, aggregate=False
    ).unnamed()


def compile_subquery(context: Context, node: exp.Expr) -> tuple[str, list[Expression]]:
    """A query inside parentheses, with the names around it in scope."""
    query = _subquery(context, node)
    return query.sql, query.columns


def _subquery(context: Context, node: exp.Expr) -> Query:
    while isinstance(node, exp.Subquery):
        only(node, {"this"})
        node = node.args["this"]
    with context.nested():
        return compile_inner_query(context, node)


def compile_query(context: Context, node: exp.Expr) -> Query:
    """Any query in the current scope."""
    if isinstance(node, exp.Subquery):
        only(node, {"this"})
        return compile_query(context, node.args["this"])
    prefix = compile_with(context, node)
    if isinstance(node, exp.Select):
        query = _select(context, node)
    elif type(node) in _JOINERS:
        query = _set_operation(context, node)
    elif isinstance(node, exp.Values):
        query = _values(context, node)
    else:
        raise not_supported(f"the query {type(node).__name__.upper()}")
    query.sql = prefix + query.sql
    return query


def compile_inner_query(context: Context, node: exp.Expr) -> Query:
    """A query inside another statement: a derived table, a common table, a view or a subquery.

    Error 156 for a WITH there, 1033 for an ORDER BY that chooses no rows.
    """
    inner = node
    while isinstance(inner, exp.Subquery):
        inner = inner.args["this"]
    if inner.args.get("with_") is not None:
        raise SqlServerError(156, "Incorrect syntax near the keyword 'WITH'.", severity=15, ends_batch=True)
    if inner.args.get("order") is not None and not (inner.args.get("limit") or inner.args.get("offset")):
        raise SqlServerError(
            1033,
            "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table"
            " expressions, unless TOP, OFFSET or FOR XML is also specified.",
            severity=15,
            ends_batch=True,
        )
    return compile_query(context, node)


def compile_with(context: Context, node: exp.Expr) -> str:
    """The WITH clause before a statement; its queries become visible in the current scope."""
    clause = node.args.get("with_")
    if clause is None:
        return ""
    only(clause, {"expressions"})
    parts = []
    for table in clause.expressions:
        only(table, {"this", "alias"})
        alias = table.args["alias"]
        with context.nested():
            query = compile_inner_query(context, table.args["this"])
        names = [column.name for column in alias.args.get("columns") or []] or [column.name for column in query.columns]
        if len(names) != len(query.columns):
            raise SqlServerError(
                8158, f"'{alias.name}' has more columns than were specified in the column list.", ends_batch=True
            )
        physical = context.alias()
        parts.append(f"{physical} AS ({query.sql})")
        columns = [
            (name, replace(column, sql=f"c{i}", name=name, literal=None, aggregate=False, variable=""))
            for i, (name, column) in enumerate(zip(names, query.columns, strict=True), 1)
        ]
        context.scope.tables[alias.name.lower()] = Source(alias.name, columns, physical=physical)
    return "WITH " + ", ".join(parts) + " "


def _values(context: Context, node: exp.Expr) -> Query:
    rows = [[value(context, cell) for cell in row.expressions] for row in node.expressions]
    if len({len(row) for row in rows}) != 1:
        raise SqlServerError(
            10709, "The number of columns for each row in a table value constructor must be the same.", ends_batch=True
        )
    columns = [_merged(list(cells)) for cells in zip(*rows, strict=True)]
    text = ", ".join(
        "(" + ", ".join(_as(cell, column) for cell, column in zip(row, columns, strict=True)) + ")" for row in rows
    )
    names = ", ".join(f"c{i}" for i in range(1, len(columns) + 1))
    return Query(f"SELECT * FROM (VALUES {text}) {context.alias()}({names})", columns)


def _merged(cells: list[Expression]) -> Expression:
    """What a column is that takes all these values."""
    kinds = [cell.type for cell in cells if not cell.is_null]
    kind = common_type(kinds) if kinds else INT
    collation = operators.merged_collation(*cells) if family(kind) == "text" else None
    nullable = any(cell.nullable for cell in cells)
    return Expression("", kind, nullable=nullable, collation=collation, name=cells[0].name)


def _as(cell: Expression, column: Expression) -> str:
    converted = convert(cell, column.type)
    if storage(column.type, column.collation) != storage(column.type, converted.collation):
        return f"({converted.sql})::{storage(column.type, column.collation)}"
    return converted.sql


def _set_operation(context: Context, node: exp.Expr) -> Query:
    only(node, _SET_OPERATION)
    _refuse_options(node)
    sides = []
    for side in (node.args["this"], node.args["expression"]):
        with context.nested():
            context.scope.tables = context.scope.outer.tables if context.scope.outer else {}
            context.scope.tells_rows = False
            sides.append(compile_query(context, side))
    left, right = sides
    if len(left.columns) != len(right.columns):
        raise SqlServerError(
            205,
            "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions"
            " in their target lists.",
            ends_batch=True,
        )
    columns = [_merged([a, b]) for a, b in zip(left.columns, right.columns, strict=True)]
    operator = _JOINERS[type(node)] + ("" if node.args.get("distinct") else " ALL")
    if operator in {"EXCEPT ALL", "INTERSECT ALL"}:
        raise SqlServerError(156, "Incorrect syntax near the keyword 'ALL'.", severity=15, ends_batch=True)
    sql = f"{_recast(context, left, columns)} {operator} {_recast(context, right, columns)}"
    columns = [replace(column, sql=f"c{i}") for i, column in enumerate(columns, 1)]
    if any(node.args.get(name) is not None for name in ("order", "limit", "offset")):
        alias = context.alias()
        sql = f"SELECT * FROM ({sql}) {alias}"
        with context.nested():
            context.scope.sources = [Source("", [(column.name, column) for column in columns], physical=RESULT)]
            sql += order_by_clause(context, node, columns) + limits(context, node)
    return Query(sql, columns)


def _recast(context: Context, query: Query, columns: Sequence[Expression]) -> str:
    if all(
        a.type == b.type and a.collation == b.collation and not a.is_null
        for a, b in zip(query.columns, columns, strict=True)
    ):
        return f"({query.sql})"
    alias = context.alias()
    casts = ", ".join(
        f"{_as(replace(have, sql=f'{alias}.c{i}', literal=None, variable=''), want)} AS c{i}"
        for i, (have, want) in enumerate(zip(query.columns, columns, strict=True), 1)
    )
    return f"(SELECT {casts} FROM ({query.sql}) {alias})"


def _refuse_options(node: exp.Expr) -> None:
    """Query hints that change no answer are taken; the others are refused."""
    for option in node.args.get("options") or []:
        name = (
            option.args["this"].name.upper()
            if hasattr(option.args["this"], "name")
            else str(option.args["this"]).upper()
        )
        if name.split()[0] not in {
            "MAXDOP",
            "RECOMPILE",
            "FAST",
            "HASH",
            "LOOP",
            "MERGE",
            "FORCE",
            "KEEP",
            "KEEPFIXED",
            "ORDER",
            "CONCAT",
            "OPTIMIZE",
        }:
            raise not_supported(f"the query option {name}")


def _select(context: Context, node: exp.Expr) -> Query:
    only(node, _SELECT)
    if not node.expressions:
        word = next((word for word, part in _AFTER_COLUMNS.items() if node.args.get(part) is not None), None)
        near = f"the keyword '{word}'" if word else "'SELECT'"
        raise SqlServerError(156 if word else 102, f"Incorrect syntax near {near}.", severity=15, ends_batch=True)
    _refuse_options(node)
    for name in ("kind", "operation_modifiers"):
        if node.args.get(name):
            raise not_supported(f"SELECT {node.args[name]}")
    tables = context.scope.tables
    source = compile_from(context, node)
    context.scope.tables = tables
    where = node.args.get("where")
    condition = f" WHERE {predicate(context, where.args['this'])}" if where is not None else ""
    group = _group(context, node.args.get("group"))
    items = _projections(context, node)
    having = node.args.get("having")
    having_text = f" HAVING {predicate(context, having.args['this'])}" if having is not None else ""
    distinct = _distinct(node)
    order = order_by_clause(context, node, items, distinct=bool(distinct))
    text = ", ".join(f"{_output(item)} AS c{i}" for i, item in enumerate(items, 1))
    body = f"SELECT {distinct}{text}{source}{condition}{group}{having_text}"
    ties = with_ties(context, node, body, order, items)
    told = context.scope.tells_rows and not ties and tells_rows(node, items)
    rows = lock_rows(context.scope.row_locks, context.locks, told=told)
    sql = ties or body + order + limits(context, node) + rows
    return Query(sql, [replace(item, aggregate=False) for item in items])


def _output(item: Expression) -> str:
    return "NULL::int4" if item.is_null else item.sql


def _distinct(node: exp.Expr) -> str:
    distinct = node.args.get("distinct")
    if distinct is None:
        return ""
    only(distinct, set())
    return "DISTINCT "


def _group(context: Context, node: exp.Expr | None) -> str:
    if node is None:
        return ""
    only(node, {"expressions", "all"})
    if node.args.get("all"):
        raise not_supported("GROUP BY ALL")
    keys = []
    for item in node.expressions:
        if isinstance(item, exp.Literal):
            raise SqlServerError(
                164,
                "Each GROUP BY expression must contain at least one column that is not an outer reference.",
                severity=15,
                ends_batch=True,
            )
        keys.append(value(context, item).sql)
    context.scope.grouped = True
    return " GROUP BY " + ", ".join(keys)


def _projections(context: Context, node: exp.Expr) -> list[Expression]:
    items: list[Expression] = []
    for item in node.expressions:
        if isinstance(item, exp.Star):
            only(item, set())
            items += _star(context, None)
        elif isinstance(item, exp.Column) and isinstance(item.args["this"], exp.Star):
            items += _star(context, item.args["table"].name)
        elif isinstance(item, exp.Alias):
            only(item, {"this", "alias"})
            items.append(replace(value(context, item.args["this"]), name=item.alias))
        else:
            items.append(value(context, item))
    return items


def _star(context: Context, qualifier: str | None) -> list[Expression]:
    sources = context.scope.sources
    if qualifier is not None:
        sources = [source for source in sources if source.alias.lower() == qualifier.lower()]
        if not sources:
            raise SqlServerError(
                107,
                f"The column prefix '{qualifier}' does not match with a table name or alias name used in the query.",
                severity=15,
                ends_batch=True,
            )
    if not sources:
        raise SqlServerError(263, "Must specify table to select from.", ends_batch=True)
    return [replace(expression, name=name) for source in sources for name, expression in source.columns]
