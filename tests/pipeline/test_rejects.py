"""Bad rows: set aside with their reasons while the others are loaded, or the end of their chunk, named in the message."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pandas as pd
import pytest

import etl
from etl import errors
from etl.bad_rows import rejects
from etl.bad_rows.rejects import Reject
from etl.connect import Endpoint
from etl.errors import EtlError
from etl.result import RunResult
from tests.databases import Database, SqliteDatabase
from tests.pipeline import bad_rows
from tests.pipeline.bad_rows import BY_BULK_COPY, BY_INSERT, BY_SQLITE, Planted
from tests.pipeline.command import etl_here
from tests.pipeline.jobs import job, make_orders

TRANSFORMS = "tests.pipeline.bad_rows"


def copied(database: Database, **fields: Any) -> RunResult:
    given = {"transform": bad_rows.TRANSFORM, "chunk_rows": 500, "on_bad_row": "reject"}
    return etl.run(job(database, **{**given, **fields}))


def set_aside(database: Database, run_id: str, most: int | None = None) -> list[Reject]:
    with Endpoint.of(database.url, "writer").connect() as connection:
        return rejects.of_run(connection, run_id, most)


def assert_parted(
    database: Database, planted: Planted, result: RunResult, why: dict[str, bad_rows.Why] = BY_BULK_COPY
) -> None:
    """The bad rows, and no others, are in `etl_reject`, each for its reason, and all others in the target."""
    found = set_aside(database, result.run_id)
    assert set_aside(database, result.run_id, most=3) == found[:3]
    bad_rows.check_reasons(found, planted, expected=why)
    assert bad_rows.in_target(database) == bad_rows.expected_target(planted)
    assert (result.rows_read, result.rows_written) == (len(planted.frame), len(planted.good))
    assert result.rows_rejected == sum(chunk.rows_rejected for chunk in result.chunks) == len(planted.kinds)
    counted = Counter(one.chunk_no for one in found)
    assert {chunk.chunk_no: chunk.rows_rejected for chunk in result.chunks if chunk.rows_rejected} == counted


# Every way that rows take


def test_a_hundred_bad_rows_among_twenty_thousand(server_database: Database) -> None:
    planted = bad_rows.plant(20_000, 20)
    bad_rows.make(server_database, planted)
    result = copied(server_database, chunk_rows=5_000, executor="process", workers=2)
    assert_parted(server_database, planted, result)


@pytest.mark.parametrize("way", ["bulk copy", "in slices", "staging table", "insert"])
@pytest.mark.parametrize("primary_key", ["id", None], ids=["key ranges", "stream"])
def test_on_a_server(
    server_database: Database, way: str, primary_key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = bad_rows.plant(1_200, 5)
    bad_rows.make(server_database, planted, primary_key=primary_key, extra=way == "staging table")
    if way == "insert":
        monkeypatch.setattr("etl.bulk.probe.holds", lambda _target: False)
    if way == "in slices":  # as where nothing can be asked of the table beforehand
        monkeypatch.setattr("etl.bad_rows.suspects.rules", lambda *_arguments: [])
    result = copied(server_database)
    assert {chunk.route for chunk in result.chunks} == {"bulk copy" if way == "in slices" else way}
    assert_parted(server_database, planted, result, BY_INSERT if way == "insert" else BY_BULK_COPY)
    keys = [one.row_key for one in set_aside(server_database, result.run_id)]
    assert keys == ([str(number) for number in sorted(planted.kinds)] if primary_key else [None] * len(planted.kinds))


@pytest.mark.parametrize("primary_key", ["id", None], ids=["key ranges", "stream"])
@pytest.mark.parametrize("executor", ["serial", "process"])
def test_on_sqlite(sqlite_file: SqliteDatabase, primary_key: str | None, executor: str) -> None:
    planted = bad_rows.plant(1_200, 5)
    bad_rows.make(sqlite_file, planted, primary_key=primary_key)
    assert_parted(sqlite_file, planted, copied(sqlite_file, executor=executor), BY_SQLITE)


@pytest.mark.parametrize("without", ["", "wrong type"])
def test_a_transform_that_hides_where_its_rows_come_from(server_database: Database, without: str) -> None:
    planted = bad_rows.plant(600, 4)
    kept = ~bad_rows.is_tenth(planted.frame) & ~planted.frame["id"].isin(
        [number for number, kind in planted.kinds.items() if kind == without]
    )
    planted = Planted(planted.frame, {number: kind for number, kind in planted.kinds.items() if kept[number - 1]})
    bad_rows.make(server_database, Planted(planted.frame[kept | bad_rows.is_tenth(planted.frame)], planted.kinds))
    result = copied(server_database, transform=f"{TRANSFORMS}:reindexed", output_schema=f"{TRANSFORMS}:OUTPUT")
    found = set_aside(server_database, result.run_id)
    assert bad_rows.in_target(server_database) == bad_rows.expected_target(Planted(planted.frame[kept], planted.kinds))
    # Refused before the load the row is known for sure; after it what was sent is, and the key in it.
    told = {int(one.row_key or 0): (one.stage, one.error_number, one.column_name) for one in found}
    assert told == {number: BY_BULK_COPY[kind] for number, kind in planted.kinds.items()}
    for one in found:
        if one.stage == "server":
            assert (one.row_no, one.row_values) == (None, None)
            assert str(json.loads(one.output_values or "")["id"]) == one.row_key
        elif one.stage == "transform" or one.column_name == "amount":
            assert str(json.loads(one.row_values or "")["id"]) == one.row_key


# What is kept of a row


def test_a_reject_has_the_row_as_it_was_read(server_database: Database) -> None:
    server_database.make("orders", {"id": "int NOT NULL", "text": "nvarchar(20) NULL", "amount": "decimal(10,2) NULL"},
                         [(1, "1", "1.10"), (2, "zwei", "2.20"), (3, "3", "3.30")], primary_key="id")  # fmt: skip
    server_database.make(
        "copies", {"id": "int NOT NULL", "text": "int NULL", "amount": "decimal(10,2) CHECK(amount<3)"}
    )
    result = copied(server_database, transform=f"{TRANSFORMS}:as_number")
    first, second = set_aside(server_database, result.run_id)
    assert first.reason.startswith(f"the transform {TRANSFORMS}:as_number raised ValueError: Unable to parse string")
    assert (first.row_no, first.row_key, first.output_values) == (1, "2", None)
    assert first.row_values == '{"id": 2, "text": "zwei", "amount": "2.20"}'
    assert second.reason.startswith('The INSERT statement conflicted with the CHECK constraint "')
    assert second.reason.endswith("column 'amount'. (error 547)")
    assert (second.row_no, second.row_key, second.error_number) == (2, "3", 547)
    assert second.row_values == '{"id": 3, "text": "3", "amount": "3.30"}'
    assert second.output_values == '{"id": 3, "text": 3, "amount": "3.30"}'


def test_of_rows_with_one_key_the_first_stays(database: Database) -> None:
    rows = [(number, number % 25, None, 1, None) for number in range(100)]
    database.make("orders", {"id": "int NOT NULL", "code": "int NULL", "a": "int NULL", "b": "int NULL", "c": "int NULL"},
                  rows, primary_key="id")  # fmt: skip
    database.make("copies", {"id": "int NOT NULL", "code": "int NOT NULL UNIQUE", "a": "int NULL", "b": "int NULL",
                             "c": "int NULL"}, [(1000, 7, None, 1, None)])  # fmt: skip
    result = copied(database, transform=None, chunk_rows=60)
    assert sorted(database.query(f"SELECT id, code FROM {database.quoted('copies')}")) == [
        (number, number) for number in range(25) if number != 7
    ] + [(1000, 7)]
    assert (result.rows_written, result.rows_rejected) == (24, 76)
    assert [one.row_key for one in set_aside(database, result.run_id)] == ["7", *map(str, range(25, 100))]


# What refuses rows on a server


def test_a_trigger_that_rolls_back(server_database: Database) -> None:
    make_orders(server_database, 60)
    make_orders(server_database, 0, table="copies")
    server_database.query(
        "CREATE TRIGGER dbo.guard ON dbo.copies AFTER INSERT AS"
        " IF EXISTS (SELECT 1 FROM inserted WHERE id IN (7, 31, 32)) ROLLBACK TRANSACTION"
    )
    result = copied(server_database, transform=None, chunk_rows=40)
    found = set_aside(server_database, result.run_id)
    assert [(one.row_key, one.stage, one.error_number) for one in found] == [
        (key, "server", 3609) for key in ("7", "31", "32")
    ]
    good = server_database.query("SELECT * FROM dbo.orders WHERE id NOT IN (7, 31, 32)")
    assert server_database.rows("copies") == Counter(good)


@pytest.mark.parametrize("statement", ["THROW 50001, 'not on a Sunday', 1", "RAISERROR('not on a Sunday', 16, 1)"])
def test_a_trigger_that_raises(server_database: Database, statement: str) -> None:
    make_orders(server_database, 30)
    make_orders(server_database, 0, table="copies")
    server_database.query(
        "CREATE TRIGGER dbo.guard ON dbo.copies AFTER INSERT AS"
        f" IF EXISTS (SELECT 1 FROM inserted WHERE id = 13) BEGIN {statement} END"
    )
    result = copied(server_database, transform=None, chunk_rows=20)
    (found,) = set_aside(server_database, result.run_id)
    assert (found.row_key, found.error_number) == ("13", 50001 if "THROW" in statement else 50000)
    assert "not on a Sunday" in found.reason
    assert server_database.query("SELECT COUNT(*), COUNT(DISTINCT id), SUM(id) FROM dbo.copies") == [(29, 29, 452)]


def test_a_failed_conversion_takes_the_transaction_with_it(server_database: Database) -> None:
    rows = [(number, "siebzehn" if number == 17 else str(number)) for number in range(30)]
    server_database.make("orders", {"id": "int NOT NULL", "text": "nvarchar(20) NULL"}, rows, primary_key="id")
    server_database.make("copies", {"id": "int NOT NULL", "text": "nvarchar(20) CHECK(CAST(text AS int)<>25)"})
    result = copied(server_database, transform=None, chunk_rows=20)
    found = set_aside(server_database, result.run_id)
    assert [(one.row_key, one.error_number) for one in found] == [("17", 245), ("25", 547)]
    assert server_database.rows("copies") == Counter(row for row in rows if row[0] not in {17, 25})


def test_a_foreign_key_and_long_values(server_database: Database) -> None:
    server_database.make("parents", {"id": "int NOT NULL"}, [(1,), (2,)], primary_key="id")
    long = "ż" * 3_000
    rows = [(number, number % 5, long if number % 3 == 0 else "short") for number in range(60)]
    columns = {"id": "int NOT NULL", "parent": "int NULL", "note": "nvarchar(max) NULL"}
    server_database.make("orders", columns, rows, primary_key="id")
    server_database.make("copies", {**columns, "parent": "int NULL REFERENCES dbo.parents(id)"}, primary_key="id")
    result = copied(server_database, transform=None, chunk_rows=40)
    good = Counter(row for row in rows if row[1] in {1, 2})
    assert server_database.rows("copies") == good
    assert {one.error_number for one in set_aside(server_database, result.run_id)} == {547}
    assert result.rows_rejected == 36


# The limit


@pytest.mark.parametrize("max_rejects", [9, "1.5%"])
def test_more_rows_than_the_limit_end_the_run(database: Database, max_rejects: int | str) -> None:
    planted = bad_rows.plant(600, 4)
    bad_rows.make(database, planted)
    with pytest.raises(errors.TooManyRejects) as failed:
        copied(database, max_rejects=max_rejects, chunk_rows=200)
    assert "max_rejects is 9; the first: row " in failed.value.message
    assert failed.value.exit_code == 7
    ledger = database.query("SELECT SUM(rows_rejected), SUM(rows_written) FROM etl_chunk")
    assert database.query("SELECT COUNT(*) FROM etl_reject") == [(ledger[0][0] or 0,)]
    assert sum(bad_rows.in_target(database).values()) == (ledger[0][1] or 0)
    assert (ledger[0][0] or 0) <= 9
    assert database.run_states() == ["failed"]
    result = copied(database, max_rejects=20, chunk_rows=200)
    assert (result.resumed, result.rows_rejected) == (True, 20)
    assert bad_rows.in_target(database) == bad_rows.expected_target(planted)


def test_chunks_side_by_side_do_not_pass_the_limit_unseen(sqlite_file: SqliteDatabase) -> None:
    found = rejects.too_many("1f2c507f", 11, 10)
    assert found is not None
    assert found.message == "11 rows are set aside, and max_rejects is 10"
    assert found.advice.startswith("See them with `etl rejects 1f2c507f`")
    assert (rejects.too_many("1f2c507f", 10, 10), rejects.too_many("1f2c507f", 11, None)) == (None, None)


@pytest.mark.parametrize(
    ("max_rejects", "rows", "limit"), [(5, 100, 5), ("5", 100, 5), ("0.1%", 10_000, 10), ("100%", 7, 7), ("0.1%", 9, 0)]
)
def test_a_limit_is_a_count_or_a_share_of_the_rows_planned(
    sqlite_file: SqliteDatabase, max_rejects: int | str, rows: int, limit: int
) -> None:
    assert rejects.limit_of(job(sqlite_file, on_bad_row="reject", max_rejects=max_rejects), rows) == limit
    assert rejects.limit_of(job(sqlite_file, max_rejects=max_rejects), rows) is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"max_rejects": "many"}, "max_rejects must be a count of rows, 0 or more, or a share of them such as 0.1%"),
        ({"max_rejects": "101%"}, "max_rejects must be a count of rows, 0 or more, or a share of them such as 0.1%"),
        ({"max_rejects": -1}, "max_rejects must be a count of rows, 0 or more, or a share of them such as 0.1%"),
        ({"on_bad_row": "skip"}, "on_bad_row must be fail or reject"),
        ({"on_bad_row": "reject", "bulk_without": ["fire_triggers"]}, "some rows go by INSERT"),
    ],
)
def test_a_job_that_asks_for_what_is_not_there(sqlite_file: SqliteDatabase, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.JobError, match=said):
        job(sqlite_file, **fields)


# Without rejects


FAILURES = {
    "wrong type": (errors.TransformError, "raised ValueError: Unable to parse string 'x12'", ""),
    "too long": (errors.SchemaError, "column note (nvarchar(20)): a value of length 30", ""),
    "duplicate key": (errors.DatabaseError, "The duplicate key value is (code {before}). (error 2627)", "code"),
    "NULL": (errors.SchemaError, "column 'amount', row {row}: NULL, and the column is declared NOT NULL", ""),
    "constraint": (errors.DatabaseError, "column 'quantity'. (error 547)", '"quantity": -5'),
}


@pytest.mark.parametrize("kind", bad_rows.KINDS)
def test_a_bad_row_ends_its_chunk_and_is_named(server_database: Database, kind: str) -> None:
    planted = bad_rows.plant(600, 1)
    (number,) = [number for number, found in planted.kinds.items() if found == kind]
    others = planted.frame["id"].isin([other for other in planted.kinds if other != number])
    bad_rows.make(server_database, Planted(planted.frame[~others], {number: kind}))
    with pytest.raises(EtlError) as failed:
        copied(server_database, on_bad_row="fail", chunk_rows=100, output_schema=f"{TRANSFORMS}:OUTPUT")
    error, said, value = FAILURES[kind]
    chunk = next(one for one in range(10) if planted_chunk(planted, others, number, one))
    row = int((planted.frame[~others]["id"] < number).sum()) - chunk * 100
    assert type(failed.value) is error
    assert failed.value.message.startswith(f"chunk {chunk} (")
    assert said.format(before=number - 1, row=row) in failed.value.message
    assert f"; it is row {row} of the chunk, id = {number}" in failed.value.message
    assert value in failed.value.message
    in_target = server_database.query("SELECT id FROM dbo.copies ORDER BY id")
    assert [identifier for (identifier,) in in_target] == list(planted.frame[~others]["id"][: chunk * 100])
    assert server_database.query("SELECT COUNT(*) FROM etl_reject") == [(0,)]


def test_a_row_that_only_a_trigger_refuses_is_named_too(server_database: Database) -> None:
    make_orders(server_database, 30)
    make_orders(server_database, 0, table="copies")
    server_database.query(
        "CREATE TRIGGER dbo.guard ON dbo.copies AFTER INSERT AS"
        " IF EXISTS (SELECT 1 FROM inserted WHERE id = 13) THROW 50001, 'not on a Sunday', 1"
    )
    with pytest.raises(errors.DatabaseError) as failed:
        copied(server_database, transform=None, chunk_rows=10, on_bad_row="fail")
    assert failed.value.message == (
        "chunk 1 (11 <= key < 21) of dbo.[orders] failed: appending to dbo.copies: not on a Sunday (error 50001); "
        'it is row 2 of the chunk, id = 13: {"id": 13, "customer": "customer 13", "amount": "13.25", "paid": true, '
        '"day": "2024-01-14"}'
    )
    assert server_database.query("SELECT COUNT(*), MAX(id) FROM dbo.copies") == [(10, 10)]


def planted_chunk(planted: Planted, others: Any, number: int, chunk: int) -> bool:
    return number in set(planted.frame[~others]["id"][chunk * 100 : chunk * 100 + 100])


def test_a_failed_run_goes_on_with_rejects(database: Database) -> None:
    planted = bad_rows.plant(600, 1)
    bad_rows.make(database, planted)
    with pytest.raises(EtlError):
        copied(database, on_bad_row="fail", chunk_rows=100, output_schema=f"{TRANSFORMS}:OUTPUT")
    result = copied(database, chunk_rows=100, output_schema=f"{TRANSFORMS}:OUTPUT")
    assert (result.resumed, result.rows_rejected) == (True, len(planted.kinds))
    assert bad_rows.in_target(database) == bad_rows.expected_target(planted)


def test_what_is_no_rows_doing_still_fails(server_database: Database) -> None:
    make_orders(server_database, 30)
    make_orders(server_database, 0, table="copies")
    for transform, said in (("no_frame", "not a DataFrame"), ("moody_columns", "lacks 'customer'")):
        with pytest.raises(EtlError, match=said):
            copied(server_database, transform=f"tests.pipeline.transforms:{transform}", chunk_rows=10)
    assert server_database.query("SELECT COUNT(*) FROM etl_reject") == [(0,)]


def gregarious(orders: pd.DataFrame) -> pd.DataFrame:
    """Judges rows together, and takes none alone."""
    if len(orders) < 2:
        raise KeyError("one order is none")
    return bad_rows.with_quantity(orders)


def test_a_transform_that_judges_rows_together_keeps_its_own_error(sqlite_file: SqliteDatabase) -> None:
    planted = bad_rows.plant(600, 1)
    bad_rows.make(sqlite_file, planted)
    output = f"{TRANSFORMS}:OUTPUT"
    with pytest.raises(errors.TransformError, match="Unable to parse string 'x12' at position") as failed:
        copied(sqlite_file, transform=f"{__name__}:gregarious", on_bad_row="fail", output_schema=output)
    assert "of the chunk" not in failed.value.message


# What is said of them


def test_the_commands_tell_of_rejects(sqlite_file: SqliteDatabase) -> None:
    planted = bad_rows.plant(100, 1)
    bad_rows.make(sqlite_file, planted)
    file = sqlite_file.path.with_name("job.yaml")
    file.write_text(
        f"source_table: orders\ntarget_table: copies\ntransform: {bad_rows.TRANSFORM}\non_bad_row: reject\n"
        "max_rejects: 10%\nexecutor: serial\n"
    )
    urls = {"ETL_SOURCE_URL": sqlite_file.url, "ETL_TARGET_URL": sqlite_file.url}
    done = etl_here("run", str(file), **urls)
    run_id = set_aside_run(sqlite_file)
    assert done.exit_code == 0, done.said
    assert done.stdout.splitlines()[-1].endswith(
        f"copies got 95 rows in all; 5 rows are set aside: `etl rejects {run_id}`"
    )
    shown = etl_here("show", run_id, **urls)
    assert [line.split()[:4] for line in shown.stdout.splitlines()[-1:]] == [["0", "100", "95", "5"]]
    listed = etl_here("rejects", run_id, **urls).stdout.splitlines()
    assert listed[-1] == f"5 rows of run {run_id} are set aside"
    number = next(number for number, kind in planted.kinds.items() if kind == "duplicate key")
    line = f"chunk 0, row {number - 1} (key {number}), server: UNIQUE constraint failed: copies.code"
    assert line in listed
    assert etl_here("verify", run_id, **urls).exit_code == 0
    events = etl_here("rejects", run_id, "--json", **urls).events
    assert [event["row_key"] for event in events] == [str(number) for number in sorted(planted.kinds)]
    assert {event["event"] for event in events} == {"reject"}


def set_aside_run(database: Database) -> str:
    ((run_id,),) = database.query("SELECT DISTINCT run_id FROM etl_reject")
    return str(run_id)


def test_the_rejects_of_a_ledger_without_them(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 10)
    result = etl.run(job(sqlite_file))
    sqlite_file.query("DROP TABLE etl_reject")
    done = etl_here("rejects", result.run_id, ETL_TARGET_URL=sqlite_file.url)
    assert (done.exit_code, done.stdout) == (0, f"run {result.run_id} has set no row aside\n")


def test_a_schema_without_pandera_is_refused_with_what_to_install(
    sqlite_file: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_orders(sqlite_file, 10)
    monkeypatch.setitem(__import__("sys").modules, "pandera.pandas", None)
    with pytest.raises(errors.JobError) as failed:
        etl.run(job(sqlite_file, schema=f"{TRANSFORMS}:OUTPUT"))
    assert failed.value.message.startswith(f"the schema {TRANSFORMS}:OUTPUT needs pandera, which cannot be imported (")
    assert failed.value.advice == "Install it: pip install 'tablehaul[schema]'."
    assert sqlite_file.tables() == {"orders"}
