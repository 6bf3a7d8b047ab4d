"""The variables of the batch that runs, and the values of expressions that name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot.tokenizer_core import Token

from etl.sandbox.arguments import bind_arguments, encode, parse_declarations
from etl.sandbox.cells import Row
from etl.sandbox.description import describe_batch, undeclared_parameters
from etl.sandbox.errors import SqlServerError
from etl.sandbox.identity import LastIdentity
from etl.sandbox.link import EngineError, Link, Parameter
from etl.sandbox.outcomes import Column, Command, Outcome, OutputValue, Parameterized
from etl.sandbox.pgerrors import server_error
from etl.sandbox.planner import Planner, Variables
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.batch import Declare, Once, Statement
from etl.sandbox.translation.compile import compile_condition, compile_value
from etl.sandbox.translation.context import Bind, Context
from etl.sandbox.translation.conversion import convert, shown
from etl.sandbox.translation.described import DescribedBind, describe_columns, describe_error
from etl.sandbox.translation.types import storage

_VALUE = Once[Statement]()
"""The part of a statement that is an expression."""


class Evaluator:
    """Holds `variables` and evaluates expressions on the engine. A batch inside another one has variables of its own."""

    def __init__(
        self, link: Link, state: SessionState, transaction: Transaction, planner: Planner, identity: LastIdentity
    ) -> None:
        self._link = link
        self._state = state
        self._transaction = transaction
        self._planner = planner
        self._identity = identity
        self.variables: Variables = {}

    # Variables

    def start(self, request: Parameterized) -> None:
        """A batch begins: its arguments are its only variables. Errors 8178 and 8144."""
        self.variables = bind_arguments(request.declarations, request.arguments, self._link)

    def outputs(self, request: Parameterized) -> Iterator[Outcome]:
        """A batch has ended: the values of its OUTPUT arguments."""
        if not any(argument.output for argument in request.arguments):
            return
        for position, (name, kind, _) in enumerate(parse_declarations(request.declarations)):
            wanted = next((argument for argument in request.arguments if argument.name.lower() == name), None)
            if wanted is None and position < len(request.arguments) and not request.arguments[position].name:
                wanted = request.arguments[position]
            if wanted is not None and wanted.output:
                yield OutputValue(name, kind, self.variables[name][1])

    def declare(self, node: Declare) -> None:
        """DECLARE of one variable. Error 134 for a second one of the same name."""
        name = node.name.lower()
        if name in self.variables:
            raise SqlServerError(
                134,
                f"The variable name '{node.name}' has already been declared. Variable names must be unique within a"
                " query batch or stored procedure.",
                severity=15,
                ends_batch=True,
            )
        self.variables[name] = node.type, None
        if node.value is not None:
            self.variables[name] = node.type, self.value(node.value, node.type)

    def assign(self, name: str, value: Value) -> None:
        """A declared variable takes a value of its own type."""
        self.variables[name] = self.variables[name][0], value

    # Values

    def context(self) -> Context:
        """A fresh context for one compilation."""
        return self._planner.context(self.variables)

    def value(self, statement: Statement, kind: SqlType | None = None) -> Value:
        """The value of an expression, as `kind` when given."""
        context = self.context()
        found = compile_value(context, statement)
        context.check()
        found = convert(found, kind) if kind is not None else shown(found)
        sql = f"SELECT {found.sql}" if not found.is_null else f"SELECT NULL::{storage(found.type)}"
        locks, held = context.locks.statements(), context.held.statements()
        result: Value = self.fetch(sql, context.binds, Command.SELECT, locks, held)[0][0]
        return result

    def value_of(self, tokens: list[Token], statement: Statement) -> Value:
        """The value of an expression that is a part of a statement."""
        return self.value(Statement("VALUE", tokens, statement.text))

    def value_from(self, start: int, statement: Statement, kind: SqlType) -> Value:
        """The value of what stands from token `start` to the statement's end, compiled from one and the same part each time."""
        part = _VALUE.of(statement, lambda: Statement("VALUE", statement.tokens[start:], statement.text))
        return self.value(part, kind)

    def condition(self, statement: Statement) -> bool:
        """Whether a condition is true; unknown is not."""
        context = self.context()
        sql = f"SELECT {compile_condition(context, statement)}"
        context.check()
        locks, held = context.locks.statements(), context.held.statements()
        return bool(self.fetch(sql, context.binds, Command.SELECT, locks, held)[0][0])

    def fetch(
        self,
        sql: str,
        binds: Sequence[Bind],
        command: Command,
        locks: Sequence[str] = (),
        held: Sequence[str] = (),
    ) -> list[Row]:
        """All rows of a query, as one statement; `locks` and `held` are a plan's."""
        try:
            with self._transaction.statement(locks=locks, held=held):
                return self._link.run(sql, self.parameters(binds)).rows
        except EngineError as error:
            raise server_error(error, command, self._link) from error

    # What a compiled statement asks for by name

    def parameters(self, binds: Sequence[Bind]) -> list[Parameter]:
        """The values of variables and of @@names, as the engine takes them."""
        return [encode(self._bound(bind), bind.type) for bind in binds]

    def _bound(self, bind: Bind) -> Value:
        if isinstance(bind, DescribedBind):
            return self._described(bind)
        if bind.name.startswith("@") and not bind.name.startswith("@@"):
            return self.variables[bind.name][1]
        if bind.name in {"@@IDENTITY", "SCOPE_IDENTITY"}:
            self._identity.read()
        return self._state.value(bind.name)

    # Describing a batch without running it

    def describe(self, text: str, declarations: str) -> tuple[Column, ...]:
        """The columns of the first result set of a batch with these parameters. Raises what compiling it raises."""
        return describe_batch(self._planner, text, declarations)

    def undeclared(self, text: str, declarations: str) -> list[tuple[str, SqlType]]:
        """The parameters of a statement that are not declared, with the types that fit. Raises what compiling it raises."""
        return undeclared_parameters(self._planner, text, declarations)

    def _described(self, bind: DescribedBind) -> str:
        """The columns of the first result set of a batch, or the error that stops it."""
        text, declarations = (
            self.variables[given.variable][1] if given.variable else given.text
            for given in (bind.query, bind.parameters)
        )
        try:
            return describe_columns(self.describe(str(text or ""), str(declarations or "")))
        except SqlServerError as error:
            return describe_error(error)
