"""Running T-SQL on the interpreter without a socket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from etl.sandbox.column_values import to_rows
from etl.sandbox.columns import ColumnBatch
from etl.sandbox.errors import SqlServerError
from etl.sandbox.interpreter import SqlInterpreter
from etl.sandbox.outcomes import (
    Argument,
    Column,
    Message,
    OutputValue,
    Parameterized,
    ResultSet,
    StatementDone,
    StatementFailed,
    TransactionChanged,
)
from etl.sandbox.sqltypes import SqlType, Value

Row = tuple[Value, ...]


@dataclass
class Answer:
    """All outcomes of a batch, in kinds."""

    results: list[list[Row]] = field(default_factory=list)
    columns: list[tuple[Column, ...]] = field(default_factory=list)
    counts: list[int | None] = field(default_factory=list)
    errors: list[SqlServerError] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """The last result set."""
        return self.results[-1]

    @property
    def types(self) -> list[str]:
        """The last result set's types as T-SQL writes them."""
        return [str(column.type) for column in self.columns[-1]]

    @property
    def numbers(self) -> list[int]:
        """The errors' numbers."""
        return [error.number for error in self.errors]


class Session:
    """A session whose every batch is run to its end."""

    def __init__(self, interpreter: SqlInterpreter) -> None:
        self.interpreter = interpreter

    def batch(self, text: str, declarations: str = "", arguments: Sequence[Argument] = ()) -> Answer:
        """Run a batch; errors, those that end it too, are in the answer."""
        answer = Answer()
        try:
            for outcome in self.interpreter.run(Parameterized(text, declarations, arguments)):
                self._take(outcome, answer)
        except SqlServerError as error:
            answer.errors.append(error)
        return answer

    @staticmethod
    def _take(outcome: object, answer: Answer) -> None:
        if isinstance(outcome, ResultSet):
            answer.columns.append(outcome.columns)
            types = [column.type for column in outcome.columns]
            answer.results.append([row for batch in outcome.batches for row in batch_rows(types, batch)])
        elif isinstance(outcome, StatementDone):
            answer.counts.append(outcome.row_count)
        elif isinstance(outcome, StatementFailed):
            answer.errors.append(outcome.error)
        elif isinstance(outcome, Message):
            answer.messages.append(outcome.text)
        elif isinstance(outcome, TransactionChanged):
            answer.events.append(outcome.event.name)
        elif isinstance(outcome, OutputValue):
            answer.outputs[outcome.name] = outcome.value

    def run(self, text: str, declarations: str = "", arguments: Sequence[Argument] = ()) -> Answer:
        """Run a batch that must have no error."""
        answer = self.batch(text, declarations, arguments)
        if answer.errors:
            raise answer.errors[0]
        return answer

    def rows(self, text: str, declarations: str = "", arguments: Sequence[Argument] = ()) -> list[Row]:
        """The rows of a batch's last result set."""
        return self.run(text, declarations, arguments).rows

    def value(self, expression: str) -> Value:
        """One expression's value."""
        return self.rows(f"SELECT {expression}")[0][0]

    def typed(self, expression: str) -> tuple[str, Value]:
        """One expression's type and value."""
        answer = self.run(f"SELECT {expression}")
        return answer.types[0], answer.rows[0][0]

    def error(self, text: str, declarations: str = "", arguments: Sequence[Argument] = ()) -> SqlServerError:
        """The one error of a batch."""
        answer = self.batch(text, declarations, arguments)
        assert len(answer.errors) == 1, answer.errors
        return answer.errors[0]


def batch_rows(types: Sequence[SqlType], batch: Sequence[Row] | ColumnBatch) -> Sequence[Row]:
    return to_rows(types, batch) if isinstance(batch, ColumnBatch) else batch


def argument(value: Value, kind: str, length: int | None = None, **options: Any) -> Argument:
    """An argument as it comes over the wire."""
    return Argument(value, SqlType(kind, length=length, **options))
