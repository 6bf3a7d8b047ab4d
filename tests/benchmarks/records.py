"""Bulk copy from whole records: every column has its place in one buffer, so that a row is one copy."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence

import pyodbc

from etl.sandbox.sqltypes import Value
from tests.bulk_copy import BulkCopy, encoded

_COLUMN_BYTES = 128
_LENGTH_BYTES = 8


class RecordCopy(BulkCopy):
    """Values of at most 120 bytes."""

    def __init__(self, connection: pyodbc.Connection, table: str, kinds: Sequence[str]) -> None:
        super().__init__(connection, table, kinds)
        # Its handle lives as long as it does.
        self._connection = connection
        self._record = ctypes.create_string_buffer(_COLUMN_BYTES * len(kinds))
        places = range(0, len(self._record), _COLUMN_BYTES)
        self._buffers = [(ctypes.c_char * _COLUMN_BYTES).from_buffer(self._record, place) for place in places]
        self.bind(range(1, len(kinds) + 1))

    def record(self, row: Sequence[Value]) -> bytes:
        """A row as the buffer holds it."""
        parts = []
        for kind, value in zip(self._kinds, row, strict=True):
            data = encoded(kind, value)
            size = -1 if data is None else len(data)
            assert size <= _COLUMN_BYTES - _LENGTH_BYTES
            parts.append(
                (size.to_bytes(_LENGTH_BYTES, "little", signed=True) + (data or b"")).ljust(_COLUMN_BYTES, b"\0")
            )
        return b"".join(parts)

    def send_records(self, records: Iterable[bytes]) -> None:
        """Send rows that `record` has made."""
        buffer, size = self._record, len(self._record)
        for record in records:
            ctypes.memmove(buffer, record, size)
            self._send_row()
