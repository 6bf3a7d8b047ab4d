"""SELECT, INSERT, UPDATE, DELETE: compiled plans run on the engine."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from etl.sandbox.cells import Row
from etl.sandbox.errors import not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.firing import announce, fires, identity_of_triggers, told
from etl.sandbox.identity import LastIdentity, advance_identity
from etl.sandbox.link import Answer, EngineError, Link, Parameter
from etl.sandbox.outcomes import Command, Outcome, ResultSet, StatementDone
from etl.sandbox.pgerrors import server_error
from etl.sandbox.planner import Planner
from etl.sandbox.reading import Reading
from etl.sandbox.schema import SchemaEditor, columns_of_query
from etl.sandbox.state import MAX_TEXT_SIZE, SessionState
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.batch import Statement
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.plans import IntoPlan, QueryPlan, WritePlan
from etl.sandbox.translation.text_size import within_text_size
from etl.sandbox.translation.values_insert import ValuesInsert

_MAX_ACCUMULATED_ROWS = 1000
"""Each row is a query of its own."""


class PlanRunner:
    """Runs the plans of one session."""

    def __init__(
        self,
        link: Link,
        state: SessionState,
        transaction: Transaction,
        planner: Planner,
        editor: SchemaEditor,
        identity: LastIdentity,
        evaluator: Evaluator,
    ) -> None:
        self._link = link
        self._state = state
        self._transaction = transaction
        self._planner = planner
        self._editor = editor
        self._identity = identity
        self._evaluator = evaluator

    def run(self, statement: Statement) -> Iterator[Outcome]:
        """One statement: its result set, if it has one, then its count of rows."""
        variables = self._evaluator.variables
        plan = self._planner.plan(statement, variables)
        if isinstance(plan, ValuesInsert):
            parameters = plan.parameters(variables)
            if parameters is not None:
                yield from self._insert_values(plan, parameters)
                return
            plan = self._planner.compiled(statement, variables)
        if isinstance(plan, QueryPlan):
            yield from self._query(plan)
        elif isinstance(plan, WritePlan):
            yield from self._write(plan)
        elif isinstance(plan, IntoPlan):
            yield from self._select_into(plan)

    # Reading

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
        if self._state.options.text_size < MAX_TEXT_SIZE:
            plan = within_text_size(plan, self._state.options.text_size)
        if "sys.dm_exec_" in plan.sql:
            self._describe_session()
        reading = Reading(self._link, self._transaction, plan, lambda: self._evaluator.parameters(plan.binds))
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
        client = self._state.client
        values = {
            "session": str(self._state.number),
            "login": self._state.user,
            "isolation": str(self._state.options.isolation.value),
            "host": client.host,
            "application": client.application,
            "address": client.address,
            "encrypted": "TRUE" if client.encrypted else "FALSE",
            "packet_bytes": str(client.packet_bytes),
            "tds_version": str(client.tds_version),
        }
        settings = (f"set_config('sandbox.{name}', ${at}::text, false)" for at, name in enumerate(values, 1))
        self._link.run(f"SELECT {', '.join(settings)}", tuple(values.values()))

    def _assign(self, plan: QueryPlan) -> None:
        rows = self._evaluator.fetch(plan.sql, plan.binds, Command.SELECT, plan.locks, plan.held)
        self._state.row_count = len(rows)
        if len(rows) > 1 and not {bind.name for bind in plan.binds}.isdisjoint(plan.assigns):
            self._accumulate(plan, len(rows))
        elif rows:
            self._take(plan, rows[-1])

    def _accumulate(self, plan: QueryPlan, rows: int) -> None:
        """`SELECT @a = @a + x FROM …`: every row's value is computed with the one before."""
        if rows > _MAX_ACCUMULATED_ROWS:
            raise not_supported(f"a variable that is computed from itself over more than {_MAX_ACCUMULATED_ROWS} rows")
        for row in range(rows):
            sql = f"SELECT * FROM ({plan.sql}) AS r OFFSET {row} LIMIT 1"
            self._take(plan, self._evaluator.fetch(sql, plan.binds, Command.SELECT)[0])

    def _take(self, plan: QueryPlan, row: Row) -> None:
        for name, new in zip(plan.assigns, row, strict=True):
            self._evaluator.assign(name, new)

    def _counted(self, rows: int) -> int | None:
        return None if self._state.options.nocount else rows

    # Writing

    def _write(self, plan: WritePlan) -> Iterator[Outcome]:
        if self._state.options.format_only:
            if plan.columns:
                yield ResultSet(plan.columns, iter(()))
            yield StatementDone(plan.command, self._counted(0))
            return
        fired = fires(plan.table, plan.command)
        if fired:
            announce(self._link, self._state, plan.table, plan.assigned)
        try:
            with self._transaction.statement(whole=plan.explicit_identity, locks=plan.locks, held=plan.held):
                answer = self._link.run(plan.sql, self._evaluator.parameters(plan.binds))
                if plan.explicit_identity:
                    advance_identity(self._link, plan.table)
        except EngineError as error:
            yield from told(self._link)
            raise server_error(error, plan.command, self._link) from error
        yield from told(self._link)
        self._wrote(plan.sequence, answer.row_count, plan.command)
        if fired:
            self._identities(plan, answer)
        if plan.columns:
            yield ResultSet(plan.columns, iter([answer.rows] if answer.rows else []))
        yield StatementDone(plan.command, self._counted(answer.row_count))

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

    def _identities(self, plan: WritePlan, answer: Answer) -> None:
        if plan.returns_identity and answer.rows:
            self._identity.drawn(answer.rows[-1][0])
        of_triggers = identity_of_triggers(self._link)
        if of_triggers:
            self._identity.drawn_by_trigger(Decimal(of_triggers))

    def _wrote(self, sequence: str | None, rows: int, command: Command) -> None:
        self._state.row_count = rows
        if command is Command.INSERT and rows and sequence is not None:
            self._identity.drawn_from(sequence)

    def _select_into(self, plan: IntoPlan) -> Iterator[Outcome]:
        try:
            with self._transaction.statement(whole=True, locks=plan.locks, held=plan.held):
                self._editor.check_creation(plan.parts, "CREATE TABLE")
                place = self._editor.place(plan.parts)
                table = self._editor.create_plain(place, columns_of_query(plan.columns))
                names = ", ".join(quote(column.physical) for column in table.columns)
                answer = self._link.run(
                    f"INSERT INTO {table.qualified} ({names}) {plan.sql}", self._evaluator.parameters(plan.binds)
                )
                self._editor.refresh_triggers()
                self._transaction.schema_changed()
        except EngineError as error:
            raise server_error(error, Command.INSERT, self._link) from error
        self._state.row_count = answer.row_count
        yield StatementDone(Command.SELECT, self._counted(answer.row_count))
