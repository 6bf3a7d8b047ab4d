"""SET and USE: the statements that change what the session holds (a variable, an option, the current database)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from etl.sandbox.catalog import Catalog, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.outcomes import Command, DatabaseChanged, Message, Outcome, StatementDone
from etl.sandbox.set_options import apply_option
from etl.sandbox.state import SessionState
from etl.sandbox.translation.batch import Statement, word
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.parser import incorrect_syntax


def run_set(statement: Statement, state: SessionState, evaluator: Evaluator) -> Iterator[Outcome]:
    """SET @variable = expression, or SET option. Errors 137 and 195 for one that does not exist."""
    tokens = statement.tokens
    if len(tokens) > 1 and tokens[1].text == "@":
        _set_variable(statement, evaluator)
        state.row_count = 1
    else:
        apply_option(statement, state, lambda name: _altered(evaluator.context(), name))
        state.row_count = 0 if word(tokens[1]) != "NOCOUNT" else state.row_count
        if word(tokens[1]) == "FMTONLY":
            # It has no DONE of its own: freebcp asks for the columns once the batch has ended, and would find none.
            return
    yield StatementDone(Command.OTHER, None)


def _altered(context: Context, name: Sequence[str]) -> Table:
    """The table of SET IDENTITY_INSERT, which needs ALTER on it. Errors 208 and 1088."""
    table = context.find_table(name)
    context.catalog.rights.require_alter(table, state=11)
    return table


def _set_variable(statement: Statement, evaluator: Evaluator) -> None:
    tokens = statement.tokens
    if len(tokens) < 5:
        raise incorrect_syntax(tokens[-1])
    name = "@" + tokens[2].text.lower()
    held = evaluator.variables.get(name)
    if held is None:
        raise SqlServerError(
            137, f'Must declare the scalar variable "@{tokens[2].text}".', severity=15, ends_batch=True
        )
    if tokens[3].text != "=":
        raise not_supported(f"SET @variable {tokens[3].text}")
    evaluator.assign(name, evaluator.value_from(4, statement, held[0]))


def run_use(statement: Statement, state: SessionState, catalog: Catalog) -> Iterator[Outcome]:
    """USE database. Error 911 for one that does not exist."""
    cursor = Cursor(statement.tokens, statement.text)
    cursor.expect("USE")
    wanted = cursor.identifier()
    cursor.finish()
    name = catalog.database(wanted)
    if name is None:
        raise SqlServerError(
            911,
            f"Database '{wanted}' does not exist. Make sure that the name is entered correctly.",
            ends_batch=True,
        )
    catalog.rights.open(name)
    old, state.database = state.database, name
    yield DatabaseChanged(old, name)
    yield Message(5701, f"Changed database context to '{name}'.", severity=0, state=2)
    yield StatementDone(Command.OTHER, None)
