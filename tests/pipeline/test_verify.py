"""After a run, and again by `etl verify`: the target holds what was written, and the source what was read."""

from __future__ import annotations

import pytest

import etl
from etl import check, ledger
from etl.connect import Endpoint
from etl.errors import CheckFailed
from tests.databases import Database, SqliteDatabase
from tests.pipeline.command import etl_here
from tests.pipeline.jobs import job, make_orders


def verify(database: Database, run_id: str, **fields: object) -> check.Verified:
    with Endpoint.of(database.url, "writer").connect() as connection:
        run = ledger.find_run(connection, run_id)
    return check.verify(job(database, **fields), run)


@pytest.mark.parametrize("fields", [{}, {"mode": "replace"}, {"lineage": True}])
def test_what_agrees(database: Database, fields: dict[str, object]) -> None:
    make_orders(database, 25)
    result = etl.run(job(database, **fields))
    verified = verify(database, result.run_id, **fields)
    assert (verified.rows_in_target, verified.rows_written) == (25, 25)
    columns, lineage = {"mssql": (9, 3), "sqlite": (4, 2)}[database.dialect]
    assert verified.values_compared == columns + (lineage if "lineage" in fields else 0)


def test_a_changed_value_in_the_target_is_found(server_database: Database) -> None:
    make_orders(server_database, 25)
    result = etl.run(job(server_database))
    server_database.query("UPDATE dbo.copies SET amount = amount + 1 WHERE id = 3")
    with pytest.raises(
        CheckFailed, match=rf"does not hold the values that run {result.run_id} wrote: amount: sum \S+ inst"
    ):
        verify(server_database, result.run_id)


def test_a_value_that_became_null_is_found(database: Database) -> None:
    make_orders(database, 25)
    result = etl.run(job(database))
    database.query(f"UPDATE {database.quoted('copies')} SET customer = NULL WHERE id = 3")
    with pytest.raises(CheckFailed, match="customer: values 21 instead of 22"):
        verify(database, result.run_id)


def test_missing_rows_are_found(database: Database) -> None:
    make_orders(database, 25)
    result = etl.run(job(database, lineage=True))
    etl.run(job(database, lineage=True))
    database.query(f"DELETE FROM {database.quoted('copies')} WHERE id = 3 AND etl_run_id = '{result.run_id}'")
    with pytest.raises(CheckFailed, match=f"holds 24 rows of this run and run {result.run_id} wrote 25"):
        verify(database, result.run_id, lineage=True)


def test_a_source_that_changed_is_told_from_rows_that_are_missing(server_database: Database) -> None:
    make_orders(server_database, 25)
    result = etl.run(job(server_database))
    server_database.query("UPDATE dbo.orders SET day = DATEADD(day, 1, day) WHERE id = 3")
    with pytest.raises(CheckFailed, match=r"orders\]? is not what run \w+ read: day: days since 1900") as failed:
        verify(server_database, result.run_id)
    assert failed.value.state == "The target holds what was read."


def test_a_table_with_other_rows_is_only_counted(database: Database) -> None:
    make_orders(database, 25)
    make_orders(database, 5, table="copies", primary_key=None)
    result = etl.run(job(database))
    verified = verify(database, result.run_id)
    assert (verified.rows_in_target, verified.rows_written, verified.values_compared) == (30, 25, 0)
    assert verified.notes == [f"5 rows of {database.name('copies')} are not this run's: no values were compared"]
    assert result.notes == [
        f"{database.name('copies')} had rows before this run: count them with `etl verify {result.run_id}`"
    ]


def test_a_table_that_others_write_to_meanwhile_is_only_counted(database: Database) -> None:
    make_orders(database, 25)
    result = etl.run(job(database))
    assert result.notes == []
    orders, copies = database.quoted("orders"), database.quoted("copies")
    database.query(f"INSERT INTO {copies} SELECT * FROM {orders} WHERE id IN (1, 2, 3, 4, 5)")
    verified = verify(database, result.run_id)
    assert (verified.rows_in_target, verified.rows_written, verified.values_compared) == (30, 25, 0)
    assert verified.notes == [f"5 rows of {database.name('copies')} are not this run's: no values were compared"]


def test_a_trigger_that_changes_rows_is_noticed_at_the_end_of_the_run(server_database: Database) -> None:
    make_orders(server_database, 25)
    make_orders(server_database, 0, table="copies")
    server_database.query(
        "CREATE TRIGGER dbo.rounding ON dbo.copies AFTER INSERT AS UPDATE dbo.copies SET amount = 0 WHERE id = 3"
    )
    with pytest.raises(CheckFailed, match=r"does not hold the values that run \S+ wrote: amount: sum"):
        etl.run(job(server_database))


def test_the_command(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 25)
    result = etl.run(job(sqlite_file))
    urls = {"ETL_SOURCE_URL": sqlite_file.url, "ETL_TARGET_URL": sqlite_file.url}
    done = etl_here("verify", result.run_id, **urls)
    assert (done.exit_code, done.stdout) == (
        0,
        f"run {result.run_id} agrees: copies holds its 25 rows; 4 numbers of their columns compared\n",
    )
    sqlite_file.query("DELETE FROM copies WHERE id = 3")
    failed = etl_here("verify", result.run_id, **urls)
    assert failed.exit_code == 10
    assert f"error: copies holds 24 rows and run {result.run_id} wrote 25" in failed.stderr
