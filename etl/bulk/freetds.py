"""FreeTDS's bulk copy on the handle of a pyodbc connection, inside that connection's transaction.

FreeTDS does not export `bcp_*` but takes them as private connection attributes, each with a pointer to a small struct
(`include/odbcss.h`). They are called through the very library that pyodbc itself is linked with.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from etl.odbc import handle, link
from etl.odbc.handle import SQL_SUCCEEDED

SQL_IS_POINTER = -4
SQL_HANDLE_DBC = 2
DIRECTION_IN = 1
KEEP_IDENTITY = 8
VARIABLE_LENGTH = -10
"""SQL_VARLEN_DATA: the value's length is in the prefix before it."""
PREFIX_BYTES = 4

INIT, COLPTR, SEND_ROW, BATCH, DONE, BIND = 1500, 1502, 1503, 1504, 1505, 1506
MAX_DIAGNOSTICS = 20


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between versions of FreeTDS: the attribute of `bcp_control`, and its field for hints."""

    control: int
    hints: int


OLD = Dialect(control=1501, hints=6)
NEW = Dialect(control=1508, hints=10)
"""1.5 moved the attribute, because the field's number meant something else to Microsoft's driver."""


class BulkCopyError(Exception):
    """What the driver or the server said. `args` are as pyodbc's: SQLSTATE, message with the native number."""


class _Init(ctypes.Structure):
    _fields_ = [
        ("table", ctypes.c_char_p),
        ("host_file", ctypes.c_void_p),
        ("error_file", ctypes.c_void_p),
        ("direction", ctypes.c_int),
    ]


class _Control(ctypes.Structure):
    _fields_ = [("field", ctypes.c_int), ("value", ctypes.c_void_p)]


class _Bind(ctypes.Structure):
    _fields_ = [
        ("address", ctypes.c_void_p),
        ("prefix_bytes", ctypes.c_int),
        ("value_bytes", ctypes.c_int),
        ("terminator", ctypes.c_void_p),
        ("terminator_bytes", ctypes.c_int),
        ("bind_type", ctypes.c_int),
        ("column", ctypes.c_int),
    ]


class _Done(ctypes.Structure):
    _fields_ = [("rows", ctypes.c_int)]


@dataclass(frozen=True, slots=True)
class Field:
    """Where a column's value stands in a record: a prefix with its length (-1 for NULL), then the value."""

    ordinal: int
    """The column's place in the table, from 1."""
    bind_type: int
    offset: int
    """Of the prefix, in bytes."""


def version(raw: Any) -> tuple[int, int, int] | None:
    """FreeTDS's version, or None where the connection's driver is another one or pyodbc shows no handle."""
    import pyodbc

    if not hasattr(raw, "hdbc") or "tdsodbc" not in str(raw.getinfo(pyodbc.SQL_DRIVER_NAME)):
        return None
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", str(raw.getinfo(pyodbc.SQL_DRIVER_VER)))
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


_loading: set[int] = set()
_loading_lock = threading.Lock()
"""The handles on which a load is under way: FreeTDS has room for one, and ends the process at a row of another's columns."""


class BulkCopy:
    """One bulk load into one table, for a `with` statement. A connection on which it failed must be thrown away."""

    def __init__(self, raw: Any, table: str, *, hints: Iterable[str] = (), keep_identity: bool = False) -> None:
        """Begin a load into `table`, a quoted name: FreeTDS puts it into the statement as it is (`src/tds/bulk.c`).

        Raises BulkCopyError, e.g. for a table that is not there or while another thread loads over the connection, and
        TypeError for a connection of another driver.
        """
        found = version(raw)
        if found is None:
            raise TypeError("bulk copy needs pyodbc 5.5 or newer over FreeTDS")
        self._dialect = NEW if found >= (1, 5, 0) else OLD
        self._library = handle.manager()
        self._raw = raw
        self._handle = raw.hdbc
        self._record: Any = None
        self._table = table.encode()
        self._hints = ctypes.create_string_buffer(", ".join(hints).encode())
        self._keep_identity = keep_identity

    def __enter__(self) -> BulkCopy:
        with _loading_lock:
            if self._handle.value in _loading:
                raise BulkCopyError("HY010", "a bulk load is under way on this connection (0) (SQLSetConnectAttr)")
            _loading.add(self._handle.value)
        try:
            self._begin()
        except BaseException:
            _loading.discard(self._handle.value)
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        _loading.discard(self._handle.value)

    def _begin(self) -> None:
        self._set(INIT, _Init(self._table, None, None, DIRECTION_IN))
        if self._keep_identity:
            self._set(self._dialect.control, _Control(KEEP_IDENTITY, 1))
        if self._hints.value:
            self._set(self._dialect.control, _Control(self._dialect.hints, ctypes.addressof(self._hints)))

    def has_columns(self, count: int) -> bool:
        """Whether the table, as the driver sees it, has exactly so many columns."""
        nowhere = [_Bind(None, 0, VARIABLE_LENGTH, None, 0, 0, column) for column in (count, count + 1)]
        last, beyond = (
            self._library.SQLSetConnectAttr(self._handle, BIND, ctypes.byref(bound), SQL_IS_POINTER) in SQL_SUCCEEDED
            for bound in nowhere
        )
        return last and not beyond

    def bind(self, fields: Iterable[Field], record_bytes: int) -> None:
        """Say how the records of the following `send` are laid out. Every column that is sent must be among the fields."""
        self._record = ctypes.create_string_buffer(record_bytes)
        base = ctypes.addressof(self._record)
        for field in fields:
            bound = _Bind(base + field.offset, PREFIX_BYTES, VARIABLE_LENGTH, None, 0, field.bind_type, field.ordinal)
            self._set(BIND, bound)

    def send(self, records: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        """Send rows × record_bytes of packed records. Raises BulkCopyError with the row's place in `args[2]`."""
        rows, record_bytes = records.shape
        start = records.ctypes.data
        call, handle, send_row, memmove = self._library.SQLSetConnectAttr, self._handle, SEND_ROW, ctypes.memmove
        record = ctypes.addressof(self._record)
        for address in range(start, start + rows * record_bytes, record_bytes):
            memmove(record, address, record_bytes)
            if call(handle, send_row, None, SQL_IS_POINTER):
                raise BulkCopyError(*self._diagnostics(), (address - start) // record_bytes)

    def done(self) -> int:
        """End the load and return the rows that the server counted. Raises BulkCopyError for what it refused."""
        result = _Done(-1)
        self._set(DONE, result)
        if result.rows < 0:
            raise BulkCopyError(*self._diagnostics())
        return int(result.rows)

    def _set(self, attribute: int, value: ctypes.Structure) -> None:
        if (
            self._library.SQLSetConnectAttr(self._handle, attribute, ctypes.byref(value), SQL_IS_POINTER)
            not in SQL_SUCCEEDED
        ):
            raise BulkCopyError(*self._diagnostics())

    def _diagnostics(self) -> tuple[str, str]:
        """(SQLSTATE, text) of the diagnostics records: the server's own where there are any."""
        records = []
        state, native = ctypes.create_string_buffer(6), ctypes.c_int()
        text, length = ctypes.create_string_buffer(4096), ctypes.c_short()
        for number in range(1, MAX_DIAGNOSTICS + 1):
            code = self._library.SQLGetDiagRec(
                SQL_HANDLE_DBC, self._handle, number, state, native, text, len(text), length
            )
            if code not in SQL_SUCCEEDED:
                break
            message = text.value.decode("utf-8", "replace")
            records.append((state.value.decode(), f"{message} ({native.value}) (SQLSetConnectAttr)", native.value))
        # Beside what the server said stands a "General driver error" of FreeTDS's own.
        records = [record for record in records if record[2]] or records
        if not any(number for _, _, number in records) and link.is_dead(self._raw):
            return link.LINK_FAILURE, "the link to the server is lost (0) (SQLSetConnectAttr)"
        if not records:
            return "HY000", "the driver gave no reason (0) (SQLSetConnectAttr)"
        return records[0][0], "; ".join(message for _, message, _ in records)
