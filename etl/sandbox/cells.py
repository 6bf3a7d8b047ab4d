"""Cells of PostgreSQL's results as the sandbox takes them: values of Python for a few rows, columns for many."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from datetime import datetime, time
from itertools import chain
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap, Loader, Transformer
from psycopg.types.string import ByteaBinaryLoader, TextBinaryLoader

from etl.sandbox.columns import ColumnBatch
from etl.sandbox.moments import MINUTE, stamp_of, time_of
from etl.sandbox.pgbinary import ColumnsReader, columns_reader
from etl.sandbox.sqltypes import SqlType

Row = tuple[Any, ...]

_COLUMNS_FROM_ROWS = 64
"""Fewer rows are done sooner one by one."""
_COLUMNS_MAX_BYTES = 8 * 1024 * 1024
"""Of more bytes there are not several copies at once: their rows are encoded a few at a time."""


class _RawCells:
    """Adaptation that leaves every cell as the bytes that PostgreSQL sent."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap()
        # What has no loader of its own gets that of type 0.
        self.adapters.register_loader(0, ByteaBinaryLoader)


_RAW_CELLS = _RawCells()


class Chunks:
    """The chunks of one result, of which each has the same columns."""

    def __init__(
        self, connection: psycopg.Connection[Any], types: Sequence[SqlType], oids: dict[str, int], *, large: bool
    ) -> None:
        self._connection = connection
        self._types = types
        self._oids = oids
        self._large = large
        self._values: Any = None
        self._cells: Any = None
        self._to_columns: ColumnsReader | None = None

    def read(self, result: Any) -> list[Row] | ColumnBatch:
        """The rows of one chunk (a psycopg `PGresult`)."""
        if self._types and result.ntuples >= _COLUMNS_FROM_ROWS:
            batch = self._columns(result)
            if batch is not None:
                return batch
        if self._values is None:
            self._values = Transformer(self._connection)
            self._values.set_pgresult(result)
        else:
            self._values.set_pgresult(result, set_loaders=False)
        rows: list[Row] = self._values.load_rows(0, result.ntuples, tuple)
        return rows

    def _columns(self, result: Any) -> ColumnBatch | None:
        if self._cells is None:
            self._cells = Transformer(_RAW_CELLS)
            self._cells.set_pgresult(result)
            sent = [result.ftype(i) for i in range(result.nfields)]
            self._to_columns = columns_reader(self._types, sent, self._oids)
        else:
            self._cells.set_pgresult(result, set_loaders=False)
        if self._to_columns is None:
            return None
        cells = list(chain.from_iterable(self._cells.load_rows(0, result.ntuples, tuple)))
        if self._large and sum(len(cell) for cell in cells if cell) > _COLUMNS_MAX_BYTES:
            return None
        width = len(self._types)
        return self._to_columns([cells[i::width] for i in range(width)], result.ntuples)


class GuidLoader(Loader):
    """uuid columns hold SQL Server's sort order; see `translation.values.shuffle_guid`."""

    format = pq.Format.BINARY

    def load(self, data: Any) -> uuid.UUID:
        """Bytes in storage order to the value."""
        raw = bytes(data)
        return uuid.UUID(bytes_le=raw[12:16] + raw[10:12] + raw[8:10] + raw[6:8] + raw[0:6])


class StampLoader(Loader):
    """Ticks of 100 ns since 0001-01-01."""

    format = pq.Format.BINARY

    def load(self, data: Any) -> datetime:
        """Eight bytes to a datetime."""
        return stamp_of(int.from_bytes(data, "big", signed=True))


class ClockLoader(Loader):
    """Ticks of 100 ns of the day."""

    format = pq.Format.BINARY

    def load(self, data: Any) -> time:
        """Eight bytes to a time."""
        return time_of(int.from_bytes(data, "big", signed=True))


_OFFSET_FIELDS = struct.Struct("!iiiqiih")


class DateTimeOffsetLoader(Loader):
    """The composite (utc int8, minutes int2), of which the first is in ticks, in PostgreSQL's binary record format."""

    format = pq.Format.BINARY

    def load(self, data: Any) -> datetime:
        """Bytes of the record to an aware datetime."""
        _, _, _, utc, _, _, minutes = _OFFSET_FIELDS.unpack(bytes(data))
        return stamp_of(utc + minutes * MINUTE, minutes)


_LOADERS: dict[str, type[Any]] = {
    "citext": TextBinaryLoader,
    "stamp": StampLoader,
    "clock": ClockLoader,
    "dto": DateTimeOffsetLoader,
    "uuid": GuidLoader,
}
_oids_by_server: dict[str, dict[str, int]] = {}
"""What a query for them would say on every connection to a server again, for a third of a login's time."""


def register_loaders(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Returns the object ids of the types by name."""
    server = connection.info.host
    oids = _oids_by_server.get(server)
    if oids is None:
        found = connection.execute(
            "SELECT typname, pg_type.oid FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace "
            "WHERE nspname IN ('sandbox', 'pg_catalog') AND typname = ANY (%s)",
            (list(_LOADERS),),
        ).fetchall()
        oids = dict(found)
        if len(oids) == len(_LOADERS):
            _oids_by_server[server] = oids
    for name, oid in oids.items():
        connection.adapters.register_loader(oid, _LOADERS[name])
    return oids
