"""T-SQL run on the engine: one client's session.

A batch is split into statements (`translation.batch`), each compiled when its turn comes, because an earlier one may make
the table it names. Compiled plans are kept for clients that send the same text again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from etl.sandbox import procedures
from etl.sandbox.arguments import bind_arguments, encode, parse_declarations
from etl.sandbox.catalog import Catalog, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.link import EngineError, Link, Parameter, Row
from etl.sandbox.outcomes import (
    Column,
    Command,
    DatabaseChanged,
    Isolation,
    Message,
    Outcome,
    OutputValue,
    Parameterized,
    ResultSet,
    StatementDone,
    StatementFailed,
    TransactionChanged,
    TransactionEvent,
)
from etl.sandbox.pgerrors import server_error
from etl.sandbox.planner import Planner, Variables
from etl.sandbox.reading import Reading
from etl.sandbox.schema import SchemaEditor, columns_of_query
from etl.sandbox.set_options import apply_option
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import Options, SessionState
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.batch import Declare, If, Node, Statement, parse_batch, split_commas, word
from etl.sandbox.translation.compile import compile_condition, compile_statement, compile_value
from etl.sandbox.translation.context import Bind, Context
from etl.sandbox.translation.conversion import convert, shown
from etl.sandbox.translation.ddl_parser import Cursor, parse_definition
from etl.sandbox.translation.definitions import Definition
from etl.sandbox.translation.described import DESCRIBED, describe_columns, describe_error
from etl.sandbox.translation.parser import incorrect_syntax
from etl.sandbox.translation.plans import IntoPlan, QueryPlan, WritePlan
from etl.sandbox.translation.types import storage
from etl.sandbox.translation.values_insert import ValuesInsert

_DML = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"})
_DDL = frozenset({"CREATE", "ALTER", "DROP", "TRUNCATE"})
_COMMANDS = {
    "INSERT": Command.INSERT,
    "UPDATE": Command.UPDATE,
    "DELETE": Command.DELETE,
    "SELECT": Command.SELECT,
    "WITH": Command.SELECT,
}
_OPENS_IMPLICITLY = _DML | _DDL
"""Statements that begin a transaction under SET IMPLICIT_TRANSACTIONS ON."""


class SqlInterpreter:
    """See `outcomes.Interpreter`."""

    def __init__(self, link: Link, catalog: Catalog, user: str, number: int, database: str) -> None:
        self._link = link
        self._catalog = catalog
        self._state = SessionState(user, number, database)
        self._transaction = Transaction(link, catalog, self._state)
        self._editor = SchemaEditor(link, catalog, lambda: self._state.database)
        self._planner = Planner(link, catalog, self._state)
        self._identity_sequence: str | None = None
        self._variables: Variables = {}
        self._cancelled = False
        self._stopped = False

    # The protocol's side

    @property
    def transaction_count(self) -> int:
        """@@TRANCOUNT as it is now."""
        return self._state.transactions

    @property
    def database(self) -> str:
        """The current database's name."""
        return self._state.database

    def describe_client(self, host: str, application: str) -> None:
        """What the client said of itself at login: HOST_NAME() and APP_NAME()."""
        self._state.host, self._state.application = host, application

    def run(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch or a parameterised statement. Lazy: an outcome's work is done when it is asked for."""
        self._cancelled = self._stopped = False
        try:
            self._variables = bind_arguments(request.declarations, request.arguments, self._link)
            nodes = parse_batch(request.text)
        except SqlServerError as error:
            yield from self._failed(error)
            raise
        yield from self._block(nodes)
        yield from self._outputs(request)

    def begin(self, isolation: Isolation, name: str = "") -> None:  # noqa: ARG002 - a transaction's name says nothing
        """BEGIN TRANSACTION; nested calls only count."""
        self._transaction.begin(isolation)

    def commit(self) -> None:
        """COMMIT one level. Error 3902 without a transaction."""
        try:
            self._transaction.commit()
        except EngineError as error:
            self._transaction.abandon()
            raise server_error(error, Command.COMMIT, self._link) from error

    def rollback(self, name: str = "") -> None:
        """ROLLBACK everything, or to the savepoint `name`. Error 3903 without a transaction."""
        if name and self._transaction.rollback_to(name):
            return
        self._transaction.rollback()

    def save(self, name: str) -> None:
        """SAVE TRANSACTION. Error 628 without a transaction."""
        self._transaction.save(name)

    def reset(self) -> None:
        """Roll back, drop #tables, forget SET options (MS-TDS 2.2.3.1.2). The isolation level stays, as in SQL Server."""
        self._transaction.abandon()
        isolation = self._state.options.isolation
        self._state.options = Options(isolation=isolation)
        self._state.identity = None
        self._identity_sequence = None
        self._drop_temporary()

    def cancel(self) -> None:
        """Called from another thread: make the running statement stop soon, with the transaction kept."""
        self._cancelled = True
        self._link.cancel()

    def close(self) -> None:
        """End the session: roll back what is open and free its resources. Never raises."""
        try:
            self._transaction.abandon()
            self._drop_temporary()
        except (EngineError, OSError, RuntimeError):
            # The connection is lost: the server has rolled back, and the next start of the engine clears #tables' rows.
            self._cancelled = True
        finally:
            self._link.close()

    def _drop_temporary(self) -> None:
        answer = self._link.run("DELETE FROM sandbox.objects WHERE session = $1::int", (str(self._state.number),))
        if answer.row_count:
            self._link.script("DISCARD TEMP")
            self._catalog.changed()

    # Statements

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
            truth = self._condition(node.condition)
        except SqlServerError as error:
            yield from self._failed(error)
            self._raise_if_fatal(error)
            return
        yield from self._block(node.then if truth else node.otherwise)

    def _one(self, node: Statement | Declare) -> Iterator[Outcome]:
        try:
            if isinstance(node, Declare):
                self._declare(node)
            else:
                yield from self._statement(node)
        except SqlServerError as error:
            if error.line == 1 and isinstance(node, Statement):
                error.line = node.line
            yield from self._failed(error)
            self._raise_if_fatal(error)
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

    @staticmethod
    def _raise_if_fatal(error: SqlServerError) -> None:
        if error.ends_batch or error.severity >= 20:
            raise error

    def _statement(self, statement: Statement) -> Iterator[Outcome]:
        verb = statement.verb
        if self._state.options.implicit_transactions and verb in _OPENS_IMPLICITLY and not self._state.transactions:
            self._transaction.begin(Isolation.CURRENT)
            yield TransactionChanged(TransactionEvent.BEGUN)
        if verb in _DML:
            yield from self._run_plan(statement)
        elif verb in _DDL:
            yield from self._define(parse_definition(statement))
        else:
            handler = self._handlers().get(verb)
            if handler is None:
                raise not_supported(f"the statement {statement.tokens[0].text.upper()}", line=statement.line)
            yield from handler(statement)

    def _handlers(self) -> dict[str, Callable[[Statement], Iterator[Outcome]]]:
        return {
            "SET": self._set,
            "BEGIN": self._begin_statement,
            "COMMIT": self._commit_statement,
            "ROLLBACK": self._rollback_statement,
            "SAVE": self._save_statement,
            "PRINT": self._print,
            "USE": self._use,
            "EXEC": self._execute,
            "EXECUTE": self._execute,
            "CALL": self._execute,
            "RETURN": self._return,
            "RAISERROR": self._raiserror,
            "THROW": self._throw,
        }

    # Variables and conditions

    def _context(self) -> Context:
        return self._planner.context(self._variables)

    def _declare(self, node: Declare) -> None:
        name = node.name.lower()
        if name in self._variables:
            raise SqlServerError(
                134,
                f"The variable name '{node.name}' has already been declared. Variable names must be unique within a"
                " query batch or stored procedure.",
                severity=15,
                ends_batch=True,
            )
        self._variables[name] = node.type, None
        if node.value is not None:
            self._variables[name] = node.type, self._evaluate(node.value, node.type)

    def _evaluate(self, statement: Statement, kind: SqlType | None = None) -> Value:
        """The value of an expression, as `kind` when given."""
        context = self._context()
        found = compile_value(context, statement)
        found = convert(found, kind) if kind is not None else shown(found)
        sql = f"SELECT {found.sql}" if not found.is_null else f"SELECT NULL::{storage(found.type)}"
        rows = self._fetch(sql, context.binds, Command.SELECT)
        return rows[0][0]  # type: ignore[no-any-return]

    def _condition(self, statement: Statement) -> bool:
        context = self._context()
        sql = f"SELECT {compile_condition(context, statement)}"
        return bool(self._fetch(sql, context.binds, Command.SELECT)[0][0])

    def _fetch(self, sql: str, binds: Sequence[Bind], command: Command) -> list[Row]:
        try:
            with self._transaction.statement():
                return self._link.run(sql, self._parameters(binds)).rows
        except EngineError as error:
            raise server_error(error, command, self._link) from error

    def _parameters(self, binds: Sequence[Bind]) -> list[Parameter]:
        return [encode(self._bound(bind), bind.type) for bind in binds]

    def _bound(self, bind: Bind) -> Value:
        if bind.name.startswith(DESCRIBED):
            return self._described(self._variables[bind.name.removeprefix(DESCRIBED)][1])
        if bind.name.startswith("@") and not bind.name.startswith("@@"):
            return self._variables[bind.name][1]
        if bind.name in {"@@IDENTITY", "SCOPE_IDENTITY"}:
            self._read_identity()
        return self._state.value(bind.name)

    def _described(self, query: Value) -> str:
        """The columns of the first result set of a batch, or the error that stops it."""
        try:
            nodes = parse_batch(str(query))
            plans = [
                compile_statement(self._context(), node, None)
                for node in nodes
                if isinstance(node, Statement) and node.verb in {"SELECT", "WITH"}
            ]
        except SqlServerError as error:
            return describe_error(error)
        first = next((plan for plan in plans if isinstance(plan, QueryPlan)), None)
        return describe_columns(first.columns if first is not None else ())

    def _read_identity(self) -> None:
        if self._identity_sequence is not None:
            row = self._link.run(f"SELECT currval('{self._identity_sequence}')::numeric").rows[0]
            self._state.identity = Decimal(row[0])
            self._identity_sequence = None

    def _outputs(self, request: Parameterized) -> Iterator[Outcome]:
        if not any(argument.output for argument in request.arguments):
            return
        for position, (name, kind, _) in enumerate(parse_declarations(request.declarations)):
            wanted = next((argument for argument in request.arguments if argument.name.lower() == name), None)
            if wanted is None and position < len(request.arguments) and not request.arguments[position].name:
                wanted = request.arguments[position]
            if wanted is not None and wanted.output:
                yield OutputValue(name, kind, self._variables[name][1])

    # SELECT, INSERT, UPDATE, DELETE

    def _run_plan(self, statement: Statement) -> Iterator[Outcome]:
        plan = self._planner.plan(statement, self._variables)
        if isinstance(plan, ValuesInsert):
            parameters = plan.parameters(self._variables)
            if parameters is not None:
                yield from self._insert_values(plan, parameters)
                return
            plan = self._planner.compiled(statement, self._variables)
        if isinstance(plan, QueryPlan):
            yield from self._query(plan)
        elif isinstance(plan, WritePlan):
            yield from self._write(plan)
        elif isinstance(plan, IntoPlan):
            yield from self._select_into(plan)

    def _query(self, plan: QueryPlan) -> Iterator[Outcome]:
        if self._state.options.format_only:
            if not plan.assigns:
                yield ResultSet(plan.columns, iter(()))
                yield StatementDone(Command.SELECT, 0)
            return
        if plan.assigns:
            self._assign(plan)
            yield StatementDone(Command.SELECT, None)
            return
        if "sys.dm_exec_" in plan.sql:
            self._describe_session()
        reading = Reading(self._link, self._transaction, plan, lambda: self._parameters(plan.binds))
        try:
            reading.start()
            yield ResultSet(plan.columns, reading.batches())
        finally:
            reading.close()
        if reading.failure is not None:
            raise reading.failure
        self._state.row_count = reading.rows
        yield StatementDone(Command.SELECT, self._counted(reading.rows))

    def _describe_session(self) -> None:
        """What the views sys.dm_exec_sessions and sys.dm_exec_connections say of this session."""
        values = (str(self._state.number), self._state.user, str(self._state.options.isolation.value))
        self._link.run(
            "SELECT set_config('sandbox.session', $1::text, false), set_config('sandbox.login', $2::text, false),"
            " set_config('sandbox.isolation', $3::text, false)",
            values,
        )

    def _assign(self, plan: QueryPlan) -> None:
        rows = self._fetch(plan.sql, plan.binds, Command.SELECT)
        self._state.row_count = len(rows)
        if rows:
            for name, new in zip(plan.assigns, rows[-1], strict=True):
                self._variables[name] = self._variables[name][0], new

    def _counted(self, rows: int) -> int | None:
        return None if self._state.options.nocount else rows

    def _write(self, plan: WritePlan) -> Iterator[Outcome]:
        if self._state.options.format_only:
            if plan.columns:
                yield ResultSet(plan.columns, iter(()))
            yield StatementDone(plan.command, self._counted(0))
            return
        try:
            with self._transaction.statement(whole=bool(plan.locks) or plan.explicit_identity):
                for lock in plan.locks:
                    self._link.script(lock)
                answer = self._link.run(plan.sql, self._parameters(plan.binds))
                if plan.explicit_identity:
                    self._advance_identity(plan.table)
        except EngineError as error:
            raise server_error(error, plan.command, self._link) from error
        self._wrote(plan.sequence, answer.row_count, plan.command)
        if plan.columns:
            yield ResultSet(plan.columns, iter([answer.rows] if answer.rows else []))
        yield StatementDone(plan.command, self._counted(answer.row_count))

    def _wrote(self, sequence: str | None, rows: int, command: Command) -> None:
        self._state.row_count = rows
        if command is Command.INSERT and rows and sequence is not None:
            self._identity_sequence = sequence

    def _advance_identity(self, table: Table) -> None:
        """An explicit identity value beyond the current one becomes the current one."""
        identity = table.identity
        assert identity is not None
        column = f'"{identity.physical}"'
        self._link.run(
            f"SELECT setval('{identity.sequence}', CASE WHEN c.increment > 0 THEN greatest(m.high, s.last_value) ELSE"
            f" least(m.low, s.last_value) END) FROM (SELECT max({column})::bigint AS high, min({column})::bigint AS low"
            f" FROM {table.qualified}) m, {identity.sequence} s, (SELECT increment FROM sandbox.columns WHERE object_id"
            f" = {table.object_id} AND is_identity) c WHERE m.high IS NOT NULL"
        )

    def _insert_values(self, plan: ValuesInsert, parameters: list[Parameter]) -> Iterator[Outcome]:
        if self._state.options.format_only:
            yield StatementDone(Command.INSERT, self._counted(0))
            return
        try:
            with self._transaction.statement():
                rows = self._link.run(plan.sql, parameters).row_count
        except EngineError as error:
            raise server_error(error, Command.INSERT, self._link) from error
        self._wrote(plan.sequence, rows, Command.INSERT)
        yield StatementDone(Command.INSERT, self._counted(rows))

    def _select_into(self, plan: IntoPlan) -> Iterator[Outcome]:
        try:
            with self._transaction.statement(whole=True):
                place = self._editor.place(plan.parts)
                table = self._editor.create_plain(place, columns_of_query(plan.columns))
                names = ", ".join('"' + column.physical.replace('"', '""') + '"' for column in table.columns)
                answer = self._link.run(
                    f"INSERT INTO {table.qualified} ({names}) {plan.sql}", self._parameters(plan.binds)
                )
                self._transaction.schema_changed()
        except EngineError as error:
            raise server_error(error, Command.INSERT, self._link) from error
        self._state.row_count = answer.row_count
        yield StatementDone(Command.SELECT, self._counted(answer.row_count))

    # Definitions

    def _define(self, definition: Definition) -> Iterator[Outcome]:
        self.define(definition)
        yield StatementDone(Command.OTHER, None)

    def define(self, definition: Definition) -> None:
        """Carry a definition out as one statement."""
        try:
            with self._transaction.statement(whole=True):
                self._editor.apply(definition)
                self._transaction.schema_changed()
        except EngineError as error:
            raise server_error(error, Command.OTHER, self._link) from error
        self._state.row_count = 0

    # Transactions

    def _begin_statement(self, statement: Statement) -> Iterator[Outcome]:
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("BEGIN")
        if not cursor.accept("TRAN") and not cursor.accept("TRANSACTION"):
            raise not_supported("BEGIN DISTRIBUTED TRANSACTION")
        self._transaction_name(cursor)
        if self._transaction.begin(Isolation.CURRENT):
            yield TransactionChanged(TransactionEvent.BEGUN)
        yield StatementDone(Command.BEGIN_TRANSACTION, None)

    def _commit_statement(self, statement: Statement) -> Iterator[Outcome]:
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("COMMIT")
        _skip_transaction_word(cursor)
        self._transaction_name(cursor)
        try:
            outermost = self._transaction.commit()
        except EngineError as error:
            self._transaction.abandon()
            yield TransactionChanged(TransactionEvent.ROLLED_BACK)
            raise server_error(error, Command.COMMIT, self._link) from error
        if outermost:
            yield TransactionChanged(TransactionEvent.COMMITTED)
        yield StatementDone(Command.COMMIT, None)

    def _rollback_statement(self, statement: Statement) -> Iterator[Outcome]:
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("ROLLBACK")
        _skip_transaction_word(cursor)
        name = self._transaction_name(cursor)
        if name and self._transaction.rollback_to(name):
            yield StatementDone(Command.ROLLBACK, None)
            return
        self._transaction.rollback()
        yield TransactionChanged(TransactionEvent.ROLLED_BACK)
        yield StatementDone(Command.ROLLBACK, None)

    def _save_statement(self, statement: Statement) -> Iterator[Outcome]:
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("SAVE")
        _skip_transaction_word(cursor)
        self._transaction.save(self._transaction_name(cursor))
        yield StatementDone(Command.OTHER, None)

    def _transaction_name(self, cursor: Cursor) -> str:
        if cursor.ended:
            return ""
        if cursor.peek() is not None and cursor.peek().text == "@":  # type: ignore[union-attr]
            cursor.at += 1
            held = self._variables.get("@" + cursor.identifier().lower())
            name = str(held[1]) if held is not None else ""
        else:
            name = cursor.identifier()
        cursor.finish()
        return name

    # The rest

    def _set(self, statement: Statement) -> Iterator[Outcome]:
        tokens = statement.tokens
        if len(tokens) > 1 and tokens[1].text == "@":
            self._set_variable(statement)
        else:
            apply_option(statement, self._state, lambda name: self._context().find_table(name))
            self._state.row_count = 0 if word(tokens[1]) != "NOCOUNT" else self._state.row_count
        yield StatementDone(Command.OTHER, None)

    def _set_variable(self, statement: Statement) -> None:
        tokens = statement.tokens
        name = "@" + tokens[2].text.lower() if len(tokens) > 4 else ""
        held = self._variables.get(name)
        if held is None:
            raise SqlServerError(
                137, f'Must declare the scalar variable "@{tokens[2].text}".', severity=15, ends_batch=True
            )
        if tokens[3].text != "=":
            raise not_supported(f"SET @variable {tokens[3].text}")
        part = statement.cache.get("value")
        if part is None:
            part = Statement("VALUE", tokens[4:], statement.text)
            statement.cache["value"] = part
        self._variables[name] = held[0], self._evaluate(part, held[0])  # type: ignore[arg-type]
        self._state.row_count = 1

    def _print(self, statement: Statement) -> Iterator[Outcome]:
        part = statement.cache.get("value")
        if part is None:
            part = Statement("VALUE", statement.tokens[1:], statement.text)
            statement.cache["value"] = part
        text = self._evaluate(part, SqlType("nvarchar"))  # type: ignore[arg-type]
        yield Message(0, "" if text is None else str(text), line=statement.line)
        yield StatementDone(Command.OTHER, None)

    def _use(self, statement: Statement) -> Iterator[Outcome]:
        cursor = Cursor(statement.tokens, statement.text)
        cursor.expect("USE")
        wanted = cursor.identifier()
        cursor.finish()
        name = self._catalog.database(wanted)
        if name is None:
            raise SqlServerError(
                911,
                f"Database '{wanted}' does not exist. Make sure that the name is entered correctly.",
                ends_batch=True,
            )
        old, self._state.database = self._state.database, name
        yield DatabaseChanged(old, name)
        yield Message(5701, f"Changed database context to '{name}'.", severity=0, state=2)
        yield StatementDone(Command.OTHER, None)

    def _return(self, _statement: Statement) -> Iterator[Outcome]:
        self._stopped = True
        yield from ()

    def _raiserror(self, statement: Statement) -> Iterator[Outcome]:
        cursor = Cursor(statement.tokens[1:], statement.text)
        parts = split_commas(cursor.group()[1:-1])
        cursor.accept("WITH", "NOWAIT")
        cursor.finish()
        if len(parts) != 3:
            raise not_supported("RAISERROR with other arguments than message, severity and state", line=statement.line)
        text, severity, state = (self._evaluate(Statement("VALUE", part, statement.text)) for part in parts)
        if not isinstance(severity, int) or not isinstance(state, int):
            raise incorrect_syntax(statement.tokens[0])
        if severity <= 10:
            yield Message(50000, str(text), severity=severity, state=state, line=statement.line)
            yield StatementDone(Command.OTHER, None)
            return
        raise SqlServerError(50000, str(text), severity=severity, state=max(state, 1), line=statement.line)

    def _throw(self, statement: Statement) -> Iterator[Outcome]:
        parts = split_commas(statement.tokens[1:])
        if len(parts) != 3:
            raise not_supported("THROW without arguments", line=statement.line)
        number, text, state = (self._evaluate(Statement("VALUE", part, statement.text)) for part in parts)
        if not isinstance(number, int) or not isinstance(state, int) or number < 50000:
            raise SqlServerError(
                35100,
                f"Error number {number!r} in the THROW statement is outside the valid range. Specify an error number in"
                " the valid range of 50000 to 2147483647.",
            )
        yield from ()
        raise SqlServerError(number, str(text), state=state, line=statement.line, ends_batch=True)

    def _execute(self, statement: Statement) -> Iterator[Outcome]:
        call = procedures.parse_call(
            statement, self._variables, lambda part: self._evaluate(Statement("VALUE", part, statement.text))
        )
        yield from procedures.run_call(call, self)

    def batch(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch inside the current one (sp_executesql): its own variables, the same session."""
        outside = self._variables
        try:
            self._variables = bind_arguments(request.declarations, request.arguments, self._link)
            yield from self._block(parse_batch(request.text))
            yield from self._outputs(request)
        finally:
            self._variables = outside
            self._stopped = False

    def rows(self, sql: str, parameters: Sequence[Parameter], columns: tuple[Column, ...]) -> Iterator[Outcome]:
        """A catalog procedure's result set."""
        try:
            with self._transaction.statement():
                found = self._link.run(sql, parameters).rows
        except EngineError as error:
            raise server_error(error, Command.SELECT, self._link) from error
        self._state.row_count = len(found)
        yield ResultSet(columns, iter([found] if found else []))
        yield StatementDone(Command.SELECT, self._counted(len(found)))

    def set_variable(self, name: str, value: Value) -> None:
        """An OUTPUT argument of EXEC comes back."""
        self._variables[name] = self._variables[name][0], value

    @property
    def state(self) -> SessionState:
        """The session's values, for catalog procedures."""
        return self._state


def _skip_transaction_word(cursor: Cursor) -> None:
    if not cursor.accept("TRAN") and not cursor.accept("TRANSACTION"):
        cursor.accept("WORK")


def _honours_xact_abort(error: SqlServerError) -> bool:
    """Not so: syntax errors, which come before anything runs (severity 15), RAISERROR, and a cancelled query."""
    raised = error.number == 50000 and not error.ends_batch
    return error.severity >= 11 and error.severity != 15 and not raised and error.number != 0
