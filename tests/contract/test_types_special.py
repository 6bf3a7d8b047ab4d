"""What the type matrix cannot say in a table: signs of zero, seventh digits, orders, lengths, rowversion."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from decimal import Decimal

import pyodbc
import pytest

from tests.contract.lab import Session
from tests.contract.type_samples import UTF8


@pytest.fixture
def table(steady: Session) -> Session:
    steady.run("DROP TABLE IF EXISTS t")
    return steady


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


@pytest.mark.parametrize("value", [-0.0, 0.0, 1e-310, 5e-324, -1.7976931348623157e308, 0.1 + 0.2])
def test_a_float_parameter_survives_bit_by_bit_or_is_refused(table: Session, value: float) -> None:
    # The documented range ends at ±2.23E-308; what lies beyond it may be refused but is never changed.
    table.run("CREATE TABLE t (v float NULL)")
    failure = table.attempt("INSERT INTO t VALUES (?)", value)
    stored = [bits(v) for (v,) in table.rows("SELECT v FROM t")]
    if failure is None:
        assert stored == [bits(value)]
    else:
        assert (failure.number, stored, 0 < abs(value) < 2.23e-308) == (8023, [], True)


@pytest.mark.parametrize(
    ("kind", "literal"),
    [
        ("time(7)", "23:59:59.1234567"),
        ("datetime2(7)", "0001-01-01 00:00:00.0000001"),
        ("datetime2(7)", "9999-12-31 23:59:59.9999999"),
        ("datetimeoffset(7)", "2024-02-29 12:00:00.7654321 +05:30"),
    ],
)
def test_a_seventh_digit_survives(table: Session, kind: str, literal: str) -> None:
    table.run(f"CREATE TABLE t (v {kind} NULL)")
    table.run(f"INSERT INTO t VALUES ('{literal}')")
    table.run(f"INSERT INTO t SELECT CAST('{literal}' AS {kind})")
    table.run(f"INSERT INTO t VALUES (CONVERT({kind}, ?))", literal)
    table.run("INSERT INTO t VALUES (?)", literal)
    assert table.rows("SELECT CONVERT(varchar(40), v, 121) FROM t") == [(literal,)] * 4


@pytest.mark.parametrize(
    ("kind", "literal", "read"),
    [
        # https://learn.microsoft.com/sql/t-sql/data-types/datetime2-transact-sql: converting to fewer digits rounds.
        ("datetime2(0)", "2024-12-31 23:59:59.5", "2025-01-01 00:00:00"),
        ("datetime2(3)", "2024-12-31 23:59:59.9994", "2024-12-31 23:59:59.999"),
        ("datetime2(3)", "2024-12-31 23:59:59.9995", "2025-01-01 00:00:00.000"),
        ("time(0)", "12:00:00.49", "12:00:00"),
        ("datetime2(6)", "2024-12-31 23:59:59.9999995", "2025-01-01 00:00:00.000000"),
        ("datetime2(6)", "2024-12-31 23:59:59.9999994", "2024-12-31 23:59:59.999999"),
        ("time(2)", "12:00:00.125", "12:00:00.13"),
        ("time(6)", "23:59:59.9999994", "23:59:59.999999"),
        ("datetimeoffset(0)", "2024-12-31 23:59:59.5 +01:00", "2025-01-01 00:00:00 +01:00"),
    ],
)
def test_digits_beyond_the_scale_are_rounded(table: Session, kind: str, literal: str, read: str) -> None:
    table.run(f"CREATE TABLE t (v {kind} NULL)")
    table.run(f"INSERT INTO t VALUES ('{literal}')")
    assert table.value("SELECT CONVERT(varchar(40), v, 121) FROM t") == read


FINE = "CAST('2007-01-01 13:10:10.1111111' AS datetime2)"


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        # https://learn.microsoft.com/sql/t-sql/functions/dateadd-transact-sql
        (f"DATEADD(nanosecond, 49, {FINE})", "2007-01-01 13:10:10.1111111"),
        (f"DATEADD(nanosecond, 50, {FINE})", "2007-01-01 13:10:10.1111112"),
        (f"DATEADD(nanosecond, 150, {FINE})", "2007-01-01 13:10:10.1111113"),
        # https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql
        (f"DATEPART(microsecond, {FINE})", "111111"),
        (f"DATEPART(nanosecond, {FINE})", "111111100"),
        # https://learn.microsoft.com/sql/t-sql/functions/datediff-transact-sql
        ("DATEDIFF(microsecond, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", "1"),
        (f"DATEDIFF(nanosecond, {FINE}, DATEADD(nanosecond, 300, {FINE}))", "300"),
        # Since SQL Server 2016 a datetime takes its thirds of a millisecond along.
        ("CAST(CAST('2007-01-01 13:10:10.127' AS datetime) AS datetime2)", "2007-01-01 13:10:10.1266667"),
        ("CAST(CAST('2007-01-01 13:10:10.127' AS datetime) AS datetime2(3))", "2007-01-01 13:10:10.127"),
        (f"CAST({FINE} AS datetime)", "2007-01-01 13:10:10.110"),
        (f"COALESCE(CAST(NULL AS datetime2(3)), {FINE})", "2007-01-01 13:10:10.1111111"),
    ],
)
def test_hundreds_of_nanoseconds_are_counted(steady: Session, expression: str, shown: str) -> None:
    assert steady.value(f"SELECT CONVERT(varchar(40), {expression}, 121)") == shown


def test_keys_that_differ_in_their_seventh_digit(table: Session) -> None:
    table.run("CREATE TABLE t (k datetime2 NOT NULL PRIMARY KEY, n int NOT NULL)")
    keys = [
        f"{day} 23:59:59.{digits}"
        for day in ("0001-01-01", "2024-02-29", "9999-12-31")
        for digits in ("9999998", "9999999")
    ]
    for number, key in enumerate(keys):
        table.run("INSERT INTO t VALUES (CONVERT(datetime2, ?, 121), ?)", key, number)
    shown = [key for (key,) in table.rows("SELECT CONVERT(varchar(27), k, 121) FROM t ORDER BY k")]
    assert shown == keys
    for number, key in enumerate(keys):
        found = table.rows("SELECT n FROM t WHERE k >= CONVERT(datetime2, ?, 121) ORDER BY k", key)
        assert [n for (n,) in found] == list(range(number, len(keys)))
    assert table.rows("SELECT CONVERT(varchar(27), MIN(k), 121), CONVERT(varchar(27), MAX(k), 121) FROM t") == [
        (keys[0], keys[-1])
    ]
    failure = table.attempt("INSERT INTO t VALUES (CONVERT(datetime2, ?, 121), 9)", keys[3])
    assert failure is not None
    assert failure.number == 2627
    assert keys[3] in failure.text


def test_moments_as_parameters_of_the_driver(table: Session) -> None:
    # FreeTDS 1.3 writes days before 1600-03-01 wrong (src/odbc/sql2tds.c); the driver is not what is tested here.
    table.run(
        "CREATE TABLE t (d date, t time(6), s datetime2(6), m datetime, l smalldatetime, o datetimeoffset(6), w time(0))"
    )
    moment = dt.datetime(1600, 3, 1, 23, 59, 59, 123456)
    later = moment.replace(year=2000)
    row = (moment.date(), moment.time().replace(microsecond=0), moment, later, later, moment)
    table.run("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", *row, moment.time())
    assert table.rows("SELECT d, t, s, m, l, CAST(o AS varchar(40)), w FROM t") == [
        (
            *row[:3],
            dt.datetime(2000, 3, 1, 23, 59, 59, 123000),
            dt.datetime(2000, 3, 2),
            "1600-03-01 23:59:59.123456 +00:00",
            dt.time(23, 59, 59),
        )
    ]


def test_uniqueidentifiers_sort_by_their_last_group_first(table: Session) -> None:
    # https://learn.microsoft.com/sql/connect/ado-net/sql/compare-guid-uniqueidentifier-values
    ordered = [
        "00000000-0000-0000-0000-000000000000",
        "01000000-0000-0000-0000-000000000000",
        "00010000-0000-0000-0000-000000000000",
        "00000001-0000-0000-0000-000000000000",
        "00000000-0100-0000-0000-000000000000",
        "00000000-0001-0000-0000-000000000000",
        "00000000-0000-0100-0000-000000000000",
        "00000000-0000-0001-0000-000000000000",
        "00000000-0000-0000-0001-000000000000",
        "00000000-0000-0000-0100-000000000000",
        "00000000-0000-0000-0000-000000000001",
        "00000000-0000-0000-0000-010000000000",
    ]
    table.run("CREATE TABLE t (v uniqueidentifier NOT NULL PRIMARY KEY)")
    for value in reversed(ordered):
        table.run("INSERT INTO t VALUES (?)", uuid.UUID(value))
    assert [value for (value,) in table.rows("SELECT v FROM t ORDER BY v")] == ordered
    assert table.rows("SELECT MIN(v), MAX(v) FROM t") == [(ordered[0], ordered[-1])]


def test_a_uniqueidentifier_has_its_first_three_groups_reversed_in_bytes(session: Session) -> None:
    value = "01234567-89AB-CDEF-0123-456789ABCDEF"
    assert session.rows(
        f"SELECT CAST(CAST('{value}' AS uniqueidentifier) AS binary(16)), CAST(CAST('{value}' AS uniqueidentifier) AS"
        " char(36))"
    ) == [(uuid.UUID(value).bytes_le, value)]


def test_a_rowversion_grows_with_every_change_and_takes_no_value(table: Session) -> None:
    table.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, v int NOT NULL, r rowversion NOT NULL)")
    table.run("INSERT INTO t (id, v) VALUES (1, 0), (2, 0)")
    first, second = (value for (value,) in table.rows("SELECT r FROM t ORDER BY id"))
    assert (len(first), len(second)) == (8, 8)
    assert first < second
    table.run("UPDATE t SET v = 1 WHERE id = 1")
    assert table.value("SELECT r FROM t WHERE id = 1") > second
    assert table.error("INSERT INTO t (id, v, r) VALUES (3, 0, 0x01)").number == 273
    assert table.error("UPDATE t SET r = 0x01").number == 272
    assert table.rows("SELECT COUNT(*) FROM t WHERE r > ?", second) == [(1,)]


def test_texts_under_a_utf8_collation_count_bytes(table: Session) -> None:
    table.run(f"CREATE TABLE t (v varchar(6) COLLATE {UTF8} NULL, w varchar(6) NULL, n nvarchar(6) NULL)")
    table.run("INSERT INTO t VALUES (N'é€1', N'é€1日', N'é€1日😀')")
    assert table.rows("SELECT v, w, n, LEN(v), DATALENGTH(v), DATALENGTH(w), DATALENGTH(n) FROM t") == [
        ("é€1", "é€1?", "é€1日😀", 3, 6, 4, 12)
    ]
    table.run("INSERT INTO t (w) VALUES (N'a😀'), (CAST(N'b𠜎' AS varchar(6)))")
    table.run("INSERT INTO t (w) VALUES (?)", "c😀")
    assert table.rows("SELECT w FROM t WHERE v IS NULL ORDER BY w") == [("a??",), ("b??",), ("c??",)]
    table.run("DELETE FROM t WHERE v IS NULL")
    assert table.error("INSERT INTO t (v) VALUES (N'é€é')").number == 2628
    assert table.error("INSERT INTO t (w) VALUES (N'é€é4567')").number == 2628
    assert table.error("INSERT INTO t (n) VALUES (N'12345😀')").number == 2628
    assert table.error("INSERT INTO t (v) VALUES (?)", "é€é").number == 2628
    assert table.value("SELECT COUNT(*) FROM t") == 1


def test_blanks_at_the_end_of_a_text_are_kept_up_to_the_width(table: Session) -> None:
    table.run("CREATE TABLE t (v varchar(4) NULL, n nvarchar(4) NULL, b varbinary(4) NULL)")
    table.run("INSERT INTO t VALUES ('ab  ', N'é     ', 0x01000000)")
    assert table.rows("SELECT v, n, b, LEN(v), DATALENGTH(v), DATALENGTH(n) FROM t") == [
        ("ab  ", "é   ", b"\1\0\0\0", 2, 4, 8)
    ]


def test_an_empty_text_is_not_null(table: Session) -> None:
    table.run("CREATE TABLE t (v varchar(4) NULL, n nvarchar(max) NULL, b varbinary(max) NULL, x xml NULL)")
    table.run("INSERT INTO t VALUES ('', N'', 0x, N'')")
    table.run("INSERT INTO t VALUES (?, ?, ?, ?)", "", "", b"", "")
    assert table.rows("SELECT COUNT(v), COUNT(n), COUNT(b), COUNT(x) FROM t WHERE v = '' AND n = N''") == [(2, 2, 2, 2)]


def test_digits_beyond_a_decimals_scale_are_rounded_away_from_zero(table: Session) -> None:
    table.run("CREATE TABLE t (d decimal(5,2), m money)")
    table.run("INSERT INTO t VALUES (1.005, 1.00005), (-1.005, -1.00005)")
    assert table.rows("SELECT d, m FROM t ORDER BY d") == [
        (Decimal("-1.01"), Decimal("-1.0001")),
        (Decimal("1.01"), Decimal("1.0001")),
    ]


@pytest.mark.parametrize("kind", ["binary(4)", "varbinary(4)", "varbinary(max)"])
def test_a_null_that_the_driver_declares_as_text_is_no_binary_value(table: Session, kind: str) -> None:
    table.run(f"CREATE TABLE t (id int NOT NULL, v {kind} NULL)")
    failure = table.error("INSERT INTO t VALUES (?, ?)", 1, None)
    assert failure.number == 257
    assert "Use the CONVERT function to run this query." in failure.text
    table.run("INSERT INTO t VALUES (?, ?)", 1, pyodbc.BinaryNull)
    table.run("INSERT INTO t VALUES (2, NULL)")
    assert table.rows("SELECT v FROM t") == [(None,), (None,)]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CAST(CAST(16777216e0 AS real) AS int)", 16777216),
        ("CAST(9007199254740992e0 AS bigint)", 9007199254740992),
        ("CAST(4611686018427387904e0 AS bigint)", 4611686018427387904),
        ("CAST(-9223372036854775808e0 AS bigint)", -9223372036854775808),
        ("CAST(12345.99e0 AS int)", 12345),
        ("CAST(-0.99e0 AS int)", 0),
        ("CAST(CAST(16777216e0 AS real) AS money)", Decimal("16777216.0000")),
        ("CAST(CAST(0.5e0 AS real) AS decimal(9,3))", Decimal("0.500")),
        ("CAST(CAST(1.99995 AS money) AS int)", 2),
        ("CAST(9007199254740993 AS float)", 9007199254740992.0),
        ("CAST(1e-50 AS real)", 0.0),
    ],
)
def test_conversions_between_numbers_keep_their_digits(session: Session, expression: str, value: object) -> None:
    assert session.value(f"SELECT {expression}") == value


def test_a_float_that_no_real_can_hold(table: Session) -> None:
    table.run("CREATE TABLE t (v real NULL)")
    # Which of the two numbers SQL Server gives here, its documentation does not say.
    assert table.error("INSERT INTO t VALUES (3.5e38)").number in {232, 8115}
    assert table.error("INSERT INTO t VALUES (?)", -1.7976931348623157e308).number in {232, 8115}
    assert table.rows("SELECT v FROM t") == []
