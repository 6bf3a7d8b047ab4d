"""PRINT, RAISERROR and THROW: what a batch itself says to its client."""

from __future__ import annotations

from collections.abc import Iterator

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.outcomes import Command, Message, Outcome, StatementDone
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.batch import Statement, split_commas
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.parser import incorrect_syntax


def run_print(statement: Statement, evaluator: Evaluator) -> Iterator[Outcome]:
    """PRINT expression: a message of number 0. NULL is an empty one."""
    text = evaluator.value_from(1, statement, SqlType("nvarchar"))
    yield Message(0, "" if text is None else str(text), line=statement.line)
    yield StatementDone(Command.OTHER, None)


def run_raiserror(statement: Statement, evaluator: Evaluator) -> Iterator[Outcome]:
    """RAISERROR (message, severity, state): a message up to severity 10, from 11 on error 50000."""
    cursor = Cursor(statement.tokens[1:], statement.text)
    parts = split_commas(cursor.group()[1:-1])
    cursor.accept("WITH", "NOWAIT")
    cursor.finish()
    if len(parts) != 3:
        raise not_supported("RAISERROR with other arguments than message, severity and state", line=statement.line)
    text, severity, state = (evaluator.value_of(part, statement) for part in parts)
    if not isinstance(severity, int) or not isinstance(state, int):
        raise incorrect_syntax(statement.tokens[0])
    if severity <= 10:
        yield Message(50000, str(text), severity=severity, state=state, line=statement.line)
        yield StatementDone(Command.OTHER, None)
        return
    raise SqlServerError(50000, str(text), severity=severity, state=max(state, 1), line=statement.line)


def run_throw(statement: Statement, evaluator: Evaluator) -> Iterator[Outcome]:
    """THROW number, message, state: an error that ends the batch. Error 35100 for a number below 50000."""
    parts = split_commas(statement.tokens[1:])
    if len(parts) != 3:
        raise not_supported("THROW without arguments", line=statement.line)
    number, text, state = (evaluator.value_of(part, statement) for part in parts)
    if not isinstance(number, int) or not isinstance(state, int) or number < 50000:
        raise SqlServerError(
            35100,
            f"Error number {number!r} in the THROW statement is outside the valid range. Specify an error number in"
            " the valid range of 50000 to 2147483647.",
        )
    yield from ()
    raise SqlServerError(number, str(text), state=state, line=statement.line, ends_batch=True)
