"""Transaction manager requests (MS-TDS 2.2.6.9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from etl.sandbox.errors import not_supported
from etl.sandbox.outcomes import Isolation
from etl.sandbox.wire.fields import FieldReader, ProtocolError
from etl.sandbox.wire.headers import skip_all_headers


class TransactionRequestKind(IntEnum):
    """RequestType."""

    GET_DTC_ADDRESS = 0
    PROPAGATE = 1
    BEGIN = 5
    PROMOTE = 6
    COMMIT = 7
    ROLLBACK = 8
    SAVE = 9


_DISTRIBUTED = frozenset(
    {TransactionRequestKind.GET_DTC_ADDRESS, TransactionRequestKind.PROPAGATE, TransactionRequestKind.PROMOTE}
)
_BEGIN_NEXT = 0x01


@dataclass(frozen=True, slots=True)
class Begin:
    """The begin of a transaction."""

    isolation: Isolation
    name: str


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What the client wants of its transaction."""

    kind: TransactionRequestKind
    name: str = ""
    begin: Begin | None = None
    """For BEGIN, and for COMMIT and ROLLBACK that go on with the next transaction (fBeginXact)."""


def read_transaction_request(payload: bytes) -> TransactionRequest:
    """Parse one. Raises `ProtocolError`, and `SqlServerError` for distributed transactions."""
    fields = FieldReader(payload)
    skip_all_headers(fields)
    number = fields.u16()
    if number not in set(TransactionRequestKind):
        raise ProtocolError(f"transaction manager request {number}")
    kind = TransactionRequestKind(number)
    if kind in _DISTRIBUTED:
        raise not_supported("a distributed transaction")
    if kind is TransactionRequestKind.BEGIN:
        return TransactionRequest(kind, begin=_read_begin(fields))
    name = fields.b_varchar()
    if kind is TransactionRequestKind.SAVE:
        return TransactionRequest(kind, name)
    flags = fields.u8()
    return TransactionRequest(kind, name, _read_begin(fields) if flags & _BEGIN_NEXT else None)


def _read_begin(fields: FieldReader) -> Begin:
    level = fields.u8()
    if level not in {isolation.value for isolation in Isolation}:
        raise ProtocolError(f"isolation level {level}")
    return Begin(Isolation(level), fields.b_varchar())
