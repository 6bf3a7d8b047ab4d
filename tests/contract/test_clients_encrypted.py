"""Clients that encrypt: FreeTDS under pyodbc and pymssql, and Microsoft's own driver in mssql-python."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import mssql_python
import pymssql
import pyodbc
import pytest
import sqlalchemy as sa

ENCRYPTED = (
    "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID AND net_transport <> 'Session'"
)
MOMENT = dt.datetime(2020, 2, 29, 1, 2, 3, 456789)


def microsoft(server: sa.Engine, **options: str) -> str:
    """The connection string of Microsoft's driver, which is encrypted; the certificate is not checked."""
    url = server.url
    settings = {
        "SERVER": f"{url.host},{url.port or 1433}",
        "DATABASE": url.database,
        "UID": url.username,
        "PWD": url.password,
        "Encrypt": "yes",
        "TrustServerCertificate": "yes",
    } | options
    return ";".join(f"{name}={{{value}}}" for name, value in settings.items())


def freetds(server: sa.Engine, **options: str) -> pyodbc.Connection:
    (connection_string,), _ = server.dialect.create_connect_args(server.url)
    extra = "".join(f";{name}={value}" for name, value in options.items())
    return pyodbc.connect(connection_string + extra, autocommit=True)


@pytest.fixture
def connection(server: sa.Engine) -> Iterator[mssql_python.Connection]:
    connection = mssql_python.connect(microsoft(server))
    yield connection
    connection.close()


@pytest.fixture
def cursor(connection: mssql_python.Connection) -> Any:
    return connection.cursor()


# FreeTDS


@pytest.mark.parametrize(("level", "encrypted"), [("off", "FALSE"), ("request", "FALSE"), ("require", "TRUE")])
def test_freetds_encrypts_as_it_is_told(server: sa.Engine, level: str, encrypted: str) -> None:
    connection = freetds(server, Encryption=level)
    assert connection.execute(ENCRYPTED).fetchval() == encrypted
    assert connection.execute("SELECT ?", "é😀" * 50_000).fetchval() == "é😀" * 50_000
    connection.close()


@pytest.mark.parametrize(
    ("level", "asked", "granted"),
    [
        # FreeTDS never asks for less than 4096 bytes.
        ("off", 512, 4096),
        ("off", 32767, 32767),
        ("request", 32767, 32767),
        ("require", 16383, 16383),
    ],
)
def test_freetds_gets_the_packet_size_it_asks_for(server: sa.Engine, level: str, asked: int, granted: int) -> None:
    connection = freetds(server, Encryption=level, PacketSize=str(asked))
    query = "SELECT net_packet_size FROM sys.dm_exec_connections WHERE session_id = @@SPID"
    assert connection.execute(query).fetchval() == granted
    assert connection.execute("SELECT ?", "x" * 100_000).fetchval() == "x" * 100_000
    connection.close()


def test_a_statement_of_an_encrypted_client_is_cancelled(server: sa.Engine) -> None:
    connection = freetds(server, Encryption="require")
    connection.execute("CREATE TABLE dbo.numbers (n bigint NOT NULL)")
    connection.execute("INSERT INTO dbo.numbers VALUES " + ", ".join(f"({number})" for number in range(1000)))
    # 10 ** 12 rows: only a cancel ends it.
    cursor = connection.cursor()
    canceller = threading.Timer(0.3, cursor.cancel)
    canceller.start()
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute(
            "SELECT SUM(a.n + b.n + c.n + d.n) FROM dbo.numbers a, dbo.numbers b, dbo.numbers c, dbo.numbers d"
        )
    canceller.join()
    assert connection.execute("SELECT 1").fetchval() == 1
    connection.close()


@pytest.mark.parametrize(("level", "encrypted"), [("off", "FALSE"), ("request", "FALSE"), ("require", "TRUE")])
def test_pymssql_encrypts_as_it_is_told(server: sa.Engine, level: str, encrypted: str) -> None:
    url = server.url
    connection = pymssql.connect(
        server=str(url.host),
        port=str(url.port or 1433),
        user=url.username,
        password=url.password,
        database=str(url.database),
        encryption=level,
    )
    cursor = connection.cursor()
    cursor.execute(ENCRYPTED)
    assert cursor.fetchall() == [(encrypted,)]
    cursor.execute("SELECT %s, %d", ("é😀", 5))
    assert cursor.fetchall() == [("é😀", 5)]
    connection.close()


# Microsoft's driver


@pytest.mark.parametrize(("encrypt", "encrypted"), [("no", "FALSE"), ("yes", "TRUE")])
def test_microsofts_driver_encrypts_as_it_is_told(server: sa.Engine, encrypt: str, encrypted: str) -> None:
    connection = mssql_python.connect(microsoft(server, Encrypt=encrypt))
    assert connection.cursor().execute(ENCRYPTED).fetchall()[0][0] == encrypted
    connection.close()


VALUES: list[tuple[str, list[Any]]] = [
    ("bit", [True, False]),
    ("tinyint", [0, 255]),
    ("smallint", [-(2**15), 2**15 - 1]),
    ("int", [-(2**31), 2**31 - 1]),
    ("bigint", [-(2**63), 2**63 - 1]),
    ("real", [1.5, -0.25]),
    ("float", [1.7976931348623157e308, -0.1]),
    ("decimal(38,10)", [Decimal("1234567890123456789012345678.0123456789"), Decimal("-0.0000000001")]),
    ("money", [Decimal("922337203685477.5807"), Decimal("-1.5000")]),
    ("date", [dt.date(1753, 1, 1), dt.date(9999, 12, 31)]),
    ("time(6)", [dt.time(0), dt.time(23, 59, 59, 999999)]),
    ("datetime2(6)", [MOMENT, dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]),
    ("datetime", [dt.datetime(1753, 1, 1), dt.datetime(2020, 1, 1, 23, 59, 59, 997000)]),
    ("smalldatetime", [dt.datetime(1900, 1, 1), dt.datetime(2079, 6, 6, 23, 59)]),
    ("datetimeoffset(6)", [MOMENT.replace(tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))]),
    ("char(3)", ["abc", "é€ß"]),
    ("varchar(20)", ["", "é€ß"]),
    ("varchar(max)", ["", "é" * 100_000]),
    ("nchar(4)", ["a😀b"]),
    ("nvarchar(20)", ["", "é😀漢字"]),
    ("nvarchar(max)", ["", "😀" * 50_000]),
    ("binary(4)", [b"\0\1\2\xff"]),
    ("varbinary(20)", [b"", b"\0\xff"]),
    ("varbinary(max)", [bytes(range(256)) * 400]),
    ("uniqueidentifier", [uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")]),
    ("xml", ["<a>é😀</a>"]),
]


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[kind for kind, _ in VALUES])
def test_values_of_every_type_go_in_as_parameters_and_come_back(cursor: Any, kind: str, values: list[Any]) -> None:
    cursor.execute(f"CREATE TABLE dbo.t (n int IDENTITY PRIMARY KEY, v {kind} NULL)")
    for value in [*values, None]:
        cursor.execute("INSERT INTO dbo.t (v) VALUES (?)", value)
    assert [row[0] for row in cursor.execute("SELECT v FROM dbo.t ORDER BY n").fetchall()] == [*values, None]


def test_executemany_inserts_every_row(cursor: Any) -> None:
    rows: list[tuple[Any, ...]] = [(n, f"é{n}", MOMENT, Decimal(n) / 100, n / 3) for n in range(1, 500)]
    rows.append((500, None, None, None, None))
    cursor.execute(
        "CREATE TABLE dbo.t (a int PRIMARY KEY, b nvarchar(30) NULL, c datetime2(6) NULL, d decimal(10,2) NULL, e float NULL)"
    )
    cursor.executemany("INSERT INTO dbo.t VALUES (?, ?, ?, ?, ?)", rows)
    assert [tuple(row) for row in cursor.execute("SELECT * FROM dbo.t ORDER BY a").fetchall()] == rows


def test_a_transaction_is_rolled_back_and_committed(connection: mssql_python.Connection, cursor: Any) -> None:
    cursor.execute("CREATE TABLE dbo.t (a int)")
    connection.commit()
    cursor.execute("INSERT INTO dbo.t VALUES (1)")
    connection.rollback()
    cursor.execute("INSERT INTO dbo.t VALUES (2)")
    connection.commit()
    connection.rollback()
    assert [row[0] for row in cursor.execute("SELECT a FROM dbo.t").fetchall()] == [2]


def test_an_error_has_its_message_and_leaves_the_transaction_usable(
    connection: mssql_python.Connection, cursor: Any
) -> None:
    cursor.execute("CREATE TABLE dbo.t (a int CONSTRAINT pk_t PRIMARY KEY)")
    cursor.execute("INSERT INTO dbo.t VALUES (1)")
    with pytest.raises(mssql_python.IntegrityError, match="Violation of PRIMARY KEY constraint 'pk_t'"):
        cursor.execute("INSERT INTO dbo.t VALUES (1)")
    with pytest.raises(mssql_python.ProgrammingError, match=r"Invalid object name 'dbo\.nowhere'"):
        cursor.execute("SELECT * FROM dbo.nowhere")
    cursor.execute("INSERT INTO dbo.t VALUES (2)")
    connection.commit()
    assert cursor.execute("SELECT COUNT(*) FROM dbo.t").fetchval() == 2


def test_a_wrong_password_is_refused(server: sa.Engine) -> None:
    with pytest.raises(mssql_python.OperationalError, match="Login failed for user"):
        mssql_python.connect(microsoft(server, PWD="wrong"))


def test_several_results_are_read_one_after_another(cursor: Any) -> None:
    cursor.execute("SELECT 1 AS a; SELECT 'x' AS b, 2 AS c")
    assert [tuple(row) for row in cursor.fetchall()] == [(1,)]
    assert cursor.nextset()
    assert [tuple(row) for row in cursor.fetchall()] == [("x", 2)]


def test_rows_are_read_as_arrow(cursor: Any) -> None:
    cursor.execute(
        "SELECT CAST(7 AS bigint) AS a, N'é😀' AS b, CAST('1.50' AS decimal(10,2)) AS c, CAST(NULL AS date) AS d"
    )
    table = cursor.arrow()
    assert [str(field.type) for field in table.schema] == ["int64", "large_string", "decimal128(10, 2)", "date32[day]"]
    assert table.to_pylist() == [{"a": 7, "b": "é😀", "c": Decimal("1.50"), "d": None}]


def test_the_drivers_catalog_functions_answer(cursor: Any) -> None:
    cursor.execute("CREATE TABLE dbo.t (a int CONSTRAINT pk_t PRIMARY KEY, b nvarchar(30) NULL)")
    assert [tuple(row)[2:4] for row in cursor.tables(table="t", schema="dbo").fetchall()] == [("t", "TABLE")]
    assert [(row[3], row[5], row[6]) for row in cursor.columns(table="t").fetchall()] == [
        ("a", "int", 10),
        ("b", "nvarchar", 30),
    ]
    assert [(row[3], row[5]) for row in cursor.primaryKeys(table="t").fetchall()] == [("a", "pk_t")]


def test_a_statement_that_takes_too_long_is_stopped(connection: mssql_python.Connection) -> None:
    connection.timeout = 1
    with pytest.raises(mssql_python.OperationalError, match="Query timeout expired"):
        connection.cursor().execute("WAITFOR DELAY '00:00:30'")
    assert connection.cursor().execute("SELECT 1").fetchall()[0][0] == 1


def test_a_result_that_is_given_up_early_leaves_the_connection_usable(
    connection: mssql_python.Connection, cursor: Any
) -> None:
    cursor.execute("CREATE TABLE dbo.numbers (n int NOT NULL)")
    cursor.execute("INSERT INTO dbo.numbers VALUES " + ", ".join(f"({number})" for number in range(1000)))
    cursor.execute("SELECT a.n, b.n, c.n FROM dbo.numbers a CROSS JOIN dbo.numbers b CROSS JOIN dbo.numbers c")
    assert len(cursor.fetchmany(10)) == 10
    cursor.close()
    assert connection.cursor().execute("SELECT 1").fetchall()[0][0] == 1


BULK_COPY = """
import datetime, decimal, json, sys, uuid
import mssql_python
connection = mssql_python.connect(sys.argv[1], autocommit=True)
cursor = connection.cursor()
moment = datetime.datetime(2020, 2, 29, 1, 2, 3, 456789)
rows = [
    (n, f"é{n}", moment, decimal.Decimal(n) / 100, n / 3, "x" * n, bool(n % 2), uuid.UUID(int=n), bytes(n % 20), moment.date())
    for n in range(1, 1001)
]
rows.append((0, *[None] * 9))
copied = cursor.bulkcopy("dbo.loaded", rows)["rows_copied"]
found = [tuple(row) for row in cursor.execute("SELECT * FROM dbo.loaded ORDER BY a").fetchall()]
table = cursor.execute("SELECT * FROM dbo.loaded WHERE a < 10").arrow()
cursor.execute("DELETE FROM dbo.loaded WHERE a < 10")
again = cursor.bulkcopy_arrow("dbo.loaded", table)["rows_copied"]
try:
    cursor.bulkcopy("dbo.loaded", rows[:1])
except Exception as error:
    refused = str(error)
print(json.dumps([copied, found == sorted(rows, key=lambda row: row[0]), again, refused]))
"""


def test_rows_are_bulk_copied(server: sa.Engine, tmp_path: Path) -> None:
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as outside:
        outside.exec_driver_sql(
            "CREATE TABLE dbo.loaded (a int NOT NULL PRIMARY KEY, b nvarchar(30), c datetime2(6), d decimal(10,2), e float,"
            " f varchar(max), g bit, h uniqueidentifier, i varbinary(20), j date)"
        )
    script = tmp_path / "bulk_copy.py"
    script.write_text(BULK_COPY, encoding="utf-8")
    # The client holds Python's lock while it waits, so a server in the same process could never answer it.
    done = subprocess.run(
        [sys.executable, script, microsoft(server)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    copied, equal, again, refused = json.loads(done.stdout)
    assert (copied, equal, again) == (1001, True, 10)
    assert "2627" in refused
