"""Copying through `etl.run`: what arrives, and how often."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import etl
from etl.errors import TransformError
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import Recorder, job, make_orders, orders
from tests.pipeline.transforms import FAIL_VARIABLE

TRANSFORMS = "tests.pipeline.transforms"


def test_a_copy_without_a_transform_is_the_table(database: Database) -> None:
    make_orders(database, 35)
    result = etl.run(job(database))
    assert database.rows("copies") == database.rows("orders")
    assert [chunk.rows_written for chunk in result.chunks] == [10, 10, 10, 5]
    assert (result.rows_read, result.rows_written, result.rows_moved) == (35, 35, 35)
    assert (result.resumed, result.mode, result.notes) == (False, "append", [])
    assert database.ledger() == [(0, "done", 10), (1, "done", 10), (2, "done", 10), (3, "done", 5)]
    assert database.run_states() == ["done"]


def test_a_pool_of_processes_copies_the_same(server_database: Database) -> None:
    database = server_database
    make_orders(database, 35)
    recorder = Recorder()
    result = etl.run(job(database, executor="process", transform=f"{TRANSFORMS}:with_total"), listener=recorder)
    assert database.rows("copies", "id, customer, amount, paid, day") == database.rows("orders")
    assert [chunk.chunk_no for chunk in result.chunks] == [0, 1, 2, 3]
    assert 1 <= len({chunk.worker for chunk in result.chunks}) <= 2
    assert [progress.chunks_done for progress in recorder.progress] == [1, 2, 3, 4]
    assert recorder.progress[-1].rows_done == recorder.progress[-1].rows_planned == 35


def test_a_transform_adds_a_column(database: Database) -> None:
    make_orders(database, 12)
    etl.run(job(database, transform=f"{TRANSFORMS}:with_total"))
    found = {number: (amount, total) for number, amount, total in database.rows("copies", "id, amount, total")}
    assert {number: None if amount is None else float(amount) for number, (amount, _) in found.items()} == {
        number: None if number % 5 == 0 else number + 0.25 for number in range(1, 13)
    }
    assert all(
        total is None if amount is None else float(total) == 2 * float(amount) for amount, total in found.values()
    )


def test_a_transform_may_drop_rows_and_whole_chunks(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 12)
    result = etl.run(job(sqlite_file, transform=f"{TRANSFORMS}:unpaid_only", chunk_rows=1))
    assert sorted(number for (number,) in sqlite_file.rows("copies", "id")) == [2, 4, 6, 8, 10, 12]
    assert [chunk.rows_written for chunk in result.chunks] == [0, 1] * 6
    assert (result.rows_read, result.rows_written) == (12, 6)


def test_a_transform_may_return_more_rows_than_it_got(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 12)
    result = etl.run(job(sqlite_file, transform=f"{TRANSFORMS}:twice"))
    twice = sqlite_file.rows("orders")
    assert sqlite_file.rows("copies") == Counter(dict.fromkeys(twice, 2))
    assert (result.rows_read, result.rows_written) == (12, 24)


def test_a_declared_output_schema_names_and_orders_the_columns(database: Database) -> None:
    make_orders(database, 5)
    etl.run(job(database, transform=f"{TRANSFORMS}:id_and_day", output_schema=f"{TRANSFORMS}:ID_AND_DAY"))
    assert database.rows("copies") == database.rows("orders", "id, day")


def test_a_declared_output_schema_needs_no_rows(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 0)
    result = etl.run(job(sqlite_file, transform=f"{TRANSFORMS}:id_and_day", output_schema=f"{TRANSFORMS}:ID_AND_DAY"))
    assert sqlite_file.rows("copies", "id, day") == Counter()
    assert (result.chunks, result.rows_written) == ([], 0)


def test_column_types_decide_what_a_new_table_declares(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 5)
    wide = sqlite_file.sql_type("nvarchar(60)")
    etl.run(job(sqlite_file, column_types={"customer": wide}))
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")


def test_append_twice_gives_both_runs_rows(database: Database) -> None:
    make_orders(database, 15)
    first = etl.run(job(database))
    second = etl.run(job(database))
    assert first.run_id != second.run_id
    assert database.rows("copies") == Counter(dict.fromkeys(database.rows("orders"), 2))
    assert database.run_states() == ["done", "done"]


def test_append_keeps_what_was_there(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 15)
    make_orders(sqlite_file, 3, table="copies")
    sqlite_file.query(f"DELETE FROM {sqlite_file.quoted('orders')} WHERE id <= 3")
    etl.run(job(sqlite_file))
    assert sorted(number for (number,) in sqlite_file.rows("copies", "id")) == list(range(1, 16))


def test_replace_twice_gives_the_same_rows(database: Database) -> None:
    make_orders(database, 15)
    etl.run(job(database, mode="replace"))
    etl.run(job(database, mode="replace"))
    assert database.rows("copies") == database.rows("orders")
    assert database.tables() == {"orders", "copies", "etl_run", "etl_chunk", "etl_reject"}


def test_replace_takes_the_new_columns(database: Database) -> None:
    make_orders(database, 15)
    database.make("copies", {"something": "int NULL"}, [(1,)])
    etl.run(job(database, mode="replace", transform=f"{TRANSFORMS}:id_only"))
    assert database.rows("copies") == database.rows("orders", "id")


def test_replace_with_nothing_empties_the_table(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 0)
    make_orders(sqlite_file, 4, table="copies")
    result = etl.run(job(sqlite_file, mode="replace"))
    assert (sqlite_file.rows("copies"), result.rows_written) == (Counter(), 0)


def test_replace_keeps_the_old_table_until_all_is_there(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_orders(database, 30)
    make_orders(database, 3, table="copies")
    old = database.rows("copies")
    flag = tmp_path / "fail"
    flag.touch()
    monkeypatch.setenv(FAIL_VARIABLE, str(flag))
    replacing = job(database, mode="replace", transform=f"{TRANSFORMS}:fail_at_25")
    with pytest.raises(TransformError):
        etl.run(replacing)
    assert database.rows("copies") == old
    flag.unlink()
    result = etl.run(replacing)
    assert result.resumed
    assert database.rows("copies") == database.rows("orders")
    assert database.tables() == {"orders", "copies", "etl_run", "etl_chunk", "etl_reject"}


def test_the_result_says_that_the_source_changed(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 12)

    class Intruder(Recorder):
        def chunk_done(self, progress: object) -> None:
            if not self.lost:
                self.lost.append("once")
                sqlite_file.insert("orders", orders(1, start=100))

    result = etl.run(job(sqlite_file), listener=Intruder())
    assert result.rows_written == 12
    assert result.notes == ["the source changed during the run: 12 rows were read and it has 13 now"]
