"""Key ranges through `etl.run`: every kind of key, with gaps, skew, duplicates and NULLs, covers the table exactly."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import pytest

import etl
from etl.errors import JobError
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import Recorder, job, make_orders

SKEWED: list[Any] = [1, 2, 3, *[50] * 40, 51, 1_000_000, 1_000_001, 2_000_000_000]
KEYS: dict[str, tuple[str, list[Any]]] = {
    "gaps and skew": ("int NULL", SKEWED),
    "negative": ("bigint NULL", [-(2**63), -17, -3, 0, 4, 2**63 - 1]),
    "one row": ("int NULL", [7]),
    "equal keys only": ("int NULL", [5] * 23),
    "NULL among them": ("int NULL", [None, 3, None, 1, 2, *[None] * 12]),
    "NULL only": ("int NULL", [None] * 13),
    "text, cases and blanks": ("nvarchar(40) NULL", ["a", "A", "b", "B ", "B", "", " ", "Ä", "ä", "z", None] * 3),
    "text, quotes and signs": ("nvarchar(40) NULL", ["O'Brien", '"', "[x]", "%", "_", "?", ":a", "\\", "ß", "😀", "日本"]),
    "date": ("date NULL", [dt.date(1, 1, 1), dt.date(1582, 10, 10), *[dt.date(2024, 2, day) for day in range(1, 30)]]),
    "datetime": (
        "datetime2(6) NULL",
        [dt.datetime(2024, 1, 1, 0, 0, 0, micro) for micro in range(0, 900, 37)] + [dt.datetime(1, 1, 1), None],
    ),
    "uniqueidentifier": ("uniqueidentifier NULL", [str(uuid.UUID(int=number << 64 | 255 - number)) for number in range(33)]),
}  # fmt: skip


@pytest.mark.parametrize("chunk_rows", [1, 10])
@pytest.mark.parametrize("kind", KEYS)
def test_every_row_is_copied_once(sqlite_file: SqliteDatabase, kind: str, chunk_rows: int) -> None:
    key_type, keys = KEYS[kind]
    sqlite_file.make("orders", {"k": key_type, "row_no": "int NOT NULL"}, [(key, row) for row, key in enumerate(keys)])
    result = etl.run(job(sqlite_file, key="k", chunk_rows=chunk_rows))
    assert sqlite_file.rows("copies") == sqlite_file.rows("orders")
    assert sum(sqlite_file.rows("copies").values()) == len(keys)
    distinct = len({key for key in keys if key is not None})
    assert len(result.chunks) <= distinct + (None in keys)
    if chunk_rows == 1 and kind != "text, cases and blanks":  # there the collation says which keys are equal
        assert len(result.chunks) == distinct + (None in keys)


@pytest.mark.parametrize("kind", ["NULL among them", "text, cases and blanks", "text, quotes and signs", "datetime"])
def test_every_row_is_copied_once_from_a_server(server_database: Database, kind: str) -> None:
    key_type, keys = KEYS[kind]
    rows = [(key, row) for row, key in enumerate(keys)]
    server_database.make("orders", {"k": key_type, "row_no": "int NOT NULL"}, rows)
    result = etl.run(job(server_database, key="k", chunk_rows=5))
    assert server_database.rows("copies") == server_database.rows("orders")
    assert result.rows_written == len(keys)
    assert len(result.chunks) > 1


def test_decimal_keys_are_compared_as_decimals(server_database: Database) -> None:
    keys = ["0.0000000001", "0.0000000002", "99999999999999999999999999.9999999999", "-1.5", "10", "9", None]
    rows = [(key, row) for row, key in enumerate(keys)]
    server_database.make("orders", {"k": "decimal(38,10) NULL", "row_no": "int NOT NULL"}, rows)
    result = etl.run(job(server_database, key="k", chunk_rows=1))
    assert server_database.rows("copies") == server_database.rows("orders")
    assert len(result.chunks) == 7


def test_no_rows_make_no_chunks(database: Database) -> None:
    make_orders(database, 0)
    result = etl.run(job(database))
    assert (result.chunks, result.rows_written) == ([], 0)
    assert sum(database.rows("copies").values()) == 0
    assert database.run_states() == ["done"]


def test_the_primary_key_is_the_key_unless_another_is_named(database: Database) -> None:
    make_orders(database, 12)
    recorder = Recorder()
    etl.run(job(database), listener=recorder)
    assert recorder.prepared is not None
    assert recorder.prepared.plan.notes[0] == "key ranges over the primary key id"
    assert [(str(chunk.lower), str(chunk.upper)) for chunk in recorder.prepared.plan.chunks] == [
        ("1", "11"),
        ("11", "12"),
    ]
    etl.run(job(database, key="DAY", mode="replace"), listener=recorder)
    assert recorder.prepared.plan.notes[0] == "key ranges over day"
    assert recorder.prepared.plan.key == "day"
    assert database.rows("copies") == database.rows("orders")


@pytest.mark.parametrize("key", ["paid", "blob"])
def test_a_key_that_cannot_be_cut_is_refused(database: Database, key: str) -> None:
    database.make("orders", {"paid": "bit NULL", "blob": "varbinary(10) NULL"}, [(1, b"a")])
    with pytest.raises(JobError, match=rf"orders\]?\.{key} is .*, which cannot be cut into ranges"):
        etl.run(job(database, key=key))
    assert database.tables() == {"orders"}


def test_sql_servers_types_without_an_exact_text_are_no_keys(server_database: Database) -> None:
    kinds = ["nvarchar(max)", "float", "real", "money", "time(3)", "varbinary(8)", "bit"]
    server_database.make("orders", {f"k{number}": f"{kind} NULL" for number, kind in enumerate(kinds)})
    for number, kind in enumerate(kinds):
        with pytest.raises(JobError, match=rf"k{number} is {re.escape(kind)}, which cannot be cut into ranges"):
            etl.run(job(server_database, key=f"k{number}"))
