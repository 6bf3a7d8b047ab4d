"""Rows that `etl.to_sql` sends by bulk copy arrive as they are, and mean what an INSERT of them would mean."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

import etl
from etl import types
from etl.errors import DatabaseError, JobError, SchemaError

DATE_TIME = dt.datetime(2024, 2, 29, 23, 59, 59)
FIRST, LAST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)
GUID = "6F9619FF-8B86-D011-B42D-00C04FC964FF"

EXTREMES: dict[str, list[Any]] = {
    "bit": [True, False],
    "tinyint": [0, 255],
    "smallint": [-(2**15), 2**15 - 1],
    "int": [-(2**31), 2**31 - 1],
    "bigint": [-(2**63), 2**63 - 1],
    "real": [-3.4028234663852886e38, 1.1754943508222875e-38, 0.0],
    "float": [-1.7976931348623157e308, 2.2250738585072014e-308, -0.0],
    "decimal(1,0)": [Decimal(-9), Decimal(9)],
    "decimal(9,9)": [Decimal("-0.000000001"), Decimal("0.999999999")],
    "decimal(18,4)": [Decimal("-99999999999999.9999"), Decimal("0.0001")],
    "decimal(38,0)": [Decimal(-(10**38) + 1), Decimal(10**38 - 1)],
    "decimal(38,38)": [Decimal(f"-0.{'9' * 38}"), Decimal(f"0.{'0' * 37}1")],
    "money": [Decimal("-922337203685477.5808"), Decimal("922337203685477.5807"), Decimal("-0.0001")],
    "smallmoney": [Decimal("-214748.3648"), Decimal("214748.3647")],
    "date": [FIRST.date(), dt.date(1582, 10, 10), dt.date(1899, 12, 31), LAST.date()],
    "time(0)": [dt.time(0, 0, 0), dt.time(23, 59, 59)],
    "time(3)": [dt.time(0, 0, 0, 1000), dt.time(23, 59, 59, 999_000)],
    "time(6)": [dt.time(0, 0, 0, 1), dt.time(23, 59, 59, 999_999)],
    "smalldatetime": [dt.datetime(1900, 1, 1), dt.datetime(2079, 6, 6, 23, 59)],
    "datetime": [dt.datetime(1753, 1, 1), DATE_TIME.replace(microsecond=997_000), DATE_TIME.replace(microsecond=3_000)],
    "datetime2(0)": [FIRST, dt.datetime(1000, 1, 1), LAST],
    "datetime2(3)": [FIRST.replace(microsecond=1000), LAST.replace(microsecond=999_000)],
    "datetime2(6)": [FIRST.replace(microsecond=1), dt.datetime(1599, 12, 31), LAST.replace(microsecond=999_999)],
    "datetimeoffset(0)": ["2024-02-29 12:00:00 +05:30", "2024-02-29 12:00:00 -14:00"],
    "datetimeoffset(6)": ["0001-01-02 00:00:00.000001 +14:00", "9999-12-30 23:59:59.999999 -08:00"],
    "char(3)": ["abc", "é€ "],
    "varchar(20)": ["", " ", "trailing  ", "Zürich €"],
    "varchar(max)": ["", "x" * 4_095, "x" * 4_096, "é" * 4_096],
    "nchar(3)": ["日本語", "a  "],
    "nvarchar(20)": ["", " ", "trailing  ", "日本 😀", "'\";--]"],
    "nvarchar(2000)": ["x" * 2_000, "😀" * 1_000],
    "nvarchar(4000)": ["x" * 2_047, "x" * 2_048, "x" * 2_049, "😀" * 2_000],
    "nvarchar(max)": ["", "x" * 2_048, "日" * 2_048],
    "binary(3)": [b"\0\0\0", b"\xff\0\xff"],
    "varbinary(20)": [b"", b"\0", b"\xff" * 20],
    "varbinary(8000)": [b"\x01" * 4_095, b"\x01" * 4_096, b"\x01" * 4_097],
    "varbinary(max)": [b"", b"\x02" * 4_096],
    "uniqueidentifier": [GUID, "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"],
    "xml": ["<a>日本</a>", "<b/>"],
}


def frame_of(sql_type: str, values: list[Any], name: str = "c") -> pd.DataFrame:
    """A pyarrow-backed frame with a key and one column."""
    arrow = types.arrow_type("mssql", sql_type)
    table = pa.table({"id": pa.array(range(len(values)), pa.int32()), name: pa.array(values, arrow)})
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def read_back(server: sa.Engine, table: str) -> list[Any]:
    frame = etl.read_sql(f"dbo.{table}", server)
    return list(pa.Table.from_pandas(frame.sort_values("id"), preserve_index=False).column("c").to_pylist())


@pytest.mark.parametrize("sql_type", EXTREMES)
def test_extremes_and_nulls_arrive_as_they_are(server: sa.Engine, sql_type: str) -> None:
    values = [*EXTREMES[sql_type], None]
    written = etl.to_sql(frame_of(sql_type, values), "t", server, schema="dbo", index=False, dtype={"c": sql_type})
    assert written == len(values)
    assert read_back(server, "t") == values


@pytest.mark.parametrize(
    ("sql_type", "value"), [("nvarchar(max)", "日" * 500_000), ("varbinary(max)", b"\x07" * 2**20)]
)
def test_a_value_of_a_megabyte_arrives_beside_short_ones(server: sa.Engine, sql_type: str, value: Any) -> None:
    values = [value[:1], value, value[:2], None, value[:4_097]]
    etl.to_sql(frame_of(sql_type, values), "t", server, schema="dbo", index=False, dtype={"c": sql_type})
    assert read_back(server, "t") == values


@pytest.mark.parametrize(
    ("sql_type", "value"),
    [
        ("nvarchar(3)", "four"),
        ("nvarchar(3)", "😀😀"),
        ("varchar(3)", "four"),
        ("varbinary(3)", b"four"),
        ("binary(3)", b"four"),
    ],
)
def test_a_value_that_is_too_long_is_refused_and_nothing_is_stored(
    server: sa.Engine, sql_type: str, value: Any
) -> None:
    make(server, f"CREATE TABLE dbo.t (id int NOT NULL, c {sql_type} NULL)")
    with pytest.raises(SchemaError, match=rf"column c \({sql_type[:-3]}.*row 1: a value of length 4"):
        etl.to_sql(frame_of(sql_type, [value[:1], value]), "t", server, schema="dbo", if_exists="append", index=False)
    assert read_back(server, "t") == []


TABLE = """
CREATE TABLE dbo.t (
    id int NOT NULL PRIMARY KEY,
    c nvarchar(20) NULL DEFAULT N'default',
    quantity int NULL CONSTRAINT ck_quantity CHECK (quantity > 0),
    parent int NULL CONSTRAINT fk_parent REFERENCES dbo.parents (id),
    made datetime2(0) NOT NULL DEFAULT '2024-01-01',
    doubled AS quantity * 2,
    version rowversion
)
"""


def make(server: sa.Engine, *statements: str) -> None:
    with server.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def make_tables(server: sa.Engine) -> None:
    make(
        server,
        "CREATE TABLE dbo.parents (id int NOT NULL PRIMARY KEY)",
        "INSERT INTO dbo.parents VALUES (1), (2)",
        TABLE,
        "CREATE TABLE dbo.fired (rows_seen int NOT NULL)",
        "CREATE TRIGGER dbo.t_fired ON dbo.t AFTER INSERT AS INSERT INTO dbo.fired SELECT COUNT(*) FROM inserted",
    )


def query(server: sa.Engine, sql: str) -> list[tuple[Any, ...]]:
    with server.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


MEANT = pd.DataFrame(
    {"id": [1, 2], "c": [None, "x"], "quantity": [5, None], "parent": [1, None], "made": [DATE_TIME, DATE_TIME]}
)


@pytest.mark.parametrize("columns", [["id", "c", "quantity", "parent", "made"], ["id", "quantity", "parent"]])
def test_defaults_nulls_checks_keys_and_triggers_are_as_with_to_sql(server: sa.Engine, columns: list[str]) -> None:
    make_tables(server)
    frame = MEANT[columns].astype({"quantity": "Int32", "parent": "Int32"})
    etl.to_sql(frame, "t", server, schema="dbo", if_exists="append", index=False)
    copied = query(server, "SELECT id, c, quantity, parent, made, doubled FROM dbo.t ORDER BY id")
    fired = query(server, "SELECT SUM(rows_seen) FROM dbo.fired")
    make(server, "DELETE FROM dbo.t", "DELETE FROM dbo.fired")
    frame.to_sql("t", server, schema="dbo", if_exists="append", index=False)
    assert copied == query(server, "SELECT id, c, quantity, parent, made, doubled FROM dbo.t ORDER BY id")
    assert fired == query(server, "SELECT SUM(rows_seen) FROM dbo.fired") == [(2,)]
    untrusted = "SELECT name FROM sys.{} WHERE is_not_trusted = 1"
    assert query(server, untrusted.format("check_constraints")) == query(server, untrusted.format("foreign_keys")) == []


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ({"id": 1, "quantity": 0, "parent": 1}, 547),
        ({"id": 1, "quantity": 1, "parent": 3}, 547),
        ({"id": 9, "quantity": 1, "parent": 1}, 2627),
    ],
)
def test_what_the_server_refuses_is_told_with_its_number_and_nothing_is_stored(
    server: sa.Engine, row: dict[str, int], number: int
) -> None:
    make_tables(server)
    make(server, "INSERT INTO dbo.t (id) VALUES (9)")
    frame = pd.DataFrame([{"id": 5, "quantity": 1, "parent": 1}, row])
    with pytest.raises(DatabaseError) as caught:
        etl.to_sql(frame, "t", server, schema="dbo", if_exists="append", index=False)
    assert caught.value.number == number
    assert "appending to dbo.t" in caught.value.message
    assert query(server, "SELECT id FROM dbo.t") == [(9,)]


def test_a_connections_transaction_is_joined(server: sa.Engine) -> None:
    make(server, "CREATE TABLE dbo.t (id int NOT NULL, c int NULL)")
    frame = pd.DataFrame({"id": [1, 2], "c": [3, 4]})
    with server.connect() as connection:
        etl.to_sql(frame, "t", connection, schema="dbo", if_exists="append", index=False)
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM dbo.t").scalar_one() == 2
        assert len(etl.read_sql("dbo.t", connection)) == 2
        connection.rollback()
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM dbo.t").scalar_one() == 0
        etl.to_sql(frame, "t", connection, schema="dbo", if_exists="append", index=False)
        connection.exec_driver_sql("INSERT INTO dbo.t VALUES (3, 5)")
        connection.commit()
    assert query(server, "SELECT id FROM dbo.t ORDER BY id") == [(1,), (2,), (3,)]


def test_pandas_own_to_sql_takes_bulk_copy_as_its_method(server: sa.Engine) -> None:
    make(server, "CREATE TABLE dbo.t (id int NOT NULL, c nvarchar(20) NULL, made datetime2(6) NULL)")
    frame = pd.DataFrame({"id": [1, 2], "c": ["日本", None], "made": [FIRST.replace(microsecond=1), None]})
    frame.to_sql("t", server, schema="dbo", if_exists="append", index=False, method=etl.bulk_copy)
    assert query(server, "SELECT id, c, made FROM dbo.t ORDER BY id") == [
        (1, "日本", FIRST.replace(microsecond=1)),
        (2, None, None),
    ]


def test_identity_values_are_kept_where_the_frame_brings_them_and_drawn_where_not(server: sa.Engine) -> None:
    make(server, "CREATE TABLE dbo.t (id int IDENTITY(100, 5) PRIMARY KEY, c int NULL)")
    etl.to_sql(pd.DataFrame({"id": [7], "c": [1]}), "t", server, schema="dbo", if_exists="append", index=False)
    etl.to_sql(pd.DataFrame({"c": [2, 3]}), "t", server, schema="dbo", if_exists="append", index=False)
    assert query(server, "SELECT id, c FROM dbo.t ORDER BY c") == [(7, 1), (100, 2), (105, 3)]


def test_two_writers_with_values_too_long_for_bulk_copy_do_not_wait_for_each_other(server: sa.Engine) -> None:
    make(server, "CREATE TABLE dbo.t (id int NOT NULL, c nvarchar(max) NULL)")
    both_have_written = threading.Barrier(2, timeout=30)

    def write(first: int) -> None:
        frame = pd.DataFrame({"id": range(first, first + 50), "c": ["x" * 3_000, *["short"] * 49]})
        with server.connect() as connection:
            etl.to_sql(frame, "t", connection, schema="dbo", if_exists="append", index=False)
            both_have_written.wait()
            connection.commit()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [0, 50]))
    assert query(server, "SELECT COUNT(DISTINCT id), SUM(LEN(c)) FROM dbo.t") == [(100, 2 * 3_000 + 98 * 5)]


def test_a_table_is_read_in_frames_of_so_many_rows_and_by_column(server: sa.Engine) -> None:
    etl.to_sql(pd.DataFrame({"id": range(25), "c": range(25)}), "t", server, schema="dbo", index=False)
    assert [len(frame) for frame in etl.iter_sql("dbo.t", server, chunksize=10)] == [10, 10, 5]
    picked = etl.read_sql("dbo.t", server, columns=["c"], dtype_backend="numpy_nullable")
    assert (list(picked.columns), sorted(picked["c"])) == (["c"], list(range(25)))
    few = etl.read_sql("SELECT id, c * 2 AS doubled FROM dbo.t WHERE id < 3 ORDER BY id", server)
    assert few["doubled"].to_list() == [0, 2, 4]
    with pytest.raises(JobError, match=r"dbo\.t has no column nope"):
        etl.read_sql("dbo.t", server, columns=["nope"])
    with pytest.raises(JobError, match=r"the table dbo\.t is there already"):
        etl.to_sql(pd.DataFrame({"id": [1]}), "t", server, schema="dbo", index=False)
