"""The seventh fractional digit of datetime2, time and datetimeoffset, 100 ns: kept, compared, rounded, counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from etl.sandbox.moments import END, FineStamp, FineTime, stamp_of, ticks_of, time_of
from etl.sandbox.sqltypes import SqlType, Value
from tests.sandbox.tsql import Session, argument

STAMP, LATER = "2020-01-01 00:00:00.1234567", "2020-01-01 00:00:00.1234568"
FINE = f"CAST('{STAMP}' AS datetime2)"
COARSE = "CAST('2020-01-01 00:00:00.{}' AS datetime)"


def test_values_with_a_seventh_digit_are_told_from_those_without() -> None:
    plain, fine = dt.datetime(2020, 1, 1, 2, 3, 4, 5), stamp_of(ticks_of(dt.datetime(2020, 1, 1, 2, 3, 4, 5)) + 7)
    assert type(fine) is FineStamp
    assert (fine == plain, plain == fine, fine != plain) == (False, False, True)
    assert plain < fine < stamp_of(ticks_of(fine) + 1) < dt.datetime(2020, 1, 1, 2, 3, 4, 6)
    assert fine >= plain
    assert fine > plain
    assert fine <= stamp_of(ticks_of(fine))
    assert {fine} == {stamp_of(ticks_of(fine))}
    assert str(fine) == "2020-01-01 02:03:04.0000057"
    assert stamp_of(ticks_of(fine), -90).isoformat() == "2020-01-01T02:03:04.0000057-01:30"
    assert type(time_of(1)) is FineTime
    assert time_of(1).isoformat() == "00:00:00.0000001"
    assert time_of(1) != dt.time()


def test_arithmetic_of_python_on_such_a_value_cannot_go_unnoticed() -> None:
    moved = stamp_of(1) + dt.timedelta(days=1)
    with pytest.raises(AttributeError):
        ticks_of(moved)


# Values as CONVERT to text shows them, with the type that they have.
SHOWN = [
    (FINE, "datetime2(7)", STAMP),
    (f"CAST(N'{STAMP}' AS datetime2)", "datetime2(7)", STAMP),
    ("CAST('0001-01-01T00:00:00.0000001' AS datetime2)", "datetime2(7)", "0001-01-01 00:00:00.0000001"),
    ("CONVERT(datetime2, '20200101 01:02:03.1234567 PM', 121)", "datetime2(7)", "2020-01-01 13:02:03.1234567"),
    ("CAST('23:59:59.9999999' AS time)", "time(7)", "23:59:59.9999999"),
    ("CAST('2020-01-01T00:00:00.1234567Z' AS datetimeoffset)", "datetimeoffset(7)", f"{STAMP} +00:00"),
    # Fewer digits are rounded, half of one going up; a day may follow, but not to a time.
    ("CAST('2020-12-31 23:59:59.9999994' AS datetime2(6))", "datetime2(6)", "2020-12-31 23:59:59.999999"),
    ("CAST('2020-12-31 23:59:59.9999995' AS datetime2(6))", "datetime2(6)", "2021-01-01 00:00:00.000000"),
    ("CAST(CAST('2020-12-31 23:59:59.9999999' AS datetime2) AS datetime2(0))", "datetime2(0)", "2021-01-01 00:00:00"),
    ("CAST(CAST('1999-12-31 23:59:59.9999995' AS datetime2) AS datetime2(6))", "datetime2(6)", "2000-01-01 00:00:00.000000"),
    ("CAST(CAST('23:59:59.9999999' AS time) AS time(6))", "time(6)", "00:00:00.000000"),
    ("CAST(CAST('2020-12-31 23:59:59.9999999 +05:30' AS datetimeoffset) AS datetimeoffset(3))", "datetimeoffset(3)",
     "2021-01-01 00:00:00.000 +05:30"),
    ("CAST(CAST('2020-12-31 23:59:59.9999999' AS datetime2) AS date)", "date", "2020-12-31"),
    ("CAST(CAST('2020-12-31 23:59:59.9999999' AS datetime2) AS time)", "time(7)", "23:59:59.9999999"),
    ("CAST(CAST('2020-12-31 23:59:59.9983333' AS datetime2) AS datetime)", "datetime", "2020-12-31 23:59:59.997"),
    ("CAST(CAST('2020-12-31 23:59:59.9983334' AS datetime2) AS datetime)", "datetime", "2021-01-01 00:00:00.000"),
    ("CAST(CAST('2020-12-31 23:59:59.9999999' AS datetime2) AS smalldatetime)", "smalldatetime", "2021-01-01 00:00:00.000"),
    (f"CAST({FINE} AS datetimeoffset)", "datetimeoffset(7)", f"{STAMP} +00:00"),
    (f"TODATETIMEOFFSET({FINE}, '-02:00')", "datetimeoffset(7)", f"{STAMP} -02:00"),
    ("SWITCHOFFSET(CAST('2020-01-01 00:00:00.1234567 +01:00' AS datetimeoffset), '-02:00')", "datetimeoffset(7)",
     "2019-12-31 21:00:00.1234567 -02:00"),
    # The more precise type wins, but in ISNULL the first.
    (f"COALESCE(CAST(NULL AS datetime2(3)), {FINE})", "datetime2(7)", STAMP),
    (f"CASE WHEN 1 = 0 THEN CAST('2020-01-01' AS datetime2(3)) ELSE {FINE} END", "datetime2(7)", STAMP),
    (f"CASE WHEN 1 = 0 THEN CAST('2020-01-01' AS datetimeoffset(3)) ELSE {FINE} END", "datetimeoffset(7)", f"{STAMP} +00:00"),
    (f"ISNULL(CAST(NULL AS datetime2(3)), {FINE})", "datetime2(3)", "2020-01-01 00:00:00.123"),
    (f"NULLIF({FINE}, CAST('{LATER}' AS datetime2))", "datetime2(7)", STAMP),
    # https://learn.microsoft.com/sql/t-sql/functions/dateadd-transact-sql: 1 to 49 ns are none, 50 to 99 are 100.
    (f"DATEADD(nanosecond, 49, {FINE})", "datetime2(7)", STAMP),
    (f"DATEADD(nanosecond, 50, {FINE})", "datetime2(7)", LATER),
    (f"DATEADD(nanosecond, 150, {FINE})", "datetime2(7)", "2020-01-01 00:00:00.1234569"),
    ("DATEADD(month, 13, CAST('2007-01-31 13:10:10.1111111 +02:00' AS datetimeoffset))", "datetimeoffset(7)",
     "2008-02-29 13:10:10.1111111 +02:00"),
    ("DATEADD(hour, 23, CAST('13:10:10.1111111' AS time))", "time(7)", "12:10:10.1111111"),
    (f"DATEADD(day, -1, {FINE})", "datetime2(7)", "2019-12-31 00:00:00.1234567"),
    (f"DATETRUNC(microsecond, {FINE})", "datetime2(7)", "2020-01-01 00:00:00.1234560"),
    ("DATETIME2FROMPARTS(2011, 8, 15, 14, 23, 44, 5, 7)", "datetime2(7)", "2011-08-15 14:23:44.0000005"),
    (f"a FROM OPENJSON(N'{{\"a\": \"{STAMP}\"}}') WITH (a datetime2)", "datetime2(7)", STAMP),
    # https://www.dbdelta.com/sql-server-2016-and-azure-sql-database-v12-breaking-change: its thirds of a millisecond go along.
    (f"CAST({COARSE.format('007')} AS datetime2)", "datetime2(7)", "2020-01-01 00:00:00.0066667"),
    (f"CAST({COARSE.format('003')} AS datetime2(4))", "datetime2(4)", "2020-01-01 00:00:00.0033"),
    (f"CAST({COARSE.format('007')} AS datetime2(3))", "datetime2(3)", "2020-01-01 00:00:00.007"),
    (f"CAST({COARSE.format('997')} AS time)", "time(7)", "00:00:00.9966667"),
    (f"TODATETIMEOFFSET({COARSE.format('007')}, 60)", "datetimeoffset(3)", "2020-01-01 00:00:00.007 +01:00"),
    (f"{COARSE.format('007')} AT TIME ZONE 'UTC'", "datetimeoffset(3)", "2020-01-01 00:00:00.007 +00:00"),
    (f"DATETRUNC(millisecond, {COARSE.format('007')})", "datetime", "2020-01-01 00:00:00.007"),
    (f"DATEADD(day, 1, {COARSE.format('007')})", "datetime", "2020-01-02 00:00:00.007"),
    (f"CAST({COARSE.format('003')} AS datetimeoffset)", "datetimeoffset(7)", "2020-01-01 00:00:00.0033333 +00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "kind", "shown"), SHOWN, ids=[case[0] for case in SHOWN])
def test_an_expression_keeps_or_rounds_its_digits(shared: Session, expression: str, kind: str, shown: str) -> None:
    value, _, source = expression.partition(" FROM OPENJSON")
    rest = f" FROM OPENJSON{source}" if source else ""
    answer = shared.run(f"SELECT {value}, CONVERT(varchar(40), {value}, 121){rest}")
    assert (answer.types[0], answer.rows[0][1]) == (kind, shown)
    assert shared.value(f"CONVERT(nvarchar(40), x.v, 121) FROM (SELECT {value} AS v{rest}) x") == shown


COUNTED = [
    (f"DATEPART(nanosecond, {FINE})", 123456700),
    (f"DATEPART(microsecond, {FINE})", 123456),
    (f"DATEPART(millisecond, {FINE})", 123),
    ("DATENAME(ns, CAST('00:00:00.1234567' AS time))", "123456700"),
    (f"DATEPART(ns, '{STAMP}')", 123456700),
    (f"DATEPART(millisecond, {COARSE.format('187')})", 186),
    (f"DATEPART(microsecond, {COARSE.format('187')})", 186666),
    (f"DATEDIFF(nanosecond, {FINE}, CAST('{LATER}' AS datetime2))", 100),
    (f"DATEDIFF(microsecond, {FINE}, CAST('{LATER}' AS datetime2))", 0),
    (f"DATEDIFF(microsecond, {FINE}, '2020-01-01 00:00:00.1234570')", 1),
    ("DATEDIFF(microsecond, CAST('1969-12-31 23:59:59.9999999' AS datetime2), '1970-01-01')", 1),
    ("DATEDIFF_BIG(nanosecond, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:10')", 10_000_000_100),
    ("DATEDIFF_BIG(microsecond, '0001-01-01', CAST('9999-12-31 23:59:59.9999999' AS datetime2))", 315537897599999999),
    (
        "DATEDIFF(hour, CAST('0001-01-01 14:00 +14:00' AS datetimeoffset), CAST('0001-01-01 01:00 +00:00' AS datetimeoffset))",
        1,
    ),
    (f"DATALENGTH(CONVERT(varchar(40), {FINE}))", 27),
    *(
        # https://learn.microsoft.com/sql/t-sql/functions/datediff-transact-sql: boundaries, all of them 1.
        (f"DATEDIFF({part}, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", 1)
        for part in ("year", "quarter", "month", "dayofyear", "day", "week", "hour", "minute", "second", "millisecond")
    ),
]


@pytest.mark.parametrize(("expression", "value"), COUNTED, ids=[case[0] for case in COUNTED])
def test_parts_and_distances(shared: Session, expression: str, value: Value) -> None:
    assert shared.value(expression) == value


COMPARED = [
    (f"{FINE} < '{LATER}'", True),
    (f"{FINE} = '{STAMP}'", True),
    (f"{FINE} IN ('{LATER}', '{STAMP}')", True),
    (f"{FINE} BETWEEN '{STAMP}' AND '{STAMP}'", True),
    (f"{FINE} = CAST('{STAMP}' AS datetime2(6))", False),
    (f"{FINE} > CAST('2020-01-01' AS date)", True),
    (f"{FINE} = CAST('{STAMP} +00:00' AS datetimeoffset)", True),
    (f"{FINE} = CAST('{STAMP} +00:00' AS datetimeoffset(3))", False),
    ("CAST('00:00:00.0000001' AS time) > CAST('00:00' AS time(0))", True),
    # https://dba.stackexchange.com/q/302362: since SQL Server 2016 a datetime is not equal to what it shows.
    (f"{COARSE.format('003')} = CAST('2020-01-01 00:00:00.003' AS datetime2)", False),
    (f"{COARSE.format('003')} = CAST('2020-01-01 00:00:00.0033333' AS datetime2)", True),
    (f"{COARSE.format('003')} = '2020-01-01 00:00:00.003'", True),
    (f"{COARSE.format('010')} = CAST('2020-01-01 00:00:00.01' AS datetime2)", True),
]


@pytest.mark.parametrize(("condition", "holds"), COMPARED, ids=[case[0] for case in COMPARED])
def test_comparisons_in_all_digits(shared: Session, condition: str, holds: bool) -> None:
    assert shared.rows(f"SELECT 1 WHERE {condition}") == ([(1,)] if holds else [])


FAILING = [
    ("CAST(CAST('9999-12-31 23:59:59.9999999' AS datetime2) AS datetime2(6))", 8115),
    ("CAST('9999-12-31 23:59:59.9999999' AS datetime2(6))", 8115),
    ("CAST(CAST('9999-12-31 23:59:59.9999999 +00:00' AS datetimeoffset) AS datetimeoffset(0))", 8115),
    ("CAST(CAST('9999-12-31 23:59:59.9999999' AS datetime2) AS datetime)", 242),
    ("CAST('2020-01-01 00:00:00.12345678' AS datetime2)", 241),
    (f"CAST('{STAMP}' AS datetime)", 241),
    ("DATEADD(nanosecond, 100, CAST('9999-12-31 23:59:59.9999999' AS datetime2))", 517),
    ("DATEADD(week, 2147483647, CAST('2007-01-01' AS datetime2))", 517),
    ("DATEADD(month, -2147483647, CAST('2007-01-01' AS datetime2))", 517),
    ("DATEADD(nanosecond, 100, CAST('2007-01-01' AS datetime))", 9810),
    ("DATEADD(microsecond, 100, CAST('2007-01-01' AS smalldatetime))", 9810),
    ("DATEDIFF(nanosecond, '2005-12-31', '2006-01-01')", 535),
    ("DATEDIFF_BIG(nanosecond, '0001-01-01', '9999-12-31')", 535),
    ("DATETIME2FROMPARTS(2011, 8, 15, 14, 23, 44, 1000, 3)", 289),
    (f"CAST({FINE} AS float)", 529),
    (f"CONVERT(varchar(40), {FINE}, 114)", 40517),
]


@pytest.mark.parametrize(("expression", "number"), FAILING, ids=[case[0] for case in FAILING])
def test_what_cannot_be_is_an_error(shared: Session, expression: str, number: int) -> None:
    assert shared.error(f"SELECT {expression}").number == number


def test_what_does_not_fit_is_null_to_try_cast(shared: Session) -> None:
    assert shared.value("TRY_CAST(CAST('9999-12-31 23:59:59.9999999' AS datetime2) AS datetime2(6))") is None


EXTREMES: dict[str, Sequence[Value]] = {
    "datetime2": [stamp_of(0), stamp_of(1), stamp_of(10), stamp_of(11), stamp_of(END - 11), stamp_of(END - 1)],
    "time": [time_of(0), time_of(1), time_of(9), time_of(10), time_of(863_999_999_998), time_of(863_999_999_999)],
    "datetimeoffset": [
        *(stamp_of(504_000_000_000 + ticks, 840) for ticks in (0, 1, 10)),
        *(stamp_of(END - 504_000_000_000 - ticks, -840) for ticks in (11, 2, 1)),
    ],
}
"""Ascending."""


@pytest.mark.parametrize("kind", EXTREMES)
class TestTables:
    """A column of the type, declared without its scale, as the key of a table."""

    @pytest.fixture
    def table(self, session: Session, kind: str) -> Session:
        session.run(f"CREATE TABLE t (k {kind} NOT NULL CONSTRAINT pk PRIMARY KEY, n int NOT NULL)")
        for number, value in sorted(enumerate(EXTREMES[kind]), key=lambda pair: pair[0] % 2):
            self.insert(session, kind, value, number)
        return session

    @staticmethod
    def insert(session: Session, kind: str, value: Value, number: int) -> None:
        sent = [argument(value, kind, scale=7), argument(number, "int")]
        session.run("INSERT INTO t (k, n) VALUES (@k, @n)", f"@k {kind}(7), @n int", sent)

    def test_it_is_sorted_and_found(self, table: Session, kind: str) -> None:
        values = EXTREMES[kind]
        assert table.rows("SELECT k FROM t ORDER BY k") == [(value,) for value in values]
        assert table.rows("SELECT ROW_NUMBER() OVER (ORDER BY k DESC), n FROM t ORDER BY n") == [
            (6 - number, number) for number in range(6)
        ]
        assert table.rows("SELECT MIN(k), MAX(k), COUNT(DISTINCT k) FROM t") == [(values[0], values[-1], 6)]
        for number, value in enumerate(values):
            sent = [argument(value, kind, scale=7)]
            assert table.rows("SELECT n FROM t WHERE k = @k", f"@k {kind}", sent) == [(number,)]
            found = table.rows(
                "SELECT n FROM t WHERE k >= @k AND k < DATEADD(hour, 0, @k) OR k > @k", f"@k {kind}", sent
            )
            assert sorted(found) == [(later,) for later in range(number + 1, 6)]

    def test_ranges_are_told_in_text(self, table: Session, kind: str) -> None:
        values = EXTREMES[kind]
        texts = [row[0] for row in table.rows("SELECT CONVERT(varchar(40), k, 121) FROM t ORDER BY k")]
        assert len(set(texts)) == 6
        convert = f"CONVERT({kind}, @{{}}, 121)"
        query = f"SELECT k FROM t WHERE k >= {convert.format('a')} AND k < {convert.format('b')} ORDER BY k"
        sent = [argument(texts[1], "nvarchar", 40), argument(texts[4], "nvarchar", 40)]
        assert table.rows(query, "@a nvarchar(40), @b nvarchar(40)", sent) == [(value,) for value in values[1:4]]

    def test_a_second_one_is_told_in_all_digits(self, table: Session, kind: str) -> None:
        text = table.value("(SELECT CONVERT(varchar(40), k, 121) FROM t WHERE n = 1)")
        assert isinstance(text, str)
        error = table.error(f"INSERT INTO t VALUES ('{text}', 7)")
        assert error.number == 2627
        assert error.message.endswith(f"The duplicate key value is ({text}).")

    def test_it_is_grouped_joined_and_copied(self, table: Session, kind: str) -> None:
        values = EXTREMES[kind]
        table.run(
            "SELECT k, n INTO u FROM t; CREATE UNIQUE INDEX ix ON u (k); INSERT INTO u SELECT k, 9 FROM t WHERE 1 = 0"
        )
        assert table.rows("SELECT t.n FROM t JOIN u ON u.k = t.k WHERE u.n = t.n ORDER BY t.k") == [
            (n,) for n in range(6)
        ]
        assert table.rows("SELECT k FROM t EXCEPT SELECT k FROM u") == []
        assert table.rows(
            "SELECT k, COUNT(*) FROM (SELECT k FROM t UNION ALL SELECT k FROM u) x GROUP BY k ORDER BY k"
        ) == [(value, 2) for value in values]
        assert table.rows("SELECT LAG(k) OVER (ORDER BY k) FROM t ORDER BY k") == [
            (None,),
            *((v,) for v in values[:-1]),
        ]
        table.run("ALTER TABLE u ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES t (k)")
        assert table.error("DELETE FROM t WHERE n = 1").number == 547

    def test_many_rows_are_read_as_few_are(self, table: Session, kind: str) -> None:
        ten = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) d(d)"
        rows = table.rows(f"SELECT k, n FROM t CROSS JOIN {ten} CROSS JOIN {ten.replace('d(d)', 'e(e)')}")
        expected = [(value, number) for number, value in enumerate(EXTREMES[kind])]
        assert len(rows) == 600
        assert [row for row in rows if row not in expected] == []

    def test_a_variable_keeps_it(self, table: Session, kind: str) -> None:
        table.run(
            f"DECLARE @k {kind}; SELECT @k = MAX(k) FROM t; UPDATE t SET n = 60 WHERE k = @k; DELETE FROM t WHERE k < @k"
        )
        assert table.rows("SELECT k, n FROM t") == [(EXTREMES[kind][-1], 60)]

    def test_a_column_that_gets_fewer_digits_is_rounded(self, table: Session, kind: str) -> None:
        table.run(f"CREATE TABLE v (k {kind} NULL); INSERT INTO v SELECT k FROM t WHERE n < 3")
        table.run(f"ALTER TABLE v ALTER COLUMN k {kind}(6) NULL")
        start = {"time": "00:00", "datetime2": "0001-01-01", "datetimeoffset": "0001-01-01 14:00 +14:00"}[kind]
        distances = table.rows(f"SELECT DATEDIFF(nanosecond, CAST('{start}' AS {kind}), k) FROM v ORDER BY 1")
        assert distances == [(0,), (0,), (1000,)]


def test_parameters_are_taken_in_their_own_type(session: Session) -> None:
    session.run("CREATE TABLE t (n int IDENTITY, a datetime2(7), b datetime2(6), c datetime, d time(7), e date)")
    fine = stamp_of(ticks_of(dt.datetime(2020, 1, 1, 23, 59, 59, 999_999)) + 9)
    insert = "INSERT INTO t (a, b, c, d, e) VALUES (@p, @p, @p, @p, @p)"
    session.run(insert, "@p datetime2(7)", [argument(fine, "datetime2", scale=7)])
    texts = "INSERT INTO t (a, b, d, e) VALUES (@p, @p, @p, @p)"
    session.run(texts, "@p nvarchar(40)", [argument(fine.isoformat(" "), "nvarchar", 40)])
    session.run(insert, "@p datetime", [argument(dt.datetime(2020, 1, 1, 0, 0, 0, 7000), "datetime")])
    new_year = dt.datetime(2020, 1, 2)
    third = ticks_of(dt.datetime(2020, 1, 1)) + 66_667
    assert session.rows("SELECT a, b, c, d, e FROM t ORDER BY n") == [
        (fine, new_year, new_year, time_of(863_999_999_999), dt.date(2020, 1, 1)),
        (fine, new_year, None, time_of(863_999_999_999), dt.date(2020, 1, 1)),
        (
            stamp_of(third),
            dt.datetime(2020, 1, 1, 0, 0, 0, 6667),
            dt.datetime(2020, 1, 1, 0, 0, 0, 7000),
            time_of(66_667),
            dt.date(2020, 1, 1),
        ),
    ]


def test_the_clock_fills_a_column(session: Session) -> None:
    session.run(
        "CREATE TABLE t (n int, at datetime2 DEFAULT SYSDATETIME(), o datetimeoffset DEFAULT SYSDATETIMEOFFSET())"
    )
    session.run("INSERT INTO t (n) VALUES (1)")
    assert session.rows("SELECT DATEDIFF(minute, at, SYSUTCDATETIME()) / 10, DATEDIFF(minute, at, o) / 10 FROM t") == [
        (0, 0)
    ]
    kinds = [str(SqlType(name, scale=7)) for name in ("datetime2", "datetimeoffset")]
    assert session.run("SELECT SYSDATETIME(), SYSDATETIMEOFFSET()").types == kinds


def test_an_index_is_filtered_by_a_moment(session: Session) -> None:
    session.run(
        f"CREATE TABLE t (a datetime2, d datetime); INSERT INTO t VALUES ('{STAMP}', '2020-01-01'), ('{LATER}', '2020-01-01')"
    )
    session.run(f"CREATE UNIQUE INDEX late ON t (d) WHERE a > '{STAMP}'")
    session.run(f"INSERT INTO t VALUES ('{STAMP}', '2020-01-01')")
    assert session.error(f"INSERT INTO t VALUES ('{LATER}', '2020-01-01')").number == 2601
