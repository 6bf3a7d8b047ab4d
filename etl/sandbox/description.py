"""What a batch would answer, found by compiling it: its first result set's columns."""

from __future__ import annotations

from collections.abc import Sequence

from etl.sandbox.arguments import parse_declarations
from etl.sandbox.errors import not_supported
from etl.sandbox.outcomes import Column
from etl.sandbox.planner import Planner, Variables
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.batch import Declare, If, Node, Statement, parse_batch
from etl.sandbox.translation.compile import compile_statement
from etl.sandbox.translation.expression import Deduction
from etl.sandbox.translation.plans import IntoPlan, QueryPlan, WritePlan

_VERBS = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"})


def describe_batch(planner: Planner, text: str, declarations: str) -> tuple[Column, ...]:
    """The columns of the first result set of a batch with these parameters. Raises what compiling it raises."""
    variables: Variables = {name: (kind, None) for name, kind, _ in parse_declarations(declarations)}
    return _first_columns(planner, parse_batch(text), variables) or ()


def _first_columns(planner: Planner, nodes: Sequence[Node], variables: Variables) -> tuple[Column, ...] | None:
    for node in nodes:
        columns = None
        if isinstance(node, Declare):
            variables[node.name.lower()] = node.type, None
        elif isinstance(node, If):
            columns = _first_columns(planner, [*node.then, *node.otherwise], variables)
        elif isinstance(node, Statement) and node.verb in _VERBS:
            context = planner.context(variables)
            columns = _sent(compile_statement(context, node, None))
            context.check()
        if columns is not None:
            return columns
    return None


def undeclared_parameters(planner: Planner, text: str, declarations: str) -> list[tuple[str, SqlType]]:
    """The variables that a statement uses and nobody declares, in their order, with the types that what they stand beside has.

    Raises what compiling the statement raises, and refuses a variable that stands beside nothing with a type.
    """
    variables: Variables = {name: (kind, None) for name, kind, _ in parse_declarations(declarations)}
    deduced: dict[str, SqlType] = {}
    names: dict[str, str] = {}
    for node in parse_batch(text):
        if isinstance(node, Declare):
            variables[node.name.lower()] = node.type, None
        elif isinstance(node, Statement) and node.verb in _VERBS:
            found = {name.lower(): name for name in _variable_names(node) if name.lower() not in variables}
            names |= found
            context = planner.context(variables)
            context.undeclared = Deduction(frozenset(found), deduced)
            compile_statement(context, node, None)
            context.check()
    for lowered, name in names.items():
        if lowered not in deduced:
            raise not_supported(f"deducing the type of the parameter {name}")
    return [(name, deduced[lowered]) for lowered, name in names.items()]


def _variable_names(statement: Statement) -> list[str]:
    tokens = statement.tokens
    return [
        "@" + name.text
        for before, mark, name in zip([None, *tokens], tokens, tokens[1:], strict=False)
        if mark.text == "@" and name.text != "@" and (before is None or before.text != "@")
    ]


def _sent(plan: QueryPlan | WritePlan | IntoPlan) -> tuple[Column, ...] | None:
    """The columns of the rows that a plan sends, None for a plan that sends none."""
    if isinstance(plan, IntoPlan) or (isinstance(plan, QueryPlan) and plan.assigns):
        return None
    return plan.columns or None
