"""One logged-in client: requests in, responses out."""

from __future__ import annotations

import logging
from collections.abc import Callable

from etl.sandbox.calls import Calls
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Interpreter, Outcome, Parameterized, TransactionEvent
from etl.sandbox.prepared import PreparedStatements
from etl.sandbox.response import Response
from etl.sandbox.transaction_state import TransactionState
from etl.sandbox.transport import ClientGoneError
from etl.sandbox.wire import tokens
from etl.sandbox.wire.bulk import read_bulk_load
from etl.sandbox.wire.fields import FieldReader, ProtocolError, decode_unicode
from etl.sandbox.wire.headers import skip_all_headers
from etl.sandbox.wire.packets import Message, MessageKind, PacketStatus, PacketWriter
from etl.sandbox.wire.rpc import read_calls
from etl.sandbox.wire.streaming import PayloadStream, StreamCutError
from etl.sandbox.wire.transactions import Begin, TransactionRequestKind, read_transaction_request

_logger = logging.getLogger(__name__)

_RESET_ACKNOWLEDGED = 18


class Session:
    """Answers one client's messages, one at a time.

    `stopped` says whether the client still wants the answer under way; `request_ended` is called when its work is done
    and says whether the client had asked to stop it.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        packets: PacketWriter,
        *,
        stopped: Callable[[], bool],
        request_ended: Callable[[], bool],
    ) -> None:
        self._interpreter = interpreter
        self._packets = packets
        self._stopped = stopped
        self._request_ended = request_ended
        self._transaction = TransactionState(lambda: interpreter.transaction_count)
        self._prepared = PreparedStatements()
        self._calls = Calls(interpreter, self._prepared)

    def answer(self, message: Message) -> bool:
        """Answer one request, and say whether the connection may go on. Raises `ClientGoneError`."""
        response = Response(self._packets, self._transaction, self._stopped)
        called_off = False
        try:
            self._perform(message, response)
        except StreamCutError:
            # Nobody waits for an answer, unless it was ATTENTION that cut the message off.
            called_off = True
        except SqlServerError as error:
            response.fail(error)
        except ProtocolError as error:
            response.fail(protocol_error(error))
        except ClientGoneError:
            raise
        except Exception as error:
            _logger.exception("internal error of the sandbox")
            response.fail(_internal_error(error))
        attention = self._request_ended()
        if called_off and not attention:
            return True
        response.finish(attention=attention)
        return not response.fatal

    def acknowledge_attention(self) -> None:
        """Answer an ATTENTION that found nothing to stop."""
        Response(self._packets, self._transaction, self._stopped).finish(attention=True)

    def refuse(self, error: ProtocolError) -> None:
        """Say what is wrong with the client's bytes; nothing more can be read from it."""
        response = Response(self._packets, self._transaction, self._stopped)
        response.fail(protocol_error(error))
        response.finish(attention=False)

    def _perform(self, message: Message, response: Response) -> None:
        if message.status & PacketStatus.RESET_CONNECTION_SKIP_TRANSACTION:
            raise not_supported("resetting a connection while its transaction is kept")
        if message.status & PacketStatus.RESET_CONNECTION:
            self._reset(response)
        match message.kind:
            case MessageKind.SQL_BATCH:
                response.play(self._interpreter.run(Parameterized(_batch_text(message.payload))))
            case MessageKind.RPC:
                self._call(message.payload, response)
            case MessageKind.TRANSACTION_MANAGER:
                self._change_transaction(message.payload, response)
            case MessageKind.BULK_LOAD:
                assert message.stream is not None
                response.play(iter(self._bulk_load(message.stream)))
            case _:
                raise ProtocolError(f"a message of type {message.kind.name} after login")

    def _bulk_load(self, stream: PayloadStream) -> list[Outcome]:
        """All outcomes of a bulk load, told only after the client has sent everything. Raises `StreamCutError`."""
        try:
            try:
                rows = read_bulk_load(lambda: _received(stream))
            except SqlServerError as error:
                return list(self._interpreter.fail(error))
            return list(self._interpreter.bulk_load(rows))
        finally:
            stream.discard()
            if stream.was_cut:
                raise StreamCutError

    def _reset(self, response: Response) -> None:
        before = self._interpreter.database
        self._interpreter.reset()
        self._prepared.clear()
        response.write(self._transaction.synchronize())
        response.write(tokens.env_bytes(_RESET_ACKNOWLEDGED, b"", b""))
        if self._interpreter.database != before:
            response.database_changed(before, self._interpreter.database)

    def _call(self, payload: bytes, response: Response) -> None:
        for call in read_calls(payload):
            if self._stopped():
                return
            try:
                self._calls.run(call, response)
            except SqlServerError as error:
                response.fail(error)
                if response.fatal:
                    return

    def _change_transaction(self, payload: bytes, response: Response) -> None:
        request = read_transaction_request(payload)
        match request.kind:
            case TransactionRequestKind.COMMIT:
                self._interpreter.commit()
                self._ended(TransactionEvent.COMMITTED, response)
            case TransactionRequestKind.ROLLBACK:
                self._interpreter.rollback(request.name)
                self._ended(TransactionEvent.ROLLED_BACK, response)
            case TransactionRequestKind.SAVE:
                self._interpreter.save(request.name)
        if request.begin:
            self._begin(request.begin, response)

    def _begin(self, begin: Begin, response: Response) -> None:
        self._interpreter.begin(begin.isolation, begin.name)
        response.write(self._transaction.changed(TransactionEvent.BEGUN))

    def _ended(self, event: TransactionEvent, response: Response) -> None:
        # An inner COMMIT, or a ROLLBACK to a savepoint, leaves the outer transaction open.
        if not self._interpreter.transaction_count:
            response.write(self._transaction.changed(event))


def _received(stream: PayloadStream) -> bytes:
    try:
        return stream.read()
    except StreamCutError as error:
        raise SqlServerError(0, "Query cancelled by the client.", severity=11, ends_batch=True) from error


def _batch_text(payload: bytes) -> str:
    fields = FieldReader(payload)
    skip_all_headers(fields)
    return decode_unicode(fields.rest())


def protocol_error(error: ProtocolError) -> SqlServerError:
    """What a client is told before its connection ends."""
    return SqlServerError(
        4002,
        f"The incoming tabular data stream (TDS) protocol stream is incorrect: {error}.",
        severity=20,
        ends_batch=True,
    )


def _internal_error(error: Exception) -> SqlServerError:
    return SqlServerError(
        50000, f"sandbox: internal error: {type(error).__name__}: {error}", severity=20, ends_batch=True
    )
