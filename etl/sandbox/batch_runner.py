"""A batch, statement by statement: control flow, who carries a statement out, and what an error takes with it.

A batch is split into statements (`translation.batch`), each compiled when its turn comes, because an earlier one may make
the table it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from etl.sandbox.applocks import ApplicationLocks
from etl.sandbox.bulk_load import BulkLoader
from etl.sandbox.catalog import Catalog
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.identity import LastIdentity
from etl.sandbox.link import EngineError, Link
from etl.sandbox.messages import run_print, run_raiserror, run_throw
from etl.sandbox.outcomes import (
    BulkRows,
    Column,
    Command,
    DatabaseChanged,
    Isolation,
    Outcome,
    Parameterized,
    ProcedureEnded,
    StatementDone,
    StatementFailed,
    TransactionChanged,
    TransactionEvent,
)
from etl.sandbox.pgerrors import server_error
from etl.sandbox.plan_runner import PlanRunner
from etl.sandbox.planner import Planner
from etl.sandbox.procedure_call import parse_call
from etl.sandbox.procedures import run_call, run_text
from etl.sandbox.schema import SchemaEditor
from etl.sandbox.session_statements import run_set, run_use
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState
from etl.sandbox.transaction_statements import TransactionStatements
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.batch import Declare, If, Node, Statement, parse_batch, word
from etl.sandbox.translation.ddl_parser import parse_definition
from etl.sandbox.translation.definitions import AlterDatabase, CreateDatabase, Definition, DropDatabase
from etl.sandbox.waiting import run_waitfor

_DML = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"})
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_DDL = frozenset({"CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "DENY", "REVOKE"})
_SWITCHES = frozenset({"DISABLE", "ENABLE"})
_COMPILE_ERRORS = frozenset({109, 110, 120, 121, 207, 209, 213, 264, 271, 272, 273, 4104, 8102, 8120})
"""Errors of severity 16 in names and shapes, besides those of severity 15. "Compile errors, such as syntax errors, are not
affected by SET XACT_ABORT": SET XACT_ABORT (Transact-SQL)."""
_OPENS_IMPLICITLY = _DML | _DDL | {"INSERT BULK", "BEGIN", "GRANT", "REVOKE", "DENY"}
"""Statements that begin a transaction under SET IMPLICIT_TRANSACTIONS ON, but for a SELECT without a table. A BEGIN TRANSACTION
counts one more: https://learn.microsoft.com/sql/t-sql/statements/set-implicit-transactions-transact-sql."""


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
        self._application_locks = ApplicationLocks(link, state, transaction)
        self._editor = SchemaEditor(link, catalog, lambda: state.database)
        self._evaluator = Evaluator(link, state, transaction, planner, identity)
        self._plans = PlanRunner(link, state, transaction, planner, self._editor, identity, self._evaluator)
        self._loader = BulkLoader(link, catalog, state, transaction, identity, self._evaluator)
        self._handlers = self._statement_handlers()
        self._cancelled = False
        self._stopped = False

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch or a parameterised statement. Lazy: an outcome's work is done when it is asked for."""
        self._cancelled = self._stopped = False
        self._loader.forget()
        try:
            self._evaluator.start(request)
            nodes = parse_batch(request.text)
        except SqlServerError as error:
            yield from self._failed(error)
            _raise_if_fatal(error)
            return
        try:
            yield from self._block(nodes)
        except GeneratorExit:
            # The client has stopped it, or left, between two outcomes.
            if self._state.options.xact_abort:
                self._transaction.abandon()
            raise
        yield from self._evaluator.outputs(request)

    def bulk_load(self, rows: BulkRows) -> Iterator[Outcome]:
        """The rows that an INSERT BULK of the request before has announced."""
        self._cancelled = False
        try:
            yield from self._loader.load(rows)
        except SqlServerError as error:
            yield from self._failed(error)
            _raise_if_fatal(error)
        else:
            self._state.error = 0

    def forget_bulk_load(self) -> None:
        """A request has come that is not the rows of the INSERT BULK before it."""
        self._loader.forget()

    def fail(self, error: SqlServerError) -> Iterator[Outcome]:
        """What an error that no statement raised takes with it, as outcomes; raises it when it ends the batch."""
        yield from self._failed(error)
        _raise_if_fatal(error)

    def cancel(self) -> None:
        """Called from another thread: no further statement of this batch begins."""
        self._cancelled = True

    # Control flow

    def _block(self, nodes: Sequence[Node]) -> Iterator[Outcome]:
        for node in nodes:
            if self._stopped:
                return
            if self._cancelled:
                error = SqlServerError(0, "Query cancelled by the client.", severity=11, ends_batch=True)
                yield from self._failed(error)
                raise error
            if isinstance(node, If):
                yield from self._if(node)
            else:
                yield from self._one(node)

    def _if(self, node: If) -> Iterator[Outcome]:
        try:
            truth = self._evaluator.condition(node.condition)
        except SqlServerError as error:
            error.line = error.line or node.condition.line
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
            error.line = error.line or node.line
            changes = isinstance(node, Statement) and node.verb in _CHANGES
            yield from self._failed(error, taken_back=changes)
            _raise_if_fatal(error)
        except EngineError as error:
            raise SqlServerError(
                50000, f"sandbox: the engine answered {error.sqlstate}: {error.message}", ends_batch=True
            ) from error
        else:
            if not isinstance(node, Declare):
                self._state.error = 0

    def _failed(self, error: SqlServerError, *, taken_back: bool = False) -> Iterator[Outcome]:
        """Roll back what the error takes with it; report an error that the batch survives. `taken_back` from a change."""
        self._state.error = error.number
        self._state.row_count = 0
        if self._state.options.xact_abort and _honours_xact_abort(error):
            error.ends_batch = True
            error.dooms_transaction = True
        if error.dooms_transaction and self._state.transactions:
            self._transaction.abandon()
            yield TransactionChanged(TransactionEvent.ROLLED_BACK)
        if not error.ends_batch and error.severity < 20:
            yield StatementFailed(error, taken_back)

    # Who carries a statement out

    def _statement(self, statement: Statement) -> Iterator[Outcome]:
        verb = statement.verb
        implicit = self._state.options.implicit_transactions and not self._state.transactions
        if implicit and verb in _OPENS_IMPLICITLY and (verb != "SELECT" or _names_a_table(statement)):
            self._transaction.begin(Isolation.CURRENT)
            yield TransactionChanged(TransactionEvent.BEGUN)
        if verb in _DML:
            yield from self._plans.run(statement)
        elif verb in _DDL or verb in _SWITCHES:
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
            "WAITFOR": lambda statement: run_waitfor(statement, evaluator),
            "EXEC": self._execute,
            "EXECUTE": self._execute,
            "CALL": self._execute,
            "RETURN": self._return,
            "INSERT BULK": self._loader.announce,
        }

    def _return(self, _statement: Statement) -> Iterator[Outcome]:
        self._stopped = True
        yield from ()

    def _execute(self, statement: Statement) -> Iterator[Outcome]:
        call = parse_call(statement, self._evaluator.variables, lambda part: self._evaluator.value_of(part, statement))
        if isinstance(call, str):
            yield from run_text(call, self)
            return
        for outcome in run_call(call, self):
            yield replace(outcome, in_procedure=True) if isinstance(outcome, StatementDone) else outcome
        yield ProcedureEnded(call.status)

    # What procedures ask for: see `procedures.Caller`

    @property
    def application_locks(self) -> ApplicationLocks:
        """The session's locks by sp_getapplock."""
        return self._application_locks

    @property
    def state(self) -> SessionState:
        """The session's values."""
        return self._state

    def define(self, definition: Definition) -> None:
        """Carry a definition out as one statement. Error 226 for a database's inside a transaction."""
        if self._state.transactions and isinstance(definition, CreateDatabase | DropDatabase | AlterDatabase):
            verb = type(definition).__name__.removesuffix("Database").upper()
            raise SqlServerError(
                226,
                f"{verb} DATABASE statement not allowed within multi-statement transaction.",
                state=6,
                ends_batch=True,
            )
        try:
            with self._transaction.statement(whole=True):
                self._editor.apply(definition)
                self._transaction.schema_changed()
        except EngineError as error:
            raise server_error(error, Command.OTHER, self._link) from error
        self._state.row_count = 0

    def describe(self, text: str, declarations: str) -> tuple[Column, ...]:
        """The columns of the first result set of a batch. Raises what compiling it raises."""
        return self._evaluator.describe(text, declarations)

    def undeclared(self, text: str, declarations: str) -> list[tuple[str, SqlType]]:
        """The parameters of a statement that are not declared, with the types that fit. Raises what compiling it raises."""
        return self._evaluator.undeclared(text, declarations)

    def batch(self, request: Parameterized, *, database: str = "") -> Iterator[Outcome]:
        """Run a batch inside the current one (sp_executesql, EXEC of a text): its own variables, the same session.

        `database` is where it runs when that is not the current one. A USE and SET options inside the batch last until its end.
        """
        outside, before, options = self._evaluator.variables, self._state.database, replace(self._state.options)
        inside = self._existing(database) if database else before
        try:
            self._state.database = inside
            self._evaluator.start(request)
            yield from self._block(parse_batch(request.text))
            yield from self._evaluator.outputs(request)
            yield from self._back_to(before, inside)
        except SqlServerError as error:
            error.line = error.line or 1  # counted in the inner batch, not where EXEC stands
            yield from self._back_to(before, inside)
            raise
        finally:
            self._evaluator.variables = outside
            self._state.database, self._state.options = before, options
            self._stopped = False

    def _back_to(self, before: str, inside: str) -> Iterator[Outcome]:
        """The client is told when a USE in an inner batch ends; it does not know of the procedure's own database."""
        if self._state.database != inside:
            yield DatabaseChanged(self._state.database, before)

    def _existing(self, database: str) -> str:
        found = self._catalog.database(database)
        if found is None:
            message = f"Database '{database}' does not exist. Make sure that the name is entered correctly."
            raise SqlServerError(911, message)
        self._catalog.rights.open(found)
        return found

    def set_variable(self, name: str, value: Value) -> None:
        """An OUTPUT argument of EXEC, or its return status, comes back."""
        self._evaluator.assign(name, value)


def _names_a_table(statement: Statement) -> bool:
    return any(word(token) == "FROM" for token in statement.tokens)


def _raise_if_fatal(error: SqlServerError) -> None:
    if error.ends_batch or error.severity >= 20:
        raise error


def _honours_xact_abort(error: SqlServerError) -> bool:
    """Not so: what is wrong before anything runs, and RAISERROR. A cancelled query does."""
    raised = error.number == 50000 and not error.ends_batch
    compiled = error.severity != 15 and error.number not in _COMPILE_ERRORS
    return error.severity >= 11 and compiled and not raised
