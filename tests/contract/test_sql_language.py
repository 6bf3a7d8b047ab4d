"""T-SQL that loaders send, over FreeTDS and pyodbc."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from decimal import Decimal

import pyodbc
import pytest

from tests.contract.lab import Session


def test_rows_come_in_as_one_json_parameter(session: Session) -> None:
    columns = (
        "id int, name nvarchar(40), price decimal(9,2), made datetime2(3), ok bit, raw varbinary(8), note nvarchar(max)"
    )
    session.run(f"CREATE TABLE #t ({columns})")
    rows = [
        {
            "id": i,
            "name": f"größe {i} \U0001f600" if i % 2 else None,
            "price": f"{i}.25",
            "made": "2020-02-03T04:05:06.789",
            "ok": i % 3 == 0,
            "raw": "AQI=",
            "note": {"n": [i]},
        }
        for i in range(2500)
    ]
    session.run(f"INSERT INTO #t SELECT * FROM OPENJSON(?) WITH ({columns} AS JSON)", json.dumps(rows))
    assert session.rows("SELECT COUNT(*), COUNT(name), SUM(price) FROM #t") == [(2500, 1250, Decimal("3124375.00"))]
    assert session.rows("SELECT * FROM #t WHERE id = 7") == [
        (
            7,
            "größe 7 \U0001f600",
            Decimal("7.25"),
            dt.datetime(2020, 2, 3, 4, 5, 6, 789000),
            False,
            b"\x01\x02",
            '{"n": [7]}',
        )
    ]


def test_a_bad_value_in_json_is_a_failed_conversion(session: Session) -> None:
    text = "SELECT * FROM OPENJSON(?) WITH (id int)"
    assert session.error(text, '[{"id": "x"}]').number == 245
    assert session.error(text, '[{"id": 1').number == 13609
    assert session.error("SELECT * FROM OPENJSON(?) WITH (id int 'strict $.id')", '[{"no": 1}]').number == 13608


def test_a_text_is_executed_and_outputs_come_back(session: Session) -> None:
    assert session.rows(
        "DECLARE @t sysname = N'name'; EXEC (N'SELECT ' + @t + N' FROM sys.databases WHERE database_id = 1')"
    ) == [("master",)]
    inner = "N'SELECT @c = COUNT(*) FROM (VALUES (1), (2)) v (x)', N'@c int OUTPUT', @n OUTPUT"
    assert session.value(f"DECLARE @n int; EXEC sp_executesql {inner}; SELECT @n") == 2


def test_rows_of_values_have_one_type(session: Session) -> None:
    session.run("CREATE TABLE #t (a varchar(10))")
    assert session.error("INSERT INTO #t VALUES (1), ('x')").number == 245
    session.run("INSERT INTO #t VALUES (1), ('02')")
    assert session.rows("SELECT a FROM #t ORDER BY a") == [("1",), ("2",)]


def test_stored_blanks_do_not_count(session: Session) -> None:
    session.run("CREATE TABLE #t (a varchar(10)); INSERT INTO #t VALUES ('x  '), ('x'), ('y')")
    assert session.value("SELECT COUNT(*) FROM #t WHERE a = 'x'") == 2
    assert session.value("SELECT COUNT(*) FROM #t WHERE a = ?", "x ") == 2
    assert session.value("SELECT COUNT(*) FROM #t p JOIN #t q ON p.a = q.a") == 5
    assert session.value("SELECT COUNT(*) FROM #t WHERE a > 'x'") == 1


def test_binary_constants(session: Session) -> None:
    session.run("CREATE TABLE #t (a varbinary(8), b binary(2)); INSERT INTO #t VALUES (0x, 0x01), (0xABC, 0xFFFF)")
    assert session.rows("SELECT a, b FROM #t ORDER BY b") == [(b"", b"\x01\0"), (b"\x0a\xbc", b"\xff\xff")]
    assert session.value("SELECT CONVERT(varchar(10), a, 1) FROM #t WHERE b = 0xFFFF") == "0x0ABC"


def test_textsize_cuts_what_is_large(session: Session) -> None:
    session.run("SET TEXTSIZE 10")
    row = session.rows("SELECT @@TEXTSIZE, REPLICATE(CAST('x' AS varchar(max)), 100), REPLICATE('y', 20)")
    assert row == [(10, "x" * 10, "y" * 20)]


def test_a_delay_is_cancelled(session: Session) -> None:
    cursor = session.connection.cursor()
    timer = threading.Timer(0.3, cursor.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(pyodbc.Error):
        cursor.execute("WAITFOR DELAY '00:01:00'")
    assert 0.2 < time.monotonic() - started < 30
    timer.join()
    assert session.value("SELECT 1") == 1


@pytest.mark.parametrize(
    ("kind", "literal", "shown"),
    [
        ("datetime", "'2020-01-02T13:05:00'", "Jan  2 2020  1:05PM"),
        ("datetime2(3)", "'2020-01-02 13:05:00'", "2020-01-02 13:05:00.000"),
        ("bit", "1", "1"),
        ("uniqueidentifier", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
    ],
)
def test_a_duplicate_names_its_key(session: Session, kind: str, literal: str, shown: str) -> None:
    session.run(
        f"DROP TABLE IF EXISTS dbo.k; CREATE TABLE dbo.k (a {kind} NOT NULL PRIMARY KEY); INSERT INTO dbo.k VALUES ({literal})"
    )
    failure = session.error(f"INSERT INTO dbo.k VALUES ({literal})")
    assert failure.number == 2627
    assert f"The duplicate key value is ({shown})." in failure.text
