"""From an accepted socket to the client's LOGIN7: which protocol it speaks, and what TLS covers (MS-TDS 3.3.5.1, 3.3.5.2)."""

from __future__ import annotations

import logging

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.tls import HANDSHAKE_RECORD, REFUSAL, TlsError, TlsPolicy, TlsSession
from etl.sandbox.tls_handshake import shake_hands
from etl.sandbox.transport import Transport
from etl.sandbox.wire.fields import ProtocolError
from etl.sandbox.wire.login7 import TDS_7_1, Login7, read_login7
from etl.sandbox.wire.packets import Message, MessageAssembler, MessageKind, PacketWriter
from etl.sandbox.wire.prelogin import Scope, negotiate, prelogin_response, read_prelogin
from etl.sandbox.wire.tds42 import LOGIN as OLD_LOGIN
from etl.sandbox.wire.tds42 import refusal

_logger = logging.getLogger(__name__)


def arrive(
    transport: Transport, assembler: MessageAssembler, packets: PacketWriter, tls: TlsPolicy, deadline: float
) -> Login7 | None:
    """The client's LOGIN7, after the negotiation; None where a client was refused, and told so.

    Raises `ProtocolError` for bytes that are not TDS (nothing is answered to them), `TimeoutError` at `deadline`,
    `ClientGoneError`.
    """
    data = transport.receive_until(deadline)
    if data[:1] in {HANDSHAKE_RECORD, OLD_LOGIN}:
        _refuse_protocol(transport, data[:1])
        return None
    message = _receive(transport, assembler, deadline, data)
    if message.kind is MessageKind.LOGIN7:
        return _login_without_prelogin(message)
    if message.kind is not MessageKind.PRELOGIN:
        raise _out_of_turn(message)
    answer, scope = negotiate(read_prelogin(message.payload), tls.encryption)
    packets.write(prelogin_response(answer))
    packets.finish()
    if scope is Scope.REFUSED:
        _logger.info("connection refused: the client and the server do not agree on encryption")
        return None
    message = _receive_covered(transport, assembler, scope, tls, deadline)
    if message.kind is not MessageKind.LOGIN7:
        raise _out_of_turn(message)
    return read_login7(message.payload)


def _refuse_protocol(transport: Transport, first_byte: bytes) -> None:
    """A client that does not begin as TDS 7 does is told in its own protocol."""
    if first_byte == HANDSHAKE_RECORD:
        _logger.info("connection refused: strict encryption (TDS 8.0) is not supported")
        transport.send(REFUSAL)
    else:
        _logger.info("connection refused: a TDS version below 7 is not supported")
        transport.send(refusal(too_old()))


def _login_without_prelogin(message: Message) -> Login7:
    login = read_login7(message.payload)
    if login.tds_version >= TDS_7_1:
        # Only clients of TDS 7.0 know no PRELOGIN; they are told that they are too old once their login is checked.
        raise ProtocolError("LOGIN7 without PRELOGIN")
    return login


def _receive_covered(
    transport: Transport, assembler: MessageAssembler, scope: Scope, tls: TlsPolicy, deadline: float
) -> Message:
    """The message after PRELOGIN, covered by TLS as negotiated."""
    if not assembler.empty:
        # It would be taken for a part of what TLS protects.
        raise ProtocolError("bytes between PRELOGIN and its answer")
    if scope is Scope.NOTHING:
        return _receive(transport, assembler, deadline)
    assert tls.context is not None
    session = shake_hands(transport, tls.context, deadline)
    if scope is Scope.LOGIN:
        return _receive_login_only(transport, assembler, session, deadline)
    return _receive(transport, assembler, deadline, transport.encrypt_with(session))


def _receive_login_only(
    transport: Transport, assembler: MessageAssembler, session: TlsSession, deadline: float
) -> Message:
    """A login whose first packet is encrypted, and nothing else on the connection (MS-TDS 3.2.5.2)."""
    messages: list[Message] = []
    data = b""
    while not (messages or assembler.inside_message):
        try:
            decrypted = session.decrypt_one(data)
        except TlsError as error:
            raise ProtocolError(str(error)) from error
        messages = assembler.feed(decrypted)
        data = b"" if decrypted else transport.receive_until(deadline)
    rest = session.unread()
    if messages:
        messages += assembler.feed(rest)
        return _only(messages)
    return _receive(transport, assembler, deadline, rest)


def _receive(transport: Transport, assembler: MessageAssembler, deadline: float, data: bytes = b"") -> Message:
    messages = assembler.feed(data)
    while not messages:
        messages = assembler.feed(transport.receive_until(deadline))
    return _only(messages)


def _only(messages: list[Message]) -> Message:
    if len(messages) > 1:
        raise ProtocolError("more than one message before the answer to the first")
    return messages[0]


def _out_of_turn(message: Message) -> ProtocolError:
    return ProtocolError(f"a message of type {message.kind.name} before login")


def too_old() -> SqlServerError:
    """What a client of an old TDS version is told."""
    return not_supported("a TDS version below 7.3 (set TDS_Version=7.4)")
