"""From statements to plans, and the plans that a session keeps for clients that send the same text again."""

from __future__ import annotations

from dataclasses import dataclass

from etl.sandbox.cache import SizedCache
from etl.sandbox.catalog import Catalog
from etl.sandbox.link import Link
from etl.sandbox.principals.rights import Need
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState
from etl.sandbox.translation.batch import Once, Statement
from etl.sandbox.translation.compile import compile_statement
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.plans import IntoPlan, QueryPlan, WritePlan
from etl.sandbox.translation.values_insert import ValuesInsert, plan_values_insert
from etl.sandbox.translation.values_shape import Shape, read_shape

_PLANS_SIZE = 400_000
"""Characters of T-SQL whose plans a session keeps."""

_VARIABLES = Once[tuple[str, ...]]()
"""The variables that a statement names."""

Variables = dict[str, tuple[SqlType, Value]]
Plan = QueryPlan | WritePlan | IntoPlan | ValuesInsert


@dataclass(frozen=True, slots=True)
class _Kept:
    """A plan with its statement: while the statement lives, its id is its own."""

    plan: Plan | None
    statement: Statement
    needs: tuple[Need, ...]


class Planner:
    """Plans for one session."""

    def __init__(self, link: Link, catalog: Catalog, state: SessionState) -> None:
        self._link = link
        self._catalog = catalog
        self._state = state
        self._plans: SizedCache[_Kept] = SizedCache(_PLANS_SIZE)
        self._prepared_for = catalog.version

    def context(self, variables: Variables) -> Context:
        """A fresh context for one compilation."""
        return Context(self._catalog, self._state.database, {name: kind for name, (kind, _) in variables.items()})

    def plan(self, statement: Statement, variables: Variables) -> Plan:
        """How to run a statement, with variables of these types."""
        if self._catalog.version != self._prepared_for:
            self._prepared_for = self._catalog.version
            self._link.forget_statements()
        shape = read_shape(statement) if statement.verb == "INSERT" else None
        if shape is not None:
            insert = self._values_plan(statement, shape, variables)
            if insert is not None:
                return insert
        return self.compiled(statement, variables)

    def _values_plan(self, statement: Statement, shape: Shape, variables: Variables) -> ValuesInsert | None:
        options = self._state.options
        key = ("values", id(statement), self._catalog.version, self._state.database, options.identity_insert)
        held = self._plans.get(key)
        if held is None:
            context = self.context(variables)
            plan = plan_values_insert(context, shape, options.identity_insert)
            held = _Kept(plan, statement, context.needs)
            self._plans.put(key, held, len(statement.text))
        self._catalog.rights.check(held.needs)
        assert held.plan is None or isinstance(held.plan, ValuesInsert)
        return held.plan

    def compiled(self, statement: Statement, variables: Variables) -> Plan:
        """The general way, also for an INSERT whose values need it."""
        used = self._used_variables(statement)
        signature = tuple((name, variables[name][0]) for name in used if name in variables)
        options = self._state.options
        key = (id(statement), self._catalog.version, self._state.database, options.identity_insert, signature)
        held = self._plans.get(key)
        if held is None or held.plan is None:
            context = self.context(variables)
            plan = compile_statement(context, statement, options.identity_insert)
            held = _Kept(plan, statement, context.needs)
            self._plans.put(key, held, len(statement.text))
        # Each time, not only when it is made: a plan may outlive a right.
        self._catalog.rights.check(held.needs)
        assert held.plan is not None
        return held.plan

    @staticmethod
    def _used_variables(statement: Statement) -> tuple[str, ...]:
        tokens = statement.tokens
        return _VARIABLES.of(
            statement,
            lambda: tuple(
                dict.fromkeys("@" + tokens[i + 1].text.lower() for i in range(len(tokens) - 1) if tokens[i].text == "@")
            ),
        )
