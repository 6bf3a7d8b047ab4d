"""A trigger's body: T-SQL to the plpgsql function that a PostgreSQL trigger of one event calls.

A name that does not exist (error 208) stops the statement when it runs, not when the trigger is made: T-SQL's deferred name
resolution. `schema.triggers` writes the function anew whenever a definition changes what it would be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.catalog import Catalog, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.batch import Declare, If, Node, Statement, parse_nodes, split_commas, word
from etl.sandbox.translation.compile import compile_condition, compile_statement, compile_value
from etl.sandbox.translation.context import Source, column_expression
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.expression import text_literal
from etl.sandbox.translation.parser import tokenize
from etl.sandbox.translation.plans import QueryPlan, WritePlan
from etl.sandbox.translation.trigger_context import TriggerContext, pseudo_tables, updated_setting
from etl.sandbox.translation.types import INT, NVARCHAR_MAX, storage

LINE_MARK = "-- T-SQL line "
"""Stands before each statement in the function's text, so that an error's place can be told in the trigger's own lines."""


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """One event of one trigger: what its function is written for."""

    object_id: int
    name: str
    table: Table
    event: str
    """INSERT, UPDATE or DELETE."""

    @property
    def physical(self) -> str:
        """What PostgreSQL calls its function and its trigger. Triggers of one event run in the order of their making."""
        return f"tr_{self.object_id:010d}_{self.event.lower()}"


def compile_body(catalog: Catalog, trigger: TriggerEvent, body: Sequence[Token], text: str) -> str:
    """The function's text. Errors 102, 207, "not supported" …; 208 is left for the running trigger."""
    writer = _BodyWriter(catalog, trigger)
    statements = "".join(writer.block(parse_nodes(body, text)))
    declarations = "".join(f"  {name} {kind};\n" for name, kind in writer.declared)
    counted = "deleted" if trigger.event == "DELETE" else "inserted"
    return (
        "#variable_conflict use_column\n<<sandbox_body>>\nDECLARE\n"
        "  sandbox_outer text := current_setting('sandbox.in_trigger', true);\n"
        "  sandbox_rows int8; sandbox_count int8; sandbox_ended bool := false; sandbox_record record;\n"
        "  sandbox_silent bool := coalesce(sandbox.fired_by('NOCOUNT')::bool, false);\n"
        f"{declarations}BEGIN\n"
        f"  IF NOT sandbox.trigger_begins({trigger.object_id}) THEN RETURN NULL; END IF;\n"
        f"  SELECT count(*) INTO sandbox_rows FROM {counted};\n"
        f"  <<sandbox_statements>> BEGIN\n{statements}  END;\n"
        "  PERFORM set_config('sandbox.in_trigger', coalesce(sandbox_outer, ''), true);\n"
        "  IF sandbox_ended THEN PERFORM sandbox.trigger_fails(3609,"
        " 'The transaction ended in the trigger. The batch has been aborted.', 16, 1); END IF;\n"
        "  RETURN NULL;\nEND"
    )


class _BodyWriter:
    """Writes plpgsql, statement by statement."""

    def __init__(self, catalog: Catalog, trigger: TriggerEvent) -> None:
        self._catalog = catalog
        self._trigger = trigger
        self._procedure = text_literal(trigger.name)
        self._variables: dict[str, SqlType] = {}
        self._contexts: list[TriggerContext] = []
        self.declared: list[tuple[str, str]] = []
        """plpgsql variables with their types."""

    def block(self, nodes: Sequence[Node]) -> Iterator[str]:
        """The statements in order."""
        for node in nodes:
            line = node.condition.line if isinstance(node, If) else node.line
            yield f"{LINE_MARK}{line}\n"
            try:
                yield from self._demanding(node)
            except SqlServerError as error:
                if error.number != 208:
                    error.line = error.line or line
                    raise
                yield self._failing(error.number, text_literal(error.message), "16", "1")

    def _demanding(self, node: Node) -> list[str]:
        """A statement, after the checks of what whoever fires the trigger must have for it."""
        outside, self._contexts = self._contexts, []
        try:
            lines = list(self._node(node))
            return [*(context.demands() for context in self._contexts), *lines]
        finally:
            self._contexts = outside

    def _node(self, node: Node) -> Iterator[str]:
        if isinstance(node, If):
            yield from self._if(node)
        elif isinstance(node, Declare):
            yield from self._declare(node)
        else:
            handler = self._handlers().get(node.verb)
            if handler is None:
                raise not_supported(f"{node.tokens[0].text.upper()} in a trigger", line=node.line)
            yield from handler(node)

    def _handlers(self) -> dict[str, Callable[[Statement], Iterator[str]]]:
        return {
            "SELECT": self._changes,
            "WITH": self._changes,
            "INSERT": self._changes,
            "UPDATE": self._changes,
            "DELETE": self._changes,
            "SET": self._set,
            "PRINT": self._print,
            "RAISERROR": self._raiserror,
            "THROW": self._throw,
            "ROLLBACK": self._rollback,
            "RETURN": self._return,
        }

    def _context(self) -> TriggerContext:
        context = TriggerContext(self._catalog, self._trigger.table, self._trigger.object_id, self._variables)
        context.scope.tables = {
            name: Source(
                name,
                [(column.name, column_expression(column, "")) for column in self._trigger.table.columns],
                physical=physical,
            )
            for name, physical in pseudo_tables(self._trigger.table, self._trigger.event).items()
        }
        self._contexts.append(context)
        return context

    # Flow and variables

    def _if(self, node: If) -> Iterator[str]:
        tokens = self._with_updates_told(node.condition.tokens)
        condition = compile_condition(self._context(), Statement("IF", tokens, node.condition.text))
        yield f"IF {condition} THEN\n"
        yield from self.block(node.then)
        if node.otherwise:
            yield "ELSE\n"
            yield from self.block(node.otherwise)
        yield "END IF;\n"

    def _with_updates_told(self, tokens: Sequence[Token]) -> list[Token]:
        """UPDATE(column) as a plain comparison: true of every column that an INSERT or the UPDATE's SET names."""
        told: list[Token] = []
        at = 0
        while at < len(tokens):
            if word(tokens[at]) == "UPDATE" and len(tokens) > at + 3:
                told += tokenize(self._updated(tokens[at + 2].text))
                at += 4
                continue
            told.append(tokens[at])
            at += 1
        # The parser reports an error at its token's line.
        return [Token(t.token_type, t.text, tokens[0].line, t.col, t.start, t.end) if t.line == 1 else t for t in told]

    def _updated(self, name: str) -> str:
        column = self._trigger.table.by_name.get(name.lower())
        if column is None:
            raise SqlServerError(207, f"Invalid column name '{name}'.", ends_batch=True)
        if self._trigger.event == "UPDATE":
            return f"@{TriggerContext.updated(column.id)} = 1"
        return "1 = 1" if self._trigger.event == "INSERT" else "1 = 0"

    def _declare(self, node: Declare) -> Iterator[str]:
        name = node.name.lower()
        if name in self._variables:
            raise SqlServerError(
                134,
                f"The variable name '{node.name}' has already been declared. Variable names must be unique within a"
                " query batch or stored procedure.",
                severity=15,
                ends_batch=True,
            )
        self._variables[name] = node.type
        self.declared.append((TriggerContext.physical(self._variables, name), storage(node.type)))
        if node.value is not None:
            yield from self._assign(name, node.value)

    def _assign(self, name: str, value: Statement) -> Iterator[str]:
        found = convert(compile_value(self._context(), value), self._variables[name])
        yield f"{TriggerContext.physical(self._variables, name)} := {found.sql};\n"

    def _set(self, statement: Statement) -> Iterator[str]:
        tokens = statement.tokens
        if len(tokens) > 4 and tokens[1].text == "@":
            name = self._context().declared("@" + tokens[2].text)
            if tokens[3].token_type != TokenType.EQ:
                raise not_supported(f"SET @variable {tokens[3].text}", line=statement.line)
            yield from self._assign(name, Statement("VALUE", tokens[4:], statement.text))
            yield "sandbox_rows := 1;\n"
            return
        cursor = Cursor(tokens[1:], statement.text)
        if cursor.accept("NOCOUNT"):
            silent = "false" if cursor.accept("OFF") else "true"
            if silent == "true":
                cursor.expect("ON")
            yield f"sandbox_silent := {silent};\n"
        elif not cursor.accept("XACT_ABORT", "ON"):  # which it is inside a trigger
            raise not_supported(f"SET {cursor.word()} {cursor.word(1)} in a trigger", line=statement.line)
        cursor.finish()

    def _return(self, statement: Statement) -> Iterator[str]:
        if len(statement.tokens) > 1:
            raise SqlServerError(
                178, "A RETURN statement with a return value cannot be used in this context.", severity=15
            )
        yield "EXIT sandbox_statements;\n"

    # Reading and changing tables

    def _changes(self, statement: Statement) -> Iterator[str]:
        context = self._context()
        plan = compile_statement(context, statement, None)
        yield (
            "IF sandbox_ended THEN PERFORM sandbox.refuse('a statement after ROLLBACK TRANSACTION in a trigger', 0);"
            " END IF;\n"
        )
        if isinstance(plan, WritePlan):
            yield from self._write(plan, statement)
        elif isinstance(plan, QueryPlan) and plan.assigns:
            yield from self._select_into_variables(plan)
        else:
            what = "a result set" if isinstance(plan, QueryPlan) else "SELECT … INTO"
            raise not_supported(f"{what} in a trigger", line=statement.line)

    def _write(self, plan: WritePlan, statement: Statement) -> Iterator[str]:
        if plan.columns:
            raise not_supported("OUTPUT in a trigger", line=statement.line)
        if plan.table.name.startswith("#"):
            raise not_supported("a temporary table in a trigger", line=statement.line)
        for lock in plan.locks:
            yield f"{lock};\n"
        if plan.assigned:
            name, columns = updated_setting(plan.table, plan.assigned)
            yield f"PERFORM set_config({text_literal(name)}, {text_literal(columns)}, true);\n"
        yield f"{plan.sql};\nGET DIAGNOSTICS sandbox_rows = ROW_COUNT;\n"
        if plan.sequence is not None:
            sequence = text_literal(plan.sequence)
            yield (
                "IF sandbox_rows > 0 THEN PERFORM set_config('sandbox.trigger_identity',"
                f" currval({sequence})::text, false); END IF;\n"
            )
        yield (
            "IF NOT sandbox_silent THEN PERFORM sandbox.trigger_counts("
            f"{text_literal(plan.command.name)}, sandbox_rows); END IF;\n"
        )

    def _select_into_variables(self, plan: QueryPlan) -> Iterator[str]:
        """The last row's values; without rows the variables keep theirs."""
        names = [f"c{i}" for i in range(1, len(plan.assigns) + 1)]
        yield f"sandbox_count := 0;\nFOR sandbox_record IN SELECT * FROM ({plan.sql}) x ({', '.join(names)}) LOOP\n"
        for name, column in zip(plan.assigns, names, strict=True):
            yield f"{TriggerContext.physical(self._variables, name)} := sandbox_record.{column};\n"
        yield "sandbox_count := sandbox_count + 1;\nEND LOOP;\nsandbox_rows := sandbox_count;\n"

    # Messages and the transaction

    def _value(self, tokens: Sequence[Token], text: str, kind: SqlType) -> str:
        return convert(compile_value(self._context(), Statement("VALUE", list(tokens), text)), kind).sql

    def _print(self, statement: Statement) -> Iterator[str]:
        message = self._value(statement.tokens[1:], statement.text, NVARCHAR_MAX)
        yield self._saying(statement.line, 0, message, "0", "1")

    def _raiserror(self, statement: Statement) -> Iterator[str]:
        cursor = Cursor(statement.tokens[1:], statement.text)
        parts = split_commas(cursor.group()[1:-1])
        cursor.accept("WITH", "NOWAIT")
        cursor.finish()
        if len(parts) != 3 or parts[0][0].token_type == TokenType.NUMBER:
            raise not_supported("RAISERROR with other arguments than message, severity and state", line=statement.line)
        message = self._value(parts[0], statement.text, NVARCHAR_MAX)
        severity, state = (self._value(part, statement.text, INT) for part in parts[1:])
        yield self._saying(statement.line, 50000, message, severity, state)

    def _saying(self, line: int, number: int, message: str, severity: str, state: str) -> str:
        return (
            f"PERFORM sandbox.trigger_says({self._procedure}, {line}, {number}, ({message})::text, {severity}, {state});\n"
            "sandbox_rows := 0;\n"
        )

    def _throw(self, statement: Statement) -> Iterator[str]:
        parts = split_commas(statement.tokens[1:])
        if len(parts) != 3:
            raise not_supported("THROW without arguments", line=statement.line)
        number, state = (self._value(parts[i], statement.text, INT) for i in (0, 2))
        message = self._value(parts[1], statement.text, NVARCHAR_MAX)
        yield self._failing(number, f"({message})::text", "16", state)

    @staticmethod
    def _failing(number: int | str, message: str, severity: str, state: str) -> str:
        return f"PERFORM sandbox.trigger_fails({number}, {message}, {severity}, {state});\n"

    def _rollback(self, statement: Statement) -> Iterator[str]:
        cursor = Cursor(statement.tokens[1:], statement.text)
        if not cursor.accept("TRAN") and not cursor.accept("TRANSACTION"):
            cursor.accept("WORK")
        if not cursor.ended:
            raise not_supported("ROLLBACK to a savepoint in a trigger", line=statement.line)
        yield "sandbox_ended := true; sandbox_rows := 0;\n"


__all__ = ["LINE_MARK", "TriggerEvent", "compile_body"]
