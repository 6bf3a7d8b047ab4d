"""What each type's values are after the way through Arrow, pandas and the driver: the same."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import etl
from etl import catalog
from etl.connect import Endpoint
from etl.errors import SchemaError
from etl.statements import TableName
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import job

SAME = "tests.pipeline.test_values:same"
LONG_TEXT = "Zürich 日本 😀 " * 80_000
"""About a megabyte in UTF-8."""

VALUES: dict[str, list[Any]] = {
    "bit": [0, 1, None],
    "tinyint": [0, 255, None],
    "smallint": [-(2**15), 2**15 - 1, None],
    "int": [-(2**31), 2**31 - 1, None],
    "bigint": [2**53 + 1, -(2**63), 2**63 - 1, None],
    "float": [0.1, -1.7976931348623157e308, 5e-324, 1e22, None],
    "decimal(10,2)": ["0.01", "-99999999.99", "12345.60", None],
    "date": [dt.date(1, 1, 1), dt.date(1582, 10, 10), dt.date(1599, 12, 31), dt.date(9999, 12, 31), None],
    "datetime2(6)": [dt.datetime(1, 1, 1), dt.datetime(2024, 2, 29, 23, 59, 59, 999_999), None],
    "nvarchar(40)": ["", " ", " both ", "Ünïcödé", "😀", "O'Brien", "a\tb\nc\r\n", "NULL", "?", "%s :x", None],
    "nvarchar(max)": [LONG_TEXT, "", None],
    "varbinary(20)": [b"", b"\x00\xff\x00", b"'", None],
    "varbinary(max)": [bytes(range(256)) * 300, None],
    "uniqueidentifier": ["6F9619FF-8B86-D011-B42D-00C04FC964FF", None],
}
MSSQL_VALUES: dict[str, list[Any]] = {
    "real": [0.5, -3.4028234663852886e38, None],
    "decimal(38,10)": ["9999999999999999999999999999.9999999999", "-0.0000000001", None],
    "decimal(38,0)": ["-99999999999999999999999999999999999999", None],
    "decimal(5,5)": ["0.99999", None],
    "money": ["-922337203685477.5808", "922337203685477.5807", "0.0001", None],
    "smallmoney": ["-214748.3648", None],
    "datetime2(3)": [dt.datetime(1, 1, 1), dt.datetime(2024, 2, 29, 23, 59, 59, 999_000), None],
    "datetime2(0)": [dt.datetime(1600, 1, 1), dt.datetime(2024, 2, 29, 23, 59, 59), None],
    "datetime": [dt.datetime(1753, 1, 1), dt.datetime(2024, 2, 29, 23, 59, 59, 997_000), None],
    "smalldatetime": [dt.datetime(1900, 1, 1), dt.datetime(2079, 6, 6, 23, 59), None],
    "time(6)": [dt.time(0, 0), dt.time(23, 59, 59, 999_999), None],
    "time(0)": [dt.time(23, 59, 59), None],
    "char(4)": ["ab", "", None],
    "varchar(20)": ["abc ", "", None],
    "nchar(4)": ["日本", None],
    "binary(4)": [b"\x00\x01", None],
}


def through(database: Database, kind: str, values: list[Any], **fields: Any) -> None:
    rows = list(enumerate(values))
    database.make("orders", {"id": "int NOT NULL", "v": f"{kind} NULL"}, rows, primary_key="id")
    etl.run(job(database, **fields))


@pytest.mark.parametrize("kind", VALUES)
def test_values_arrive_as_they_are(sqlite_file: SqliteDatabase, kind: str) -> None:
    through(sqlite_file, kind, VALUES[kind])
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


@pytest.mark.parametrize("kind", VALUES)
def test_values_pass_through_pandas_as_they_are(sqlite_file: SqliteDatabase, kind: str) -> None:
    through(sqlite_file, kind, VALUES[kind], transform=SAME)
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


@pytest.mark.parametrize("kind", VALUES)
def test_a_column_of_nulls_arrives(sqlite_file: SqliteDatabase, kind: str) -> None:
    through(sqlite_file, kind, [None] * 12, transform=SAME)
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


def all_types(database: Database) -> None:
    """The table `orders` with a column of every type, each with all its values."""
    kinds = VALUES | MSSQL_VALUES
    columns = {f"c{number}": f"{kind} NULL" for number, kind in enumerate(kinds)}
    rows = enumerate(itertools.zip_longest(*kinds.values()))
    database.make(
        "orders", {"id": "int NOT NULL", **columns}, [(number, *values) for number, values in rows], primary_key="id"
    )


@pytest.mark.parametrize("transform", [None, SAME])
def test_all_of_sql_servers_types_arrive_as_they_are(server_database: Database, transform: str | None) -> None:
    all_types(server_database)
    etl.run(job(server_database, transform=transform))
    arrived, sent = sorted(server_database.rows("copies")), sorted(server_database.rows("orders"))
    for number, kind in enumerate(VALUES | MSSQL_VALUES, start=1):
        assert [row[number] for row in arrived] == [row[number] for row in sent], kind
    assert len(arrived) == len(sent) == max(map(len, VALUES.values()))


@pytest.mark.parametrize("transform", [None, SAME])
def test_nulls_of_all_of_sql_servers_types_arrive(server_database: Database, transform: str | None) -> None:
    all_types(server_database)
    nulls = ", ".join(f"c{number} = NULL" for number in range(len(VALUES | MSSQL_VALUES)))
    server_database.query(f"UPDATE dbo.orders SET {nulls}")
    etl.run(job(server_database, transform=transform, chunk_rows=4))
    assert server_database.rows("copies") == server_database.rows("orders")


@pytest.mark.parametrize("transform", [None, SAME])
def test_a_new_table_declares_the_sources_types(server_database: Database, transform: str | None) -> None:
    """NOT NULL too, but after a transform, whose first rows cannot promise that for the rest."""
    all_types(server_database)
    etl.run(job(server_database, transform=transform))
    with Endpoint.of(server_database.url, "reader").connect() as connection:
        made = catalog.table_columns(connection, TableName("copies", "dbo"))
    declared = [(column.name, column.sql_type, column.nullable) for column in made]
    kinds = enumerate(VALUES | MSSQL_VALUES)
    assert declared == [("id", "int", transform is not None), *((f"c{number}", kind, True) for number, kind in kinds)]


def test_a_datetimeoffset_keeps_its_own_offset(server_database: Database) -> None:
    text = "CONVERT(varchar(34), v, 121)"
    through(
        server_database, "datetimeoffset(6)", ["2024-02-29 23:59:59.999999 +05:30", "0001-01-02 00:00:00 +14:00", None]
    )
    assert server_database.rows("copies", text) == server_database.rows("orders", text)
    assert ("2024-02-29 23:59:59.999999 +05:30",) in server_database.rows("copies", text)


def same(frame: Any) -> Any:
    return frame


# From one kind of database to the other


WIDE = {
    "id": "int NOT NULL",
    "name": "nvarchar(40) NULL",
    "amount": "decimal(10,2) NULL",
    "day": "date NULL",
    "moment": "datetime2(6) NULL",
    "flag": "bit NULL",
    "share": "float NULL",
    "raw": "varbinary(20) NULL",
    "big": "bigint NULL",
}
WIDE_ROWS: list[tuple[Any, ...]] = [
    (1, "Ünï 😀", "12.50", dt.date(1, 1, 1), dt.datetime(1, 1, 1, 0, 0, 0, 1), 1, 0.1, b"\x00\xff", 2**53 + 1),
    (2, "", "-0.01", dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 23, 59, 59, 999_999), 0, -1e300, b"", -(2**63)),
    (3, *[None] * 8),
]


def test_from_sqlite_to_the_server_and_back(
    server_database: Database, sqlite_file: SqliteDatabase, tmp_path: Path
) -> None:
    sqlite_file.make("orders", WIDE, WIDE_ROWS, primary_key="id")
    there = job(sqlite_file, target=server_database.url, target_table="dbo.copies")
    etl.run(there)
    exact = [
        (1, "Ünï 😀", Decimal("12.50"), dt.date(1, 1, 1), dt.datetime(1, 1, 1, 0, 0, 0, 1), True, 0.1, b"\x00\xff", 2**53 + 1),
        (2, "", Decimal("-0.01"), dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 23, 59, 59, 999_999), False, -1e300, b"",
         -(2**63)),
        (3, *[None] * 8),
    ]  # fmt: skip
    assert sorted(server_database.rows("copies")) == exact
    back = SqliteDatabase(tmp_path / "back.db")
    etl.run(job(server_database, source_table="dbo.copies", key="id", target=back.url, target_table="returned"))
    assert back.rows("returned") == sqlite_file.rows("orders")


# What would be lost is refused


LOSSY = {
    "a fraction in an integer column": ("INTEGER", "1.5"),
    "text in an integer column": ("INTEGER", "'abc'"),
    "bytes in a text column": ("TEXT", "x'616263'"),
    "text in a bytes column": ("BLOB", "'abc'"),
    "text in a float column": ("REAL", "'abc'"),
    "an offset in a naive datetime": ("DATETIME", "'2024-01-01 12:00:00+02:00'"),
    "seven digits in a datetime": ("DATETIME", "'2024-01-01 12:00:00.1234567'"),
    "a datetime in a date": ("DATE", "'2024-01-01 12:00:00'"),
    "nonsense in a date": ("DATE", "'soon'"),
    "a number in a date": ("DATE", "20240101"),
    "two in a boolean": ("BOOLEAN", "2"),
    "three digits in decimal(5,2)": ("DECIMAL(5,2)", "1.234"),
    "too large for decimal(5,2)": ("DECIMAL(5,2)", "12345"),
}


@pytest.mark.parametrize("case", LOSSY)
def test_what_sqlite_keeps_against_its_declaration_is_refused(sqlite_file: SqliteDatabase, case: str) -> None:
    declared, literal = LOSSY[case]
    sqlite_file.query(f"CREATE TABLE orders (id INTEGER PRIMARY KEY, v {declared})")
    sqlite_file.query(f"INSERT INTO orders VALUES (1, NULL), (2, {literal})")
    with pytest.raises(SchemaError, match="column v holds a value that is not"):
        etl.run(job(sqlite_file))
    assert sqlite_file.query("SELECT * FROM copies") == []
