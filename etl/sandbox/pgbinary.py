"""Cells in PostgreSQL's binary formats into columns (the formats: the `_send` functions of `src/backend/utils/adt`)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import cast

import numpy as np

from etl.sandbox.columns import BYTES, OFFSET_TIME, TEXT, Array, ColumnBatch, ColumnData, Fixed, Varying, fixed_dtype
from etl.sandbox.moments import DAY, DAYS_TO_10000, END
from etl.sandbox.runs import gather
from etl.sandbox.sqltypes import SqlType

Cells = Sequence[bytes | None]
ColumnReader = Callable[[Cells], ColumnData]
ColumnsReader = Callable[[Sequence[Cells], int], ColumnBatch]
"""Columns of cells, and their number of rows, into a batch."""

_BOOL, _BYTEA, _NAME, _INT8, _INT2, _INT4, _TEXT = 16, 17, 19, 20, 21, 23, 25
_FLOAT4, _FLOAT8, _UNKNOWN, _BPCHAR, _VARCHAR = 700, 701, 705, 1042, 1043
_DATE, _NUMERIC, _UUID = 1082, 1700, 2950

_WHOLE = {_INT2: ">i2", _INT4: ">i4", _INT8: ">i8"}
_FLOATS = {("real", _FLOAT4): ">f4", ("float", _FLOAT8): ">f8"}
_TEXTS = frozenset({_TEXT, _NAME, _UNKNOWN, _BPCHAR, _VARCHAR})

DAYS_TO_2000 = 730_119
"""From 0001-01-01 to 2000-01-01, PostgreSQL's epoch."""

GUID_ORDER = np.array([12, 13, 14, 15, 10, 11, 8, 9, 6, 7, 0, 1, 2, 3, 4, 5])
"""Where each byte of `uuid.UUID.bytes_le` stands in our storage order (see `arguments.shuffle_guid`)."""


def columns_reader(types: Sequence[SqlType], oids: Sequence[int], own: Mapping[str, int]) -> ColumnsReader | None:
    """A reader of columns of cells; None when a column's type does not come in its own format, or has no column form.

    `own` are the object ids of the sandbox's own types by name.
    """
    readers = [_column_reader(sql, oid, own) for sql, oid in zip(types, oids, strict=True)]
    known = [reader for reader in readers if reader is not None]
    if len(known) < len(readers):
        return None

    def read(columns: Sequence[Cells], rows: int) -> ColumnBatch:
        return ColumnBatch(tuple(reader(cells) for reader, cells in zip(known, columns, strict=True)), rows)

    return read


def _column_reader(sql: SqlType, oid: int, own: Mapping[str, int]) -> ColumnReader | None:
    name = sql.name
    if name in {"tinyint", "smallint", "int", "bigint"}:
        return partial(_whole, _WHOLE[oid], sql) if oid in _WHOLE else None
    if (name, oid) in _FLOATS:
        return partial(_plain, _FLOATS[name, oid], sql)
    if name in TEXT:
        return _varying if oid == own["citext"] or oid in _TEXTS else None
    if name in BYTES:
        return _varying if oid == _BYTEA else None
    if name == "datetimeoffset":
        return _offset_time if oid == own["dto"] else None
    kind, reader = _BY_NAME.get(name, (0, None))
    expected = own[kind] if isinstance(kind, str) else kind
    return partial(reader, sql) if reader is not None and oid == expected else None


# How cells lie in memory


def _joined(cells: Cells, instead: bytes) -> tuple[bytes, Sequence[bytes], Array | None]:
    """The cells side by side, the cells themselves with `instead` for NULL, and which are valid."""
    try:
        # Fails at the first NULL.
        whole = cast(Sequence[bytes], cells)
        return b"".join(whole), whole, None
    except TypeError:
        filled = [cell or instead for cell in cells]
        valid = np.frombuffer(bytes([cell is not None for cell in cells]), np.bool_)
        return b"".join(filled), filled, valid


def _lengths(cells: Sequence[bytes]) -> Array:
    return np.fromiter(map(len, cells), np.int64, len(cells))


def _varying(cells: Cells) -> Varying:
    data, filled, valid = _joined(cells, b"")
    return Varying(np.frombuffer(data, np.uint8), _lengths(filled), valid)


def _numbers(layout: str, cells: Cells) -> tuple[Array, Array | None]:
    kind = np.dtype(layout)
    data, _, valid = _joined(cells, bytes(kind.itemsize))
    numbers = np.frombuffer(data, kind)
    if len(numbers) != len(cells):
        raise ValueError(f"PostgreSQL sent cells of another width than {kind.itemsize}")
    return numbers, valid


# Types


def _plain(layout: str, sql: SqlType, cells: Cells) -> Fixed:
    numbers, valid = _numbers(layout, cells)
    return Fixed(numbers.astype(fixed_dtype(sql)), valid)


def _bit(_: SqlType, cells: Cells) -> Fixed:
    return Fixed(*_numbers("?", cells))


def _whole(layout: str, sql: SqlType, cells: Cells) -> Fixed:
    numbers, valid = _numbers(layout, cells)
    dtype = fixed_dtype(sql)
    assert dtype is not None
    bounds = np.iinfo(dtype)
    if len(numbers) and not bounds.min <= int(numbers.min()) <= int(numbers.max()) <= bounds.max:
        raise ValueError(f"a value beyond {sql}")
    return Fixed(numbers.astype(dtype), valid)


def _checked(values: Array, limit: int, sql: SqlType) -> Array:
    if len(values) and not 0 <= int(values.min()) <= int(values.max()) < limit:
        raise ValueError(f"a value beyond {sql}")
    return values


def _date(sql: SqlType, cells: Cells) -> Fixed:
    days, valid = _numbers(">i4", cells)
    moved = days.astype(np.int64) + DAYS_TO_2000
    if valid is not None:
        moved[~valid] = 0
    return Fixed(_checked(moved, DAYS_TO_10000, sql).astype(np.int32), valid)


def _ticks(sql: SqlType, cells: Cells) -> Fixed:
    ticks, valid = _numbers(">i8", cells)
    return Fixed(_checked(ticks.astype(np.int64), DAY if sql.name == "time" else END, sql), valid)


_RECORD = np.dtype(
    {
        "names": ["utc", "minutes"],
        "formats": [">i8", ">i2"],
        "offsets": [12, 28],
        "itemsize": 30,
    }  # two fields, each with oid and size
)


def _offset_time(cells: Cells) -> Fixed:
    data, _, valid = _joined(cells, bytes(_RECORD.itemsize))
    records = np.frombuffer(data, _RECORD)
    if len(records) != len(cells):
        raise ValueError("a datetimeoffset without an instant or an offset")
    values = np.empty(len(records), OFFSET_TIME)
    values["utc"] = records["utc"]
    values["minutes"] = records["minutes"]
    return Fixed(values, valid)


def _guid(_sql: SqlType, cells: Cells) -> Fixed:
    data, _, valid = _joined(cells, bytes(16))
    return Fixed(np.frombuffer(data, np.uint8).reshape(len(cells), 16)[:, GUID_ORDER], valid)


# numeric: digits to the base 10000, the first of them times 10000^weight

_NUMERIC_HEAD = struct.Struct(">hhHh")
_NO_NUMBER = 0xC000
_HIGHEST, _HIGHEST_DIGIT = 4, 921
"""Digits from 922 * 10000^4 on may not fit in 64 bits."""
_MOST_DIGITS = 20
"""Those of decimal(38, s) are fewer."""
_NUMERIC_NULL = bytes(8)


def _numeric(sql: SqlType, cells: Cells) -> Fixed:
    scale = 4 if sql.scale is None else sql.scale
    data, filled, valid = _joined(cells, _NUMERIC_NULL)
    lengths = _lengths(filled)
    longest = int(lengths.max()) if len(lengths) else 8
    # Reading each cell at the longest one's width reads beyond the last.
    padded = np.frombuffer(data + bytes(longest), np.uint8)
    words = gather(padded, np.cumsum(lengths) - lengths, longest).view(">i2").astype(np.int64)
    units = _units(words, scale)
    if units is None:
        exact = [_units_of(cell, scale) for cell in filled]
        fits = all(-(2**63) <= item < 2**63 for item in exact)
        units = np.array(exact, np.int64 if fits else object)
    return Fixed(units, valid)


def _units(words: Array, scale: int) -> Array | None:
    """The values times 10^scale, digits beyond the scale cut; None when one may not fit in 64 bits or is no number."""
    count, weight, sign = words[:, 0], words[:, 1], words[:, 2]
    digits = words[:, 4:]
    if digits.shape[1] > _MOST_DIGITS:
        return None
    groups = -(-scale // 4)
    # The exponent of the first digit, to the base 10000; one digit more of it must still fit.
    exponent = weight + groups
    highest = int(exponent.max()) if len(exponent) else 0
    if highest > _HIGHEST or (len(sign) and int(sign.min()) < 0):
        return None
    if digits.size and highest == _HIGHEST and int(digits[exponent == _HIGHEST, 0].max()) >= _HIGHEST_DIGIT:
        return None
    factors = _factors(digits.shape[1])[np.maximum(exponent, -1), count]
    units = np.einsum("ij,ij->i", digits, factors)
    if scale % 4:
        units //= 10 ** (4 * groups - scale)
    signed: Array = np.where(sign == 0, units, -units)
    return signed


@lru_cache(maxsize=32)
def _factors(width: int) -> Array:
    """What each of `width` digits counts for, by the exponent of the first (-1: less) and the number of digits there are.

    Digits below the scale count for nothing, and so does what stands behind the last one.
    """
    factors = np.zeros((_HIGHEST + 2, width + 1, width), np.int64)
    for exponent in range(_HIGHEST + 1):
        for count in range(width + 1):
            used = min(count, exponent + 1)
            factors[exponent, count, :used] = [10000 ** (exponent - i) for i in range(used)]
    return factors


def _units_of(cell: bytes, scale: int) -> int:
    count, weight, sign, _ = _NUMERIC_HEAD.unpack_from(cell)
    if sign >= _NO_NUMBER:
        raise ValueError("a numeric that is no number")
    digits = 0
    for digit in struct.unpack_from(f">{count}h", cell, 8):
        digits = digits * 10000 + digit
    exponent = 4 * (weight - count + 1) + scale
    units = digits * 10**exponent if exponent >= 0 else digits // 10**-exponent
    return -units if sign else int(units)


_BY_NAME: dict[str, tuple[int | str, Callable[[SqlType, Cells], ColumnData] | None]] = {
    "bit": (_BOOL, _bit),
    **dict.fromkeys(("decimal", "money", "smallmoney"), (_NUMERIC, _numeric)),
    "date": (_DATE, _date),
    "time": ("clock", _ticks),
    **dict.fromkeys(("smalldatetime", "datetime", "datetime2"), ("stamp", _ticks)),
    "uniqueidentifier": (_UUID, _guid),
}
"""PostgreSQL's own type, or the sandbox's by name, and its reader."""
