"""A batch, statement by statement: control flow, who carries a statement out, and what an error takes with it.

A batch is split into statements (`translation.batch`), each compiled when its turn comes, because an earlier one may make
the table it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from etl.sandbox.catalog import Catalog
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.identity import LastIdentity
from etl.sandbox.link import EngineError, Link
from etl.sandbox.messages import run_print, run_raiserror, run_throw
from etl.sandbox.outcomes import (
    Command,
    Isolation,
    Outcome,
    Parameterized,
    StatementDone,
    StatementFailed,
    TransactionChanged,
    TransactionEvent,
)
from etl.sandbox.pgerrors import server_error
from etl.sandbox.plan_runner import PlanRunner
from etl.sandbox.planner import Planner
from etl.sandbox.procedures import parse_call, run_call
from etl.sandbox.schema import SchemaEditor
from etl.sandbox.session_statements import run_set, run_use
from etl.sandbox.sqltypes import Value
from etl.sandbox.state import SessionState
from etl.sandbox.transaction_statements import TransactionStatements
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.batch import Declare, If, Node, Statement, parse_batch
from etl.sandbox.translation.ddl_parser import parse_definition
from etl.sandbox.translation.definitions import Definition

_DML = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"})
_DDL = frozenset({"CREATE", "ALTER", "DROP", "TRUNCATE"})
_OPENS_IMPLICITLY = _DML | _DDL
"""Statements that begin a transaction under SET IMPLICIT_TRANSACTIONS ON."""


class BatchRunner:
    """Runs the batches of one session, one at a time. Compiled plans are kept for a text that comes again."""

    def __init__(
        self, link: Link, catalog: Catalog, state: SessionState, transaction: Transaction, identity: LastIdentity
    ) -> None:
        planner = Planner(link, catalog, state)
        self._link = link
        self._catalog = catalog
        self._state = state
        self._transaction = transaction
        self._editor = SchemaEditor(link, catalog, lambda: state.database)
        self._evaluator = Evaluator(link, state, transaction, planner, identity)
        self._plans = PlanRunner(link, state, transaction, planner, self._editor, identity, self._evaluator)
        self._handlers = self._statement_handlers()
        self._cancelled = False
        self._stopped = False

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch or a parameterised statement. Lazy: an outcome's work is done when it is asked for."""
        self._cancelled = self._stopped = False
        try:
            self._evaluator.start(request)
            nodes = parse_batch(request.text)
        except SqlServerError as error:
            yield from self._failed(error)
            raise
        yield from self._block(nodes)
        yield from self._evaluator.outputs(request)

    def cancel(self) -> None:
        """Called from another thread: no further statement of this batch begins."""
        self._cancelled = True

    # Control flow

    def _block(self, nodes: Sequence[Node]) -> Iterator[Outcome]:
        for node in nodes:
            if self._stopped:
                return
            if self._cancelled:
                raise SqlServerError(0, "Query cancelled by the client.", severity=11, ends_batch=True)
            if isinstance(node, If):
                yield from self._if(node)
            else:
                yield from self._one(node)

    def _if(self, node: If) -> Iterator[Outcome]:
        try:
            truth = self._evaluator.condition(node.condition)
        except SqlServerError as error:
            yield from self._failed(error)
            _raise_if_fatal(error)
            return
        yield from self._block(node.then if truth else node.otherwise)

    def _one(self, node: Statement | Declare) -> Iterator[Outcome]:
        try:
            if isinstance(node, Declare):
                self._evaluator.declare(node)
            else:
                yield from self._statement(node)
        except SqlServerError as error:
            if error.line == 1 and isinstance(node, Statement):
                error.line = node.line
            yield from self._failed(error)
            _raise_if_fatal(error)
        except EngineError as error:
            raise SqlServerError(
                50000, f"sandbox: the engine answered {error.sqlstate}: {error.message}", ends_batch=True
            ) from error
        else:
            if not isinstance(node, Declare):
                self._state.error = 0

    def _failed(self, error: SqlServerError) -> Iterator[Outcome]:
        """Roll back what the error takes with it; report an error that the batch survives."""
        self._state.error = error.number
        self._state.row_count = 0
        if self._state.options.xact_abort and _honours_xact_abort(error):
            error.ends_batch = True
            error.dooms_transaction = True
        if error.dooms_transaction and self._state.transactions:
            self._transaction.abandon()
            yield TransactionChanged(TransactionEvent.ROLLED_BACK)
        if not error.ends_batch and error.severity < 20:
            yield StatementFailed(error)

    # Who carries a statement out

    def _statement(self, statement: Statement) -> Iterator[Outcome]:
        verb = statement.verb
        if self._state.options.implicit_transactions and verb in _OPENS_IMPLICITLY and not self._state.transactions:
            self._transaction.begin(Isolation.CURRENT)
            yield TransactionChanged(TransactionEvent.BEGUN)
        if verb in _DML:
            yield from self._plans.run(statement)
        elif verb in _DDL:
            self.define(parse_definition(statement))
            yield StatementDone(Command.OTHER, None)
        else:
            handler = self._handlers.get(verb)
            if handler is None:
                raise not_supported(f"the statement {statement.tokens[0].text.upper()}", line=statement.line)
            yield from handler(statement)

    def _statement_handlers(self) -> dict[str, Callable[[Statement], Iterator[Outcome]]]:
        state, evaluator = self._state, self._evaluator
        transactions = TransactionStatements(self._link, self._transaction, evaluator)
        return {
            "SET": lambda statement: run_set(statement, state, evaluator),
            "USE": lambda statement: run_use(statement, state, self._catalog),
            "BEGIN": transactions.begin,
            "COMMIT": transactions.commit,
            "ROLLBACK": transactions.rollback,
            "SAVE": transactions.save,
            "PRINT": lambda statement: run_print(statement, evaluator),
            "RAISERROR": lambda statement: run_raiserror(statement, evaluator),
            "THROW": lambda statement: run_throw(statement, evaluator),
            "EXEC": self._execute,
            "EXECUTE": self._execute,
            "CALL": self._execute,
            "RETURN": self._return,
        }

    def _return(self, _statement: Statement) -> Iterator[Outcome]:
        self._stopped = True
        yield from ()

    def _execute(self, statement: Statement) -> Iterator[Outcome]:
        call = parse_call(statement, self._evaluator.variables, lambda part: self._evaluator.value_of(part, statement))
        yield from run_call(call, self)

    # What procedures ask for: see `procedures.Caller`

    @property
    def state(self) -> SessionState:
        """The session's values."""
        return self._state

    def define(self, definition: Definition) -> None:
        """Carry a definition out as one statement."""
        try:
            with self._transaction.statement(whole=True):
                self._editor.apply(definition)
                self._transaction.schema_changed()
        except EngineError as error:
            raise server_error(error, Command.OTHER, self._link) from error
        self._state.row_count = 0

    def batch(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch inside the current one (sp_executesql): its own variables, the same session."""
        outside = self._evaluator.variables
        try:
            self._evaluator.start(request)
            yield from self._block(parse_batch(request.text))
            yield from self._evaluator.outputs(request)
        finally:
            self._evaluator.variables = outside
            self._stopped = False

    def set_variable(self, name: str, value: Value) -> None:
        """An OUTPUT argument of EXEC comes back."""
        self._evaluator.assign(name, value)


def _raise_if_fatal(error: SqlServerError) -> None:
    if error.ends_batch or error.severity >= 20:
        raise error


def _honours_xact_abort(error: SqlServerError) -> bool:
    """Not so: syntax errors, which come before anything runs (severity 15), RAISERROR, and a cancelled query."""
    raised = error.number == 50000 and not error.ends_batch
    return error.severity >= 11 and error.severity != 15 and not raised and error.number != 0
