"""Rows of a bulk load are read by column as they are one by one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.sandbox.column_values import to_rows
from etl.sandbox.columns import NotPlainError
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire.decode import read_value
from etl.sandbox.wire.decode_columns import decode_rows
from etl.sandbox.wire.encode import row_encoder
from etl.sandbox.wire.fields import FieldReader
from etl.sandbox.wire.row_scan import scan_rows
from etl.sandbox.wire.temporal import InvalidValueError
from etl.sandbox.wire.typeinfo import WireType, read_type_info, type_info
from tests.sandbox.typed_rows import TYPES, tables

OFTEN = settings(max_examples=100, deadline=None, derandomize=True, database=None)
SENT = [sql for sql in TYPES if sql.name not in {"rowversion", "sysname", "xml"}]
SHORT = [sql for sql in SENT if sql.name not in {"text", "ntext", "image"}]
Table = tuple[list[SqlType], list[tuple[Value, ...]]]


def wire_types(types: list[SqlType]) -> list[WireType]:
    return [read_type_info(FieldReader(type_info(sql))) for sql in types]


@OFTEN
@given(tables(st.sampled_from(SENT)), st.sampled_from([b"", b"\xfd" + bytes(12), b"\xd2\x01"]))
def test_random_rows_are_read_as_they_were_written(table: Table, after: bytes) -> None:
    types, rows = table
    sent = row_encoder(types)(rows)
    scanned = scan_rows(sent + after, wire_types(types))
    assert (scanned.rows, scanned.end) == (len(rows), len(sent))
    assert to_rows(types, decode_rows(scanned, wire_types(types))) == rows


@OFTEN
@given(tables(st.sampled_from(SENT), max_columns=3, max_rows=6), st.data())
def test_rows_that_have_come_in_part_wait(table: Table, data: st.DataObject) -> None:
    types, rows = table
    encode = row_encoder(types)
    ends = [len(encode(rows[: i + 1])) for i in range(len(rows))]
    cut = data.draw(st.integers(0, ends[-1]))
    scanned = scan_rows(encode(rows)[:cut], wire_types(types))
    assert scanned.rows == sum(end <= cut for end in ends)
    assert scanned.end == ([0] + [end for end in ends if end <= cut])[-1]


@OFTEN
@given(tables(st.sampled_from(SHORT), max_columns=3, max_rows=4), st.data())
def test_damaged_rows_are_read_with_the_same_values_or_declined(table: Table, data: st.DataObject) -> None:
    types, rows = table
    sent = bytearray(row_encoder(types)(rows))
    for _ in range(data.draw(st.integers(1, 3))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    wires = wire_types(types)
    scanned = scan_rows(bytes(sent), wires)
    try:
        found = to_rows(types, decode_rows(scanned, wires)) if scanned.rows else []
    except NotPlainError:
        return
    fields = FieldReader(bytes(sent))
    for row in found:
        assert fields.u8() == 0xD1
        assert tuple(read_value(fields, wire) for wire in wires) == row
    assert len(sent) - fields.remaining == scanned.end


@pytest.mark.parametrize(
    ("sql", "cell"),
    [
        (SqlType("time", scale=7), b"\x05\0\xc0\x69\x2a\xc9"),
        (SqlType("datetime2", scale=0), b"\x06\0\0\0\xff\xff\xff"),
        (SqlType("float"), b"\x08\0\0\0\0\0\0\xf0\x7f"),
        (SqlType("int"), b"\x02\0\0"),
        (SqlType("decimal", precision=38, scale=0), b"\x11\x01" + b"\xff" * 16),
        (SqlType("decimal", precision=9, scale=0), b"\x05\x02\0\0\0\0"),
        (SqlType("nvarchar", length=4), b"\x02\0\x3d\xd8"),
        (SqlType("nvarchar", length=4), b"\x03\0abc"),
        (SqlType("varchar", length=1), b"\x02\0ab"),
        (SqlType("smalldatetime"), b"\x04\0\0\xa0\x05"),
        (SqlType("datetimeoffset", scale=0), b"\x08\0\0\0\0\0\0\x49\x03"),
    ],
    ids=str,
)
def test_what_is_no_plain_value_is_left_to_the_careful_way(sql: SqlType, cell: bytes) -> None:
    scanned = scan_rows(b"\xd1" + cell, wire_types([sql]))
    assert scanned.rows == 1
    with pytest.raises(NotPlainError):
        decode_rows(scanned, wire_types([sql]))


def test_halves_of_a_pair_in_two_values_are_not_a_character() -> None:
    sql = SqlType("nvarchar", length=4)
    scanned = scan_rows(b"\xd1\x02\0\x3d\xd8\xd1\x02\0\0\xde", wire_types([sql]))
    assert scanned.rows == 2
    with pytest.raises(NotPlainError):
        decode_rows(scanned, wire_types([sql]))


def test_a_value_in_several_chunks_ends_the_rows_before_it() -> None:
    sql = SqlType("varbinary")
    one = row_encoder([sql])([(b"abc",)])
    chunked = b"\xd1\x04\0\0\0\0\0\0\0\x02\0\0\0ab\x02\0\0\0cd\0\0\0\0"
    scanned = scan_rows(one + chunked + one, wire_types([sql]))
    assert (scanned.rows, scanned.end) == (1, len(one))


def test_the_careful_way_names_what_is_wrong() -> None:
    with pytest.raises(InvalidValueError):
        read_value(FieldReader(b"\x04\0\0\xa0\x05"), wire_types([SqlType("smalldatetime")])[0])


def test_bytes_that_all_look_like_rows_are_left_to_the_careful_way() -> None:
    scanned = scan_rows(b"\xd1" * 100_000, wire_types([SqlType("int")] * 1000))
    assert (scanned.rows, scanned.end) == (0, 0)


def test_a_thousand_columns_of_random_bytes_are_scanned() -> None:
    types = [SqlType("binary", length=6)] * 1000
    chance = random.Random(3)
    rows: list[tuple[Value, ...]] = [tuple(chance.randbytes(6) for _ in types) for _ in range(40)]
    scanned = scan_rows(row_encoder(types)(rows), wire_types(types))
    assert to_rows(types, decode_rows(scanned, wire_types(types))) == rows
