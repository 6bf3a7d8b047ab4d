"""A SELECT on its way to the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from etl.sandbox.cells import Row
from etl.sandbox.columns import ColumnBatch
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import EngineError, Link, Parameter
from etl.sandbox.outcomes import Command
from etl.sandbox.pgerrors import server_error
from etl.sandbox.sqltypes import Value, is_large
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.plans import QueryPlan


class _UnreadError(Exception):
    """The client wants no more rows."""


class Reading:
    """A SELECT on its way: rows in chunks, and the error that may come in the middle."""

    def __init__(
        self, link: Link, transaction: Transaction, plan: QueryPlan, parameters: Callable[[], list[Parameter]]
    ) -> None:
        self._link = link
        self._plan = plan
        self._parameters = parameters
        self._guard = transaction.statement(locks=plan.locks, held=plan.held)
        self._rows: Iterator[list[Row] | ColumnBatch] = iter(())
        self._first: list[Row] | ColumnBatch | None = None
        self._open = False
        self._finished = False
        self.rows = 0
        self.failure: SqlServerError | None = None

    def start(self) -> None:
        """Send the query and wait for its first rows, so that most errors come before the result set."""
        try:
            self._guard.__enter__()
        except EngineError as error:  # a lock that the plan asks for is not to be had
            raise server_error(error, Command.SELECT, self._link) from error
        self._open = True
        try:
            types = [column.type for column in self._plan.columns]
            large = any(map(is_large, types))
            self._rows = self._link.stream(self._plan.sql, self._parameters(), types, large=large)
            self._first = next(self._rows, None)
        except EngineError as error:
            self._fail(error)
            assert self.failure is not None
            raise self.failure from error

    def batches(self) -> Iterator[Sequence[tuple[Value, ...]] | ColumnBatch]:
        """The rows. An error ends them; it is reported after them."""
        if self._first is None:
            self._finished = True
            return
        self.rows += len(self._first)
        yield self._first
        try:
            for chunk in self._rows:
                self.rows += len(chunk)
                yield chunk
        except EngineError as error:
            self._fail(error)
        else:
            self._finished = True

    def _fail(self, error: EngineError) -> None:
        self._open = False
        try:
            self._guard.__exit__(type(error), error, error.__traceback__)
        except EngineError:
            self.failure = server_error(error, Command.SELECT, self._link)
        else:
            self.failure = server_error(error, Command.SELECT, self._link)

    def close(self) -> None:
        """End the query, read or not."""
        if not self._open:
            return
        self._open = False
        if self._finished:
            self._guard.__exit__(None, None, None)
            return
        close = getattr(self._rows, "close", None)
        if close is not None:
            close()
        # The query may have been cancelled in its middle: back to where the statement began, where there is nothing to undo.
        unread = _UnreadError()
        self._guard.__exit__(_UnreadError, unread, None)
