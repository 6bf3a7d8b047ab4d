"""Response tokens (MS-TDS 2.2.7), each as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum, IntFlag

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Column, Message
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire.collation import DEFAULT_COLLATION
from etl.sandbox.wire.encode import encode_value
from etl.sandbox.wire.fields import b_varchar, us_varchar
from etl.sandbox.wire.prelogin import SERVER_VERSION
from etl.sandbox.wire.typeinfo import type_info

SERVER_NAME = "sandbox"
"""What messages name as their server."""

_COLMETADATA, _RETURNSTATUS, _ERROR, _INFO, _RETURNVALUE, _LOGINACK, _FEATUREEXTACK, _ENVCHANGE = (
    0x81,
    0x79,
    0xAA,
    0xAB,
    0xAC,
    0xAD,
    0xAE,
    0xE3,
)
_T_SQL = 1
_MESSAGE_CHARACTERS = 2047
"""SQL Server cuts messages there too (RAISERROR's documented limit)."""


class DoneKind(IntEnum):
    """The three DONE tokens (MS-TDS 2.2.7.6 to 2.2.7.8)."""

    DONE = 0xFD
    DONEPROC = 0xFE
    DONEINPROC = 0xFF


class DoneStatus(IntFlag):
    """DONE status bits."""

    FINAL = 0x0000
    MORE = 0x0001
    ERROR = 0x0002
    IN_TRANSACTION = 0x0004
    COUNT = 0x0010
    ATTENTION = 0x0020
    SERVER_ERROR = 0x0100


class ColumnFlag(IntFlag):
    """COLMETADATA flags (MS-TDS 2.2.7.4)."""

    NULLABLE = 0x0001
    UPDATABLE_UNKNOWN = 0x0008
    IDENTITY = 0x0010
    COMPUTED = 0x0020


def done(kind: DoneKind, status: DoneStatus, command: int = 0, row_count: int | None = None) -> bytes:
    """A DONE, DONEPROC or DONEINPROC; a row count sets its own bit."""
    if row_count is not None:
        status |= DoneStatus.COUNT
    return struct.pack("<BHHQ", kind, status, command, row_count or 0)


def error(failure: SqlServerError, *, long_line: bool = True) -> bytes:
    """ERROR (2.2.7.10). `long_line` is off for clients older than TDS 7.2, whose line number has two bytes."""
    line = max(failure.line, 1)
    head = struct.pack("<iBB", failure.number, failure.state, failure.severity)
    return _message(_ERROR, head, failure.message, failure.procedure, line, long_line)


def info(message: Message) -> bytes:
    """INFO (2.2.7.13)."""
    head = struct.pack("<iBB", message.number, message.state, message.severity)
    return _message(_INFO, head, message.text, "", message.line, True)


def _message(token: int, head: bytes, text: str, procedure: str, line: int, long_line: bool) -> bytes:
    body = head + us_varchar(text[:_MESSAGE_CHARACTERS]) + b_varchar(SERVER_NAME) + b_varchar(procedure)
    body += struct.pack("<I" if long_line else "<H", line)
    return struct.pack("<BH", token, len(body)) + body


def login_ack(tds_version: int) -> bytes:
    """LOGINACK (2.2.7.14)."""
    major, minor, build = SERVER_VERSION
    body = (
        struct.pack(">BI", _T_SQL, tds_version)
        + b_varchar("Microsoft SQL Server")
        + struct.pack(">BBH", major, minor, build)
    )
    return struct.pack("<BH", _LOGINACK, len(body)) + body


def feature_ext_ack(features: Iterable[tuple[int, bytes]]) -> bytes:
    """FEATUREEXTACK (2.2.7.11): the features that the server grants."""
    body = b"".join(struct.pack("<BI", feature, len(data)) + data for feature, data in features)
    return bytes((_FEATUREEXTACK,)) + body + b"\xff"


def env_text(kind: int, new: str, old: str) -> bytes:
    """ENVCHANGE (2.2.7.9) of a text: 1 database, 2 language, 4 packet size."""
    return _env(kind, b_varchar(new) + b_varchar(old))


def env_bytes(kind: int, new: bytes, old: bytes) -> bytes:
    """ENVCHANGE of bytes: 7 collation, 8 to 10 transaction descriptors, 18 reset acknowledged."""
    return _env(kind, bytes((len(new),)) + new + bytes((len(old),)) + old)


def env_collation() -> bytes:
    """ENVCHANGE 7 with the server's collation."""
    return env_bytes(7, DEFAULT_COLLATION, b"")


def _env(kind: int, values: bytes) -> bytes:
    return struct.pack("<BHB", _ENVCHANGE, len(values) + 1, kind) + values


_ROWVERSION_USER_TYPE = 0x50
"""By this FreeTDS tells rowversion from binary(8) (`src/tds/token.c`)."""


def _user_type(sql: SqlType) -> int:
    return _ROWVERSION_USER_TYPE if sql.name == "rowversion" else 0


def col_metadata(columns: Sequence[Column]) -> bytes:
    """COLMETADATA (2.2.7.4)."""
    parts = [struct.pack("<BH", _COLMETADATA, len(columns))]
    for column in columns:
        parts.append(struct.pack("<IH", _user_type(column.type), _column_flags(column)))
        parts.append(type_info(column.type))
        if column.type.name in {"text", "ntext", "image"}:
            parts.append(b"\0")  # no parts of a table name
        parts.append(b_varchar(column.name))
    return b"".join(parts)


def _column_flags(column: Column) -> int:
    flags = ColumnFlag.NULLABLE if column.nullable else ColumnFlag(0)
    if column.identity:
        return flags | ColumnFlag.IDENTITY
    if column.computed:
        return flags | ColumnFlag.COMPUTED
    return flags | ColumnFlag.UPDATABLE_UNKNOWN


def return_status(value: int) -> bytes:
    """RETURNSTATUS (2.2.7.18)."""
    return struct.pack("<Bi", _RETURNSTATUS, value)


def return_value(ordinal: int, name: str, sql: SqlType, value: Value) -> bytes:
    """RETURNVALUE (2.2.7.19) of an output parameter."""
    head = struct.pack("<BH", _RETURNVALUE, ordinal) + b_varchar(name)
    return (
        head + struct.pack("<BIH", 1, _user_type(sql), ColumnFlag.NULLABLE) + type_info(sql) + encode_value(sql, value)
    )
