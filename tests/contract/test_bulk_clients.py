"""Bulk loads by clients that nobody here wrote: freebcp, pymssql, python-tds, mssql-python, and pyodbc's own handle."""

from __future__ import annotations

import datetime as dt
import subprocess
import uuid
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mssql_python
import pymssql
import pytds
import pytest
import sqlalchemy as sa
from pytds import tds_types
from pytds.tds_base import Column

from tests.bulk_copy import BulkCopy, BulkCopyError, bulk_copy
from tests.contract.lab import Lab, Session

PROCESS_TIMEOUT_SEC = 60


@pytest.fixture
def table(session: Session) -> Session:
    session.run("DROP TABLE IF EXISTS t, u")
    return session


# freebcp, FreeTDS's program


class FreeBcp:
    """Runs the program with a server's address and login."""

    def __init__(self, server_url: str, database: str) -> None:
        url = sa.make_url(server_url)
        self._login = ["-S", f"{url.host}:{url.port or 1433}", "-U", f"{url.username}", "-P", f"{url.password}"]
        self._database = database

    def run(self, table: str, direction: str, file: Path, *options: str) -> str:
        """What it has to say."""
        command = ["freebcp", f"{self._database}.dbo.{table}", direction, str(file), *options, *self._login]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROCESS_TIMEOUT_SEC, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def freebcp(server_url: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> FreeBcp:
    monkeypatch.setenv("TDSVER", "7.4")
    return FreeBcp(server_url, lab.database)


CHARACTER_COLUMNS = (
    "id int NOT NULL PRIMARY KEY, b bit, s smallint, g bigint, r real, f float, d decimal(38,10), m money, c char(5),"
    " v varchar(20), n nvarchar(20), x varbinary(10), u uniqueidentifier, dt datetime, dd date, tm time(3), d2 datetime2(3),"
    " vm varchar(max), nm nvarchar(max)"
)
CHARACTER_ROWS = (
    "(1, 1, -32768, 9223372036854775807, 1.5, 0.1, 1234567890123456789.0123456789, -922337203685477.5808, 'ab', 'é€',"
    " N'ü漢', 0x00FF, '6F9619FF-8B86-D011-B42D-00C04FC964FF', '2024-02-29T12:34:56.997', '9999-12-31', '23:59:59.999',"
    " '2024-02-29T12:34:56.123', 'long', N'longer'),"
    " (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
)
NATIVE_COLUMNS = (
    "id int NOT NULL PRIMARY KEY, t tinyint NOT NULL, s smallint NOT NULL, g bigint NOT NULL, r real NOT NULL,"
    " f float NOT NULL, m money NOT NULL, dt datetime NOT NULL, v varchar(20) NOT NULL"
)
NATIVE_ROWS = (
    "(1, 255, -32768, -9223372036854775808, 1.5, 0.1, 922337203685477.5807, '1753-01-01T00:00:00.003', 'text'),"
    " (2, 0, 0, 0, 0, 0, 0, '9999-12-31T23:59:59.997', 'x')"
)


@pytest.mark.parametrize(
    ("mode", "columns", "rows"), [("-c", CHARACTER_COLUMNS, CHARACTER_ROWS), ("-n", NATIVE_COLUMNS, NATIVE_ROWS)]
)
def test_freebcp_out_and_in(
    table: Session, freebcp: FreeBcp, tmp_path: Path, mode: str, columns: str, rows: str
) -> None:
    table.run(f"CREATE TABLE t ({columns}); CREATE TABLE u ({columns}); INSERT INTO t VALUES {rows}")
    assert "2 rows copied." in freebcp.run("t", "out", tmp_path / "rows", mode)
    assert "2 rows copied." in freebcp.run("u", "in", tmp_path / "rows", mode)
    assert table.rows("SELECT * FROM u ORDER BY id") == table.rows("SELECT * FROM t ORDER BY id")


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A file of five rows: 10 to 14, and a text."""
    file = tmp_path / "numbers"
    file.write_text("".join(f"{number}\ttext {number}\n" for number in range(10, 15)))
    return file


def test_freebcp_sends_batches_that_are_committed_one_by_one(table: Session, freebcp: FreeBcp, numbers: Path) -> None:
    table.run("CREATE TABLE t (a int PRIMARY KEY, v varchar(20)); INSERT INTO t VALUES (13, 'here')")
    assert "Cannot insert duplicate key" in freebcp.run("t", "in", numbers, "-c", "-b", "2")
    assert [value for (value,) in table.rows("SELECT v FROM t WHERE a < 13 ORDER BY a")] == ["text 10", "text 11"]


@pytest.mark.parametrize(("options", "expected"), [((), [1, 2, 3, 4, 5]), (("-E",), [10, 11, 12, 13, 14])])
def test_freebcp_keeps_identity_values_on_demand(
    table: Session, freebcp: FreeBcp, numbers: Path, options: tuple[str, ...], expected: list[int]
) -> None:
    table.run("CREATE TABLE t (a int IDENTITY PRIMARY KEY, v varchar(20))")
    assert "5 rows copied." in freebcp.run("t", "in", numbers, "-c", *options)
    assert table.rows("SELECT a, v FROM t ORDER BY a") == [(a, f"text {10 + at}") for at, a in enumerate(expected)]


@pytest.mark.parametrize(("options", "stored"), [((), 5), (("-h", "CHECK_CONSTRAINTS, TABLOCK"), 0)])
def test_freebcp_gives_its_hints_on(
    table: Session, freebcp: FreeBcp, numbers: Path, options: tuple[str, ...], stored: int
) -> None:
    table.run("CREATE TABLE t (a int CONSTRAINT ck_a CHECK (a < 12), v varchar(20))")
    said = freebcp.run("t", "in", numbers, "-c", *options)
    assert ('CHECK constraint "ck_a"' in said) is bool(options)
    assert table.value("SELECT COUNT(*) FROM t") == stored
    assert table.rows("SELECT is_not_trusted FROM sys.check_constraints WHERE name = 'ck_a'") == [(not options,)]


# FreeTDS's bulk copy on pyodbc's own handle


def test_a_bulk_copy_is_in_the_connections_own_transaction(table: Session, lab: Lab) -> None:
    table.run("CREATE TABLE t (a int, v nvarchar(20))")
    loader = lab.open(autocommit=False)
    assert bulk_copy(loader.connection, "t", ["text", "text"], [(1, "ü"), (2, None)]) == 2
    loader.run("INSERT INTO t VALUES (3, N'three')")
    loader.connection.rollback()
    assert table.value("SELECT COUNT(*) FROM t") == 0
    assert bulk_copy(loader.connection, "t", ["text", "text"], [(1, "ü"), (2, None)]) == 2
    loader.run("INSERT INTO t VALUES (3, N'three')")
    loader.connection.commit()
    assert table.rows("SELECT a, v FROM t ORDER BY a") == [(1, "ü"), (2, None), (3, "three")]


def test_identity_computed_and_rowversion_columns_are_not_sent(table: Session) -> None:
    table.run("CREATE TABLE t (id int IDENTITY, a int, twice AS (a * 2), v rowversion, n nvarchar(5) DEFAULT N'none')")
    assert bulk_copy(table.connection, "t", ["text", "text"], [(5, "x"), (6, None)], columns=[2, 5]) == 2
    assert table.rows("SELECT id, a, twice, n FROM t ORDER BY id") == [(1, 5, 10, "x"), (2, 6, 12, "none")]
    assert table.value("SELECT SCOPE_IDENTITY()") == 2


def test_hints_and_identity_values(table: Session) -> None:
    table.run("CREATE TABLE t (id int IDENTITY, n nvarchar(5) DEFAULT N'none')")
    rows = [(7, None), (9, "x")]
    table.run("SET IDENTITY_INSERT t ON")
    bulk_copy(table.connection, "t", ["text", "text"], rows, hints="KEEP_NULLS, ORDER(id)", keep_identity=True)
    table.run("SET IDENTITY_INSERT t OFF; INSERT INTO t DEFAULT VALUES")
    assert table.rows("SELECT id, n FROM t ORDER BY id") == [(7, None), (9, "x"), (10, "none")]


def test_batches_of_one_bulk_copy(table: Session) -> None:
    table.run("CREATE TABLE t (a int)")
    copy = BulkCopy(table.connection, "t", ["text"])
    copy.bind([1])
    copy.send([(1,), (2,)])
    assert copy.batch() == 2
    copy.send([(3,)])
    assert copy.done() == 1
    assert table.value("SELECT COUNT(*) FROM t") == 3


def test_an_error_leaves_the_connection_and_its_transaction_usable(table: Session, lab: Lab) -> None:
    table.run("CREATE TABLE t (a int CONSTRAINT pk_t PRIMARY KEY)")
    loader = lab.open()
    loader.run("BEGIN TRANSACTION; INSERT INTO t VALUES (1)")
    with pytest.raises(BulkCopyError) as failure:
        bulk_copy(loader.connection, "t", ["text"], [(2,), (1,)])
    assert failure.value.numbers[0] == 2627
    assert loader.value("SELECT @@TRANCOUNT") == 1
    assert bulk_copy(loader.connection, "t", ["text"], [(3,)]) == 1
    loader.run("COMMIT")
    assert table.rows("SELECT a FROM t ORDER BY a") == [(1,), (3,)]


def test_a_bulk_copy_into_what_is_not_there(table: Session) -> None:
    with pytest.raises(BulkCopyError) as failure:
        bulk_copy(table.connection, "nowhere", ["text"], [])
    assert failure.value.numbers[0] == 208


def test_triggers_fire_once_for_a_batch(table: Session) -> None:
    table.run("CREATE TABLE t (a int); CREATE TABLE u (n int)")
    table.run("CREATE TRIGGER tr ON t AFTER INSERT AS INSERT INTO u SELECT COUNT(*) FROM inserted")
    bulk_copy(table.connection, "t", ["text"], [(1,)])
    bulk_copy(table.connection, "t", ["text"], [(1,), (2,), (3,)], hints="FIRE_TRIGGERS")
    assert table.rows("SELECT n FROM u") == [(3,)]


# The same rows by Python's drivers

COLUMNS = (
    "a int, b bigint, c bit, d decimal(12,3), e float, f money, g varchar(20), h nvarchar(20), i nvarchar(max),"
    " j varbinary(10), k datetime, l datetime2(6), m date, n time(6), o uniqueidentifier, p datetimeoffset(3)"
)
NAMES = [column.split()[0] for column in COLUMNS.split(", ")]
GUID = uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
ROW: tuple[Any, ...] = (
    *(
        -(2**31),
        2**63 - 1,
        True,
        Decimal("-123456789.123"),
        0.1,
        Decimal("12.3456"),
        "é€",
        "ü😀",
        "漢" * 20,
        b"\0\xff",
    ),
    *(dt.datetime(2024, 2, 29, 12, 34, 56, 997000), dt.datetime(1, 1, 1, 0, 0, 0, 123456), dt.date(9999, 12, 31)),
    *(dt.time(23, 59, 59, 999999), GUID, dt.datetime(2024, 2, 29, 1, 2, 3, 4000, dt.timezone(dt.timedelta(hours=-8)))),
)
NULLS = (None,) * len(ROW)
READ = f"SELECT {', '.join(NAMES[:-1])}, CONVERT(varchar(40), p, 121) FROM t ORDER BY COALESCE(a, 0)"
EXPECTED = [(*ROW[:-2], str(GUID).upper(), "2024-02-29 01:02:03.004 -08:00"), NULLS]


def test_python_tds_copies_typed_columns(table: Session, server_url: str, lab: Lab) -> None:
    table.run(f"CREATE TABLE t ({COLUMNS})")
    kinds = [
        *(
            tds_types.IntType(),
            tds_types.BigIntType(),
            tds_types.BitType(),
            tds_types.DecimalType(precision=12, scale=3),
        ),
        *(tds_types.FloatType(), tds_types.MoneyType(), tds_types.VarCharType(20), tds_types.NVarCharType(20)),
        *(
            tds_types.NVarCharMaxType(),
            tds_types.VarBinaryType(10),
            tds_types.DateTimeType(),
            tds_types.DateTime2Type(6),
        ),
        *(
            tds_types.DateType(),
            tds_types.TimeType(6),
            tds_types.UniqueIdentifierType(),
            tds_types.DateTimeOffsetType(3),
        ),
    ]
    columns = [Column(name=name, type=kind, flags=Column.fNullable) for name, kind in zip(NAMES, kinds, strict=True)]
    with python_tds(server_url, lab) as connection, connection.cursor() as cursor:
        cursor.copy_to(
            data=[ROW, NULLS], table_or_view="t", columns=columns, schema="dbo", tablock=True, keep_nulls=True
        )
    assert table.rows(READ) == EXPECTED


def test_python_tds_copies_texts_that_the_server_converts(table: Session, server_url: str, lab: Lab) -> None:
    table.run("CREATE TABLE t (a int, d decimal(9,2), m date, o uniqueidentifier, v varchar(5))")
    rows = [["-7", "1.25", "2024-02-29", str(GUID), "é"], [None] * 5]
    with python_tds(server_url, lab) as connection, connection.cursor() as cursor:
        cursor.copy_to(data=rows, table_or_view="t", columns=["a", "d", "m", "o", "v"])
        with pytest.raises(pytds.Error, match="String or binary data would be truncated"):
            cursor.copy_to(
                data=[["1", "1", None, None, "abcdef"]], table_or_view="t", columns=["a", "d", "m", "o", "v"]
            )
    assert table.rows("SELECT * FROM t ORDER BY COALESCE(a, 0)") == [
        (-7, Decimal("1.25"), dt.date(2024, 2, 29), str(GUID).upper(), "é"),
        (None,) * 5,
    ]


def python_tds(server_url: str, lab: Lab) -> pytds.Connection:
    url = sa.make_url(server_url)
    return pytds.connect(
        url.host, lab.database, url.username, url.password, port=url.port or 1433, autocommit=True, timeout=30
    )


def elsewhere() -> ProcessPoolExecutor:
    """Another process: these two hold Python's lock while they wait, so the server cannot be in theirs."""
    return ProcessPoolExecutor(1, get_context("spawn"))


def pymssql_copy(server_url: str, database: str, rows: list[tuple[Any, ...]], numbers: list[int]) -> None:
    url = sa.make_url(server_url)
    connection = pymssql.connect(
        f"{url.host}",
        url.username,
        url.password,
        database,
        port=str(url.port or 1433),
        charset="UTF-8",
        autocommit=True,
    )
    connection.bulk_copy("t", rows, column_ids=numbers, tablock=True, check_constraints=True)
    connection.close()


def test_pymssql_copies_what_its_types_can_hold(table: Session, server_url: str, lab: Lab) -> None:
    table.run(f"CREATE TABLE t ({COLUMNS})")
    # pymssql 2.4.6 sends no date or time alone, no GUID and no offset, cuts microseconds to milliseconds, sends varchar as
    # UTF-8 under a collation that says otherwise, and for money writes beyond its own buffer.
    names = [name for name in NAMES if name not in {"f", "g", "l", "m", "n", "o", "p"}]
    numbers = [NAMES.index(name) + 1 for name in names]
    rows = [tuple(ROW[number - 1] for number in numbers), (None,) * len(numbers)]
    with elsewhere() as process:
        process.submit(pymssql_copy, server_url, lab.database, rows, numbers).result(PROCESS_TIMEOUT_SEC)
    assert table.rows(f"SELECT {', '.join(names)} FROM t ORDER BY COALESCE(a, 0)") == rows


def mssql_copy(server_url: str, database: str, rows: list[tuple[Any, ...]], options: dict[str, Any]) -> int:
    url = sa.make_url(server_url)
    connection = mssql_python.connect(
        f"Server={url.host},{url.port or 1433};Database={database};UID={url.username};PWD={url.password};"
        "Encrypt=yes;TrustServerCertificate=yes",
        autocommit=True,
    )
    result = connection.cursor().bulkcopy("dbo.t", rows, timeout=PROCESS_TIMEOUT_SEC, **options)
    connection.close()
    return int(result["rows_copied"])


def by_mssql_python(server_url: str, lab: Lab, rows: list[tuple[Any, ...]], **options: bool) -> int:
    with elsewhere() as process:
        return process.submit(mssql_copy, server_url, lab.database, rows, options).result(PROCESS_TIMEOUT_SEC)


def test_microsofts_driver_copies_every_type(table: Session, server_url: str, lab: Lab) -> None:
    table.run(f"CREATE TABLE t ({COLUMNS})")
    # mssql-python 1.16 sends a datetimeoffset's local time where UTC belongs: only +00:00 comes out right.
    row = (*ROW[:-1], ROW[-1].replace(tzinfo=dt.UTC))
    assert by_mssql_python(server_url, lab, [row, NULLS], table_lock=True) == 2
    assert table.rows(READ) == [(*EXPECTED[0][:-1], "2024-02-29 01:02:03.004 +00:00"), NULLS]


def test_microsofts_driver_keeps_identity_values_and_nulls(table: Session, server_url: str, lab: Lab) -> None:
    table.run("CREATE TABLE t (id int IDENTITY, n nvarchar(5) DEFAULT N'none', c int CHECK (c > 0))")
    rows = [(7, None, -1), (9, "x", 2)]
    assert by_mssql_python(server_url, lab, rows, keep_identity=True, keep_nulls=True) == 2
    assert table.rows("SELECT id, n, c FROM t ORDER BY id") == rows
    with pytest.raises(RuntimeError, match="CHECK constraint"):
        by_mssql_python(server_url, lab, rows, keep_identity=True, check_constraints=True)
    assert table.value("SELECT COUNT(*) FROM t") == 2


def test_microsofts_driver_and_the_code_page(table: Session, server_url: str, lab: Lab) -> None:
    # Not for a UTF-8 collation: it sends code page 1252 there too.
    table.run("CREATE TABLE t (n int, western varchar(5), fixed char(4), long varchar(max), old text)")
    row = (1, "é€ÿ", "ab", "ß" * 5000, "öld")
    assert by_mssql_python(server_url, lab, [row, (None,) * 5], keep_nulls=True) == 2
    assert table.rows("SELECT * FROM t ORDER BY COALESCE(n, 0) DESC") == [(*row[:2], "ab  ", *row[3:]), (None,) * 5]
