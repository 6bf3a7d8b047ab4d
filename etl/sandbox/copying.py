"""Many rows into PostgreSQL: COPY in its binary format for columns, in its text format for single values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

import psycopg

from etl.sandbox.column_values import to_rows
from etl.sandbox.columns import Array, ColumnBatch, NotPlainError
from etl.sandbox.link import EngineError, Link
from etl.sandbox.pgcopy import HEADER, TRAILER
from etl.sandbox.sqltypes import SqlType, Value

_BINARY = "(FORMAT binary)"

Batch = Sequence[Sequence[Value]] | ColumnBatch
Writer = Callable[[Value], str]
"""A value in COPY's text format. It raises error 2628 for one that is too long for its column."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where rows go, and how they are written."""

    target: str
    """What stands behind COPY."""
    text_options: str
    writers: Sequence[tuple[int, Writer]]
    """For single values: each with the place of its value in a row."""
    encode: Callable[[ColumnBatch], Array] | None
    """For columns; raises `NotPlainError`. None where all rows have to go in one COPY."""


def copy_all(link: Link, destination: Destination, types: Sequence[SqlType], batches: Iterable[Batch]) -> int:
    """COPY all batches; `types` are those of their columns. Returns the number of rows.

    Raises `EngineError`, and what the batches and the writers raise; what is stored by then is the transaction's to take back.
    """
    count = 0
    try:
        with _Copy(link, destination) as copy:
            for batch in batches:
                count += len(batch)
                copy.add(batch, types)
    except psycopg.Error as error:
        if error.pgresult is None:
            raise
        raise EngineError(error.pgresult) from error
    return count


class _Copy:
    """One COPY after another, since each has one format."""

    def __init__(self, link: Link, destination: Destination) -> None:
        self._link = link
        self._destination = destination
        self._stack = ExitStack()
        self._options: str | None = None
        self._copy: psycopg.Copy | None = None

    def __enter__(self) -> _Copy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._end()
        else:
            self._stack.__exit__(kind, error, trace)

    def add(self, batch: Batch, types: Sequence[SqlType]) -> None:
        if isinstance(batch, ColumnBatch):
            encoded = self._encoded(batch)
            if encoded is not None:
                self._writer(_BINARY).write(encoded.data)
                return
            batch = to_rows(types, batch)
        writers = self._destination.writers
        lines = ["\t".join([write(row[at]) for at, write in writers]) for row in batch]
        self._writer(self._destination.text_options).write("\n".join(lines) + "\n")

    def _encoded(self, batch: ColumnBatch) -> Array | None:
        if self._destination.encode is None:
            return None
        try:
            return self._destination.encode(batch)
        except NotPlainError:
            return None

    def _writer(self, options: str) -> psycopg.Copy:
        if self._copy is not None and self._options == options:
            return self._copy
        self._end()
        cursor = self._stack.enter_context(self._link.connection.cursor())
        statement = f"COPY {self._destination.target} FROM STDIN {options}".encode()
        self._copy = self._stack.enter_context(cursor.copy(statement))
        self._options = options
        if options == _BINARY:
            self._copy.write(HEADER)
        return self._copy

    def _end(self) -> None:
        copy, self._copy = self._copy, None
        if copy is not None and self._options == _BINARY:
            copy.write(TRAILER)
        self._stack.close()
