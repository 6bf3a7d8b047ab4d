"""What `etl plan` says of columns: dtypes, and values that would be refused or changed; the run then does so."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from tests.databases import Database, MssqlDatabase, SqliteDatabase
from tests.pipeline.command import etl_here
from tests.pipeline.jobs import ORDERS, make_orders
from tests.pipeline.plans import Write, planned, run_of, said

HERE = "tests.pipeline.test_plan_columns"
RESHAPE = "tests.pipeline.transforms:reshape"
seen: dict[str, str] = {}
"""The dtypes that `note_dtypes` met last."""


def note_dtypes(frame: pd.DataFrame) -> pd.DataFrame:
    seen.update({str(name): str(dtype) for name, dtype in frame.dtypes.items()})
    return frame


@pytest.mark.parametrize("frame_dtypes", ["numpy_nullable", "pyarrow", "numpy"])
def test_the_dtypes_are_those_of_the_transform(database: Database, written: Write, frame_dtypes: str) -> None:
    make_orders(database, 25)
    seen.clear()
    file = written(database, transform=f"{HERE}:note_dtypes", frame_dtypes=frame_dtypes)
    told = {column["name"]: column["pandas"] for column in planned(file)["columns"]}
    seen.clear()
    run_of(file)
    assert list(told) == list(seen) == list(ORDERS)
    without_nulls = {name: dtype.partition(", with NULLs ")[0] for name, dtype in told.items()}
    assert {name: dtype.partition(" (")[0] for name, dtype in without_nulls.items()} == seen


def test_a_dtype_that_nulls_change(sqlite_file: SqliteDatabase, written: Write) -> None:
    sqlite_file.make("orders", {"id": "int NOT NULL", "qty": "int NULL", "paid": "bit NULL"})
    told = planned(written(sqlite_file, frame_dtypes="numpy"))["columns"]
    assert [column["pandas"] for column in told] == [
        "int64",
        "int64, with NULLs float64",
        "bool, with NULLs object (bool)",
    ]


def test_columns_that_the_transform_drops_and_adds(database: Database, written: Write) -> None:
    make_orders(database, 25)
    columns = planned(written(database, transform=RESHAPE, lineage=True))["columns"]
    by_name = {column["name"]: column for column in columns}
    assert list(by_name) == [*ORDERS, "half", "etl_run_id", "etl_chunk_id"]
    assert (by_name["paid"]["target_type"], by_name["paid"]["output_type"]) == (None, None)
    assert (by_name["half"]["source_type"], by_name["half"]["pandas"]) == (None, None)
    assert by_name["half"]["target_type"] == {"sqlite": "REAL", "mssql": "float"}[database.dialect]
    assert by_name["half"]["remarks"][0] == "added by the transform"
    assert by_name["etl_run_id"]["remarks"] == ["added by lineage"]
    assert by_name["id"]["remarks"] == ["NOT NULL is not taken over"]


REFUSED: list[tuple[str, Any, str, str]] = [
    ("int", 70_000, "smallint", "a value that smallint does not hold exactly"),
    ("bigint", 2**53 + 1, "float", "a value that float does not hold exactly"),
    ("decimal(10,2)", Decimal("1.25"), "decimal(10,1)", "a value that decimal(10,1) does not hold exactly"),
    ("float", 0.1, "real", "a value that real does not hold exactly"),
    ("datetime2(6)", "2024-01-01T10:00:00.123456", "datetime", "a value that datetime does not hold exactly"),
    ("nvarchar(9)", "1", "int", "every value but NULL, since text is never turned into int"),
    ("datetime2(3)", "2024-01-01T10:00:00", "time(3)", "every value but NULL, since timestamp is never turned into time(3)"),
    ("nvarchar(9)", "abcd", "nvarchar(3)", "a value longer than 3"),
    ("uniqueidentifier", "00000000-0000-0000-0000-000000000001", "char(35)", "a value longer than 35"),
    ("varbinary(9)", b"abcd", "varbinary(3)", "a value longer than 3"),
    ("nvarchar(9)", "Łódź", "varchar(9)", "a character that code page 1252 lacks"),
    ("datetime2(0)", "1752-12-31T00:00:00", "datetime", "years before 1753"),
    ("date", "1899-12-31", "smalldatetime", "days outside of 1900-01-01 to 2079-06-06"),
]  # fmt: skip


def test_what_is_said_to_be_refused_is_refused(server_database: MssqlDatabase, written: Write) -> None:
    sources = {f"c{number}": f"{source} NULL" for number, (source, *_) in enumerate(REFUSED)}
    rows = [
        (row, *(value if row == number else None for number, (_, value, *_) in enumerate(REFUSED)))
        for row in range(len(REFUSED))
    ]
    server_database.make("orders", {"id": "int NOT NULL", **sources}, rows, primary_key="id")
    targets = {f"c{number}": f"{target} NULL" for number, (_, _, target, _) in enumerate(REFUSED)}
    server_database.make("copies", {"id": "int NOT NULL", **targets})
    file = written(server_database, on_bad_row="reject", chunk_rows=100)
    columns = {column["name"]: column["remarks"] for column in planned(file)["columns"]}
    for number, (*_, remark) in enumerate(REFUSED):
        assert f"refused: {remark}" in columns[f"c{number}"]
    started, *_ = run_of(file)
    assert server_database.query("SELECT * FROM copies") == []
    rejected = etl_here("rejects", started["run_id"], "--json", "--target", server_database.url).events
    assert sorted((int(json.loads(reject["row_key"])), reject["column_name"]) for reject in rejected) == [
        (number, f"c{number}") for number in range(len(REFUSED))
    ]


KEPT: list[tuple[str, Any, str, list[str], str, Any]] = [
    ("smallint", 7, "int", [], "{}", 7),
    ("int", 7, "float", [], "{}", 7.0),
    ("bit", 1, "int", [], "{}", 1),
    ("decimal(10,2)", Decimal("1.25"), "decimal(12,3)", [], "{}", Decimal("1.250")),
    ("varchar(3)", "ab", "nchar(4)", ["padded to 4"], "{}", "ab  "),
    ("nchar(4)", "ab", "nchar(4)", [], "{}", "ab  "),
    ("varbinary(3)", b"ab", "binary(4)", ["padded to 4"], "{}", b"ab\0\0"),
    ("varchar(9)", "café", "varchar(9)", [], "{}", "café"),
    ("datetime2(3)", "2024-01-01T10:00:00.126", "datetime2(2)", ["rounded to 2 fractional digits"],
     "CONVERT(varchar(30), {}, 121)", "2024-01-01 10:00:00.13"),
    ("datetime2(3)", "2024-01-01T10:00:00.126", "datetime", ["rounded to 1/300 s", "refused: years before 1753"],
     "CONVERT(varchar(30), {}, 121)", "2024-01-01 10:00:00.127"),
    ("datetime2(0)", "2024-01-01T10:00:40", "smalldatetime",
     ["rounded to the minute", "refused: days outside of 1900-01-01 to 2079-06-06"],
     "CONVERT(varchar(19), {}, 120)", "2024-01-01 10:01:00"),
    ("time(3)", "10:00:00.160", "time(1)", ["rounded to 1 fractional digit"], "CONVERT(varchar(30), {}, 121)", "10:00:00.2"),
    ("datetimeoffset(3)", "2024-01-01 10:00:00.126 +01:00", "datetimeoffset(2)", ["rounded to 2 fractional digits"],
     "CONVERT(varchar(40), {}, 121)", "2024-01-01 10:00:00.13 +01:00"),
]  # fmt: skip


def test_what_is_said_to_be_changed_is_changed_so(server_database: MssqlDatabase, written: Write) -> None:
    sources = {f"c{number}": f"{source} NULL" for number, (source, *_) in enumerate(KEPT)}
    server_database.make("orders", sources, [tuple(value for _, value, *_ in KEPT)])
    server_database.make("copies", {f"c{number}": f"{target} NULL" for number, (_, _, target, *_) in enumerate(KEPT)})
    file = written(server_database)
    assert [column["remarks"] for column in planned(file)["columns"]] == [remarks for _, _, _, remarks, _, _ in KEPT]
    run_of(file)
    read = ", ".join(expression.format(f"c{number}") for number, (*_, expression, _) in enumerate(KEPT))
    assert server_database.query(f"SELECT {read} FROM copies") == [tuple(stored for *_, stored in KEPT)]


def test_null_is_refused_where_the_target_has_none(database: Database, written: Write) -> None:
    database.make("orders", {"id": "int NOT NULL", "name": "nvarchar(9) NULL"}, [(1, None)], primary_key="id")
    database.make("copies", {"id": "int NOT NULL", "name": "nvarchar(9) NOT NULL"})
    file = written(database)
    _, name = planned(file)["columns"]
    assert name["remarks"] == ["refused: NULL"]
    assert etl_here("run", file).exit_code == {"mssql": 4, "sqlite": 6}[database.dialect]
    assert database.query("SELECT * FROM copies") == []


def test_what_a_new_table_does_not_take_over(server_database: MssqlDatabase, written: Write) -> None:
    server_database.query(
        "CREATE TABLE orders "
        "(id int IDENTITY(1,1) NOT NULL PRIMARY KEY, qty int NOT NULL, twice AS qty * 2, version rowversion)"
    )
    server_database.query("INSERT INTO orders (qty) VALUES (4)")
    file = written(server_database)
    plan = planned(file)
    assert {column["name"]: column["remarks"] for column in plan["columns"]} == {
        "id": ["IDENTITY is not taken over, only the values"],
        "qty": [],
        "twice": ["its formula is not taken over, only the values"],
        "version": ["timestamp is kept as binary(8)"],
    }
    run_of(file)
    kinds = server_database.query(
        "SELECT name, is_identity, is_computed, TYPE_NAME(system_type_id) FROM sys.columns "
        "WHERE object_id = OBJECT_ID('copies') ORDER BY column_id"
    )
    assert kinds == [
        ("id", False, False, "int"),
        ("qty", False, False, "int"),
        ("twice", False, False, "int"),
        ("version", False, False, "binary"),
    ]


def test_columns_that_get_nothing(server_database: MssqlDatabase, written: Write) -> None:
    server_database.make("orders", {"id": "int NOT NULL"}, [(1,)], primary_key="id")
    server_database.query(
        "CREATE TABLE copies (no int IDENTITY(1,1), id int NOT NULL, note nvarchar(9) NULL DEFAULT 'new', needed int NOT NULL)"
    )
    file = written(server_database)
    plan = planned(file)
    assert {column["name"]: column["remarks"] for column in plan["columns"]} == {
        "id": [],
        "no": ["not filled: the server gives the values"],
        "note": ["not filled: its DEFAULT, else NULL"],
        "needed": ["not filled: its DEFAULT; without one the server refuses the rows, since it is NOT NULL"],
    }
    assert plan["route"]["way"] == "staging table"
    done = etl_here("run", file)
    assert done.exit_code == 6
    assert "needed" in done.stderr


def test_a_way_around_bulk_copy(server_database: MssqlDatabase, written: Write) -> None:
    utf8 = "varchar(20) COLLATE Latin1_General_100_CI_AS_SC_UTF8 NULL"
    server_database.query(
        f"CREATE TABLE orders (id int NOT NULL PRIMARY KEY, town {utf8}, tree xml NULL, body nvarchar(max))"
    )
    server_database.query("INSERT INTO orders VALUES (1, N'Łódź', N'<a/>', N'b')")
    file = written(server_database)
    plan = planned(file)
    assert {column["name"]: column["remarks"] for column in plan["columns"]} == {
        "id": [],
        "town": ["goes through a temporary table as nvarchar(max): its code page is not the database's"],
        "tree": [
            "goes through a temporary table as nvarchar(max): bulk copy has no xml",
            "parsed anew by the server, which drops insignificant white space",
        ],
        "body": [],
    }
    assert (plan["route"]["way"], plan["by_parameters"]) == ("staging table", ["tree", "body"])
    (way,) = (line for line in " ".join(" ".join(said(file)).split()).split("written by ")[1:])
    assert way.startswith(
        "staging table: bulk copy cannot carry town, tree; rows with more than 4,096 bytes in tree, body"
    )
    run_of(file)
    assert server_database.query("SELECT town, CONVERT(nvarchar(9), tree), body FROM copies") == [("Łódź", "<a/>", "b")]


def test_what_sqlite_makes_of_values_in_a_column_of_another_kind(
    server_database: MssqlDatabase, sqlite_file: SqliteDatabase, written: Write
) -> None:
    source = {"dec": "decimal(20,4)", "no": "nvarchar(9)", "sum": "float", "big": "bigint", "same": "decimal(15,2)"}
    values = (Decimal("1234567890123456.7891"), "007", 0.1 + 0.2, 2**53 + 1, Decimal("1234567890123.45"))
    server_database.make("orders", source, [values])
    sqlite_file.query("CREATE TABLE copies (dec DECIMAL(20,4), no INTEGER, sum TEXT, big REAL, same DECIMAL(15,2))")
    file = written(server_database, target=sqlite_file.url, target_table="copies")
    assert {column["name"]: column["remarks"] for column in planned(file)["columns"]} == {
        "dec": ["rounded to about 15 digits: SQLite makes a number of it"],
        "no": ["text that reads as a number becomes one in SQLite"],
        "sum": ["rounded to 15 digits: SQLite makes text of it"],
        "big": ["rounded above 2**53: SQLite makes a float of it"],
        "same": [],
    }
    run_of(file)
    assert sqlite_file.query("SELECT * FROM copies") == [
        (1234567890123456.8, 7, "0.3", 9007199254740992.0, 1234567890123.45)
    ]
