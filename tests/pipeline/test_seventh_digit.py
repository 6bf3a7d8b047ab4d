"""100 ns through the front door: read, copied and written, over FreeTDS."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

import etl
from etl.connect import Endpoint
from etl.errors import JobError
from tests.databases import MssqlDatabase
from tests.pipeline.jobs import Recorder, job

MOMENTS = {
    "fine": ["2024-05-05 12:00:00.1234567", "1678-01-01 00:00:00.0000001", None],
    "coarse": ["0001-01-01 00:00:00.0000010", "9999-12-31 23:59:59.9999990", None],
    "endless": ["9999-12-31 23:59:59.9999999", "0001-01-01 00:00:00.0000001", None],
}
CLOCK = ["23:59:59.9999999", "00:00:00.0000000", None]
OFFSETS = ["2024-05-05 12:00:00.1234567 +05:30", "0001-01-01 00:00:00.0000001 +00:00", None]
COLUMNS = (
    "id int PRIMARY KEY, fine datetime2 NULL, coarse datetime2(7) NULL, endless datetime2 NULL, clock time NULL, "
    "place datetimeoffset NULL"
)
TEXT = ", ".join(f"CONVERT(varchar(40), {name}, 121)" for name in ("fine", "coarse", "endless", "clock", "place"))


@pytest.fixture
def moments(server_database: MssqlDatabase) -> MssqlDatabase:
    """A table of three rows, the last of NULLs."""
    server_database.query(f"CREATE TABLE dbo.orders ({COLUMNS})")
    for number, row in enumerate(zip(*MOMENTS.values(), CLOCK, OFFSETS, strict=True), start=1):
        values = ", ".join("NULL" if value is None else f"'{value}'" for value in row)
        server_database.query(f"INSERT INTO dbo.orders VALUES ({number}, {values})")
    return server_database


def as_text(database: MssqlDatabase, table: str) -> list[tuple[object, ...]]:
    return database.query(f"SELECT {TEXT} FROM dbo.{table} ORDER BY id")


def assert_read_whole(frame: pd.DataFrame) -> None:
    assert frame.dtypes["fine"] == pd.ArrowDtype(pa.timestamp("ns"))
    assert frame.dtypes["coarse"] == pd.ArrowDtype(pa.timestamp("us"))
    assert frame.dtypes["clock"] == pd.ArrowDtype(pa.time64("ns"))
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    assert rows.column("fine").cast(pa.int64()).to_pylist() == [1714910400123456700, -9214560000000000000 + 100, None]
    assert rows.column("coarse").to_pylist() == [
        dt.datetime(1, 1, 1, microsecond=1),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        None,
    ]
    assert rows.column("endless").to_pylist() == MOMENTS["endless"]
    assert rows.column("clock").cast(pa.int64()).to_pylist() == [86_399_999_999_900, 0, None]
    assert rows.column("place").to_pylist() == OFFSETS


@pytest.mark.parametrize(
    "sql",
    [
        "dbo.orders",
        "SELECT * FROM dbo.orders",
        "SELECT * FROM dbo.orders ORDER BY id",
        "WITH all_of_them AS (SELECT * FROM dbo.orders) SELECT * FROM all_of_them ORDER BY id",
    ],
)
def test_a_frame_has_them_all(moments: MssqlDatabase, sql: str) -> None:
    assert_read_whole(etl.read_sql(sql, moments.url).sort_values("id"))


def test_a_joined_transaction_reads_them_too(moments: MssqlDatabase) -> None:
    with Endpoint.of(moments.url, "writer").connect() as connection:
        assert_read_whole(etl.read_sql("dbo.orders", connection).sort_values("id"))


def test_a_frame_goes_back(moments: MssqlDatabase) -> None:
    frame = etl.read_sql("dbo.orders", moments.url)
    etl.to_sql(
        frame,
        "copies",
        moments.url,
        schema="dbo",
        index=False,
        dtype=dict.fromkeys(("coarse", "endless"), "datetime2") | {"place": "datetimeoffset"},
    )
    assert as_text(moments, "copies") == as_text(moments, "orders")


@pytest.mark.parametrize(
    "existing", ["", COLUMNS, COLUMNS.replace("NULL", "NULL DEFAULT NULL") + ", more int DEFAULT 7"]
)
@pytest.mark.parametrize("query", [None, "SELECT * FROM dbo.orders"])
def test_a_copy_has_them_all(moments: MssqlDatabase, existing: str, query: str | None) -> None:
    if existing:
        moments.query(f"CREATE TABLE dbo.copies ({existing})")
    recorder = Recorder()
    etl.run(job(moments, **({} if query is None else {"query": query})), listener=recorder)
    assert as_text(moments, "copies") == as_text(moments, "orders")
    assert recorder.prepared is not None
    note = "endless is read as text: it holds both 100 ns and years that nanoseconds do not reach"
    assert note in recorder.prepared.plan.notes


@pytest.mark.parametrize("dtypes", ["numpy_nullable", "pyarrow", "numpy"])
def test_a_transform_keeps_them(moments: MssqlDatabase, dtypes: str) -> None:
    etl.run(job(moments, transform="tests.pipeline.transforms:unchanged", frame_dtypes=dtypes))
    assert as_text(moments, "copies") == as_text(moments, "orders")


@pytest.mark.parametrize("sql", ["dbo.orders", "SELECT * FROM dbo.orders", "SELECT * FROM dbo.orders ORDER BY id"])
def test_columns_that_could_have_one_and_have_none(server_database: MssqlDatabase, sql: str) -> None:
    server_database.query("CREATE TABLE dbo.orders (id int PRIMARY KEY, clock time NULL, fine datetime2 NULL)")
    server_database.query(
        "INSERT INTO dbo.orders VALUES (1, '23:59:59.999999', '9999-12-31 23:59:59.999999'), (2, NULL, NULL)"
    )
    frame = etl.read_sql(sql, server_database.url)
    assert [str(dtype) for dtype in frame.dtypes] == ["int32[pyarrow]", "time64[us][pyarrow]", "timestamp[us][pyarrow]"]
    assert frame["clock"].iloc[0] == dt.time(23, 59, 59, 999_999)
    assert frame["fine"].iloc[0] == dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)
    etl.run(job(server_database))
    assert server_database.rows("copies", "id, clock") == server_database.rows("orders", "id, clock")


def test_sqlite_gets_their_text(moments: MssqlDatabase, sqlite_file: MssqlDatabase) -> None:
    etl.run(job(moments, target=sqlite_file.url, target_table="copies"))
    found = sqlite_file.query("SELECT fine, endless, clock FROM copies ORDER BY id")
    assert found[0] == ("2024-05-05 12:00:00.1234567", "9999-12-31 23:59:59.9999999", "23:59:59.9999999")


def test_a_query_that_cannot_be_asked_first_is_refused(moments: MssqlDatabase) -> None:
    ordered = "SELECT * FROM dbo.orders ORDER BY id"
    with pytest.raises(JobError, match="the query cannot be read as it is: fine"):
        etl.run(job(moments, query=ordered))
    with pytest.raises(JobError, match="the query cannot be read as it is: fine"):
        next(iter(etl.iter_sql(ordered, moments.url)))
