"""Expressions: values and types as SQL Server gives them."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest

from tests.sandbox.tsql import Session

TYPED = [
    # Whole numbers divide to whole numbers, and take the wider type.
    ("7/2", "int", 3),
    ("-7/2", "int", -3),
    ("-7%3", "int", -1),
    ("CAST(7 AS bigint)/2", "bigint", 3),
    ("CAST(200 AS tinyint) + CAST(1 AS smallint)", "smallint", 201),
    ("CAST(5 AS bit) + 1", "int", 2),
    ("2147483648", "decimal(10,0)", Decimal(2147483648)),
    ("5 & 3", "int", 1),
    ("5 | 3", "int", 7),
    ("5 ^ 3", "int", 6),
    ("~5", "int", -6),
    # Precision and scale of decimals.
    ("1.5 + 2", "decimal(12,1)", Decimal("3.5")),
    ("2.0 / 3.0", "decimal(8,6)", Decimal("0.666666")),
    ("1 / 3.0", "decimal(17,6)", Decimal("0.333333")),
    ("CAST(1 AS decimal(10,2)) * CAST(3 AS decimal(5,3))", "decimal(16,5)", Decimal("3.00000")),
    ("CAST(1 AS decimal(38,10)) / CAST(3 AS decimal(38,10))", "decimal(38,6)", Decimal("0.333333")),
    ("CAST(1 AS money) / 3", "money", Decimal("0.3333")),
    ("1e0 / 3", "float", 1 / 3),
    ("CAST(1.5 AS real)", "real", 1.5),
    # Text
    ("'a' + 'bc'", "varchar(3)", "abc"),
    ("N'a' + 'bc'", "nvarchar(3)", "abc"),
    ("'a' + CAST('b' AS char(3)) + 'c'", "varchar(5)", "ab  c"),
    ("'5' + 1", "int", 6),
    ("CAST('x' AS varchar)", "varchar(30)", "x"),
    ("CAST(N'Ω' AS varchar(5))", "varchar(5)", "?"),
    ("CAST('abc' AS varchar(2))", "varchar(2)", "ab"),
    ("'a''b'", "varchar(3)", "a'b"),
    ("'back\\slash'", "varchar(10)", "back\\slash"),
    # The type with the higher precedence wins.
    ("CASE WHEN 1=1 THEN 1 ELSE 2.5 END", "decimal(11,1)", Decimal("1.0")),
    ("COALESCE(NULL, 1, 2)", "int", 1),
    ("ISNULL(CAST(NULL AS varchar(3)), 'abcdef')", "varchar(3)", "abc"),
    ("COALESCE(CAST(NULL AS varchar(3)), 'abcdef')", "varchar(6)", "abcdef"),
    ("NULLIF(1, 1)", "int", None),
    ("IIF(1 > 2, 'x', N'yy')", "nvarchar(2)", "yy"),
    ("NULL", "int", None),
    # Conversions
    ("CAST(2.9 AS int)", "int", 2),
    ("CAST(-2.9 AS int)", "int", -2),
    ("CAST(CAST(2.5 AS money) AS int)", "int", 3),
    ("CAST(' 12 ' AS int)", "int", 12),
    ("CAST('' AS int)", "int", 0),
    ("CAST('1e3' AS float)", "float", 1000.0),
    ("CAST(1.005 AS decimal(5,2))", "decimal(5,2)", Decimal("1.01")),
    ("CAST('true' AS bit)", "bit", True),
    ("TRY_CAST('x' AS int)", "int", None),
    ("TRY_CONVERT(date, '2020-13-01')", "date", None),
    ("CAST(123456.789 AS varchar(20))", "varchar(20)", "123456.789"),
    ("CAST(CAST(1234567.0 AS float) AS varchar(20))", "varchar(20)", "1.23457e+006"),
    ("CAST(CAST(0.1 AS float) AS varchar(20))", "varchar(20)", "0.1"),
    ("CONVERT(varchar(20), CAST(1234.5678 AS money))", "varchar(20)", "1234.57"),
    ("CAST(12345 AS varchar(3))", "varchar(3)", "*"),
    ("CONVERT(varbinary(8), '0x0aff', 1)", "varbinary(8)", b"\x0a\xff"),
    ("CONVERT(varchar(10), 0x0AFF, 1)", "varchar(10)", "0x0AFF"),
    ("CAST(N'é' AS varbinary(4))", "varbinary(4)", b"\xe9\x00"),
    ("CAST('é' AS varbinary(4))", "varbinary(4)", b"\xe9"),
    ("CAST(1 AS binary(4))", "binary(4)", b"\0\0\0\1"),
    ("CAST(0x00000000000007D1 AS bigint)", "bigint", 2001),
    ("0x", "varbinary(1)", b""),
    # Dates
    ("CAST('2020-02-29' AS date)", "date", dt.date(2020, 2, 29)),
    ("CAST('20200229' AS datetime)", "datetime", dt.datetime(2020, 2, 29)),
    ("CAST('2020-01-01 10:11:12.126' AS datetime)", "datetime", dt.datetime(2020, 1, 1, 10, 11, 12, 127000)),
    ("CAST('2020-01-01 23:59:59.999' AS datetime)", "datetime", dt.datetime(2020, 1, 2)),
    ("CAST('2020-01-01 10:11:30' AS smalldatetime)", "smalldatetime", dt.datetime(2020, 1, 1, 10, 12)),
    ("CAST('0001-01-01' AS datetime2(0))", "datetime2(0)", dt.datetime(1, 1, 1)),
    ("CAST('9999-12-31 23:59:59.9999990' AS datetime2)", "datetime2(7)", dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("CAST('10:11:12.3456' AS time(2))", "time(2)", dt.time(10, 11, 12, 350000)),
    ("CAST('23:59:59.99' AS time(0))", "time(0)", dt.time(0, 0)),
    ("CAST('Jan 5 2020 3:04PM' AS datetime2(0))", "datetime2(0)", dt.datetime(2020, 1, 5, 15, 4)),
    ("CAST('1/2/2020' AS date)", "date", dt.date(2020, 1, 2)),
    (
        "CONVERT(varchar(30), CAST('2020-01-02 03:04:05.127' AS datetime), 126)",
        "varchar(30)",
        "2020-01-02T03:04:05.127",
    ),
    ("CONVERT(varchar(30), CAST('2020-01-02 03:04:05' AS datetime), 126)", "varchar(30)", "2020-01-02T03:04:05"),
    (
        "CONVERT(varchar(30), CAST('2020-01-02 03:04:05' AS datetime2(3)), 126)",
        "varchar(30)",
        "2020-01-02T03:04:05.000",
    ),
    ("CONVERT(varchar(30), CAST('2020-01-02 03:04:05.1' AS datetime), 121)", "varchar(30)", "2020-01-02 03:04:05.100"),
    ("CONVERT(varchar(30), CAST('2020-01-02 13:04:05' AS datetime))", "varchar(30)", "Jan  2 2020  1:04PM"),
    ("CONVERT(char(8), CAST('2020-01-02' AS date), 112)", "char(8)", "20200102"),
    ("CAST(CAST('2020-01-02' AS date) AS varchar(10))", "varchar(10)", "2020-01-02"),
    ("CAST('2020-01-02' AS datetime) + 1", "datetime", dt.datetime(2020, 1, 3)),
    (
        "CONVERT(varchar(40), CAST('2020-01-02 03:04:05.5 +05:30' AS datetimeoffset(3)))",
        "varchar(40)",
        "2020-01-02 03:04:05.500 +05:30",
    ),
    (
        "CONVERT(varchar(40), CAST('2020-01-02 03:04:05.5 +05:30' AS datetimeoffset(3)), 127)",
        "varchar(40)",
        "2020-01-01T21:34:05.500Z",
    ),
    # uniqueidentifier
    (
        "CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)",
        "uniqueidentifier",
        uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
    ),
    (
        "CAST(CAST('6f9619ff-8b86-d011-b42d-00c04fc964ff' AS uniqueidentifier) AS varchar(36))",
        "varchar(36)",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
    ),
    (
        "CAST(CAST('6f9619ff-8b86-d011-b42d-00c04fc964ff' AS uniqueidentifier) AS binary(16))",
        "binary(16)",
        bytes.fromhex("ff19966f868b11d0b42d00c04fc964ff"),
    ),
    # Aggregates
    ("COUNT(*)", "int", 1),
    ("COUNT_BIG(*)", "bigint", 1),
]


@pytest.mark.parametrize(("expression", "kind", "value"), TYPED, ids=[case[0] for case in TYPED])
def test_the_value_and_the_type(shared: Session, expression: str, kind: str, value: object) -> None:
    assert shared.typed(expression) == (kind, value)


def test_an_offset_keeps_its_instant_and_itself(shared: Session) -> None:
    value = shared.value("CAST('2020-01-02 03:04:05.123456 -08:00' AS datetimeoffset)")
    assert isinstance(value, dt.datetime)
    assert value.isoformat() == "2020-01-02T03:04:05.123456-08:00"
    edge = shared.value("CAST('0001-01-01 00:00:00 +14:00' AS datetimeoffset)")
    assert isinstance(edge, dt.datetime)
    assert edge.isoformat() == "0001-01-01T00:00:00+14:00"


FUNCTIONS = [
    ("LEN('ab  ')", 2),
    ("LEN(N'😀')", 2),
    ("DATALENGTH(N'ab')", 4),
    ("DATALENGTH('ab ')", 3),
    ("DATALENGTH(CAST('a' AS char(5)))", 5),
    ("LEFT('abc', 2)", "ab"),
    ("RIGHT('abc', 2)", "bc"),
    ("SUBSTRING('abcdef', 2, 3)", "bcd"),
    ("SUBSTRING('abc', 0, 2)", "a"),
    ("SUBSTRING(0x010203, 2, 1)", b"\2"),
    ("UPPER('é')", "É"),
    ("LTRIM('  a ') + '|'", "a |"),
    ("RTRIM('a  ') + '|'", "a|"),
    ("TRIM('  a  ')", "a"),
    ("REPLACE('aBa', 'b', 'x')", "axa"),
    ("CHARINDEX('B', 'abc')", 2),
    ("CHARINDEX('a', 'abca', 2)", 4),
    ("PATINDEX('%[0-9]%', 'ab3')", 3),
    ("CONCAT('a', NULL, 1)", "a1"),
    ("CONCAT_WS('-', 'a', NULL, 'b')", "a-b"),
    ("REPLICATE('ab', 2)", "abab"),
    ("STUFF('abcdef', 2, 3, 'X')", "aXef"),
    ("REVERSE('abc')", "cba"),
    ("ASCII('A')", 65),
    ("UNICODE(N'Ω')", 937),
    ("CHAR(65)", "A"),
    ("NCHAR(937)", "Ω"),
    ("QUOTENAME('a]b')", "[a]]b]"),
    ("PARSENAME('db.dbo.t', 1)", "t"),
    ("PARSENAME('db.dbo.t', 3)", "db"),
    ("ISNUMERIC('1.5')", 1),
    ("CHOOSE(2, 'a', 'b')", "b"),
    ("ABS(-5)", 5),
    ("CEILING(1.2)", Decimal(2)),
    ("FLOOR(-1.2)", Decimal(-2)),
    ("ROUND(123.456, 1)", Decimal("123.500")),
    ("ROUND(123.456, 1, 1)", Decimal("123.400")),
    ("ROUND(155, -1)", 160),
    ("POWER(2, 10)", 1024),
    ("SQRT(16)", 4.0),
    ("SIGN(-3)", -1),
    ("DATEADD(month, 1, '2020-01-31')", dt.datetime(2020, 2, 29)),
    ("DATEADD(day, -1, CAST('2020-03-01' AS date))", dt.date(2020, 2, 29)),
    ("DATEADD(ms, 5, CAST('2020-01-01' AS datetime2(3)))", dt.datetime(2020, 1, 1, 0, 0, 0, 5000)),
    ("DATEDIFF(day, '2020-01-01 23:59', '2020-01-02 00:01')", 1),
    ("DATEDIFF(year, '2019-12-31', '2020-01-01')", 1),
    ("DATEDIFF(week, '2020-01-04', '2020-01-05')", 1),
    ("DATEDIFF_BIG(microsecond, '2000-01-01', '2020-01-01')", 631152000000000),
    ("DATEPART(weekday, '2020-01-01')", 4),
    ("DATEPART(week, '2020-01-05')", 2),
    ("DATEPART(iso_week, '2021-01-01')", 53),
    ("DATEPART(tzoffset, CAST('2020-01-01 00:00 +05:30' AS datetimeoffset))", 330),
    ("DATENAME(month, '2020-01-01')", "January"),
    ("YEAR('2020-05-06')", 2020),
    ("MONTH('2020-05-06')", 5),
    ("DAY('2020-05-06')", 6),
    ("EOMONTH('2020-02-01')", dt.date(2020, 2, 29)),
    ("DATEFROMPARTS(2020, 2, 29)", dt.date(2020, 2, 29)),
    ("ISDATE('2020-02-30')", 0),
    ("HASHBYTES('MD5', 'a')", bytes.fromhex("0cc175b9c0f1b6a831c399e269772661")),
    ("HASHBYTES('SHA2_256', N'a')", bytes.fromhex("ffe9aaeaa2a2d5048174df0b80599ef0197ec024c4b051bc9860cff58ef7f9f3")),
    ("DB_NAME()", "sandbox"),
    ("SCHEMA_NAME()", "dbo"),
    ("USER_NAME()", "dbo"),
    ("SUSER_SNAME()", "sa"),
    ("ORIGINAL_LOGIN()", "sa"),
    ("XACT_STATE()", 0),
    ("@@TRANCOUNT", 0),
    ("HAS_DBACCESS('master')", 1),
    ("OBJECT_ID('nowhere')", None),
    ("CAST(SERVERPROPERTY('EngineEdition') AS int)", 3),
]


@pytest.mark.parametrize(("expression", "value"), FUNCTIONS, ids=[case[0] for case in FUNCTIONS])
def test_a_function_answers_as_sql_server_does(shared: Session, expression: str, value: object) -> None:
    assert shared.value(expression) == value


CONDITIONS = [
    ("'A' = 'a'", True),
    ("'a ' = 'a'", True),
    ("'a' = 'b'", False),
    ("'A' COLLATE Latin1_General_BIN2 = 'a'", False),
    ("'A' COLLATE Latin1_General_CS_AS = 'A'", True),
    ("'ABC' LIKE 'a%'", True),
    ("'a_c' LIKE 'a[_]c'", True),
    ("'abc' LIKE 'a[_]c'", False),
    ("'a%c' LIKE 'a!%c' ESCAPE '!'", True),
    ("'abc' LIKE 'a!%c' ESCAPE '!'", False),
    ("'b5' LIKE '[a-c][0-9]'", True),
    ("'b5' LIKE '[^a-c]_'", False),
    ("'x' LIKE '[z-a]'", False),
    ("'x' LIKE '[^z-a]'", True),
    ("'m' LIKE '[a-Z]'", True),
    ("'-' LIKE '[a-c-]'", True),
    ("1 IN (2, 1)", True),
    ("1 NOT IN (2, NULL)", False),
    ("5 BETWEEN 1 AND 5", True),
    ("NULL = NULL", False),
    ("1 IS NOT NULL", True),
    ("'10' > 9", True),
    ("CAST('2020-01-01' AS date) = '2020-01-01'", True),
    ("CAST('2020-01-01 10:00 +02:00' AS datetimeoffset) = CAST('2020-01-01 08:00 +00:00' AS datetimeoffset)", True),
    # The last six bytes weigh most.
    (
        (
            "CAST('00000000-0000-0000-0000-010000000000' AS uniqueidentifier) >"
            " CAST('FFFFFFFF-FFFF-FFFF-FFFF-000000000000' AS uniqueidentifier)"
        ),
        True,
    ),
    ("EXISTS (SELECT 1 WHERE 1 = 2)", False),
    ("NOT (1 = 1 AND 2 = 3 OR 4 = 5)", True),
]


@pytest.mark.parametrize(("condition", "truth"), CONDITIONS, ids=[case[0] for case in CONDITIONS])
def test_a_condition(shared: Session, condition: str, truth: bool) -> None:
    assert shared.value(f"CASE WHEN {condition} THEN 1 ELSE 0 END") == int(truth)


ERRORS = [
    ("SELECT CAST('abc' AS int)", 245, "Conversion failed when converting the varchar value 'abc' to data type int."),
    (
        "SELECT CAST('99999999999' AS int)",
        248,
        "The conversion of the varchar value '99999999999' overflowed an int column.",
    ),
    ("SELECT CAST('x' AS bigint)", 8114, "Error converting data type varchar to bigint."),
    ("SELECT CAST('x' AS decimal(5,2))", 8114, "Error converting data type varchar to numeric."),
    (
        "SELECT CAST('2020-13-01' AS date)",
        241,
        "Conversion failed when converting date and/or time from character string.",
    ),
    (
        "SELECT CAST('2020-13-01' AS datetime)",
        242,
        "The conversion of a varchar data type to a datetime data type resulted in an out-of-range value.",
    ),
    (
        "SELECT CAST('x' AS uniqueidentifier)",
        8169,
        "Conversion failed when converting from a character string to uniqueidentifier.",
    ),
    ("SELECT CAST(300 AS tinyint)", 220, "Arithmetic overflow error for data type tinyint, value = 300."),
    ("SELECT CAST(3000000000 AS int)", 8115, "Arithmetic overflow error converting numeric to data type int."),
    ("SELECT 2147483647 + 1", 8115, "Arithmetic overflow error converting expression to data type int."),
    ("SELECT CAST(1234.5 AS decimal(5,2))", 8115, "Arithmetic overflow error converting numeric to data type numeric."),
    ("SELECT 1/0", 8134, "Divide by zero error encountered."),
    ("SELECT nope", 207, "Invalid column name 'nope'."),
    ("SELECT a.b", 4104, 'The multi-part identifier "a.b" could not be bound.'),
    ("SELECT * FROM dbo.nope", 208, "Invalid object name 'dbo.nope'."),
    ("SELECT @x", 137, 'Must declare the scalar variable "@x".'),
    ("SELECT FROM", 102, "Incorrect syntax near 'FROM'."),
    ("EXEC nope", 2812, "Could not find stored procedure 'nope'."),
    ("SELECT NOPE(1)", 195, "'NOPE' is not a recognized built-in function name (sandbox: it is not supported)."),
    ("SELECT CAST('2020-01-01' AS date) + 1", 206, "Operand type clash: date is incompatible with int"),
    ("SELECT SUM('a')", 8117, "Operand data type varchar is invalid for sum operator."),
    (
        "SELECT CAST(CAST('2020-01-01' AS datetime2) AS int)",
        529,
        "Explicit conversion from data type datetime2 to int is not allowed.",
    ),
    ("SELECT CAST('a' AS nope)", 2715, "Column, parameter, or variable #1: Cannot find data type nope."),
    ("COMMIT", 3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    ("ROLLBACK", 3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    ("SAVE TRANSACTION s", 628, "Cannot issue SAVE TRANSACTION when there is no active transaction."),
    ("USE nowhere", 911, "Database 'nowhere' does not exist. Make sure that the name is entered correctly."),
    (
        "SELECT (SELECT 1 UNION ALL SELECT 2)",
        512,
        (
            "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >="
            " or when the subquery is used as an expression."
        ),
    ),
    ("RAISERROR('said', 16, 1)", 50000, "said"),
    ("THROW 51000, 'thrown', 1", 51000, "thrown"),
]


@pytest.mark.parametrize(("text", "number", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_an_error_has_sql_servers_number_and_words(shared: Session, text: str, number: int, message: str) -> None:
    error = shared.error(text)
    assert (error.number, error.message) == (number, message)


REFUSED = [
    ("SELECT CONVERT(varchar(40), CAST('2020-01-01' AS datetime2), 113)", "CONVERT style 113 of datetime2(7)"),
    ("SELECT * FROM sys.objects FOR XML AUTO", "FOR"),
    ("SELECT a FROM (SELECT 1 AS a) t CROSS APPLY (SELECT 2 AS b) u", "APPLY"),
    ("MERGE INTO t USING s ON 1 = 1 WHEN MATCHED THEN DELETE;", "the statement MERGE"),
    ("WHILE 1 = 1 SELECT 1", "the statement WHILE"),
    ("BEGIN TRY SELECT 1 END TRY", "BEGIN TRY"),
    ("DECLARE @t TABLE (a int)", "a table variable"),
    ("CREATE TABLE ##t (a int)", "the global temporary table ##t"),
    ("SELECT * FROM server.db.dbo.t", "server.db.dbo.t"),
    ("SET ROWCOUNT 5", "SET ROWCOUNT other than 0"),
    ("SET ANSI_NULLS OFF", "SET ANSI_NULLS OFF"),
    ("CREATE PROCEDURE p AS SELECT 1", "CREATE PROCEDURE"),
    ("GRANT SELECT (a) ON t TO public", "a permission on columns"),
    ("SELECT 1 | 2 + 3", "the operator | beside another one without parentheses"),
]


@pytest.mark.parametrize(("text", "what"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_is_not_supported_is_refused_by_name(shared: Session, text: str, what: str) -> None:
    error = shared.error(text)
    assert error.number == 40517
    assert error.message.startswith("sandbox: ")
    assert what in error.message
