"""`etl plan`: what it says is what `etl run` then does, and saying it changes nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import etl
from etl.errors import Interrupted
from tests.databases import Database, MssqlDatabase, SqliteDatabase
from tests.pipeline.command import Ended, etl_here
from tests.pipeline.jobs import ORDERS, Stop, job, make_orders
from tests.pipeline.plans import Write, planned, run_of, said

RESHAPE = "tests.pipeline.transforms:reshape"


# Nothing is changed


def everything(database: Database, cache: Path) -> object:
    """All that there is: of SQLite the file itself, of a server every row of every table; and the files of the user's cache."""
    files = sorted(str(path) for path in cache.rglob("*"))
    if isinstance(database, SqliteDatabase):
        neighbours = sorted(path.name for path in database.path.parent.glob(f"{database.path.name}*"))
        return files, neighbours, hashlib.sha256(database.path.read_bytes()).hexdigest()
    return files, {table: sorted(map(repr, database.rows(table))) for table in database.tables()}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mode": "replace", "lineage": True, "transform": RESHAPE},
        {"query": "SELECT * FROM orders"},
        {"watermark": "id"},
        {"target_table": "taken"},
    ],
)  # fmt: skip
def test_nothing_is_changed(database: Database, written: Write, private_spool: Path, fields: dict[str, Any]) -> None:
    make_orders(database, 25)
    database.make("taken", ORDERS)
    before = everything(database, private_spool.parents[1])
    for _ in range(2):
        assert planned(written(database, **fields))["resumes"] is None
    assert everything(database, private_spool.parents[1]) == before
    assert database.tables() == {"orders", "taken"}
    database.query("DROP TABLE orders")  # which waits for whatever lock is left


@pytest.mark.parametrize("fields", [{}, {"mode": "replace"}, {"query": "SELECT * FROM orders"}])
def test_nothing_is_changed_of_an_unfinished_run(
    database: Database, written: Write, private_spool: Path, fields: dict[str, Any]
) -> None:
    make_orders(database, 25)
    stop(database, 1, **fields)
    before = everything(database, private_spool.parents[1])
    assert planned(written(database, **fields))["resumes"]["chunks_done"] == 1
    assert everything(database, private_spool.parents[1]) == before


def stop(database: Database, after_chunks: int, **fields: Any) -> None:
    with pytest.raises(Interrupted):
        etl.run(job(database, **fields), listener=Stop(after_chunks=after_chunks))


def test_a_sqlite_file_that_is_not_there_is_not_made(
    sqlite_file: SqliteDatabase, tmp_path: Path, written: Write
) -> None:
    make_orders(sqlite_file, 25)
    file = written(sqlite_file, target=f"sqlite:///{tmp_path / 'new.db'}")
    there = sorted(tmp_path.iterdir())
    assert "CREATE TABLE" in planned(file)["ddl"]
    assert sorted(tmp_path.iterdir()) == there
    assert run_of(file)[-1]["rows_written"] == 25


# What a run does


@pytest.mark.parametrize(
    ("fields", "chunks"),
    [
        ({}, 3),
        ({"mode": "replace"}, 3),
        ({"transform": RESHAPE, "lineage": True}, 3),
        ({"watermark": "id", "chunk_rows": 25}, 1),
        ({"writers": 1, "workers": 3, "target_table": "taken"}, 3),
    ],
)  # fmt: skip
def test_the_run_does_what_the_plan_says(
    database: Database, written: Write, fields: dict[str, Any], chunks: int
) -> None:
    make_orders(database, 25)
    database.make("taken", ORDERS)
    file = written(database, **fields)
    plan = planned(file)
    assert (plan["rows"], plan["chunks_left"], plan["key"], plan["spooled_first"]) == (25, chunks, "id", False)
    started = run_of(file)[0]
    assert (started["chunks_planned"], started["rows_planned"]) == (chunks, 25)
    assert started["notes"] == plan["notes"]
    ((stored,),) = database.query("SELECT plan_json FROM etl_run")
    stored = json.loads(stored)
    assert [{name: chunk[name] for name in plan["chunks"][0]} for chunk in stored["chunks"]] == plan["chunks"]
    assert [stored["route"][name] for name in ("way", "why", "hints")] == list(plan["route"].values())
    filled = [column for column in plan["columns"] if column["target_type"] is not None]
    assert [(column["name"], column["sql_type"], column["nullable"]) for column in stored["target_columns"]] == [
        (column["name"], column["target_type"], column["target_nullable"]) for column in filled
    ]


def test_the_table_is_made_as_the_plan_says(database: Database, written: Write) -> None:
    make_orders(database, 5)
    file = written(database)
    ddl = planned(file)["ddl"]
    database.query(ddl)
    event = planned(file)
    assert (event["ddl"], event["replaces"]) == (None, False)
    database.query("DROP TABLE copies")
    run_of(file)
    assert [column for column in event["columns"] if column["remarks"]] == []
    assert database.rows("copies") == database.rows("orders")


def test_a_stream_is_counted_where_it_is_a_table(database: Database, written: Write) -> None:
    make_orders(database, 25, primary_key=None)
    file = written(database)
    plan = planned(file)
    assert (plan["rows"], plan["chunks_left"], plan["chunks"], plan["spooled_first"]) == (25, 3, None, True)
    assert plan["spool"].endswith("/etl/spool/<run>")
    lines = said(file)
    assert f"spool       {plan['spool']}" in " ".join(lines).replace("             ", "")
    assert lines[-1] == ")"  # the end of the DDL: there are no chunks to list yet
    assert run_of(file)[0]["chunks_planned"] == 3


def test_a_query_is_not_counted(database: Database, written: Write) -> None:
    make_orders(database, 25)
    file = written(database, query="SELECT * FROM orders")
    plan = planned(file)
    assert (plan["rows"], plan["chunks_left"], plan["chunks"], plan["spooled_first"]) == (None, None, None, True)
    assert run_of(file)[0]["notes"] == plan["notes"]
    (rows,) = (line for line in said(file) if line.startswith("rows "))
    assert rows.startswith("rows        unknown until they are spooled, in chunks of 10; a query has no order")
    (time,) = (line for line in said(file) if line.startswith("time "))
    assert time.startswith("time        not known, as the number of rows is not; at the ")


def test_an_unfinished_run_would_be_resumed(database: Database, written: Write) -> None:
    make_orders(database, 25)
    stop(database, 2)
    ((run_id,),) = database.query("SELECT run_id FROM etl_run")
    file = written(database)
    plan = planned(file)
    assert plan["resumes"] == {"run_id": run_id, "chunks_done": 2, "chunks_planned": 3}
    assert (plan["rows"], plan["chunks_left"], plan["ddl"]) == (5, 1, None)
    assert [(chunk["number"], chunk["rows_planned"]) for chunk in plan["chunks"]] == [(2, 5)]
    assert said(file)[0].startswith(f"`etl run` would resume run {run_id} (append ")
    assert run_of(file)[0]["run_id"] == run_id


def test_a_spool_of_an_unfinished_run_has_known_chunks(sqlite_file: SqliteDatabase, written: Write) -> None:
    make_orders(sqlite_file, 25)
    stop(sqlite_file, 1, query="SELECT * FROM orders")
    plan = planned(written(sqlite_file, query="SELECT * FROM orders"))
    assert (plan["rows"], plan["chunks_left"], plan["spooled_first"]) == (15, 2, False)
    assert [(chunk["kind"], chunk["rows_planned"]) for chunk in plan["chunks"]] == [("spool", 10), ("spool", 5)]


def test_the_table_that_goes_is_named(database: Database, written: Write) -> None:
    make_orders(database, 5)
    database.make("copies", ORDERS)
    file = written(database, mode="replace")
    assert planned(file)["replaces"]
    text = " ".join(" ".join(said(file)).split())
    assert "copies__etl_<run>, swapped in for " in text
    assert "copies at the end: its indexes, keys, triggers and grants go; in " in text


# How long it takes


def test_the_time_is_that_of_the_last_run(database: Database, written: Write) -> None:
    make_orders(database, 25)
    file = written(database, mode="replace")
    assert planned(file)["estimate"] is None
    run_id = run_of(file)[0]["run_id"]
    # Two chunks at once, from 0 to 15 s, and after a stop the third: 20 s of work.
    for number, (start, end) in enumerate([(0, 10), (5, 15), (100, 105)]):
        moments = [database.literal(dt.datetime(2024, 1, 1) + dt.timedelta(seconds=at)) for at in (start, end)]
        database.query(
            f"UPDATE etl_chunk SET started_at = {moments[0]}, ended_at = {moments[1]}, worker = 'here:{number % 2}' "
            f"WHERE chunk_no = {number}"
        )
    assert planned(file)["estimate"] == {"run_id": run_id, "workers": 2, "rows_per_sec": 1.25, "seconds": 20.0}
    (time,) = (line for line in said(file) if line.startswith("time "))
    assert time.startswith(f"time        about 20.0 s at the 1 rows/s of run {run_id} with 2 workers")


def test_a_run_without_rows_tells_no_time(sqlite_file: SqliteDatabase, written: Write) -> None:
    make_orders(sqlite_file, 25)
    file = written(sqlite_file, watermark="id")
    first = run_of(file)[0]["run_id"]
    assert run_of(file)[-1]["rows_written"] == 0
    plan = planned(file)
    assert (plan["estimate"]["run_id"], plan["estimate"]["seconds"], plan["rows"]) == (first, 0.0, 0)


# What a person sees


def test_a_small_plan_in_full(sqlite_file: SqliteDatabase, written: Write) -> None:
    make_orders(sqlite_file, 25)
    url = str(sqlite_file.path)
    lines = said(written(sqlite_file))
    text = "\n".join(lines)
    assert lines[0] == "`etl run` would start a new run (append orders → copies). Nothing has been changed."
    assert f"source      orders in {url}" in text.replace("\n            ", "")
    assert "rows        25 in 3 chunks; key ranges over the primary key id" in lines
    assert "written by  insert: SQLite has no bulk copy; 1 at once" in lines
    assert "workers     2, of which 1 may write at once" in lines
    assert "locked      the database file, for one writer at a time, until each chunk commits" in lines
    assert "time        not known yet: no run of this job has read rows" in lines
    start = lines.index("column    source         pandas            target")
    assert lines[start + 1 : start + 6] == [
        "id        INT            Int64             INT NOT NULL",
        "customer  nvarchar(40)   string            nvarchar(40)",
        "amount    decimal(10,2)  object (Decimal)  decimal(10,2)",
        "paid      BOOLEAN        boolean           BOOLEAN",
        "day       date           datetime64[us]    date",
    ]
    assert [" ".join(line.split()) for line in lines[-4:]] == [
        "chunk range of id rows, about",
        "0 1 <= key < 11 10",
        "1 11 <= key < 21 10",
        "2 21 <= key <= 25 5",
    ]
    assert 'CREATE TABLE "copies" (\n    "id" INT NOT NULL,\n' in text
    assert max(map(len, lines)) <= 100


def test_of_many_chunks_the_first_and_the_last_are_shown(sqlite_file: SqliteDatabase, written: Write) -> None:
    make_orders(sqlite_file, 30)
    file = written(sqlite_file, chunk_rows=1)
    lines = said(file)
    assert lines[-3].split() == ["9", "10", "<=", "key", "<", "11", "1"]
    assert lines[-2].split() == ["…", "19", "more"]
    assert lines[-1].split() == ["29", "30", "<=", "key", "<=", "30", "1"]
    assert len(planned(file)["chunks"]) == 30


def test_workers_on_the_command_line(sqlite_file: SqliteDatabase, written: Write) -> None:
    make_orders(sqlite_file, 25)
    plan = planned(written(sqlite_file), "--workers", "7")
    assert (plan["workers"], plan["writers"]) == (7, 1)


def test_no_password_is_shown(server_database: MssqlDatabase, written: Write) -> None:
    make_orders(server_database, 5)
    file = written(server_database)
    password = server_database.engine.url.password
    assert password
    assert password not in etl_here("plan", file).stdout
    assert password not in etl_here("plan", file, "--json").stdout


# A job that cannot run


def ends(command: str, file: str) -> tuple[Ended, tuple[int, str]]:
    done = etl_here(command, file)
    return done, (done.exit_code, done.stderr)


@pytest.mark.parametrize(
    ("fields", "exit_code", "told"),
    [
        ({"source_table": "nowhere"}, 2, "nowhere"),
        ({"key": "nope"}, 2, "has no column nope"),
        ({"transform": "nowhere:clean"}, 2, "the module nowhere"),
        ({"target_table": "a.b.c.d"}, 2, "is not a table name"),
        ({"column_types": {"nope": "int"}}, 2, "column_types names nope"),
        ({"target_table": "other"}, 4, "other has no column customer, amount, paid, day"),
        ({"transform": "tests.pipeline.transforms:fail_quietly"}, 5, "raised ZeroDivisionError"),
        ({"query": "SELECT nope FROM orders"}, None, "nope"),
        ({"mode": "replace", "watermark": "id"}, 2, "a watermark selects what is appended"),
    ],
)  # fmt: skip
def test_a_job_that_cannot_run_ends_as_the_run_does(
    database: Database, written: Write, fields: dict[str, Any], exit_code: int | None, told: str
) -> None:
    make_orders(database, 5)
    database.make("other", {"id": "int NOT NULL"})
    file = written(database, **fields)
    plan, ended = ends("plan", file)
    assert told in plan.stderr
    assert ends("run", file)[1] == ended
    assert plan.exit_code == (exit_code or {"sqlite": 6, "mssql": 2}[database.dialect])
    assert database.tables() == {"orders", "other"}


def test_a_target_that_is_no_database(sqlite_file: SqliteDatabase, tmp_path: Path, written: Write) -> None:
    make_orders(sqlite_file, 5)
    path = tmp_path / "text.db"
    path.write_text("not one page of a database" * 100)
    file = written(sqlite_file, target=f"sqlite:///{path}")
    plan, ended = ends("plan", file)
    assert plan.exit_code == 3
    assert ends("run", file)[1] == ended
    assert path.read_text() == "not one page of a database" * 100


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_target_that_cannot_be_opened(
    sqlite_file: SqliteDatabase, tmp_path: Path, written: Write, folder: str
) -> None:
    make_orders(sqlite_file, 5)
    path = tmp_path / "nowhere" / "new.db" if folder == "nowhere" else tmp_path
    file = written(sqlite_file, target=f"sqlite:///{path}")
    plan, ended = ends("plan", file)
    assert plan.exit_code == 3
    assert ends("run", file)[1] == ended


def test_a_source_that_is_not_there(sqlite_file: SqliteDatabase, tmp_path: Path, written: Write) -> None:
    file = written(sqlite_file, source=f"sqlite:///{tmp_path / 'nowhere.db'}")
    plan, ended = ends("plan", file)
    assert (plan.exit_code, ends("run", file)[1]) == (3, ended)


def test_an_unfinished_run_that_cannot_go_on(database: Database, written: Write) -> None:
    make_orders(database, 25)
    stop(database, 1)
    database.query(f"ALTER TABLE {database.quoted('orders')} ADD more int NULL")
    file = written(database)
    plan, ended = ends("plan", file)
    assert plan.exit_code == 9
    assert "have changed since it was planned" in plan.stderr
    assert ends("run", file)[1] == ended


def test_a_run_that_is_being_undone(sqlite_file: SqliteDatabase, written: Write) -> None:
    make_orders(sqlite_file, 25)
    stop(sqlite_file, 1)
    sqlite_file.query("UPDATE etl_run SET state = 'undoing'")
    file = written(sqlite_file)
    plan, ended = ends("plan", file)
    assert plan.exit_code == 9
    assert "is being undone" in plan.stderr
    assert ends("run", file)[1] == ended


def test_an_empty_source_whose_output_is_not_known(database: Database, written: Write) -> None:
    make_orders(database, 0)
    file = written(database, transform=RESHAPE)
    plan, ended = ends("plan", file)
    assert plan.exit_code == 4
    assert ends("run", file)[1] == ended
    database.make("copies", ORDERS)
    assert {column["target_type"] for column in planned(file)["columns"]} == {None}
    assert said(file)[-1].split() == ["day", "date", "datetime64[us]", "not", "known", "yet"]
