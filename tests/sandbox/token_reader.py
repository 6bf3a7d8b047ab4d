"""A small client-side reader of response tokens, for assertions. Rows: int and varchar columns only."""

from __future__ import annotations

from etl.sandbox.sqltypes import Value
from etl.sandbox.wire.decode import read_value
from etl.sandbox.wire.fields import FieldReader
from etl.sandbox.wire.tokens import DoneKind, DoneStatus
from etl.sandbox.wire.typeinfo import WireType, read_type_info

Token = tuple[object, ...]


def read_message(data: bytes) -> bytes:
    """The payload of the packets of one or more responses."""
    payload = b""
    while data:
        length = int.from_bytes(data[2:4], "big")
        payload += data[8:length]
        data = data[length:]
    return payload


def read_tokens(data: bytes) -> list[Token]:
    fields = FieldReader(read_message(data))
    columns: list[WireType] = []
    tokens: list[Token] = []
    while fields.remaining:
        tokens.append(_read(fields, columns))
    return tokens


def _read(fields: FieldReader, columns: list[WireType]) -> Token:  # noqa: PLR0911 - one return a token
    token = fields.u8()
    if token in set(DoneKind):
        status, command, count = DoneStatus(fields.u16()), fields.u16(), fields.u64()
        return DoneKind(token).name, _names(status), command, count
    if token == 0x81:
        names = []
        columns.clear()
        for _ in range(fields.u16()):
            fields.take(6)
            columns.append(read_type_info(fields))
            names.append(fields.b_varchar())
        return "COLMETADATA", *names
    if token == 0xD1:
        return "ROW", *(read_value(fields, column) for column in columns)
    if token == 0x79:
        return "RETURNSTATUS", fields.i32()
    if token == 0xAC:
        fields.u16()
        name = fields.b_varchar()
        fields.take(7)
        value: Value = read_value(fields, read_type_info(fields))
        return "RETURNVALUE", name, value
    body = FieldReader(fields.take(fields.u16()))
    if token in {0xAA, 0xAB}:
        number, _, severity, text = body.i32(), body.u8(), body.u8(), body.us_varchar()
        return ("ERROR", number, severity, text) if token == 0xAA else ("INFO", number, severity, text)
    if token == 0xE3:
        kind = body.u8()
        if kind in {1, 2, 4}:
            return "ENVCHANGE", kind, body.b_varchar(), body.b_varchar()
        return "ENVCHANGE", kind, body.take(body.u8()), body.take(body.u8())
    return hex(token), body.rest()


def _names(status: DoneStatus) -> str:
    return "|".join(flag.name or "" for flag in DoneStatus if flag and flag in status)
