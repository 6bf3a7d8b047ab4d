"""One connection to the embedded PostgreSQL, as thin as it can be: prepared statements, binary rows, rows in chunks."""

from __future__ import annotations

import struct
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
from psycopg import generators, pq
from psycopg.adapt import Loader, Transformer
from psycopg.types.string import TextBinaryLoader

Row = tuple[Any, ...]
Parameter = bytes | str | None
"""A bound value: bytes go in PostgreSQL's binary format (bytea), text in its text format."""

_STATEMENTS = 300
"""Prepared statements kept for one connection."""

_PREPARED_LENGTH = 100_000
"""A longer text without parameters is hardly sent twice, and not worth keeping."""

_CHUNK_ROWS = 1000
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
        super().__init__(self.sqlstate, self.message)


@dataclass(slots=True)
class Answer:
    """A whole result: its rows and PostgreSQL's row count for the command."""

    rows: list[Row] = field(default_factory=list)
    row_count: int = 0


class Link:
    """A connection in autocommit mode; transactions are the caller's BEGIN and COMMIT. Not thread-safe but for `cancel`."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._pgconn = self._connection.pgconn
        self._prepared: OrderedDict[str, bytes] = OrderedDict()
        self._serial = 0
        _register_loaders(self._connection)

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """psycopg's own view of the connection, for COPY."""
        return self._connection

    def script(self, text: str) -> None:
        """Run statements without parameters in one round trip."""
        self._pgconn.send_query(text.encode())
        self._collect()

    def run(self, text: str, parameters: Sequence[Parameter] = ()) -> Answer:
        """Run one statement as a prepared one and fetch all its rows."""
        self._send(text, parameters)
        return self._collect()

    def stream(self, text: str, parameters: Sequence[Parameter] = ()) -> Iterator[list[Row]]:
        """Run one query and give its rows in chunks as they arrive. Closing the iterator early cancels the query."""
        self._send(text, parameters)
        self._pgconn.set_chunked_rows_mode(_CHUNK_ROWS)
        transformer: Any = None
        finished = False
        try:
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
                if transformer is None:
                    transformer = Transformer(self._connection)
                    transformer.set_pgresult(result)
                else:
                    transformer.set_pgresult(result, set_loaders=False)
                if result.ntuples:
                    yield transformer.load_rows(0, result.ntuples, tuple)
        finally:
            if not finished:
                self._abandon()

    def _abandon(self) -> None:
        """Stop a query whose rows nobody wants. If that fails the connection is lost, and is closed."""
        try:
            self.cancel()
            self._drain()
        except psycopg.Error:
            self._connection.close()

    def forget_statements(self) -> None:
        """Drop the prepared statements: the tables they were planned for have changed."""
        if self._prepared:
            self._prepared.clear()
            self.script("DEALLOCATE ALL")

    def cancel(self) -> None:
        """Ask the server to stop the running statement. Safe from another thread."""
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
            self._pgconn.send_query_params(text.encode(), None, result_format=pq.Format.BINARY)
            return
        name = self._prepared.get(text)
        if name is None:
            name = self._prepare(text)
        else:
            self._prepared.move_to_end(text)
        if not parameters:
            self._pgconn.send_query_prepared(name, None, result_format=pq.Format.BINARY)
            return
        values: list[bytes | None] = [value.encode() if isinstance(value, str) else value for value in parameters]
        formats = [1 if type(value) is bytes else 0 for value in parameters]
        self._pgconn.send_query_prepared(name, values, formats, pq.Format.BINARY)

    def _prepare(self, text: str) -> bytes:
        if len(self._prepared) >= _STATEMENTS:
            _, old = self._prepared.popitem(last=False)
            self._pgconn.send_close_prepared(old)
            self._collect()
        self._serial += 1
        name = b"s%d" % self._serial
        self._pgconn.send_prepare(name, text.encode())
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


class GuidLoader(Loader):
    """uuid columns hold SQL Server's sort order; see `translation.values.shuffle_guid`."""

    format = pq.Format.BINARY

    def load(self, data: Any) -> uuid.UUID:
        """Bytes in storage order to the value."""
        raw = bytes(data)
        return uuid.UUID(bytes_le=raw[12:16] + raw[10:12] + raw[8:10] + raw[6:8] + raw[0:6])


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_OFFSET_FIELDS = struct.Struct("!iiiqiih")


class DateTimeOffsetLoader(Loader):
    """The composite (utc timestamp, minutes int2) in PostgreSQL's binary record format."""

    format = pq.Format.BINARY

    def load(self, data: Any) -> datetime:
        """Bytes of the record to an aware datetime."""
        _, _, _, microseconds, _, _, minutes = _OFFSET_FIELDS.unpack(bytes(data))
        zone = timezone(timedelta(minutes=minutes))
        # Local time first: the instant in UTC can lie outside of the years that Python knows.
        local = datetime(2000, 1, 1) + timedelta(microseconds=microseconds, minutes=minutes)
        return local.replace(tzinfo=zone)


def _register_loaders(connection: psycopg.Connection[Any]) -> None:
    found = connection.execute(
        "SELECT typname, pg_type.oid FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace "
        "WHERE (nspname, typname) IN (('sandbox', 'citext'), ('sandbox', 'dto'), ('pg_catalog', 'uuid'))"
    ).fetchall()
    loaders: dict[str, type[Any]] = {"citext": TextBinaryLoader, "dto": DateTimeOffsetLoader, "uuid": GuidLoader}
    for name, oid in found:
        connection.adapters.register_loader(oid, loaders[name])


def _diagnostic(result: pq.abc.PGresult, what: pq.DiagnosticField) -> str:
    return (result.error_field(what) or b"").decode("utf-8", "replace")
