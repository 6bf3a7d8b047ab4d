"""Functions and statements that clients use beside queries: hashes, dates, trimming, WAITFOR, TEXTSIZE."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time

import pytest

from tests.sandbox.tsql import Session

UTC = dt.UTC
VALUES = [
    ("HASHBYTES('MD5', 'abc')", "varbinary(8000)", hashlib.md5(b"abc").digest()),
    ("HASHBYTES('SHA', 'abc')", "varbinary(8000)", hashlib.sha1(b"abc").digest()),
    ("HASHBYTES('SHA1', REPLICATE('x', 119))", "varbinary(8000)", hashlib.sha1(b"x" * 119).digest()),
    ("HASHBYTES('SHA1', REPLICATE('x', 120))", "varbinary(8000)", hashlib.sha1(b"x" * 120).digest()),
    ("HASHBYTES('SHA2_256', N'ab')", "varbinary(8000)", hashlib.sha256(b"a\0b\0").digest()),
    ("HASHBYTES('SHA2_512', 0x01)", "varbinary(8000)", hashlib.sha512(b"\x01").digest()),
    ("TRIM('  a ')", "varchar(4)", "a"),
    ("TRIM('xy' FROM N'xaby')", "nvarchar(4)", "ab"),
    ("TRIM(LEADING 'x' FROM 'xax')", "varchar(3)", "ax"),
    ("TRIM(TRAILING 'x' FROM 'xax')", "varchar(3)", "xa"),
    ("DATETRUNC(hour, CAST('2020-02-03 04:05:06.789' AS datetime2(3)))", "datetime2(3)", dt.datetime(2020, 2, 3, 4)),
    ("DATETRUNC(week, CAST('2020-02-05' AS date))", "date", dt.date(2020, 2, 2)),
    ("DATETRUNC(iso_week, CAST('2020-02-05' AS date))", "date", dt.date(2020, 2, 3)),
    ("DATETRUNC(quarter, '2020-05-05')", "datetime2(7)", dt.datetime(2020, 4, 1)),
    ("DATETRUNC(minute, CAST('04:05:06' AS time(0)))", "time(0)", dt.time(4, 5)),
    (
        "CAST('2020-01-01 10:00' AS datetime2(0)) AT TIME ZONE 'UTC'",
        "datetimeoffset(0)",
        dt.datetime(2020, 1, 1, 10, tzinfo=UTC),
    ),
    (
        "CAST('2020-01-01 10:00 +02:00' AS datetimeoffset(3)) AT TIME ZONE 'utc'",
        "datetimeoffset(3)",
        dt.datetime(2020, 1, 1, 8, tzinfo=UTC),
    ),
    ("CAST('1999-12-31 23:59:59.5' AS datetime2(0))", "datetime2(0)", dt.datetime(2000, 1, 1)),
    ("CAST('0001-01-01 00:00:00.25' AS datetime2(1))", "datetime2(1)", dt.datetime(1, 1, 1, 0, 0, 0, 300000)),
]


@pytest.mark.parametrize(("expression", "kind", "value"), VALUES, ids=[case[0] for case in VALUES])
def test_a_value(shared: Session, expression: str, kind: str, value: object) -> None:
    assert shared.typed(expression) == (kind, value)


REFUSED = [
    ("SELECT HASHBYTES('MD4', 'a')", "HASHBYTES with MD4"),
    ("SELECT GETDATE() AT TIME ZONE 'Pacific Standard Time'", "AT TIME ZONE 'Pacific Standard Time'"),
    ("WAITFOR TIME '10:00'", "WAITFOR with anything but DELAY"),
]


@pytest.mark.parametrize(("text", "what"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_is_refused_says_so(shared: Session, text: str, what: str) -> None:
    assert shared.error(text).message == f"sandbox: {what} is not supported"


def test_a_delay_is_waited(shared: Session) -> None:
    started = time.monotonic()
    shared.run("WAITFOR DELAY '00:00:00.200'")
    assert time.monotonic() - started >= 0.2
    shared.run("DECLARE @d char(12) = '00:00:00.010'; WAITFOR DELAY @d")
    assert shared.error("WAITFOR DELAY '00:61'").number == 148


def test_a_delay_can_be_cancelled_and_the_transaction_stays(session: Session) -> None:
    session.run("CREATE TABLE t (a int); BEGIN TRAN; INSERT INTO t VALUES (1)")
    started = time.monotonic()
    timer = threading.Timer(0.2, session.interpreter.cancel)
    timer.start()
    assert session.error("WAITFOR DELAY '00:01:00'").number == 0
    timer.join()
    assert time.monotonic() - started < 30
    assert session.rows("SELECT @@TRANCOUNT, COUNT(*) FROM t") == [(1, 1)]
    session.run("ROLLBACK")


def test_textsize_cuts_large_values_only(session: Session) -> None:
    session.run("CREATE TABLE t (a varchar(max), b nvarchar(max), c varbinary(max), d varchar(20), e char(3))")
    session.run("INSERT INTO t VALUES ('abcdefgh', N'ab\U0001f600d', 0x010203040506, 'abcdefgh', 'x')")
    session.run("SET TEXTSIZE 5")
    assert session.rows("SELECT * FROM t ORDER BY d") == [("abcde", "ab", b"\x01\x02\x03\x04\x05", "abcdefgh", "x  ")]
    assert session.rows("SELECT @@TEXTSIZE, LEN(a) FROM t") == [(5, 8)]
    session.run("SET TEXTSIZE 2147483647")
    assert session.rows("SELECT a FROM t") == [("abcdefgh",)]
