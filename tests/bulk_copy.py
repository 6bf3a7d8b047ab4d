"""FreeTDS's bulk copy on a pyodbc connection's own handle, in its transaction.

FreeTDS exports no `bcp_*` functions: its ODBC driver takes them as private connection attributes, each with a pointer to a
small struct (`include/odbcss.h`). Every value is bound to a buffer of its own: eight bytes of length, -1 for NULL, the value.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import struct
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal

import pyodbc

from etl.sandbox.moments import DAY, MINUTE, day_ticks

Value = None | bool | int | float | Decimal | str | bytes | dt.date | dt.time | dt.datetime | uuid.UUID

_INIT, _COLUMN_POINTER, _SEND_ROW, _BATCH, _DONE, _BIND = 1500, 1502, 1503, 1504, 1505, 1506
_POINTER, _SUCCEEDED, _CONNECTION_HANDLE, _IN = -4, (0, 1), 2, 1
_TEXT, _BYTES, _MOMENT = 39, 37, 43
_KEEP_IDENTITY = 8
_LENGTH = struct.Struct("<q")
_MOMENT_VALUE = struct.Struct("<QihH")
_HAS_TIME, _HAS_DATE, _HAS_OFFSET = 1 << 13, 1 << 14, 1 << 15
_WIDEST_BYTES = 4096
"""FreeTDS's own buffers end there (`src/tds/mem.c`); what is longer would be written beyond them."""
_YEAR_1900 = dt.date(1900, 1, 1)

_odbc = ctypes.CDLL("libodbc.so.2")
_odbc.SQLSetConnectAttr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
_odbc.SQLGetDiagRec.argtypes = [
    ctypes.c_short,
    ctypes.c_void_p,
    ctypes.c_short,
    *[ctypes.c_void_p] * 3,
    ctypes.c_short,
    ctypes.c_void_p,
]


class _Init(ctypes.Structure):
    _fields_ = (
        ("table", ctypes.c_char_p),
        ("host", ctypes.c_void_p),
        ("errors", ctypes.c_void_p),
        ("direction", ctypes.c_int),
    )


class _Control(ctypes.Structure):
    _fields_ = (("field", ctypes.c_int), ("value", ctypes.c_void_p))


class _Bind(ctypes.Structure):
    _fields_ = (
        ("address", ctypes.c_void_p),
        ("prefix_bytes", ctypes.c_int),
        ("length", ctypes.c_int),
        ("terminator", ctypes.c_void_p),
        ("terminator_bytes", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("column", ctypes.c_int),
    )


class _Rows(ctypes.Structure):
    _fields_ = (("rows", ctypes.c_int),)


class BulkCopyError(Exception):
    """The server's or the driver's messages, with the server's numbers."""

    def __init__(self, found: Sequence[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"{number}: {text}" for number, text in found))
        self.numbers = [number for number, _ in found if number]


class BulkCopy:
    """Rows into a table. `kinds` says how each column that is sent is bound: `text`, `bytes` or `moment`."""

    def __init__(
        self,
        connection: pyodbc.Connection,
        table: str,
        kinds: Sequence[str],
        *,
        hints: str = "",
        keep_identity: bool = False,
    ) -> None:
        self._handle = connection.hdbc.value
        self._newer = _driver_version(connection) >= (1, 5)
        self._kinds = kinds
        self._call(_INIT, _Init(table.encode(), None, None, _IN))
        if hints:
            self._hint = ctypes.create_string_buffer(hints.encode())
            self._control(10 if self._newer else 6, ctypes.addressof(self._hint))
        if keep_identity:
            self._control(_KEEP_IDENTITY, 1)
        self._buffers = [ctypes.create_string_buffer(_LENGTH.size + _WIDEST_BYTES) for _ in kinds]

    def bind(self, columns: Sequence[int]) -> None:
        """Bind the kinds' buffers to the table's columns of these numbers, from 1."""
        codes = {"text": _TEXT, "bytes": _BYTES, "moment": _MOMENT}
        for number, kind, buffer in zip(columns, self._kinds, self._buffers, strict=True):
            address = ctypes.addressof(buffer)
            self._call(_BIND, _Bind(address, _LENGTH.size, -10, None, 0, codes[kind], number))

    def send(self, rows: Iterable[Sequence[Value]]) -> None:
        """Send rows; nothing of them counts before `done`."""
        for row in rows:
            for kind, buffer, value in zip(self._kinds, self._buffers, row, strict=True):
                data = encoded(kind, value)
                assert data is None or len(data) <= _WIDEST_BYTES
                content = _LENGTH.pack(-1 if data is None else len(data)) + (data or b"")
                ctypes.memmove(buffer, content, len(content))
            self._send_row()

    def _send_row(self) -> None:
        self._call(_SEND_ROW, None)

    def batch(self) -> int:
        """End a batch, which the server stores; returns its number of rows."""
        rows = _Rows(-1)
        self._call(_BATCH, rows)
        return int(rows.rows)

    def done(self) -> int:
        """End the last batch; returns its number of rows."""
        rows = _Rows(-1)
        self._call(_DONE, rows)
        return int(rows.rows)

    def _control(self, field: int, value: int) -> None:
        # The attribute's number and the hint's differ between the versions of the header.
        self._call(1508 if self._newer else 1501, _Control(field, value))

    def _call(self, attribute: int, argument: ctypes.Structure | None) -> None:
        pointer = None if argument is None else ctypes.addressof(argument)
        if _odbc.SQLSetConnectAttr(self._handle, attribute, pointer, _POINTER) not in _SUCCEEDED:
            raise BulkCopyError(self._diagnostics())

    def _diagnostics(self) -> list[tuple[int, str]]:
        found = []
        state, text = ctypes.create_string_buffer(6), ctypes.create_string_buffer(2048)
        number, length = ctypes.c_int(), ctypes.c_short()
        for record in range(1, 20):
            status = _odbc.SQLGetDiagRec(
                _CONNECTION_HANDLE,
                self._handle,
                record,
                state,
                ctypes.byref(number),
                text,
                len(text),
                ctypes.byref(length),
            )
            if status not in _SUCCEEDED:
                break
            found.append((number.value, text.value.decode("utf-8", "replace")))
        return found


def bulk_copy(
    connection: pyodbc.Connection,
    table: str,
    kinds: Sequence[str],
    rows: Iterable[Sequence[Value]],
    *,
    columns: Sequence[int] | None = None,
    hints: str = "",
    keep_identity: bool = False,
) -> int:
    """Bulk copy rows in one batch; returns their number. Raises `BulkCopyError`."""
    copy = BulkCopy(connection, table, kinds, hints=hints, keep_identity=keep_identity)
    copy.bind(columns or range(1, len(kinds) + 1))
    copy.send(rows)
    return copy.done()


def _driver_version(connection: pyodbc.Connection) -> tuple[int, int]:
    major, minor = str(connection.getinfo(pyodbc.SQL_DRIVER_VER)).split(".")[:2]
    return int(major), int(minor)


def encoded(kind: str, value: Value) -> bytes | None:
    """A value as a buffer of that kind holds it."""
    if value is None:
        return None
    if kind == "moment":
        assert isinstance(value, dt.date | dt.time)
        return _moment(value)
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"1" if value else b"0"
    return (
        repr(value) if isinstance(value, float) else format(value, "f") if isinstance(value, Decimal) else str(value)
    ).encode()


def _moment(value: dt.date | dt.time) -> bytes:
    """FreeTDS's TDS_DATETIMEALL: 100 ns of the day in UTC, days since 1900, minutes of offset, what there is of it."""
    offset = value.utcoffset() if isinstance(value, dt.datetime) else None
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    ticks, days, flags = 0, 0, 7
    if isinstance(value, dt.datetime | dt.time):
        ticks = day_ticks(value)
        flags |= _HAS_TIME
    if isinstance(value, dt.date):
        days = value.toordinal() - _YEAR_1900.toordinal()
        flags |= _HAS_DATE
    if offset is not None:
        flags |= _HAS_OFFSET
    moved, ticks = divmod(ticks - minutes * MINUTE, DAY)
    return _MOMENT_VALUE.pack(ticks, days + moved, minutes, flags)
