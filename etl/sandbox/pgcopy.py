"""Columns into rows of PostgreSQL's binary COPY (https://www.postgresql.org/docs/current/sql-copy.html, File Formats).

A row is its number of fields in two bytes; a field is its length in four bytes, -1 for NULL, and the value in the format of the
type's `_recv` function (`src/backend/utils/adt`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from etl.sandbox.columns import BYTES, TEXT, Array, ColumnBatch, ColumnData, Fixed, NotPlainError, Varying
from etl.sandbox.pgbinary import DAYS_TO_2000, GUID_ORDER
from etl.sandbox.runs import Cells, Field, Part, Runs, interleave, packed_runs, width_of
from etl.sandbox.sqltypes import SqlType

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Fields = list[Field]

_INT8_OID, _INT2_OID = 20, 21
_STORAGE_ORDER = np.argsort(GUID_ORDER)
_NUMERIC_POSITIVE, _NUMERIC_NEGATIVE = 0, 0x4000


def copy_encoder(types: Sequence[SqlType]) -> Callable[[ColumnBatch], Array]:
    """An encoder of batches with columns of these types into COPY's rows (uint8), without its header and trailer.

    It raises `NotPlainError` for a decimal with more digits than its type.
    """
    encoders = [_field_parts(sql) for sql in types]
    count = Cells(((">i2", len(types)),))

    def encode(batch: ColumnBatch) -> Array:
        parts: list[Part] = [count]
        for to_parts, column in zip(encoders, batch.columns, strict=True):
            parts += to_parts(column)
        return interleave(parts, batch.rows)

    return encode


def _field_parts(sql: SqlType) -> Callable[[ColumnData], list[Part]]:
    if sql.name in TEXT or sql.name in BYTES:
        return _varying
    fields_of = _fields_of(sql)

    def parts(column: ColumnData) -> list[Part]:
        assert isinstance(column, Fixed)
        fields = fields_of(column.values)
        size = width_of(fields)
        if column.valid is None:
            return [Cells(((">i4", size), *fields))]
        sizes = np.where(column.valid, size, -1)
        return [packed_runs([(">i4", sizes), *fields], len(sizes), np.where(column.valid, size + 4, 4))]

    return parts


def _varying(column: ColumnData) -> list[Part]:
    assert isinstance(column, Varying)
    lengths = column.lengths
    sizes = lengths if column.valid is None else np.where(column.valid, lengths, -1)
    return [Cells(((">i4", sizes),)), Runs(column.data, np.cumsum(lengths) - lengths, lengths)]


def _fields_of(sql: SqlType) -> Callable[[Array], Fields]:
    name = sql.name
    if name in _PLAIN:
        kind = _PLAIN[name]
        return lambda values: [(kind, values)]
    if name in {"decimal", "money", "smallmoney"}:
        return _numeric(4 if sql.scale is None else sql.scale, 19 if sql.precision is None else sql.precision)
    return _OTHERS[name]


_PLAIN: dict[str, npt.DTypeLike] = {
    "bit": "u1",
    "tinyint": ">i2",
    "smallint": ">i2",
    "int": ">i4",
    "bigint": ">i8",
    "real": ">f4",
    "float": ">f8",
    **dict.fromkeys(("time", "smalldatetime", "datetime", "datetime2"), ">i8"),
}


def _date(days: Array) -> Fields:
    return [(">i4", days - DAYS_TO_2000)]


def _offset_time(values: Array) -> Fields:
    """A record of two fields, each with its type."""
    instant: Fields = [(">u4", _INT8_OID), (">i4", 8), (">i8", values["utc"])]
    return [(">i4", 2), *instant, (">u4", _INT2_OID), (">i4", 2), (">i2", values["minutes"])]


def _guid(values: Array) -> Fields:
    return [(("u1", (16,)), values[:, _STORAGE_ORDER])]


_OTHERS: dict[str, Callable[[Array], Fields]] = {
    "date": _date,
    "datetimeoffset": _offset_time,
    "uniqueidentifier": _guid,
}


def _numeric(scale: int, precision: int) -> Callable[[Array], Fields]:
    """Digits to the base 10000, as many for every value: leading and trailing zeros are PostgreSQL's to drop."""
    fraction_groups = -(-scale // 4)
    groups = fraction_groups + -(-(precision - scale) // 4)
    last = 10 ** (scale % 4)

    def fields(units: Array) -> Fields:
        rest = np.abs(units)
        if units.dtype != object:
            # The lowest int64 has no positive counterpart.
            rest = rest.astype(np.uint64)
        digits = []
        if last > 1:
            digits.append(rest % last * (10000 // last))
            rest = rest // last
        while len(digits) < groups:
            digits.append(rest % 10000)
            rest = rest // 10000
        if rest.any():
            raise NotPlainError
        sign = np.where(units < 0, _NUMERIC_NEGATIVE, _NUMERIC_POSITIVE)
        head: Fields = [(">i2", groups), (">i2", groups - fraction_groups - 1), (">u2", sign), (">i2", scale)]
        return [*head, *((">i2", digit) for digit in reversed(digits))]

    return fields
