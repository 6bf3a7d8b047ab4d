"""One connection to the embedded PostgreSQL, as thin as it can be: prepared statements, binary rows, rows in chunks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import generators, pq
from psycopg.adapt import Transformer

from etl.sandbox.cells import Chunks, Row, register_loaders
from etl.sandbox.columns import ColumnBatch
from etl.sandbox.errors import not_supported
from etl.sandbox.sqltypes import SqlType

LostError = psycopg.Error
"""The connection is closed, or fails on its way to the server."""

Parameter = bytes | str | None
"""A bound value: bytes go in PostgreSQL's binary format (bytea), text in its text format."""

_STATEMENTS = 300
"""Prepared statements kept for one connection."""

_PREPARED_LENGTH = 100_000
"""A longer text without parameters is hardly sent twice, and not worth keeping."""

_CHUNK_ROWS = 1000
_LARGE_CHUNK_ROWS = 64
"""The same where a value may have megabytes."""
_DONE = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY}
_ROWS = {pq.ExecStatus.TUPLES_CHUNK, pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_OK}


class EngineError(Exception):
    """What PostgreSQL answered, before it is put in SQL Server's words."""

    def __init__(self, result: pq.abc.PGresult) -> None:
        self.sqlstate = _diagnostic(result, pq.DiagnosticField.SQLSTATE)
        self.message = _diagnostic(result, pq.DiagnosticField.MESSAGE_PRIMARY)
        self.detail = _diagnostic(result, pq.DiagnosticField.MESSAGE_DETAIL)
        self.schema = _diagnostic(result, pq.DiagnosticField.SCHEMA_NAME)
        self.table = _diagnostic(result, pq.DiagnosticField.TABLE_NAME)
        self.column = _diagnostic(result, pq.DiagnosticField.COLUMN_NAME)
        self.constraint = _diagnostic(result, pq.DiagnosticField.CONSTRAINT_NAME)
        self.context = _diagnostic(result, pq.DiagnosticField.CONTEXT)
        super().__init__(self.sqlstate, self.message)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the sandbox's own functions: what triggers tell."""

    sqlstate: str
    message: str
    detail: str


@dataclass(slots=True)
class Answer:
    """A whole result: its rows and PostgreSQL's row count for the command."""

    rows: list[Row] = field(default_factory=list)
    row_count: int = 0


def _utf8(text: str) -> bytes:
    """A text on its way to PostgreSQL's client library, which would cut it at a NUL and go on with what stands before."""
    if "\0" in text:
        raise not_supported("a text with the character U+0000")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise not_supported("a text with half of a surrogate pair") from None


class Link:
    """A connection in autocommit mode; transactions are the caller's BEGIN and COMMIT. Not thread-safe but for `cancel`."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._pgconn = self._connection.pgconn
        self._prepared: OrderedDict[str, bytes] = OrderedDict()
        self._serial = 0
        self._cancelling = threading.Lock()
        self._interruptible = 0
        self.notices: list[Notice] = []
        """Told since somebody took them away (`firing.told`)."""
        self._connection.add_notice_handler(self._noticed)
        self._oids = register_loaders(self._connection)

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """psycopg's own view of the connection, for COPY."""
        return self._connection

    def _noticed(self, told: psycopg.errors.Diagnostic) -> None:
        sqlstate = told.sqlstate or ""
        if sqlstate.startswith("ZT"):
            self.notices.append(Notice(sqlstate, told.message_primary or "", told.message_detail or ""))

    def script(self, text: str) -> None:
        """Run statements without parameters in one round trip."""
        self._pgconn.send_query(_utf8(text))
        self._collect()

    def run(self, text: str, parameters: Sequence[Parameter] = ()) -> Answer:
        """Run one statement as a prepared one and fetch all its rows."""
        self._send(text, parameters)
        return self._collect()

    def stream(
        self, text: str, parameters: Sequence[Parameter] = (), types: Sequence[SqlType] = (), *, large: bool = False
    ) -> Iterator[list[Row] | ColumnBatch]:
        """Run one query and give its rows in chunks as they arrive: many rows as columns where `types` says of what.

        `large` says that a value may have megabytes. Closing the iterator early cancels the query.
        """
        self._send(text, parameters)
        self._pgconn.set_chunked_rows_mode(_LARGE_CHUNK_ROWS if large else _CHUNK_ROWS)
        chunks = Chunks(self._connection, types, self._oids, large=large)
        finished = False
        try:
            # Parameters that the socket does not take at once wait in libpq, and nothing would come for them.
            self._connection.wait(generators.send(self._pgconn))
            while True:
                result = self._connection.wait(generators.fetch(self._pgconn))
                if result is None:
                    finished = True
                    return
                if result.status not in _ROWS:
                    if result.status in _DONE:
                        continue
                    self._drain()
                    finished = True
                    raise EngineError(result)
                if result.ntuples:
                    yield chunks.read(result)
        finally:
            if not finished:
                self._abandon()

    def _abandon(self) -> None:
        """Stop a query whose rows nobody wants. If that fails the connection is lost, and is closed."""
        try:
            self._connection.cancel_safe(timeout=5)
            self._drain()
        except psycopg.Error:
            self._connection.close()

    def forget_statements(self) -> None:
        """Drop the prepared statements: the tables they were planned for have changed."""
        if self._prepared:
            self._prepared.clear()
            self.script("DEALLOCATE ALL")

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Around what `cancel` may stop. What stands outside keeps a transaction in order, and is short."""
        with self._cancelling:
            self._interruptible += 1
        try:
            yield
        finally:
            # A cancel that is on its way arrives before the next statement, and finds nothing to stop.
            with self._cancelling:
                self._interruptible -= 1

    def cancel(self) -> None:
        """Ask the server to stop the running statement, if it is interruptible. Safe from another thread."""
        with self._cancelling:
            if self._interruptible:
                self._connection.cancel_safe(timeout=5)

    def close(self) -> None:
        """Close the connection; PostgreSQL rolls back what is open."""
        self._connection.close()

    @property
    def broken(self) -> bool:
        """Whether the connection is lost."""
        return bool(self._pgconn.status != pq.ConnStatus.OK)

    def _send(self, text: str, parameters: Sequence[Parameter]) -> None:
        if len(text) > _PREPARED_LENGTH and not parameters:
            self._pgconn.send_query_params(_utf8(text), None, result_format=pq.Format.BINARY)
            return
        name = self._prepared.get(text)
        if name is None:
            name = self._prepare(text)
        else:
            self._prepared.move_to_end(text)
        if not parameters:
            self._pgconn.send_query_prepared(name, None, result_format=pq.Format.BINARY)
            return
        values: list[bytes | None] = [_utf8(value) if isinstance(value, str) else value for value in parameters]
        formats = [1 if type(value) is bytes else 0 for value in parameters]
        self._pgconn.send_query_prepared(name, values, formats, pq.Format.BINARY)

    def _prepare(self, text: str) -> bytes:
        if len(self._prepared) >= _STATEMENTS:
            _, old = self._prepared.popitem(last=False)
            self._pgconn.send_close_prepared(old)
            self._collect()
        self._serial += 1
        name = b"s%d" % self._serial
        self._pgconn.send_prepare(name, _utf8(text))
        self._collect()
        self._prepared[text] = name
        return name

    def _collect(self) -> Answer:
        results = self._connection.wait(generators.execute(self._pgconn))
        answer = Answer()
        for result in results:
            if result.status not in _DONE:
                raise EngineError(result)
            answer.row_count = result.command_tuples or 0
            if result.ntuples:
                transformer = Transformer(self._connection)
                transformer.set_pgresult(result)
                answer.rows = transformer.load_rows(0, result.ntuples, tuple)
        return answer

    def _drain(self) -> None:
        while self._connection.wait(generators.fetch(self._pgconn)) is not None:
            pass


def _diagnostic(result: pq.abc.PGresult, what: pq.DiagnosticField) -> str:
    return (result.error_field(what) or b"").decode("utf-8", "replace")
