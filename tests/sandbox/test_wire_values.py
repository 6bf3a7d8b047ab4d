"""Values as bytes: every type decoded as a parameter, encoded as a result, and both against each other."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from decimal import Decimal

import pytest

from etl.sandbox.codepage import decode_1252, encode_1252
from etl.sandbox.errors import SqlServerError
from etl.sandbox.moments import DAY, END, MINUTE, stamp_of, time_of
from etl.sandbox.sqltypes import NAMES, SqlType, Value
from etl.sandbox.wire.collation import DEFAULT_COLLATION, collation_decoder
from etl.sandbox.wire.decode import read_plp, read_value
from etl.sandbox.wire.encode import encode_value, row_encoder
from etl.sandbox.wire.fields import FieldReader, ProtocolError
from etl.sandbox.wire.temporal import InvalidValueError, datetime_parts
from etl.sandbox.wire.typeinfo import read_type_info, type_info

T = SqlType
GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
HALF_PAST_FIVE = dt.timezone(dt.timedelta(hours=5, minutes=30))

ROUND_TRIPS: list[tuple[SqlType, Value]] = [
    (T("bit"), True),
    (T("bit"), False),
    (T("tinyint"), 255),
    (T("smallint"), -(2**15)),
    (T("int"), 2**31 - 1),
    (T("bigint"), -(2**63)),
    (T("real"), 1.5),
    (T("float"), 5e-324),
    (T("decimal", precision=5, scale=2), Decimal("-999.99")),
    (T("decimal", precision=19, scale=0), Decimal("9999999999999999999")),
    (T("decimal", precision=28, scale=28), Decimal("0.9999999999999999999999999999")),
    (T("decimal", precision=38, scale=10), Decimal("1234567890123456789012345678.0123456789")),
    (T("decimal", precision=38, scale=38), Decimal("-0.99999999999999999999999999999999999999")),
    (T("money"), Decimal("922337203685477.5807")),
    (T("money"), Decimal("-922337203685477.5808")),
    (T("smallmoney"), Decimal("-214748.3648")),
    (T("date"), dt.date(1, 1, 1)),
    (T("date"), dt.date(9999, 12, 31)),
    (T("time", scale=0), dt.time(23, 59, 59)),
    (T("time", scale=3), dt.time(1, 2, 3, 456000)),
    (T("time", scale=7), dt.time(23, 59, 59, 999999)),
    (T("time", scale=7), time_of(DAY - 1)),
    (T("smalldatetime"), dt.datetime(2079, 6, 6, 23, 59)),
    (T("datetime"), dt.datetime(1753, 1, 1)),
    (T("datetime"), dt.datetime(9999, 12, 31, 23, 59, 59, 997000)),
    (T("datetime2", scale=0), dt.datetime(1, 1, 1)),
    (T("datetime2", scale=4), dt.datetime(2020, 2, 29, 1, 2, 3, 123400)),
    (T("datetime2", scale=7), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    (T("datetime2", scale=7), stamp_of(END - 1)),
    (T("datetime2", scale=7), stamp_of(1)),
    (T("datetimeoffset", scale=7), stamp_of(END - 1, -840)),
    (T("datetimeoffset", scale=7), stamp_of(840 * MINUTE + 1, 840)),
    (T("datetimeoffset", scale=7), dt.datetime(2020, 1, 1, 1, 2, 3, 456789, tzinfo=HALF_PAST_FIVE)),
    (T("datetimeoffset", scale=2), dt.datetime(1, 1, 1, 14, tzinfo=dt.timezone(dt.timedelta(hours=14)))),
    (T("datetimeoffset", scale=7), dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-14)))),
    (T("char", 3), "aé€"),
    (T("varchar", 10), ""),
    (T("varchar", 10), "é€ß\x81"),
    (T("varchar"), ""),
    (T("varchar"), "x" * 100_000),
    (T("nchar", 3), "a😀"),
    (T("nvarchar", 10), ""),
    (T("nvarchar", 10), "é😀漢字"),
    (T("nvarchar"), "😀" * 50_000),
    (T("binary", 3), b"\0\1\xff"),
    (T("varbinary", 10), b""),
    (T("varbinary"), bytes(range(256)) * 300),
    (T("uniqueidentifier"), GUID),
    (T("xml"), "<a>é😀</a>"),
]


@pytest.mark.parametrize(("sql", "value"), ROUND_TRIPS, ids=lambda item: str(item)[:40])
def test_what_is_encoded_decodes_to_itself_and_so_does_null(sql: SqlType, value: Value) -> None:
    declared = read_type_info(FieldReader(type_info(sql)))
    assert declared.sql == sql
    for cell in (value, None):
        fields = FieldReader(encode_value(sql, cell))
        found = read_value(fields, declared)
        assert found == cell
        assert type(found) is type(cell)
        assert fields.remaining == 0
        if isinstance(cell, dt.datetime) and isinstance(found, dt.datetime):
            assert found.utcoffset() == cell.utcoffset()


KNOWN: list[tuple[SqlType, Value, str]] = [
    (T("int"), -2, "04feffffff"),
    (T("money"), Decimal("1.0000"), "080000000010270000"),
    (T("decimal", precision=9, scale=2), Decimal("-1.00"), "050064000000"),
    (T("date"), dt.date(2000, 1, 1), "0307240b"),
    (T("time", scale=7), dt.time(0, 0, 1), "058096980000"),
    (T("time", scale=7), time_of(10_000_001), "058196980000"),
    (T("datetime2", scale=7), stamp_of(DAY + 1), "080100000000010000"),
    (T("sql_variant"), stamp_of(DAY + 1), "0b000000" + "2a0107" + "0100000000010000"),
    (T("datetime"), dt.datetime(1900, 1, 2, 0, 0, 1), "08010000002c010000"),
    (T("smalldatetime"), dt.datetime(1900, 1, 2, 0, 3), "0401000300"),
    (T("uniqueidentifier"), GUID, "10" + "33221100554477668899aabbccddeeff"),
    (T("nvarchar", 5), "é", "0200e900"),
    (T("varchar", 5), "€", "010080"),
    (T("nvarchar"), "a", "0200000000000000" + "02000000" + "6100" + "00000000"),
    (T("nvarchar"), "", "0000000000000000" + "00000000"),
    (T("char", 3), "a", "0300612020"),
    (T("nchar", 2), "a", "040061002000"),
    (T("binary", 2), b"\1", "02000100"),
    (T("rowversion"), b"\7\xd1", "080000000000000007d1"),
    (T("image"), b"\1", "10" + "00" * 24 + "01000000" + "01"),
    (T("sysname"), "dbo", "0600640062006f00"),
    (T("sql_variant"), 7, "06000000" + "3800" + "07000000"),
    (T("sql_variant"), None, "00000000"),
]


@pytest.mark.parametrize(("sql", "value", "expected"), KNOWN, ids=lambda item: str(item)[:40])
def test_values_are_encoded_as_the_specification_says(sql: SqlType, value: Value, expected: str) -> None:
    assert encode_value(sql, value).hex() == expected


def test_every_type_of_the_contract_has_a_type_info_and_a_null() -> None:
    for name in sorted(NAMES):
        sql = T(name, length=5, precision=9, scale=2)
        assert type_info(sql)
        assert encode_value(sql, None)


def test_a_row_is_its_token_and_its_values() -> None:
    encode = row_encoder([T("int"), T("varchar", 5)])
    assert encode([(1, "a"), (None, None)]).hex() == "d1" + "0401000000" + "010061" + "d1" + "00" + "ffff"


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        (T("varchar", 2), "abc"),
        (T("nvarchar", 1), "😀"),
        (T("char", 2), "abc"),
    ],
)
def test_a_value_that_its_column_cannot_hold_never_reaches_a_client(sql: SqlType, value: Value) -> None:
    with pytest.raises(ValueError, match="column"):
        encode_value(sql, value)


def test_a_decimal_of_more_digits_than_its_column_has_is_an_overflow() -> None:
    with pytest.raises(SqlServerError, match="8115"):
        encode_value(T("decimal", precision=5, scale=2), Decimal("1000.00"))


def test_a_column_type_wider_than_sql_server_has_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nvarchar\(4001\)"):
        type_info(T("nvarchar", 4001))


def test_datetimes_round_to_the_nearest_three_hundredth_and_over_midnight() -> None:
    assert datetime_parts(dt.datetime(1900, 1, 1, 0, 0, 0, 1666)) == (0, 0)
    assert datetime_parts(dt.datetime(1900, 1, 1, 0, 0, 0, 1667)) == (0, 1)
    assert datetime_parts(dt.datetime(1900, 1, 1, 23, 59, 59, 999000)) == (1, 0)


LEGACY: list[tuple[str, str, str, Value]] = [
    ("38", "feffffff", "int", -2),
    ("1f", "", "int", None),
    ("32", "01", "bit", True),
    ("3e", "000000000000f83f", "float", 1.5),
    ("3c", "0000000010270000", "money", Decimal("1.0000")),
    ("2f05", "0461626364", "char", "abcd"),
    ("2705", "00", "varchar", None),
    ("2505", "020102", "varbinary", b"\1\2"),
    ("2300000040" + DEFAULT_COLLATION.hex(), "01000000" + "80", "text", "€"),
    ("6300000040" + DEFAULT_COLLATION.hex(), "ffffffff", "ntext", None),
    ("2200000040", "0100000007", "image", b"\7"),
    ("6c110a02", "05019c000000", "decimal", Decimal("1.56")),
    ("6c030302", "03009c00", "decimal", Decimal("-1.56")),
]


@pytest.mark.parametrize(("info", "data", "name", "value"), LEGACY)
def test_legacy_types_are_read(info: str, data: str, name: str, value: Value) -> None:
    declared = read_type_info(FieldReader(bytes.fromhex(info)))
    fields = FieldReader(bytes.fromhex(data))
    assert declared.sql.name == name
    assert read_value(fields, declared) == value
    assert fields.remaining == 0


REFUSED = [
    ("62491f0000", "", "sql_variant"),
    ("f3", "", "table-valued"),
    ("f0", "", "CLR"),
    ("a70a00" + "1104000000", "", "collation 0x1104000000"),
    ("e70a00" + "0904d00034", "02003dd8", "unpaired surrogate"),
]


@pytest.mark.parametrize(("info", "data", "reason"), REFUSED)
def test_what_is_not_supported_is_refused_by_name(info: str, data: str, reason: str) -> None:
    with pytest.raises(SqlServerError, match=f"sandbox: .*{reason}.* not supported"):
        read_value(FieldReader(bytes.fromhex(data)), read_type_info(FieldReader(bytes.fromhex(info))))


INVALID = [
    ("28", "03ffffff"),  # a date after 9999-12-31
    ("2900", "03805101"),  # 24:00:00
    ("2907", "0500c0692ac9"),  # 24:00:00
    ("2a00", "06000000" + "ffffff"),
    ("2b00", "08000000" + "000000" + "0f27"),  # an offset beyond 14 hours
    ("6f08", "08" + "00000000" + "ffffffff"),
    ("6f04", "04" + "0000" + "a005"),
    ("6d08", "08" + "000000000000f07f"),  # infinity
    ("6a112600", "1101" + "ff" * 16),
]


@pytest.mark.parametrize(("info", "data"), INVALID)
def test_framed_bytes_that_are_no_value_are_told_apart(info: str, data: str) -> None:
    with pytest.raises(InvalidValueError):
        read_value(FieldReader(bytes.fromhex(data)), read_type_info(FieldReader(bytes.fromhex(info))))


MALFORMED = [
    ("2603", ""),
    ("2604", "020000"),
    ("2604", "05"),
    ("99", ""),
    ("2908", ""),
    ("6a112700", ""),
    ("a70a00" + "0904d00034", "0b00" + "61" * 11),
    ("a7501f" + "0904d00034", ""),
    ("e7ffff" + "0904d00034", "0100000000000000" + "02000000" + "6100" + "00000000"),
    ("e70a00" + "0904d00034", "010061"),
]


@pytest.mark.parametrize(("info", "data"), MALFORMED)
def test_malformed_values_are_protocol_errors(info: str, data: str) -> None:
    padding = b"" if info != "a7501f" else bytes(5)
    with pytest.raises(ProtocolError):
        read_value(FieldReader(bytes.fromhex(data)), read_type_info(FieldReader(bytes.fromhex(info) + padding)))


def test_plp_of_unknown_length_in_chunks() -> None:
    data = b"\xfe" + b"\xff" * 7 + struct.pack("<I", 2) + b"ab" + struct.pack("<I", 1) + b"c" + bytes(4)
    assert read_plp(FieldReader(data)) == b"abc"


def test_code_page_1252_knows_all_bytes_and_replaces_what_it_lacks() -> None:
    every = bytes(range(256))
    assert encode_1252(decode_1252(every)) == every
    assert encode_1252("a漢😀") == b"a??"


def test_collations_choose_the_code_page() -> None:
    assert collation_decoder(DEFAULT_COLLATION)(b"\x80") == "€"
    assert collation_decoder(bytes.fromhex("0904d00434"))("漢".encode()) == "漢"
    assert collation_decoder(bytes.fromhex("0704d00000"))(b"\xfc") == "ü"
