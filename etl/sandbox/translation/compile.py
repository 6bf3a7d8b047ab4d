"""One statement from tokens to a plan."""

from __future__ import annotations

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import (
    aggregates,
    date_functions,
    json_functions,
    number_functions,
    principal_functions,
    string_functions,
    system_functions,
    values,
)
from etl.sandbox.translation.batch import Once, Statement
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert, shown
from etl.sandbox.translation.dml import compile_delete, compile_update
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.insert import compile_insert
from etl.sandbox.translation.nodes import predicate, value
from etl.sandbox.translation.parser import parse_expression, parse_statement
from etl.sandbox.translation.plans import IntoPlan, QueryPlan, WritePlan, result_columns
from etl.sandbox.translation.query import compile_query
from etl.sandbox.translation.sources import table_name
from etl.sandbox.translation.types import is_fixed_text

HANDLERS = (
    aggregates,
    date_functions,
    json_functions,
    number_functions,
    principal_functions,
    string_functions,
    system_functions,
    values,
)
"""The modules that register handlers when they are imported."""

_TREES = {
    "SELECT": (exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery),
    "INSERT": (exp.Insert,),
    "UPDATE": (exp.Update,),
    "DELETE": (exp.Delete,),
}


_TREE = Once[exp.Expr]()


def syntax_tree(statement: Statement) -> exp.Expr:
    """The statement's tree, parsed once."""
    return _TREE.of(statement, lambda: parse_statement(statement.tokens, statement.text))


def compile_statement(
    context: Context, statement: Statement, identity_insert: str | None
) -> QueryPlan | WritePlan | IntoPlan:
    """SELECT, INSERT, UPDATE and DELETE, with or without WITH."""
    tree = syntax_tree(statement)
    if isinstance(tree, exp.Insert):
        return compile_insert(context, tree, identity_insert)
    if isinstance(tree, exp.Update):
        return compile_update(context, tree)
    if isinstance(tree, exp.Delete):
        return compile_delete(context, tree)
    if isinstance(tree, _TREES["SELECT"]):
        return _compile_select(context, tree)
    raise not_supported(
        f"the statement {statement.tokens[0].text.upper()} ({type(tree).__name__})", line=statement.line
    )


def _compile_select(context: Context, tree: exp.Expr) -> QueryPlan | IntoPlan:
    into = tree.args.get("into")
    assigns = _assignments(tree)
    if assigns is not None:
        tree = tree.copy()
        for projection in tree.expressions:
            projection.replace(projection.args["expression"])
    query = compile_query(context, tree)
    if assigns is not None:
        kinds = [context.variables[context.declared(name)] for name in assigns]
        return _assigning(context, query.sql, query.columns, assigns, kinds)
    sql, columns = _padded(context, query.sql, query.columns)
    if into is not None:
        parts, columns_of = tuple(table_name(into.args["this"])), tuple(query.columns)
        return IntoPlan(query.sql, tuple(context.binds), parts, columns_of, **_locks(context))
    return QueryPlan(sql, tuple(context.binds), result_columns(columns), **_locks(context))


def _assignments(tree: exp.Expr) -> tuple[str, ...] | None:
    """The variables of SELECT @a = …, @b = …; None for a SELECT that sends rows. Error 141 for both."""
    if not isinstance(tree, exp.Select):
        return None
    names = [
        "@" + item.args["this"].name.lower()
        for item in tree.expressions
        if isinstance(item, exp.EQ) and isinstance(item.args["this"], exp.Parameter)
    ]
    if not names:
        return None
    if len(names) != len(tree.expressions):
        raise SqlServerError(
            141,
            "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval"
            " operations.",
            severity=15,
            ends_batch=True,
        )
    return tuple(names)


def _assigning(
    context: Context, sql: str, columns: list[Expression], names: tuple[str, ...], kinds: list[SqlType]
) -> QueryPlan:
    alias = context.alias()
    taken = [
        convert(Expression(f"{alias}.c{i}", column.type, collation=column.collation), kind)
        for i, (column, kind) in enumerate(zip(columns, kinds, strict=True), 1)
    ]
    text = ", ".join(item.sql for item in taken)
    return QueryPlan(
        f"SELECT {text} FROM ({sql}) {alias}",
        tuple(context.binds),
        result_columns(taken),
        names,
        **_locks(context),
    )


def _locks(context: Context) -> dict[str, tuple[str, ...]]:
    return {"locks": context.locks.statements(), "held": context.held.statements()}


def _padded(context: Context, sql: str, columns: list[Expression]) -> tuple[str, list[Expression]]:
    """char and nchar columns with their blanks, as clients get them."""
    if not any(is_fixed_text(column.type) for column in columns):
        return sql, columns
    alias = context.alias()
    items = []
    for i, column in enumerate(columns, 1):
        item = Expression(f"{alias}.c{i}", column.type, collation=column.collation)
        items.append(shown(item).sql)
    return f"SELECT {', '.join(items)} FROM ({sql}) {alias}", columns


def _expression(statement: Statement) -> exp.Expr:
    return _TREE.of(statement, lambda: parse_expression(statement.tokens, statement.text))


def compile_value(context: Context, statement: Statement) -> Expression:
    """A bare expression: DECLARE's and SET's value, PRINT's text."""
    return value(context, _expression(statement))


def compile_condition(context: Context, statement: Statement) -> str:
    """IF's condition."""
    return predicate(context, _expression(statement))


__all__ = ["HANDLERS", "compile_condition", "compile_statement", "compile_value", "syntax_tree"]
