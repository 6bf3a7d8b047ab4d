"""Remote procedure calls (MS-TDS 2.2.6.6)."""

from __future__ import annotations

from dataclasses import dataclass

from etl.sandbox.errors import not_supported
from etl.sandbox.outcomes import Argument
from etl.sandbox.wire.decode import read_value
from etl.sandbox.wire.fields import FieldReader, ProtocolError
from etl.sandbox.wire.headers import skip_all_headers
from etl.sandbox.wire.temporal import InvalidValueError, invalid_value
from etl.sandbox.wire.typeinfo import read_type_info

PROCEDURES = {
    1: "sp_cursor",
    2: "sp_cursoropen",
    3: "sp_cursorprepare",
    4: "sp_cursorexecute",
    5: "sp_cursorprepexec",
    6: "sp_cursorunprepare",
    7: "sp_cursorfetch",
    8: "sp_cursoroption",
    9: "sp_cursorclose",
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    14: "sp_prepexecrpc",
    15: "sp_unprepare",
}
"""Procedures that a client may call by number (ProcID)."""

_BY_NUMBER = 0xFFFF
_OUTPUT, _DEFAULT, _ENCRYPTED = 0x01, 0x02, 0x08
_NEXT_CALL, _NEXT_CALL_7_1, _NO_EXECUTE = 0xFF, 0x80, 0xFE
_SEPARATORS = frozenset({_NEXT_CALL, _NEXT_CALL_7_1, _NO_EXECUTE})
_MAX_PARAMETERS = 2100 + 10
"""SQL Server's limit, and room for the parameters of the special procedures themselves."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the procedure's name as the client wrote it, and the arguments."""

    procedure: str
    arguments: tuple[Argument, ...]


def read_calls(payload: bytes) -> list[Call]:
    """The calls of one RPC message, usually one; parameter arrays send many.

    Raises `ProtocolError` for a malformed message and `SqlServerError` for one whose types or values are refused.
    """
    fields = FieldReader(payload)
    skip_all_headers(fields)
    calls = [_read_call(fields)]
    while fields.remaining:
        if fields.u8() == _NO_EXECUTE:
            raise not_supported("an RPC batch with the no-execute flag")
        # A separator may also end the last call.
        if fields.remaining:
            calls.append(_read_call(fields))
    return calls


def _read_call(fields: FieldReader) -> Call:
    length = fields.u16()
    if length == _BY_NUMBER:
        number = fields.u16()
        if number not in PROCEDURES:
            raise ProtocolError(f"procedure number {number}")
        procedure = PROCEDURES[number]
    else:
        procedure = fields.unicode(length)
    fields.u16()  # option flags: recompile and metadata, neither of which changes an answer here
    arguments: list[Argument] = []
    while fields.peek() is not None and fields.peek() not in _SEPARATORS:
        if len(arguments) >= _MAX_PARAMETERS:
            raise ProtocolError(f"more than {_MAX_PARAMETERS} parameters")
        arguments.append(_read_argument(fields, len(arguments) + 1))
    return Call(procedure, tuple(arguments))


def _read_argument(fields: FieldReader, ordinal: int) -> Argument:
    name = fields.b_varchar()
    status = fields.u8()
    if status & _DEFAULT:
        raise not_supported("a parameter passed as DEFAULT")
    if status & _ENCRYPTED:
        raise not_supported("an encrypted parameter")
    wire_type = read_type_info(fields)
    try:
        value = read_value(fields, wire_type)
    except InvalidValueError as error:
        raise invalid_value(ordinal, name, str(wire_type.sql)) from error
    return Argument(value, wire_type.sql, name, bool(status & _OUTPUT))
