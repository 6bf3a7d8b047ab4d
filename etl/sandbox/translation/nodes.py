"""The allow-list: which syntax nodes are understood, with which of their arguments, and by whom.

A handler vouches for a node class and for every argument it reads. A node without a handler, or with an argument that its
handler does not name, is refused by name: sqlglot parses more than is understood here.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from etl.sandbox.errors import not_supported
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.expression import Expression

ValueHandler = Callable[[Context, exp.Expr], Expression]
PredicateHandler = Callable[[Context, exp.Expr], str]

_values: dict[type[exp.Expr], tuple[ValueHandler, frozenset[str]]] = {}
_predicates: dict[type[exp.Expr], tuple[PredicateHandler, frozenset[str]]] = {}


def value_node(node: type[exp.Expr], *arguments: str) -> Callable[[ValueHandler], ValueHandler]:
    """Register a handler that compiles `node`, with these arguments, to a value."""

    def register(handler: ValueHandler) -> ValueHandler:
        _values[node] = handler, frozenset(arguments)
        return handler

    return register


def predicate_node(node: type[exp.Expr], *arguments: str) -> Callable[[PredicateHandler], PredicateHandler]:
    """Register a handler that compiles `node`, with these arguments, to a condition."""

    def register(handler: PredicateHandler) -> PredicateHandler:
        _predicates[node] = handler, frozenset(arguments)
        return handler

    return register


def only(node: exp.Expr, allowed: frozenset[str] | set[str]) -> None:
    """Refuse a node that carries an argument nobody vouched for."""
    for name, argument in node.args.items():
        if name not in allowed and argument not in (None, False, [], ""):
            raise not_supported(f"{name.strip('_').replace('_', ' ').upper()} in {type(node).__name__.upper()}")


def value(context: Context, node: exp.Expr) -> Expression:
    """Compile a scalar expression."""
    found = _values.get(type(node))
    if found is None:
        what = "a condition as a value" if type(node) in _predicates else f"the expression {describe(node)}"
        raise not_supported(what)
    handler, allowed = found
    only(node, allowed)
    return handler(context, node)


def predicate(context: Context, node: exp.Expr) -> str:
    """Compile a condition. T-SQL has no boolean values, so values and conditions never mix."""
    found = _predicates.get(type(node))
    if found is None:
        raise not_supported(f"the condition {describe(node)}")
    handler, allowed = found
    only(node, allowed)
    return handler(context, node)


def describe(node: exp.Expr) -> str:
    """A node's name for a message."""
    return type(node).__name__.upper()
