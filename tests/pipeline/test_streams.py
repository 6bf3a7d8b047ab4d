"""Queries and tables without a key: read once into a spool, and resumed from there."""

from __future__ import annotations

from pathlib import Path

import pytest

import etl
from etl.errors import Interrupted, JobError, LedgerError
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import Recorder, Stop, job, make_orders, orders


def stop_in_the_middle(database: Database, **fields: object) -> None:
    make_orders(database, 50, primary_key=None)
    with pytest.raises(Interrupted):
        etl.run(job(database, **fields), listener=Stop(after_chunks=2))


def spool_files(spool: Path) -> list[Path]:
    return sorted(spool.rglob("*.arrow"))


def test_a_table_without_a_key_is_spooled(database: Database, private_spool: Path) -> None:
    make_orders(database, 35, primary_key=None)
    recorder = Recorder()
    result = etl.run(job(database), listener=recorder)
    assert database.rows("copies") == database.rows("orders")
    assert [chunk.rows_written for chunk in result.chunks] == [10, 10, 10, 5]
    assert recorder.prepared is not None
    assert recorder.prepared.plan.notes[0].startswith("no single-column primary key")
    assert list(private_spool.iterdir()) == []


def test_a_query_is_spooled(database: Database, private_spool: Path) -> None:
    make_orders(database, 35)
    query = f"SELECT id, customer, id * 2 AS twice FROM {database.quoted('orders')} WHERE id > 5"
    result = etl.run(job(database, query=query))
    wanted = {row: 1 for row in database.rows("orders", "id, customer, id * 2") if row[0] > 5}
    assert database.rows("copies") == wanted
    assert result.rows_written == 30
    assert list(private_spool.iterdir()) == []


def test_a_query_may_end_in_a_semicolon(database: Database) -> None:
    make_orders(database, 3)
    etl.run(job(database, query=f"SELECT id, id + 1 AS next FROM {database.quoted('orders')} -- all\n ;\n"))
    assert database.rows("copies") == {(1, 2): 1, (2, 3): 1, (3, 4): 1}


def test_a_resume_reads_the_spool_and_not_the_source(database: Database, private_spool: Path) -> None:
    stop_in_the_middle(database)
    expected = database.rows("orders")
    assert len(spool_files(private_spool)) == 5
    assert {path.stat().st_mode & 0o077 for path in private_spool.iterdir()} == {0}
    database.query(f"DELETE FROM {database.quoted('orders')}")
    database.insert("orders", orders(7, start=1000))
    result = etl.run(job(database))
    assert (result.resumed, result.rows_moved) == (True, 30)
    assert database.rows("copies") == expected
    assert spool_files(private_spool) == []


@pytest.mark.parametrize("harm", ["removed", "cut", "changed"])
def test_a_spool_that_is_not_what_was_written_stops_the_run(
    sqlite_file: SqliteDatabase, private_spool: Path, harm: str
) -> None:
    stop_in_the_middle(sqlite_file)
    victim = spool_files(private_spool)[3]
    if harm == "removed":
        victim.unlink()
    elif harm == "cut":
        victim.write_bytes(victim.read_bytes()[:-100])
    else:
        victim.write_bytes(victim.read_bytes().replace(b"customer 32", b"customer 99"))
    with pytest.raises(LedgerError, match=r"chunk 3 .* cannot be read") as error:
        etl.run(job(sqlite_file))
    assert str(victim) in str(error.value)
    assert "--new-run" in error.value.advice
    assert sorted(number for (number,) in sqlite_file.rows("copies", "id")) == list(range(1, 31))


def test_spool_dir_says_where(sqlite_file: SqliteDatabase, tmp_path: Path, private_spool: Path) -> None:
    stop_in_the_middle(sqlite_file, spool_dir=tmp_path / "here")
    assert len(spool_files(tmp_path / "here")) == 5
    assert not private_spool.exists()
    etl.run(job(sqlite_file, spool_dir=tmp_path / "here"))
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")
    assert spool_files(tmp_path / "here") == []


def test_a_new_run_leaves_no_spool_behind(sqlite_file: SqliteDatabase, private_spool: Path) -> None:
    stop_in_the_middle(sqlite_file)
    etl.run(job(sqlite_file), new_run=True)
    assert spool_files(private_spool) == []


@pytest.mark.parametrize("query", ["SELECT nonsense FROM nowhere", "SELEKT 1", ""])
def test_a_query_that_the_server_refuses(database: Database, query: str) -> None:
    with pytest.raises((JobError, etl.EtlError)) as error:
        etl.run(job(database, query=query))
    assert error.value.exit_code in {2, 6}
    assert database.tables() == set()


def test_an_empty_query_result_makes_an_empty_table(database: Database) -> None:
    make_orders(database, 5)
    result = etl.run(job(database, query=f"SELECT id, day FROM {database.quoted('orders')} WHERE id > 100"))
    assert result.chunks == []
    assert sum(database.rows("copies", "id, day").values()) == 0
