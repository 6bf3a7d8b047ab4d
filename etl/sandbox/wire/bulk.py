"""The rows of a bulk load, read while they arrive (MS-TDS 2.2.6.1, 2.2.7.4, 2.2.7.15, 2.2.7.20).

A message is COLMETADATA, rows, and a DONE that not every client sends. Its end is the end of the packets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from etl.sandbox.columns import ColumnBatch, NotPlainError
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import BulkRows, Column
from etl.sandbox.sqltypes import Value
from etl.sandbox.wire.decode import decode_value, read_value
from etl.sandbox.wire.decode_columns import decode_rows
from etl.sandbox.wire.fields import FieldReader, ProtocolError, ShortageError
from etl.sandbox.wire.row_scan import scan_rows
from etl.sandbox.wire.temporal import InvalidValueError
from etl.sandbox.wire.tokens import ColumnFlag
from etl.sandbox.wire.typeinfo import Framing, WireType, read_type_info

_COLMETADATA, _ROW, _NBCROW, _DONE = 0x81, 0xD1, 0xD2, 0xFD
_DONE_BYTES = 8
_LONG_COUNT_BYTES = 4
"""What DONE has had more since TDS 7.2, though mssql-python sends the short one over TDS 7.4."""
_NO_METADATA = 0xFFFF
_XML_TOKEN = 0xF1
_NOT_IN_BULK_LOAD = frozenset({0x37, 0x3F, _XML_TOKEN})
"""DECIMALTYPE, NUMERICTYPE and XMLTYPE cannot be bulk loaded under these names (MS-TDS 2.2.6.1)."""
_ROWS_AT_ONCE = 2000
_COLUMNS_FROM_ROWS = 32
"""Fewer rows are done sooner one by one."""
_BATCH_BYTES, _MAX_BATCH_BYTES = 256 * 1024, 1024 * 1024
"""How much to wait for, and how much to take of what has come."""
_MAX_ROW_BYTES = 256 * 1024 * 1024
_TIMESTAMP_BYTES = 8
"""What follows the text pointer of a text, ntext or image value."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BulkColumn:
    """A column of the stream: what the engine is told of it, and how its values stand in the bytes."""

    column: Column
    wire: WireType


def read_bulk_load(receive: Callable[[], bytes]) -> BulkRows:
    """The columns and the rows of a message; `receive` gives its next bytes, and none at its end.

    Rows are decoded when they are asked for. Raises `ProtocolError` for bytes that are no bulk load, `SqlServerError` 4804 for
    a message that ends inside a row, 4815 for a value that is longer than its column, 4816 for a type that no bulk load has,
    9803 for bytes that are no value of their type, and whatever `receive` raises.
    """
    arriving = _Arriving(receive)
    columns = arriving.read(_read_columns)
    return BulkRows(tuple(item.column for item in columns), _batches(arriving, columns))


class _Arriving:
    """The bytes that have come and are not read yet."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._ended = False
        self.data = b""

    def read(self, reader: Callable[[FieldReader], T]) -> T:
        """What `reader` makes of the next bytes."""
        while True:
            fields = FieldReader(self.data)
            try:
                found = reader(fields)
            except ShortageError:
                self.more()
            else:
                self.data = fields.rest()
                return found

    def more(self) -> None:
        """Wait until there is about twice as much, so that a long value is not read from its start for every packet.

        Raises error 4804 at the message's end.
        """
        if len(self.data) > _MAX_ROW_BYTES:
            raise not_supported(f"a bulk loaded row of more than {_MAX_ROW_BYTES} bytes")
        if self._ended:
            raise _premature_end()
        self.gather(2 * len(self.data) + 1)

    def end(self, at_most: int) -> None:
        """The message ends here, or after `at_most` bytes that say nothing. Raises `ProtocolError`."""
        rest = len(self.data)
        while not self._ended and rest <= at_most:
            part = self._receive()
            self._ended = not part
            rest += len(part)
        if rest not in {0, at_most}:
            raise ProtocolError("bytes after the DONE of a bulk load")

    def gather(self, wanted_bytes: int) -> None:
        """Wait until there is so much, or the message's end."""
        parts, size = [self.data], len(self.data)
        while size < wanted_bytes and not self._ended:
            part = self._receive()
            self._ended = not part
            parts.append(part)
            size += len(part)
        if len(parts) > 1:
            self.data = b"".join(parts)

    @property
    def finished(self) -> bool:
        """Whether all bytes of the message are read; waits for more where there are none."""
        if not self.data and not self._ended:
            self.data = self._receive()
            self._ended = not self.data
        return not self.data


def _read_columns(fields: FieldReader) -> list[BulkColumn]:
    if (token := fields.u8()) != _COLMETADATA:
        raise ProtocolError(f"token 0x{token:02x} where a bulk load's COLMETADATA belongs")
    count = fields.u16()
    if count in {0, _NO_METADATA}:
        raise ProtocolError("a bulk load without columns")
    return [_read_column(fields, ordinal) for ordinal in range(1, count + 1)]


def _read_column(fields: FieldReader, ordinal: int) -> BulkColumn:
    fields.u32()  # the user type says nothing that the type does not
    flags = ColumnFlag(fields.u16())
    token = fields.peek()
    if token in _NOT_IN_BULK_LOAD:
        raise SqlServerError(4816, f"Invalid column type from bcp client for colid {ordinal}.")
    wire = read_type_info(fields)
    if wire.framing is Framing.LONG_LENGTH:
        fields.us_varchar()  # the table's name, in the one part that it had before TDS 7.2
    column = Column(fields.b_varchar(), wire.sql, nullable=bool(flags & ColumnFlag.NULLABLE))
    return BulkColumn(column, wire)


def _batches(arriving: _Arriving, columns: list[BulkColumn]) -> Iterator[list[tuple[Value, ...]] | ColumnBatch]:
    readers = [_value_reader(item.wire, ordinal) for ordinal, item in enumerate(columns, 1)]
    wire_types = [item.wire for item in columns]
    while not arriving.finished:
        batch = _read_batch(arriving, wire_types)
        if batch is not None:
            yield batch
            continue
        rows, done = _read_rows(arriving, readers)
        if rows:
            yield rows
        elif not done:
            arriving.more()
        if done:
            arriving.end(_LONG_COUNT_BYTES)
            return


Reader = Callable[[FieldReader], Value]


def _read_batch(arriving: _Arriving, wire_types: list[WireType]) -> ColumnBatch | None:
    """Many rows as columns; None where the next ones are few, or to be read with care."""
    arriving.gather(_BATCH_BYTES)
    scanned = scan_rows(arriving.data[:_MAX_BATCH_BYTES], wire_types)
    if scanned.rows < _COLUMNS_FROM_ROWS:
        return None
    try:
        batch = decode_rows(scanned, wire_types)
    except NotPlainError:
        return None
    arriving.data = arriving.data[scanned.end :]
    return batch


def _read_rows(arriving: _Arriving, readers: list[Reader]) -> tuple[list[tuple[Value, ...]], bool]:
    """The rows that have come wholly, and whether DONE follows them."""
    fields = FieldReader(arriving.data)
    rows: list[tuple[Value, ...]] = []
    done = False
    whole = 0
    try:
        while fields.remaining and len(rows) < _ROWS_AT_ONCE and not done:
            token = fields.u8()
            if token == _ROW:
                rows.append(tuple([reader(fields) for reader in readers]))
            elif token == _NBCROW:
                rows.append(_read_sparse_row(fields, readers))
            elif token == _DONE:
                fields.take(_DONE_BYTES)
                done = True
            else:
                raise ProtocolError(f"token 0x{token:02x} where a row of a bulk load belongs")
            whole = fields.position
    except ShortageError:
        done = False
    arriving.data = arriving.data[whole:]
    return rows, done


def _read_sparse_row(fields: FieldReader, readers: list[Reader]) -> tuple[Value, ...]:
    """NBCROW (2.2.7.15): a bit for each column says that it is NULL, and then it is left out."""
    nulls = int.from_bytes(fields.take((len(readers) + 7) // 8), "little")
    return tuple([None if nulls >> at & 1 else reader(fields) for at, reader in enumerate(readers)])


def _value_reader(wire: WireType, ordinal: int) -> Reader:
    read = _read_long if wire.framing is Framing.LONG_LENGTH else read_value

    def value(fields: FieldReader) -> Value:
        try:
            return read(fields, wire)
        except ShortageError:
            raise
        except ProtocolError as error:
            raise SqlServerError(
                4815, f"Received an invalid column length from the bcp client for colid {ordinal}."
            ) from error
        except InvalidValueError as error:
            raise SqlServerError(9803, f'Invalid data for type "{wire.sql.name}".') from error

    return value


def _read_long(fields: FieldReader, wire: WireType) -> Value:
    """text, ntext, image: a text pointer whose absence means NULL, a timestamp, and the value (2.2.5.5.3)."""
    pointer_bytes = fields.u8()
    if not pointer_bytes:
        return None
    fields.take(pointer_bytes + _TIMESTAMP_BYTES)
    return decode_value(fields.take(fields.u32()), wire)


def _premature_end() -> SqlServerError:
    return SqlServerError(
        4804,
        "While reading current row from host, a premature end-of-message was encountered--an incoming data stream was"
        " interrupted when the server expected to see more data. The host program may have terminated. Ensure that you"
        " are using a supported client application programming interface (API).",
        severity=21,
        ends_batch=True,
    )
