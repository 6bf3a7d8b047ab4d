"""One client connection: a thread that reads, a thread that works."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass

from etl.sandbox.activity import CANCEL_AGAIN_SEC, Activity
from etl.sandbox.login import LoggedIn, log_in
from etl.sandbox.outcomes import Engine, Interpreter
from etl.sandbox.session import Session
from etl.sandbox.tls import TlsPolicy
from etl.sandbox.transport import ClientGoneError, Transport
from etl.sandbox.wire.fields import ProtocolError
from etl.sandbox.wire.packets import Message, MessageAssembler, MessageKind

_logger = logging.getLogger(__name__)

_MAX_QUEUED_REQUESTS = 4
"""A client waits for each answer (without MARS); one that sends on regardless is cut off before it fills the memory."""

_FAREWELL_SEC = 1.0
"""How long a client may take to read why it was cut off."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take."""

    login_timeout_sec: float = 15.0
    max_message_bytes: int = 256 * 1024 * 1024
    max_connections: int = 200


class Connection:
    """Serves one client on the calling thread, which works; a second thread reads, so that ATTENTION is heard."""

    def __init__(self, transport: Transport, engine: Engine, tls: TlsPolicy, limits: Limits, spid: int) -> None:
        self._transport = transport
        self._engine = engine
        self._tls = tls
        self._limits = limits
        self._spid = spid

    def serve(self) -> None:
        """Serve until the client leaves or `abort` is called. Every end of a client is an end here: nothing is raised."""
        try:
            client = log_in(
                self._transport, self._engine, self._tls, timeout_sec=self._limits.login_timeout_sec, spid=self._spid
            )
            if client:
                self._converse(client)
        except (ProtocolError, TimeoutError, ClientGoneError) as error:
            _logger.info("connection %d ended: %s", self._spid, error or type(error).__name__)
        except Exception:
            _logger.exception("connection %d ended by an internal error of the sandbox", self._spid)
        finally:
            self._transport.abort()
            self._transport.close()

    def abort(self) -> None:
        """End the connection, from another thread."""
        self._transport.abort()

    def _converse(self, client: LoggedIn) -> None:
        client.assembler.max_message_bytes = self._limits.max_message_bytes
        activity = Activity(lambda: _cancel(client.interpreter))
        session = Session(
            client.interpreter, client.packets, stopped=lambda: activity.stopped, request_ended=activity.request_ended
        )
        inbox = _Inbox(self._transport, client.assembler, activity)
        reader = threading.Thread(target=inbox.fill, name=f"sandbox-reader-{self._spid}", daemon=True)
        try:
            reader.start()
            self._work(inbox, session)
        finally:
            activity.worker_left()
            self._transport.abort()
            reader.join()
            client.interpreter.close()

    def _work(self, inbox: _Inbox, session: Session) -> None:
        while message := inbox.take():
            if isinstance(message, ProtocolError):
                session.refuse(message)
                self._transport.finish(_FAREWELL_SEC)
                return
            if message.kind is MessageKind.ATTENTION:
                session.acknowledge_attention()
            elif not session.answer(message):
                return


class _Inbox:
    """Messages on their way from the reader to the worker; None once there will be no more."""

    def __init__(self, transport: Transport, assembler: MessageAssembler, activity: Activity) -> None:
        self._transport = transport
        self._assembler = assembler
        self._activity = activity
        self._messages: queue.SimpleQueue[Message | ProtocolError | None] = queue.SimpleQueue()

    def take(self) -> Message | ProtocolError | None:
        """Worker: the next message, or what made reading on impossible."""
        return self._messages.get()

    def fill(self) -> None:
        """Reader: the thread's body."""
        try:
            while True:
                self._read_once()
        except ProtocolError as error:
            self._assembler.abandon()
            self._messages.put(error)
        except ClientGoneError:
            self._assembler.abandon()
            self._activity.client_left()
        finally:
            self._messages.put(None)

    def _read_once(self) -> None:
        self._await_room()
        while self._activity.attention and not self._transport.readable(CANCEL_AGAIN_SEC):
            self._activity.cancel_again()
        for message in self._assembler.feed(self._transport.receive()):
            if message.kind is MessageKind.ATTENTION:
                if not self._activity.attention_arrived():
                    self._messages.put(message)
                if message.stream is not None:
                    message.stream.cut()
                continue
            if self._activity.requests >= _MAX_QUEUED_REQUESTS:
                raise ProtocolError("requests are sent without waiting for their answers")
            self._activity.request_arrived()
            self._messages.put(message)

    def _await_room(self) -> None:
        """Leave a bulk load's rows with the client while the worker has enough of them.

        An ATTENTION that the client sends meanwhile stands behind its rows, and so does an orderly end of the connection.
        """
        stream = self._assembler.stream
        while stream is not None and not stream.wait_for_room(CANCEL_AGAIN_SEC):
            if self._transport.hung_up:
                raise ClientGoneError("the client has left in the middle of a bulk load")


def _cancel(interpreter: Interpreter) -> None:
    try:
        interpreter.cancel()
    except Exception:
        _logger.exception("the running statement could not be cancelled")
