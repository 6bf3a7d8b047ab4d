"""Arrow columns as packed records: for each column a length (-1 for NULL) and the value at a fixed width, no Python values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl import code_pages, types
from etl.bulk import moments
from etl.bulk.freetds import PREFIX_BYTES, Field
from etl.bulk.moments import Bytes, numbers
from etl.errors import SchemaError
from etl.python_values import UnfitError
from etl.types import Column

BLOCK_BYTES = 4 << 20
"""Records encoded together: enough to forget the cost of a call, little enough to stay in the processor's cache."""
MAX_BLOCK_BYTES = 8 * BLOCK_BYTES
"""Where some values are much longer than most."""
WIDEST_FIXED_BYTES = 42
"""A decimal(38, 38) as text."""
MAX_VALUE_BYTES = 4_096
"""The longest value in the server's encoding that FreeTDS can send: its buffers end there whatever the column declares, and
what is longer is written past their end (`src/tds/mem.c`, tds_alloc_bcp_column_data)."""

# FreeTDS's numbers of types (`include/freetds/proto.h`), bound as the column's own type, so that values are copied as they are.
BIT, TINYINT, SMALLINT, INT, BIGINT = 50, 48, 52, 56, 127
REAL, FLOAT, MONEY, SMALLMONEY, DATETIME, SMALLDATETIME = 59, 62, 60, 122, 61, 58
GUID, TEXT, BINARY = 36, 39, 37

Encoded = tuple[Bytes, "np.ndarray[Any, Any] | int"]
"""Rows × width bytes, and the length of each value, or of all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the columns of a type are written: the bind type, and the function that encodes a column's values."""

    bind_type: int
    encode: Callable[[pa.Array, Column], Encoded]


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows as records."""

    fields: list[Field]
    records: Bytes
    first_row: int
    """The place of the first record in the table that was encoded."""


def kind(column: Column) -> Kind | None:
    """How a column travels, or None where bulk copy cannot carry it into its own table."""
    name = types.base_name(column.sql_type)
    # FreeTDS sends the bytes of the column's own encoding, and beside them the name of the database's (`src/tds/data.c`).
    is_garbled = column.foreign_page or (name in {"char", "varchar"} and code_pages.is_utf8(column.collation))
    return None if is_garbled else KINDS.get(name)


def carried_as(column: Column) -> str:
    """The SQL type in which a column's values travel: its own, or that of its column in a staging table."""
    if kind(column) is not None:
        return column.sql_type
    return "varbinary(max)" if types.base_name(column.sql_type) == "image" else "nvarchar(max)"


def blocks(rows: pa.Table, columns: Sequence[Column], ordinals: Sequence[int]) -> Iterator[Block]:
    """The rows as records, a block at a time. `ordinals` are the columns' places in the target table, from 1.

    Raises SchemaError for a value that its column cannot hold; `lengths.split` says which rows must not be among them.
    """
    rows_at_once = max(1, BLOCK_BYTES // max(1, rows.nbytes // max(1, rows.num_rows) * 2 + 8 * len(columns)))
    for start in range(0, rows.num_rows, rows_at_once):
        for first_row, part in _parts(rows.slice(start, rows_at_once), start):
            yield _block(part, columns, ordinals, first_row)


def _parts(rows: pa.Table, first_row: int) -> Iterator[tuple[int, pa.Table]]:
    """Halves of halves, until the records fit a block: one long value makes every record among its neighbours as long."""
    half = rows.num_rows // 2
    if not half or rows.num_rows * sum(map(_widest, rows.columns)) <= MAX_BLOCK_BYTES:
        yield first_row, rows
        return
    yield from _parts(rows.slice(0, half), first_row)
    yield from _parts(rows.slice(half), first_row + half)


def _widest(values: pa.ChunkedArray) -> int:
    is_varying = pa.types.is_string(values.type) or pa.types.is_binary(values.type)
    return PREFIX_BYTES + (pc.max(pc.binary_length(values)).as_py() or 1 if is_varying else WIDEST_FIXED_BYTES)


def _block(rows: pa.Table, columns: Sequence[Column], ordinals: Sequence[int], first_row: int) -> Block:
    fields, parts, offset = [], [], 0
    for position, (column, ordinal) in enumerate(zip(columns, ordinals, strict=True)):
        values = _one_array(rows.column(position))
        found = kind(column)
        assert found is not None
        cells, lengths = _encoded(found, values, column, first_row)
        if values.null_count:
            lengths = np.where(np.asarray(pc.is_null(values)), -1, lengths)
        fields.append(Field(ordinal, found.bind_type, offset))
        parts.append((offset, cells, np.broadcast_to(np.asarray(lengths, "<i4"), (rows.num_rows,))))
        offset += PREFIX_BYTES + cells.shape[1]
    records = np.empty((rows.num_rows, offset), np.uint8)
    for start, cells, lengths in parts:
        records[:, start : start + PREFIX_BYTES] = (
            np.ascontiguousarray(lengths).view(np.uint8).reshape(-1, PREFIX_BYTES)
        )
        records[:, start + PREFIX_BYTES : start + PREFIX_BYTES + cells.shape[1]] = cells
    return Block(fields, records, first_row)


def refuse_unfit(rows: pa.Table, columns: Sequence[Column]) -> None:
    """Raise SchemaError, as `blocks` does, for a number, moment or uniqueidentifier that its column cannot hold.

    For rows that go another way: what the server says of a parameter names no column.
    """
    for values, column in zip(rows.columns, columns, strict=True):
        found = kind(column)
        if found is not None and found.bind_type not in {TEXT, BINARY}:
            _encoded(found, _one_array(values), column, 0)


def _encoded(found: Kind, values: pa.Array, column: Column, first_row: int) -> Encoded:
    try:
        _refuse_null(values, column)
        return found.encode(values, column)
    except UnfitError as error:
        row = first_row + (error.position or 0)
        raise SchemaError(
            f"column {column.name} ({column.sql_type}), row {row}: {error.reason}",
            advice="Correct it in the transform.",
        ) from error


def _refuse_null(values: pa.Array, column: Column) -> None:
    # FreeTDS ends the process at a NULL for a type that has none (`src/tds/data.c`, assert in tds_generic_put).
    if values.null_count and not column.nullable:
        raise UnfitError("NULL, and the column is declared NOT NULL", pc.index(values.is_null(), True).as_py())


def _one_array(values: pa.ChunkedArray) -> pa.Array:
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


# One function a family of types


def _fixed(dtype: str) -> Callable[[pa.Array, Column], Encoded]:
    native = np.dtype(dtype)

    def encode(values: pa.Array, _column: Column) -> Encoded:
        found = np.frombuffer(values.buffers()[1], native)[values.offset : values.offset + len(values)]
        return found.view(np.uint8).reshape(-1, native.itemsize), native.itemsize

    return encode


def _bit(values: pa.Array, column: Column) -> Encoded:
    return _fixed("u1")(values.cast(pa.uint8()), column)


def _floating(dtype: str) -> Callable[[pa.Array, Column], Encoded]:
    plain = _fixed(dtype)

    def encode(values: pa.Array, column: Column) -> Encoded:
        _refuse(pc.is_inf(values), values, "which SQL Server cannot hold")
        _refuse(pc.is_nan(values), values, "which SQL Server cannot hold")
        return plain(values, column)

    return encode


def _money(values: pa.Array, _column: Column) -> Encoded:
    units = _unscaled(values)
    _refuse(_outside(units, 63), values, "which is outside of money")
    # Two little-endian halves, the high one first (MS-TDS 2.2.5.5.1.2).
    halves = units[:, 0].copy().view("<u4").reshape(-1, 2)[:, ::-1]
    return np.ascontiguousarray(halves).view(np.uint8).reshape(-1, 8), 8


def _smallmoney(values: pa.Array, _column: Column) -> Encoded:
    units = _unscaled(values)
    _refuse(_outside(units, 31), values, "which is outside of smallmoney")
    return units[:, 0].astype("<i4").view(np.uint8).reshape(-1, 4), 4


def _unscaled(values: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """decimal128 as rows × (low, high) int64; zeros at NULLs."""
    whole = np.frombuffer(values.buffers()[1], "<i8").reshape(-1, 2)[values.offset : values.offset + len(values)]
    if values.null_count:
        whole = whole.copy()
        whole[np.asarray(pc.is_null(values))] = 0
    return whole


def _outside(units: np.ndarray[Any, Any], bits: int) -> pa.Array:
    low, high = units[:, 0], units[:, 1]
    return pa.array((high != low >> 63) | (low < -(1 << bits)) | (low > (1 << bits) - 1))


def _decimal(values: pa.Array, _column: Column) -> Encoded:
    return _padded(decimal_text(values))


def decimal_text(values: pa.Array) -> pa.Array:
    """Decimals as plain digits. Arrow's own text of small ones is 1E-10, which neither FreeTDS nor SQL Server reads."""
    if values.type.scale <= 6:
        return pc.cast(values, pa.string())
    whole = pa.Array.from_buffers(
        pa.decimal128(values.type.precision, 0), len(values), values.buffers(), values.null_count, values.offset
    )
    digits = pc.cast(whole, pa.string())
    sign = pc.if_else(pc.starts_with(digits, "-"), "-", "")
    scale = values.type.scale
    padded = pc.utf8_lpad(pc.utf8_ltrim(digits, "-"), scale + 1, "0")
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise(sign, pc.utf8_slice_codeunits(padded, 0, -scale), ""),
        pc.utf8_slice_codeunits(padded, -scale),
        ".",
    )


def _text(values: pa.Array, _column: Column) -> Encoded:
    _refuse(pc.match_substring(values, "\0"), values, "with U+0000, which FreeTDS cannot send")
    return _padded(values)


def _padded(values: pa.Array) -> Encoded:
    """Values of any length as rows × the longest, and their lengths in bytes."""
    lengths = numbers(pc.binary_length(values), np.int32)
    width = max(1, int(lengths.max(initial=0)))
    # The kernel counts bytes, so it does for UTF-8 and for binary what it does for ASCII.
    filled = pc.ascii_rpad(pc.fill_null(_as_string(values), ""), width, " ")
    _, offsets, data = filled.buffers()
    start = int(np.frombuffer(offsets, np.int32)[filled.offset])
    cells = np.frombuffer(data, np.uint8)[start : start + width * len(values)]
    return cells.reshape(len(values), width), lengths


def _as_string(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type):
        return values
    return pa.Array.from_buffers(pa.string(), len(values), values.buffers(), values.null_count, values.offset)


def _guid(values: pa.Array, _column: Column) -> Encoded:
    # The first three groups are little-endian in SQL Server's bytes.
    hexed = pc.replace_substring(values, "-", "")
    bad = pc.and_(pc.is_valid(values), pc.invert(pc.match_substring_regex(hexed, "^[0-9a-fA-F]{32}$")))
    _refuse(bad, values, "which is no uniqueidentifier")
    digits, _ = _padded(pc.fill_null(hexed, "0" * 32))
    nibbles = np.where(digits >= ord("a"), digits - 87, np.where(digits >= ord("A"), digits - 55, digits - 48))
    packed = (nibbles[:, 0::2] << 4 | nibbles[:, 1::2]).astype(np.uint8)
    order = [3, 2, 1, 0, 5, 4, 7, 6, *range(8, 16)]
    return packed[:, order], 16


def _moment(values: pa.Array, column: Column) -> Encoded:
    with_offset = types.base_name(column.sql_type) == "datetimeoffset"
    digits = types.fraction_digits(column.sql_type)
    return moments.encode(values, digits, with_offset=with_offset), moments.WIDTH


def _datetime(values: pa.Array, _column: Column) -> Encoded:
    """Days since 1900-01-01 and 1/300 seconds, rounded as SQL Server does; FreeTDS's DBDATETIME."""
    unit_per_day = 86_400 * types.UNITS_PER_SEC[values.type.unit]
    days, rest = np.divmod(numbers(values), unit_per_day)
    ticks = (rest * 300 * 2 + unit_per_day // 86_400) // (unit_per_day // 86_400 * 2)
    days = days + moments.DAYS_1900_TO_1970 + (ticks == 86_400 * 300)
    ticks %= 86_400 * 300
    _refuse(pa.array((days < -53_690) | (days > moments.LAST_DAY)), values, "which is outside of datetime")
    packed = np.zeros(len(values), [("days", "<i4"), ("ticks", "<i4")])
    packed["days"], packed["ticks"] = days, ticks
    return packed.view(np.uint8).reshape(-1, 8), 8


def _smalldatetime(values: pa.Array, _column: Column) -> Encoded:
    """Days since 1900-01-01 and minutes, rounded at 30 seconds; FreeTDS's DBDATETIME4."""
    per_minute = 60 * types.UNITS_PER_SEC[values.type.unit]
    minutes = (numbers(values) + per_minute // 2) // per_minute + moments.DAYS_1900_TO_1970 * 1440
    days, rest = np.divmod(minutes, 1440)
    _refuse(pa.array((days < 0) | (days > 0xFFFF)), values, "which is outside of smalldatetime")
    packed = np.zeros(len(values), [("days", "<u2"), ("minutes", "<u2")])
    packed["days"], packed["minutes"] = days, rest
    return packed.view(np.uint8).reshape(-1, 4), 4


def _refuse(bad: pa.Array, values: pa.Array, why: str) -> None:
    row = pc.index(pc.and_(pc.is_valid(values), pc.fill_null(bad, False)), True).as_py()
    if row >= 0:
        raise UnfitError(f"{values[row].as_py()!r:.200}, {why}", row)


KINDS: dict[str, Kind] = {
    "bit": Kind(BIT, _bit),
    "tinyint": Kind(TINYINT, _fixed("u1")),
    "smallint": Kind(SMALLINT, _fixed("<i2")),
    "int": Kind(INT, _fixed("<i4")),
    "bigint": Kind(BIGINT, _fixed("<i8")),
    "real": Kind(REAL, _floating("<f4")),
    "float": Kind(FLOAT, _floating("<f8")),
    "decimal": Kind(TEXT, _decimal),
    "numeric": Kind(TEXT, _decimal),
    "money": Kind(MONEY, _money),
    "smallmoney": Kind(SMALLMONEY, _smallmoney),
    "date": Kind(moments.DATETIMEALL, _moment),
    "time": Kind(moments.DATETIMEALL, _moment),
    "smalldatetime": Kind(SMALLDATETIME, _smalldatetime),
    "datetime": Kind(DATETIME, _datetime),
    "datetime2": Kind(moments.DATETIMEALL, _moment),
    "datetimeoffset": Kind(moments.DATETIMEALL, _moment),
    "char": Kind(TEXT, _text),
    "varchar": Kind(TEXT, _text),
    "nchar": Kind(TEXT, _text),
    "nvarchar": Kind(TEXT, _text),
    "uniqueidentifier": Kind(GUID, _guid),
    "binary": Kind(BINARY, lambda values, _column: _padded(values)),
    "varbinary": Kind(BINARY, lambda values, _column: _padded(values)),
}
"""What bulk copy carries exactly. xml, text, ntext, image and sql_variant are not here."""
