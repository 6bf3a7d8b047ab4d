"""From a client's LOGIN7 to a session that may be asked (MS-TDS 3.3.5.3, 3.3.5.4)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from etl.sandbox.arrival import arrive, too_old
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Client, Engine, Interpreter
from etl.sandbox.outcomes import Message as Info
from etl.sandbox.tls import TlsPolicy
from etl.sandbox.transport import Transport
from etl.sandbox.wire import tokens
from etl.sandbox.wire.login7 import (
    TDS_7_2,
    TDS_7_3A,
    TDS_7_4,
    Login7,
    granted_packet_bytes,
)
from etl.sandbox.wire.packets import DEFAULT_PACKET_BYTES, MessageAssembler, PacketWriter
from etl.sandbox.wire.tokens import DoneKind, DoneStatus

_logger = logging.getLogger(__name__)

MAX_LOGIN_BYTES = 128 * 1024 - 1
"""The longest message before login (MS-TDS 2.2.6.4)."""

_FAREWELL_SEC = 1.0
"""How long a client may take to read why it was refused."""

_UTF8_SUPPORT = 0x0A
_FEDERATED_AUTHENTICATION = 0x02
_LANGUAGE = "us_english"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A client that may send requests."""

    interpreter: Interpreter
    assembler: MessageAssembler
    packets: PacketWriter


def log_in(transport: Transport, engine: Engine, tls: TlsPolicy, *, timeout_sec: float, spid: int) -> LoggedIn | None:
    """Negotiate and log in; None where the client was refused, and told so.

    Raises `ProtocolError` for bytes that are not TDS (nothing is answered to them), `TimeoutError` when the client has
    not logged in after `timeout_sec`, `ClientGoneError`.
    """
    deadline = time.monotonic() + timeout_sec
    assembler = MessageAssembler(MAX_LOGIN_BYTES)
    packets = PacketWriter(transport.send, DEFAULT_PACKET_BYTES, spid)
    login = arrive(transport, assembler, packets, tls, deadline)
    if login is None:
        transport.finish(_FAREWELL_SEC)
        return None
    try:
        _check(login)
        interpreter = engine.login(login.user, login.password, login.database)
    except SqlServerError as error:
        _refuse(packets, login, error)
        return None
    try:
        granted_bytes = granted_packet_bytes(login.packet_bytes, encrypted=transport.encrypted)
        interpreter.describe_client(_client(transport, login, granted_bytes))
        _welcome(packets, login, interpreter, granted_bytes)
    except BaseException:
        interpreter.close()
        raise
    return LoggedIn(interpreter, assembler, packets)


def _client(transport: Transport, login: Login7, packet_bytes: int) -> Client:
    return Client(
        host=login.host,
        application=login.application,
        address=transport.address,
        encrypted=transport.encrypted,
        packet_bytes=packet_bytes,
        tds_version=min(login.tds_version, TDS_7_4),
    )


def _check(login: Login7) -> None:
    if login.tds_version < TDS_7_3A:
        raise too_old()
    if login.integrated_security or _FEDERATED_AUTHENTICATION in login.features:
        raise SqlServerError(
            18452,
            "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.",
            severity=14,
        )
    if login.change_password:
        raise not_supported("changing the password at login")


def _refuse(packets: PacketWriter, login: Login7, error: SqlServerError) -> None:
    _logger.info("login of %r refused: %s", login.user, error)
    packets.write(tokens.error(error, long_line=login.tds_version >= TDS_7_2))
    if error.followed_by is not None:
        packets.write(tokens.error(error.followed_by, long_line=login.tds_version >= TDS_7_2))
    packets.write(_last_done(DoneStatus.ERROR, login.tds_version))
    packets.finish()


def _last_done(status: DoneStatus, tds_version: int) -> bytes:
    token = tokens.done(DoneKind.DONE, status)
    # Before TDS 7.2 the row count has four bytes.
    return token if tds_version >= TDS_7_2 else token[:-4]


def _welcome(packets: PacketWriter, login: Login7, interpreter: Interpreter, packet_bytes: int) -> None:
    database = interpreter.database
    packets.write(tokens.env_text(1, database, "master"))
    packets.write(tokens.info(Info(5701, f"Changed database context to '{database}'.", state=2)))
    packets.write(tokens.env_collation())
    packets.write(tokens.env_text(2, _LANGUAGE, ""))
    packets.write(tokens.info(Info(5703, f"Changed language setting to {_LANGUAGE}.")))
    packets.write(tokens.login_ack(min(login.tds_version, TDS_7_4)))
    packets.write(tokens.env_text(4, str(packet_bytes), str(DEFAULT_PACKET_BYTES)))
    if _UTF8_SUPPORT in login.features:
        packets.write(tokens.feature_ext_ack([(_UTF8_SUPPORT, b"\x01")]))
    elif login.features:
        packets.write(tokens.feature_ext_ack([]))
    packets.write(tokens.done(DoneKind.DONE, DoneStatus.FINAL))
    packets.finish()
    # The size granted holds from the next message on.
    packets.packet_bytes = packet_bytes
