"""A job with a watermark appends what is new since its last completed run, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

import etl
from etl import prepare
from etl.errors import Interrupted, JobError
from tests.databases import Database, MssqlDatabase
from tests.pipeline.jobs import Recorder, Stop, job, make_orders, orders


def ids(database: Database) -> list[int]:
    return sorted(number for (number,) in database.rows("copies", "id").elements())


def test_a_growing_key_goes_on_where_the_last_run_ended(database: Database) -> None:
    make_orders(database, 25)
    growing = job(database, watermark="id")
    first = Recorder()
    assert etl.run(growing, listener=first).rows_written == 25
    assert first.prepared is not None
    assert "new rows only: id <= 25" in first.prepared.plan.notes
    database.insert("orders", orders(7, start=26))
    second = Recorder()
    assert etl.run(growing, listener=second).rows_written == 7
    assert second.prepared is not None
    assert "new rows only: id > 25 and <= 32" in second.prepared.plan.notes
    assert etl.run(growing).rows_written == 0
    assert database.rows("copies") == database.rows("orders")


def test_a_stream_is_restricted_too(database: Database) -> None:
    make_orders(database, 12, primary_key=None)
    growing = job(database, watermark="ID")
    etl.run(growing)
    database.insert("orders", orders(3, start=13))
    assert etl.run(growing).rows_written == 3
    assert database.rows("copies") == database.rows("orders")


def test_an_empty_table_has_no_upper_bound_yet(database: Database) -> None:
    make_orders(database, 0)
    growing = job(database, watermark="id")
    assert etl.run(growing).rows_written == 0
    database.insert("orders", orders(4))
    assert etl.run(growing).rows_written == 4
    assert database.rows("copies") == database.rows("orders")


def test_a_run_that_did_not_complete_moves_no_bound(database: Database) -> None:
    make_orders(database, 25)
    growing = job(database, watermark="id")
    with pytest.raises(Interrupted):
        etl.run(growing, listener=Stop(after_chunks=1))
    database.insert("orders", orders(5, start=26))
    resumed = etl.run(growing)
    assert (resumed.resumed, resumed.rows_written) == (True, 25)
    assert etl.run(growing).rows_written == 5
    assert database.rows("copies") == database.rows("orders")


def test_rowversion_sees_changed_rows_and_stops_below_open_transactions(server_database: MssqlDatabase) -> None:
    server_database.query(
        "CREATE TABLE dbo.orders (id int PRIMARY KEY, customer nvarchar(20) NULL, version rowversion)"
    )
    server_database.query(
        "CREATE TABLE dbo.copies (id int NOT NULL, customer nvarchar(20) NULL, version binary(8) NULL)"
    )
    server_database.query("INSERT INTO dbo.orders (id, customer) VALUES (1, N'a'), (2, N'b'), (3, N'c')")
    versioned = job(server_database, watermark="version")
    assert etl.run(versioned).rows_written == 3
    assert etl.run(versioned).rows_written == 0
    server_database.query("UPDATE dbo.orders SET customer = N'B' WHERE id = 2")
    assert etl.run(versioned).rows_written == 1
    with server_database.transaction() as open_transaction:
        open_transaction("INSERT INTO dbo.orders (id, customer) VALUES (4, N'd')")
        server_database.query("INSERT INTO dbo.orders (id, customer) VALUES (5, N'e')")
        assert etl.run(versioned).rows_written == 0
    assert etl.run(versioned).rows_written == 2
    assert ids(server_database) == [1, 2, 2, 3, 4, 5]


@pytest.mark.parametrize("sql_type", ["datetime2(3)", "datetime", "smalldatetime", "datetimeoffset(3)", "date"])
def test_a_moment_waits_out_its_lag(server_database: Database, sql_type: str) -> None:
    server_database.query(f"CREATE TABLE dbo.orders (id int PRIMARY KEY, stored {sql_type} NULL)")
    server_database.query("INSERT INTO dbo.orders VALUES (1, DATEADD(day, -9, SYSDATETIMEOFFSET())), (2, NULL)")
    server_database.query("INSERT INTO dbo.orders VALUES (3, DATEADD(day, -1, SYSDATETIMEOFFSET()))")
    late = job(server_database, watermark="stored", watermark_lag_sec=5 * 86_400)
    assert etl.run(late).rows_written == 1
    server_database.query("UPDATE dbo.orders SET stored = DATEADD(day, -5, stored) WHERE id = 3")
    assert ids(server_database) == [1]
    assert (
        etl.run(late).rows_written == 0
    )  # its moment lies below the bound that is behind us: that is what a lag must cover


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"watermark": "nothing"}, r"orders\]? has no column nothing"),
        ({"watermark": "paid"}, r"orders\]?\.paid is \S+, which cannot be a watermark"),
        ({"watermark": "id", "watermark_lag_sec": 5}, "watermark_lag_sec is for dates and datetimes; id is"),
        ({"watermark": "id", "mode": "replace"}, "it needs one, and mode append"),
        ({"watermark_lag_sec": 5}, "describe a watermark, and there is none"),
    ],
)
def test_what_cannot_be_one(database: Database, fields: dict[str, Any], said: str) -> None:
    make_orders(database, 3)
    with pytest.raises(JobError, match=said):
        prepare.prepare(job(database, **fields))
    assert database.tables() == {"orders"}
