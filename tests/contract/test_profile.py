"""What the server counts in a table is what Arrow counts in the rows that went there and that came from there."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from etl import catalog, extract, profile, types
from etl.connect import Endpoint
from etl.selection import select_table
from etl.statements import TableName
from tests.databases import MssqlDatabase

VALUES: dict[str, list[str]] = {
    "bit": ["0", "1", "1"],
    "tinyint": ["0", "255", "17"],
    "smallint": ["-32768", "32767"],
    "int": ["-2147483648", "2147483647", "5"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "9223372036854775807"],
    "decimal(28,10)": ["-999999999999999999.9999999999", "0.0000000001", "-0.5"],
    "money": ["-922337203685477.5808", "922337203685477.5807"],
    "smallmoney": ["-214748.3648", "0.0001"],
    "date": ["'0001-01-01'", "'9999-12-31'", "'1899-12-31'", "'1970-01-01'"],
    "datetime2(0)": ["'0001-01-01 00:00:01'", "'9999-12-31 23:59:59'"],
    "datetime2(3)": ["'1969-12-31 23:59:59.999'", "'1970-01-01 00:00:00.001'"],
    "datetime2(6)": ["'0001-01-01 00:00:00.000001'", "'1969-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999999'"],
    "nvarchar(40)": ["N''", "N'Ünïcödé'", "N'😀 emoji'", "N'trailing  '"],
    "nvarchar(max)": ["REPLICATE(CAST(N'x' AS nvarchar(max)), 20000)", "N'李小龍'"],
    "varchar(40) COLLATE Latin1_General_CI_AS": ["'plain'", "'café €'"],
    "varchar(40) COLLATE Latin1_General_100_CI_AS_SC_UTF8": ["N'plain'", "N'café € 😀'"],
    "varbinary(max)": ["0x", "0x00FF10"],
}


@pytest.mark.parametrize("sql_type", VALUES)
def test_server_and_arrow_count_the_same(server_database: MssqlDatabase, sql_type: str) -> None:
    server_database.query(f"CREATE TABLE dbo.counted (v {sql_type} NULL)")
    for value in [*VALUES[sql_type], "NULL"]:
        server_database.query(f"INSERT INTO dbo.counted VALUES ({value})")
    source, table = Endpoint.of(server_database.url, "reader"), TableName("counted", "dbo")
    with source.connect() as connection:
        columns = catalog.table_columns(connection, table)
        rows = extract.read_table(source, select_table("mssql", table, columns))
        here = profile.profile(rows, "mssql", columns)
        count, there = profile.of_table(connection, table, columns, rows.schema)
    assert (count, there) == (rows.num_rows, here)
    assert here["v"]["values"] == str(len(VALUES[sql_type]))
    assert len(here["v"]) >= 2


def test_profiles_of_chunks_add_up() -> None:
    columns = [types.Column("amount", "decimal(10,2)"), types.Column("day", "date")]
    schema = types.schema("mssql", columns)
    days = [dt.date(2024, 1, 1), None, dt.date(1899, 12, 31)]
    rows = pa.table([[Decimal("1.50"), Decimal("-0.25"), None], days], schema=schema)
    whole = profile.profile(rows, "mssql", columns)
    assert whole == {"amount": {"values": "2", "sum": "1.25"}, "day": {"values": "2", "days since 1900": "45289"}}
    parts = [profile.profile(rows.slice(at, 1), "mssql", columns) for at in range(3)]
    assert profile.total(parts) == whole
    empty = profile.profile(rows.slice(0, 0), "mssql", columns)
    assert empty == {"amount": {"values": "0", "sum": "0"}, "day": {"values": "0", "days since 1900": "0"}}


def test_differences_are_told_in_words() -> None:
    expected = {"a": {"values": "10", "sum": "5"}, "b": {"values": "1"}}
    assert profile.differences(expected, {"a": {"values": "9", "sum": "5"}}) == ["a: values 9 instead of 10"]
    assert profile.differences(expected, expected) == []
