"""The answer to one request: outcomes into tokens, in the order in which SQL Server sends them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from etl.sandbox.columns import Array, ColumnBatch
from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import (
    DatabaseChanged,
    Message,
    Outcome,
    OutputValue,
    ProcedureEnded,
    ResultSet,
    StatementDone,
    StatementFailed,
    TransactionChanged,
)
from etl.sandbox.sqltypes import Value, is_large
from etl.sandbox.transaction_state import TransactionState
from etl.sandbox.wire import tokens
from etl.sandbox.wire.encode import row_encoder
from etl.sandbox.wire.encode_columns import batch_encoder
from etl.sandbox.wire.packets import PacketWriter
from etl.sandbox.wire.tokens import DoneKind, DoneStatus

_ROWS_AT_ONCE = 256
"""Rows encoded together; also how many may follow an ATTENTION."""
_LARGE_ROWS_AT_ONCE = 8
"""The same where a value may have megabytes."""
_TERMINATED = Message(3621, "The statement has been terminated.")
_FATAL_SEVERITY = 20


@dataclass(slots=True)
class _Done:
    """A DONE that waits until it is known whether more follows it."""

    kind: DoneKind
    status: DoneStatus
    command: int = 0
    row_count: int | None = None


class Response:
    """Writes one response message. `stopped` says whether the client no longer wants it."""

    def __init__(self, packets: PacketWriter, transaction: TransactionState, stopped: Callable[[], bool]) -> None:
        self._packets = packets
        self._transaction = transaction
        self._stopped = stopped
        self._held: _Done | None = None
        self._in_procedure = False
        self._outputs: list[OutputValue] = []
        self.error_number = 0
        """The last error sent, 0 without one; a failed procedure returns it."""
        self.returned = 0
        """What the procedure returns that has not failed."""
        self.fatal = False
        """Whether an error was sent that ends the connection."""

    def play(self, outcomes: Iterator[Outcome]) -> None:
        """Send outcomes as they come, until they end or the client stops them."""
        with _closing(outcomes):
            for outcome in outcomes:
                if self._stopped():
                    return
                self._send(outcome)

    def _send(self, outcome: Outcome) -> None:
        match outcome:
            case ResultSet():
                self._rows(outcome)
            case StatementDone():
                self._hold(DoneStatus.FINAL, outcome.command.value, outcome.row_count, nested=outcome.in_procedure)
            case StatementFailed():
                self.error(outcome.error)
                if outcome.taken_back:
                    self.write(tokens.info(_TERMINATED))
                self._hold(DoneStatus.ERROR)
            case Message():
                self.write(tokens.info(outcome))
            case DatabaseChanged():
                self.database_changed(outcome.old, outcome.new)
            case TransactionChanged():
                self.write(self._transaction.changed(outcome.event))
            case OutputValue():
                self._outputs.append(outcome)
            case ProcedureEnded():
                self._procedure_ended(outcome.status)

    def write(self, token: bytes) -> None:
        """A token; what was held before it gets its MORE bit."""
        if self._held:
            self._flush(DoneStatus.MORE)
        self._packets.write(token)

    def _rows(self, result: ResultSet) -> None:
        self.write(tokens.col_metadata(result.columns))
        types = [column.type for column in result.columns]
        encode = row_encoder(types)
        encode_columns: Callable[[ColumnBatch], Array] | None = None
        rows_at_once = _LARGE_ROWS_AT_ONCE if any(map(is_large, types)) else _ROWS_AT_ONCE
        with _closing(result.batches):
            for batch in result.batches:
                if isinstance(batch, ColumnBatch):
                    if self._stopped():
                        return
                    encode_columns = encode_columns or batch_encoder(types)
                    self._packets.write(encode_columns(batch).data)
                    continue
                for rows in _slices(batch, rows_at_once):
                    if self._stopped():
                        return
                    self._packets.write(encode(rows))

    def database_changed(self, old: str, new: str) -> None:
        """ENVCHANGE 1 and its message."""
        self.write(tokens.env_text(1, new, old))
        self.write(tokens.info(Message(5701, f"Changed database context to '{new}'.")))

    def error(self, failure: SqlServerError) -> None:
        """An ERROR token. The caller says which DONE follows."""
        self.write(tokens.error(failure))
        if failure.followed_by is not None:
            self.write(tokens.error(failure.followed_by))
        self.error_number = failure.number
        self.fatal = self.fatal or failure.severity >= _FATAL_SEVERITY

    def fail(self, failure: SqlServerError) -> None:
        """An error that ends the batch or call. What a client has stopped ends without its error, as in SQL Server."""
        if self._stopped() and failure.severity < _FATAL_SEVERITY:
            return
        self.error(failure)
        if self._in_procedure:
            self.end_procedure()
        else:
            self._hold(DoneStatus.ERROR)

    def begin_procedure(self) -> None:
        """From here on statements end with DONEINPROC, until `end_procedure`."""
        self._in_procedure = True
        self._outputs = []
        self.error_number = 0
        self.returned = 0

    def output(self, value: OutputValue) -> None:
        """An output parameter, sent when the procedure ends."""
        self._outputs.append(value)

    def end_procedure(self) -> None:
        """RETURNSTATUS, the output parameters, DONEPROC."""
        self.write(tokens.return_status(self.error_number or self.returned))
        for ordinal, value in enumerate(self._outputs):
            self.write(tokens.return_value(ordinal, value.name, value.type, value.value))
        self._in_procedure = False
        status = DoneStatus.ERROR if self.error_number else DoneStatus.FINAL
        self._held = _Done(DoneKind.DONEPROC, status)

    def _procedure_ended(self, status: int) -> None:
        # Inside of a call by RPC an EXEC is one of its statements.
        if not self._in_procedure:
            self.write(tokens.return_status(status))
            self._held = _Done(DoneKind.DONEPROC, DoneStatus.FINAL)

    def _hold(
        self, status: DoneStatus, command: int = 0, row_count: int | None = None, *, nested: bool = False
    ) -> None:
        if self._held:
            self._flush(DoneStatus.MORE)
        kind = DoneKind.DONEINPROC if self._in_procedure or nested else DoneKind.DONE
        self._held = _Done(kind, status, command, row_count)

    def _flush(self, more: DoneStatus) -> None:
        held, self._held = self._held, None
        assert held is not None
        status = held.status | more
        if self._transaction.open:
            status |= DoneStatus.IN_TRANSACTION
        self._packets.write(tokens.done(held.kind, status, held.command, held.row_count))

    def finish(self, *, attention: bool) -> None:
        """End the message. `attention` acknowledges that the client has stopped it (MS-TDS 2.2.1.6)."""
        # A client that missed the end of its transaction would go on as if it were open.
        self._packets.write(self._transaction.synchronize())
        if attention:
            if self._held:
                self._flush(DoneStatus.MORE)
            self._held = _Done(DoneKind.DONE, DoneStatus.ATTENTION)
        elif self._held is None:
            self._held = _Done(DoneKind.DONE, DoneStatus.FINAL)
        self._flush(DoneStatus.FINAL)
        self._packets.finish()


@contextmanager
def _closing(iterator: Iterator[object]) -> Iterator[None]:
    """Close a generator that may not be read to its end, so that what it holds is freed now."""
    try:
        yield
    finally:
        if isinstance(iterator, Generator):
            iterator.close()


def _slices(batch: Sequence[tuple[Value, ...]], size: int) -> Iterator[Sequence[tuple[Value, ...]]]:
    for start in range(0, len(batch), size):
        yield batch[start : start + size]
