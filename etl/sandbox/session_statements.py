"""SET and USE: the statements that change what the session holds (a variable, an option, the current database)."""

from __future__ import annotations

from collections.abc import Iterator

from etl.sandbox.catalog import Catalog
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.outcomes import Command, DatabaseChanged, Message, Outcome, StatementDone
from etl.sandbox.set_options import apply_option
from etl.sandbox.state import SessionState
from etl.sandbox.translation.batch import Statement, word
from etl.sandbox.translation.cursor import Cursor


def run_set(statement: Statement, state: SessionState, evaluator: Evaluator) -> Iterator[Outcome]:
    """SET @variable = expression, or SET option. Errors 137 and 195 for one that does not exist."""
    tokens = statement.tokens
    if len(tokens) > 1 and tokens[1].text == "@":
        _set_variable(statement, evaluator)
        state.row_count = 1
    else:
        apply_option(statement, state, lambda name: evaluator.context().find_table(name))
        state.row_count = 0 if word(tokens[1]) != "NOCOUNT" else state.row_count
    yield StatementDone(Command.OTHER, None)


def _set_variable(statement: Statement, evaluator: Evaluator) -> None:
    tokens = statement.tokens
    name = "@" + tokens[2].text.lower() if len(tokens) > 4 else ""
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
    old, state.database = state.database, name
    yield DatabaseChanged(old, name)
    yield Message(5701, f"Changed database context to '{name}'.", severity=0, state=2)
    yield StatementDone(Command.OTHER, None)
