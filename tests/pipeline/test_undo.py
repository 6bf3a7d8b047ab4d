"""`etl undo` takes back exactly what one run appended, where its job asked for lineage columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

import etl
from etl import ledger
from etl import undo as undoing
from etl.connect import Endpoint
from etl.errors import Interrupted, LedgerError, SchemaError
from tests.databases import Database, SqliteDatabase
from tests.pipeline.command import etl_here
from tests.pipeline.jobs import Stop, job, make_orders

SCHEMA = pa.schema([("id", pa.int32()), ("customer", pa.string())])


def two_columns(frame: object) -> object:
    return frame[["id", "customer"]]  # type: ignore[index] # a DataFrame


def undo(database: Database, run_id: str) -> undoing.Undone:
    target = Endpoint.of(database.url, "writer")
    with target.connect() as connection:
        run = ledger.find_run(connection, run_id)
    return undoing.undo(target, run)


def test_every_row_says_which_run_and_chunk_brought_it(database: Database) -> None:
    make_orders(database, 25)
    result = etl.run(job(database, lineage=True))
    found = database.rows("copies", "etl_run_id, etl_chunk_id")
    assert found == {(result.run_id, 0): 10, (result.run_id, 1): 10, (result.run_id, 2): 5}
    assert database.rows("copies", "id, customer, amount, paid, day") == database.rows("orders")


def test_lineage_follows_a_transform(database: Database) -> None:
    make_orders(database, 12)
    result = etl.run(job(database, lineage=True, transform=f"{__name__}:two_columns"))
    assert database.rows("copies", "id, etl_run_id, etl_chunk_id") == {
        (number, result.run_id, (number - 1) // 10): 1 for number in range(1, 13)
    }


def test_one_run_is_undone_and_the_other_stays(database: Database) -> None:
    make_orders(database, 25)
    first = etl.run(job(database, lineage=True))
    second = etl.run(job(database, lineage=True))
    assert first.run_id != second.run_id
    undone = undo(database, first.run_id)
    assert (undone.chunks, undone.rows_deleted, undone.rows_written) == (3, 25, 25)
    assert set(database.rows("copies", "etl_run_id")) == {(second.run_id,)}
    assert database.rows("copies", "id") == database.rows("orders", "id")
    assert sorted(database.run_states()) == ["done", "undone"]
    assert sorted(state for _, state, _ in database.ledger()) == ["done"] * 3 + ["undone"] * 3
    again = etl.run(job(database, lineage=True))
    assert again.resumed is False


def test_an_unfinished_run_is_undone_and_the_job_starts_anew(database: Database) -> None:
    make_orders(database, 25)
    with pytest.raises(Interrupted):
        etl.run(job(database, lineage=True), listener=Stop(after_chunks=2))
    ((run_id,),) = set(database.rows("copies", "etl_run_id"))
    assert undo(database, run_id).rows_deleted == 20
    assert not database.rows("copies")
    with pytest.raises(LedgerError, match=f"run {run_id} was undone: it cannot go on"):
        invoke_resume(database, run_id)
    result = etl.run(job(database, lineage=True))
    assert (result.resumed, result.rows_written) == (False, 25)
    assert database.rows("copies", "id") == database.rows("orders", "id")


def invoke_resume(database: Database, run_id: str) -> None:
    with Endpoint.of(database.url, "writer").connect() as connection:
        stored = ledger.find_run(connection, run_id)
    etl.pipeline.resume(job(database, lineage=True), stored)


def test_undoing_goes_on_where_it_was_stopped(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    make_orders(database, 25)
    result = etl.run(job(database, lineage=True))
    undo_chunk, left = undoing._undo_chunk, iter([True, False])

    def stopped(*arguments: object) -> int:
        if not next(left):
            raise KeyboardInterrupt
        return undo_chunk(*arguments)  # type: ignore[arg-type] # passed through

    monkeypatch.setattr(undoing, "_undo_chunk", stopped)
    with pytest.raises(KeyboardInterrupt):
        undo(database, result.run_id)
    monkeypatch.setattr(undoing, "_undo_chunk", undo_chunk)
    assert sum(database.rows("copies").values()) == 15
    with pytest.raises(LedgerError, match=f"is being undone: it cannot go on.*\n.*\n.*etl undo {result.run_id}"):
        etl.run(job(database, lineage=True))
    assert undo(database, result.run_id).rows_deleted == 15
    assert not database.rows("copies")


def test_rows_that_went_meanwhile_are_told(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 25)
    result = etl.run(job(sqlite_file, lineage=True))
    sqlite_file.query("DELETE FROM copies WHERE id = 7")
    undone = etl_here("undo", result.run_id, ETL_TARGET_URL=sqlite_file.url)
    assert undone.stdout == (
        f"run {result.run_id} is undone: 24 rows of 3 chunks deleted\n"
        "note: 1 of the rows that it wrote were not there any more\n"
    )
    told = etl_here("undo", result.run_id, "--json", ETL_TARGET_URL=sqlite_file.url)
    counts = {"chunks": 0, "rows_deleted": 0, "rows_written": 0}
    assert told.events == [{"event": "undone", "run_id": result.run_id, **counts}]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "its rows in copies bear no mark of it"),
        ({"mode": "replace", "lineage": True}, "replaced copies: the rows it took the place of are gone"),
    ],
)
def test_what_cannot_be_undone(sqlite_file: SqliteDatabase, fields: dict[str, object], said: str) -> None:
    make_orders(sqlite_file, 5)
    result = etl.run(job(sqlite_file, **fields))
    with pytest.raises(LedgerError, match=said):
        undo(sqlite_file, result.run_id)
    assert sum(sqlite_file.rows("copies").values()) == 5


def test_a_source_with_such_a_column_is_refused(sqlite_file: SqliteDatabase) -> None:
    sqlite_file.make("orders", {"id": "int NOT NULL", "etl_run_id": "nvarchar(16) NULL"}, primary_key="id")
    with pytest.raises(SchemaError, match="the output has a column etl_run_id, which lineage would add"):
        etl.run(job(sqlite_file, lineage=True))


def test_a_target_without_them_is_refused(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 5)
    make_orders(sqlite_file, 0, table="copies")
    with pytest.raises(SchemaError, match="copies has no column etl_run_id, etl_chunk_id"):
        etl.run(job(sqlite_file, lineage=True))
