"""Records as FreeTDS reads them: prefixes, values at their offsets, rounding, refusals. No driver."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from etl import types
from etl.bulk import lengths, moments, records
from etl.bulk.freetds import PREFIX_BYTES
from etl.errors import SchemaError
from etl.types import Column


def cells(sql_type: str, values: list[Any], arrow: pa.DataType | None = None) -> list[bytes | None]:
    """The values of one column as they stand in its records; None where the prefix says NULL."""
    table = pa.table({"c": pa.array(values, arrow or types.arrow_type("mssql", sql_type))})
    (block,) = records.blocks(table, [Column("c", sql_type)], [1])
    found: list[bytes | None] = []
    for record in block.records:
        (length,) = struct.unpack_from("<i", record.tobytes())
        found.append(None if length == -1 else record.tobytes()[PREFIX_BYTES : PREFIX_BYTES + length])
    return found


@pytest.mark.parametrize(
    ("sql_type", "value", "expected"),
    [
        ("bit", True, b"\x01"),
        ("tinyint", 255, b"\xff"),
        ("smallint", -2, b"\xfe\xff"),
        ("bigint", -(2**63), struct.pack("<q", -(2**63))),
        ("real", 1.5, struct.pack("<f", 1.5)),
        ("decimal(38,10)", Decimal("-1E-10"), b"-0.0000000001"),
        ("decimal(38,38)", Decimal("-0.5"), b"-0." + b"5".ljust(38, b"0")),
        ("decimal(5,0)", Decimal(-7), b"-7"),
        ("money", Decimal("-0.0001"), struct.pack("<iI", -1, 0xFFFFFFFF)),
        ("money", Decimal("429496.7296"), struct.pack("<iI", 1, 0)),
        ("smallmoney", Decimal("-214748.3648"), struct.pack("<i", -(2**31))),
        ("uniqueidentifier", "6f9619ff-8b86-D011-B42D-00C04FC964FF", bytes.fromhex("FF19966F868B11D0B42D00C04FC964FF")),
        ("nvarchar(20)", "日本", "日本".encode()),
        ("varchar(20)", "", b""),
        ("varbinary(20)", b"\0\xff", b"\0\xff"),
        ("datetime", dt.datetime(1899, 12, 31, 23, 59, 59, 999_000), struct.pack("<ii", 0, 0)),
        ("datetime", dt.datetime(2024, 1, 1, 0, 0, 0, 997_000), struct.pack("<ii", 45_290, 299)),
        ("smalldatetime", dt.datetime(1900, 1, 1, 23, 59, 30), struct.pack("<HH", 1, 0)),
    ],
)
def test_a_value_and_null(sql_type: str, value: Any, expected: bytes) -> None:
    assert cells(sql_type, [value, None, value]) == [expected, None, expected]


def moment(days: int, ticks: int, offset: int, flags: int) -> bytes:
    return struct.pack("<QihH", ticks, days, offset, flags)


TIME, DATE, OFFSET = moments.HAS_TIME, moments.HAS_DATE, moments.HAS_OFFSET


@pytest.mark.parametrize(
    ("sql_type", "value", "expected"),
    [
        ("date", dt.date(1, 1, 1), moment(-693_595, 0, 0, DATE)),
        ("date", dt.date(9999, 12, 31), moment(2_958_463, 0, 0, DATE)),
        ("time(6)", dt.time(23, 59, 59, 999_999), moment(0, 863_999_999_990, 0, TIME | 6)),
        ("datetime2(6)", dt.datetime(1, 1, 1, 0, 0, 0, 1), moment(-693_595, 10, 0, DATE | TIME | 6)),
        ("datetime2(4)", dt.datetime(1900, 1, 1, 23, 59, 59, 999_950), moment(1, 0, 0, DATE | TIME | 4)),
        (
            "datetimeoffset(7)",
            "1900-01-02 05:30:00.1234567 +05:30",
            moment(1, 1_234_567, 330, DATE | TIME | OFFSET | 7),
        ),
        ("datetimeoffset(0)", "1900-01-01 20:00:00 -08:00", moment(1, 144_000_000_000, -480, DATE | TIME | OFFSET)),
    ],
)
def test_a_moment(sql_type: str, value: Any, expected: bytes) -> None:
    assert cells(sql_type, [value, None]) == [expected, None]


def test_an_instant_goes_into_datetimeoffset_in_utc() -> None:
    value = dt.datetime(1900, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=-12)))
    assert cells("datetimeoffset(6)", [value], pa.timestamp("us", tz="UTC")) == [
        moment(1, 0, 0, DATE | TIME | OFFSET | 6)
    ]


@pytest.mark.parametrize(
    ("sql_type", "value", "message"),
    [
        ("float", float("inf"), r"column c \(float\), row 1: inf, which SQL Server cannot hold"),
        ("smallmoney", Decimal("214748.3648"), "row 1: .*outside of smallmoney"),
        ("money", Decimal("922337203685477.5808"), "row 1: .*outside of money"),
        ("smalldatetime", dt.datetime(1899, 12, 31), "row 1: .*outside of smalldatetime"),
        ("datetime", dt.datetime(1752, 12, 31), "row 1: .*outside of datetime"),
        (
            "datetimeoffset(0)",
            "2024-01-01",
            r"column c \(datetimeoffset\(0\)\), row 1: 2024-01-01 is not a datetimeoffset",
        ),
        ("time(1)", dt.time(23, 59, 59, 990_000), "row 1: .* rounds up to midnight"),
        ("datetime2(4)", dt.datetime(9999, 12, 31, 23, 59, 59, 999_950), "row 1: .* outside of the years"),
        ("uniqueidentifier", "6f9619ff", "row 1: '6f9619ff', which is no uniqueidentifier"),
        ("nvarchar(20)", "a\0b", r"row 1: 'a\\x00b', with U\+0000"),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_refused_by_row(sql_type: str, value: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        cells(sql_type, [None, value])


def test_rows_are_cut_into_blocks_and_keep_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BLOCK_BYTES", 300)
    table = pa.table({"a": pa.array(range(100), pa.int32()), "b": pa.array([f"row {row}" for row in range(100)])})
    columns = [Column("a", "int"), Column("b", "nvarchar(20)")]
    found = list(records.blocks(table, columns, [1, 2]))
    assert len(found) > 5
    assert [block.first_row for block in found][:2] == [0, len(found[0].records)]
    first_values = [
        struct.unpack_from("<i", record.tobytes(), PREFIX_BYTES)[0] for block in found for record in block.records
    ]
    assert first_values == list(range(100))


def test_one_long_value_does_not_make_every_record_long() -> None:
    table = pa.table({name: pa.array(["x" * 4_000, *["x"] * 50_000]) for name in "abcd"})
    found = list(records.blocks(table, [Column(name, "varchar(max)") for name in "abcd"], [1, 2, 3, 4]))
    assert max(block.records.nbytes for block in found) <= records.MAX_BLOCK_BYTES
    assert [block.first_row for block in found[1:]] == [block.first_row + len(block.records) for block in found[:-1]]
    assert sum(len(block.records) for block in found) == 50_001


def test_a_value_is_refused_by_its_row_in_the_table_whatever_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BLOCK_BYTES", 300)
    table = pa.table({"c": pa.array([*[1.5] * 99, float("inf")])})
    with pytest.raises(SchemaError, match=r"column c \(float\), row 99: inf"):
        list(records.blocks(table, [Column("c", "float")], [1]))


@pytest.mark.parametrize("sql_type", ["int", "bit", "float", "date", "nvarchar(9)"])
def test_null_is_refused_where_the_column_has_none(sql_type: str) -> None:
    table = pa.table({"c": pa.nulls(2, types.arrow_type("mssql", sql_type))})
    with pytest.raises(SchemaError, match=r"column c \(.*\), row 0: NULL, and the column is declared NOT NULL"):
        list(records.blocks(table, [Column("c", sql_type, nullable=False)], [1]))


@pytest.mark.parametrize(
    ("sql_type", "values", "large"),
    [
        ("nvarchar(max)", ["x" * 2_048, "x" * 2_049, None, "日" * 2_048, "😀" * 1_025], [1, 4]),
        ("varchar(max)", ["x" * 4_096, "x" * 4_097, None], [1]),
        ("varbinary(max)", [b"x" * 4_096, b"x" * 4_097, None], [1]),
        ("nvarchar(2000)", ["x" * 2_000, "日" * 2_000], []),
        # These wait in a staging table as nvarchar(max) or varbinary(max).
        ("xml", ["x" * 2_048, "x" * 2_049], [1]),
        ("text", ["x" * 2_048, "x" * 2_049], [1]),
        ("ntext", ["日" * 2_048, "日" * 2_049], [1]),
        ("image", [b"x" * 4_096, b"x" * 4_097], [1]),
        ("int", [1, 2], []),
    ],
)
def test_what_is_too_long_for_bulk_copy_is_parted_from_the_rest(
    sql_type: str, values: list[Any], large: list[int]
) -> None:
    table = pa.table({"id": pa.array(range(len(values))), "c": pa.array(values, types.arrow_type("mssql", sql_type))})
    split = lengths.split(table, [Column("id", "bigint"), Column("c", sql_type)])
    assert split.large.column("id").to_pylist() == large
    assert split.small.column("id").to_pylist() == [row for row in range(len(values)) if row not in large]


def test_under_a_utf8_collation_lengths_are_bytes_but_it_waits_in_utf16() -> None:
    column = Column("c", "varchar(6000)", collation="Latin1_General_100_CI_AS_SC_UTF8")
    values = ["x" * 2_048, "x" * 2_049, "日" * 2_000]
    assert lengths.split(pa.table({"c": pa.array(values)}), [column]).large.column("c").to_pylist() == values[1:2]
    with pytest.raises(SchemaError, match=r"row 0: a value of length 6003"):
        lengths.split(pa.table({"c": pa.array(["日" * 2_001])}), [column])


@pytest.mark.parametrize(
    ("sql_type", "value"), [("nvarchar(3)", "😀😀"), ("varchar(3)", "four"), ("binary(3)", b"four")]
)
def test_a_value_longer_than_declared_is_refused_by_row(sql_type: str, value: Any) -> None:
    table = pa.table({"c": pa.array([None, value], types.arrow_type("mssql", sql_type))})
    with pytest.raises(SchemaError, match=r"column c \(.*\), row 1: a value of length 4"):
        lengths.split(table, [Column("c", sql_type)])
