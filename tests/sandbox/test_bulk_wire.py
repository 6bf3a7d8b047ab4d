"""A bulk load's bytes into rows, in pieces of any size (MS-TDS 2.2.6.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from decimal import Decimal

import pytest

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Column
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.wire import bulk
from etl.sandbox.wire.bulk import read_bulk_load
from etl.sandbox.wire.collation import UTF8_COLLATION
from etl.sandbox.wire.fields import ProtocolError
from tests.sandbox.bulk_bytes import (
    DECIMAL,
    DONE,
    FLOAT,
    INT,
    INT_NOT_NULL,
    NVARCHAR_10,
    NVARCHAR_MAX,
    TEXT,
    VARCHAR_10,
    integer,
    metadata,
    row,
    short,
    sparse_row,
)
from tests.sandbox.tsql import batch_rows

TWO = metadata(("n", INT), ("v", VARCHAR_10))


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
    while True:
        yield b""


def load(data: bytes, size: int = 1_000_000) -> tuple[tuple[Column, ...], list[tuple[Value, ...]]]:
    arriving = pieces(data, size)
    found = read_bulk_load(lambda: next(arriving))
    types = [column.type for column in found.columns]
    return found.columns, [row for batch in found.batches for row in batch_rows(types, batch)]


def error(data: bytes) -> SqlServerError:
    with pytest.raises(SqlServerError) as failure:
        load(data)
    return failure.value


@pytest.mark.parametrize("end", [b"", DONE, DONE[:-4]], ids=["no DONE", "DONE", "DONE with a short count"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_rows_come_out_however_the_bytes_come_in(size: int, end: bytes) -> None:
    data = TWO + row(integer(1), short(b"one")) + row(integer(None), short(None)) + row(integer(-3), short(b"")) + end
    columns, rows = load(data, size)
    assert columns == (Column("n", SqlType("int")), Column("v", SqlType("varchar", length=10)))
    assert rows == [(1, "one"), (None, None), (-3, "")]


def test_a_row_may_leave_out_its_nulls() -> None:
    data = TWO + sparse_row(0b10, integer(7)) + sparse_row(0b01, short(b"x")) + sparse_row(0b11)
    assert load(data)[1] == [(7, None), (None, "x"), (None, None)]


def test_no_rows() -> None:
    assert load(TWO)[1] == []
    assert load(TWO + DONE)[1] == []


def test_types_that_are_not_nullable_have_no_length() -> None:
    columns, rows = load(metadata(("n", INT_NOT_NULL), nullable=False) + row(struct.pack("<i", 9)))
    assert columns == (Column("n", SqlType("int"), nullable=False),)
    assert rows == [(9,)]


def test_long_values_of_the_old_types_follow_a_text_pointer() -> None:
    pointer = b"\x10" + b"\xff" * 24
    data = metadata(("v", TEXT)) + row(pointer + struct.pack("<I", 3) + "é€x".encode("cp1252")) + row(b"\0")
    assert load(data)[1] == [("é€x",), (None,)]


def test_texts_are_read_by_their_columns_own_collation() -> None:
    utf8 = struct.pack("<BH", 0xA7, 10) + UTF8_COLLATION
    columns, rows = load(metadata(("a", utf8), ("b", VARCHAR_10)) + row(short("é😀".encode()), short(b"\xe9\x80")))
    assert [column.type.utf8 for column in columns] == [True, False]
    assert rows == [("é😀", "é€")]


@pytest.mark.parametrize("size", [1, 50])
def test_values_in_chunks_of_unknown_total(size: int) -> None:
    text = "😀" * 20
    half = text.encode("utf-16-le")[:40]
    value = (
        struct.pack("<Q", 0xFFFF_FFFF_FFFF_FFFE)
        + struct.pack("<I", 40)
        + half
        + struct.pack("<I", 40)
        + half
        + bytes(4)
    )
    empty = struct.pack("<QI", 0xFFFF_FFFF_FFFF_FFFE, 0)
    null = struct.pack("<Q", 0xFFFF_FFFF_FFFF_FFFF)
    data = metadata(("v", NVARCHAR_MAX)) + row(value) + row(empty) + row(null)
    assert load(data, size)[1] == [(text,), ("",), (None,)]


def test_decimals_in_fewer_bytes_than_their_precision_could_need() -> None:
    data = metadata(("v", DECIMAL)) + row(b"\x05\x00" + struct.pack("<I", 1234)) + row(b"\0")
    assert load(data)[1] == [(Decimal("-12.34"),), (None,)]


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (TWO + row(integer(1), short(b"12345678901")), 4815),
        (TWO + row(b"\x03\1\2\3", short(b"x")), 4815),
        (metadata(("v", NVARCHAR_10)) + row(short(b"\0" * 22)), 4815),
        (TWO + b"\xd1\x04\1", 4804),
        (TWO[:9], 4804),
        (b"", 4804),
        (metadata(("v", b"\xf1\0")), 4816),
        (metadata(("n", INT), ("v", b"\x37\x05\x09\x02")), 4816),
        (metadata(("v", FLOAT)) + row(b"\x08" + struct.pack("<d", float("nan"))), 9803),
    ],
)
def test_what_is_wrong_with_the_rows_has_sql_servers_number(data: bytes, number: int) -> None:
    assert error(data).number == number


def test_errors_name_the_columns_place() -> None:
    message = "Received an invalid column length from the bcp client for colid 2."
    assert error(TWO + row(integer(1), short(b"12345678901"))).message == message


@pytest.mark.parametrize("data", [b"\xd1", TWO + b"\x81", TWO + DONE + b"x", b"\x81\0\0", b"\x81\xff\xff"])
def test_what_is_no_bulk_load_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        load(data)


def test_an_endless_row_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_MAX_ROW_BYTES", 1000)
    chunk = struct.pack("<I", 500) + bytes(500)
    data = metadata(("v", NVARCHAR_MAX)) + b"\xd1" + struct.pack("<Q", 0xFFFF_FFFF_FFFF_FFFE) + chunk * 10
    arriving = pieces(data, 100)
    batches = read_bulk_load(lambda: next(arriving)).batches
    with pytest.raises(SqlServerError, match="sandbox: a bulk loaded row of more than 1000 bytes is not supported"):
        next(batches)


def test_rows_are_read_no_further_than_a_batch_of_them() -> None:
    asked_bytes = 0

    def receive() -> bytes:
        nonlocal asked_bytes
        part = row(integer(7), short(b"x")) if asked_bytes else TWO
        asked_bytes += len(part)
        return part

    batches = read_bulk_load(receive).batches
    assert len(next(batches)) < asked_bytes < 400_000
    assert len(next(batches)) < asked_bytes < 700_000
