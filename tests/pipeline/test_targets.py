"""Targets that are there already, names of every sort, and values that the target refuses."""

from __future__ import annotations

from collections import Counter

import pytest

import etl
from etl.errors import DatabaseError, EtlError, SchemaError
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import ORDERS, job, make_orders, orders

# Existing tables


def test_more_columns_than_the_source_has_stay_null(database: Database) -> None:
    make_orders(database, 12)
    database.make("copies", {"note": "nvarchar(20) NULL", **ORDERS, "more": "int NULL"})
    etl.run(job(database))
    assert database.rows("copies", "id, customer, amount, paid, day") == database.rows("orders")
    assert database.rows("copies", "note, more") == Counter({(None, None): 12})


def test_columns_are_found_by_name_whatever_their_order_and_case(database: Database) -> None:
    make_orders(database, 12)
    database.make("copies", {name.upper(): ORDERS[name] for name in reversed(ORDERS)})
    etl.run(job(database))
    assert database.rows("copies", "id, customer, amount, paid, day") == database.rows("orders")


def test_a_column_that_the_target_lacks_is_refused_before_anything_is_written(database: Database) -> None:
    make_orders(database, 12)
    database.make("copies", {"id": "int NOT NULL", "day": "date NULL"})
    with pytest.raises(SchemaError, match=r"copies\]? has no column customer, amount, paid") as error:
        etl.run(job(database))
    assert error.value.state == "Nothing was written."
    assert database.tables() == {"orders", "copies"}


def test_a_computed_column_is_refused(database: Database) -> None:
    make_orders(database, 12)
    computed = "twice AS (id * 2)" if database.dialect == "mssql" else "twice AS (id * 2) STORED"
    database.query(f"CREATE TABLE {database.quoted('copies')} (id int NOT NULL, {computed})")
    query = f"SELECT id, id * 2 AS twice FROM {database.quoted('orders')}"
    with pytest.raises(SchemaError, match="twice cannot be written: computed or rowversion"):
        etl.run(job(database, query=query))
    etl.run(job(database, query=f"SELECT id FROM {database.quoted('orders')}"))
    assert database.rows("copies") == {(number, 2 * number): 1 for number in range(1, 13)}


def test_values_of_an_identity_column_are_kept(server_database: Database) -> None:
    server_database.query("CREATE TABLE dbo.orders (id int IDENTITY(100, 5) PRIMARY KEY, customer nvarchar(40) NULL)")
    server_database.query("INSERT INTO dbo.orders (customer) VALUES (N'a'), (N'b'), (N'c')")
    server_database.query("CREATE TABLE dbo.copies (id int IDENTITY PRIMARY KEY, customer nvarchar(40) NULL)")
    etl.run(job(server_database))
    assert server_database.rows("copies") == {(100, "a"): 1, (105, "b"): 1, (110, "c"): 1}
    server_database.query("INSERT INTO dbo.copies (customer) VALUES (N'd')")
    assert server_database.query("SELECT id FROM dbo.copies WHERE customer = N'd'") == [(111,)]


def test_a_column_that_must_not_be_null_stops_the_chunk(database: Database) -> None:
    make_orders(database, 12)
    database.make("copies", ORDERS | {"customer": "nvarchar(40) NOT NULL"})
    with pytest.raises(EtlError, match=r"(?i)chunk 0 .* failed: .*customer.*null|null.*customer") as error:
        etl.run(job(database))
    assert error.value.exit_code in {4, 6}
    assert database.rows("copies") == Counter()
    assert database.ledger() == []


def test_a_column_without_a_value_that_needs_one_stops_the_chunk(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 12)
    sqlite_file.make("copies", ORDERS | {"needed": "int NOT NULL"})
    with pytest.raises(EtlError, match="needed"):
        etl.run(job(sqlite_file))
    assert sqlite_file.rows("copies") == Counter()


def test_a_default_fills_what_the_source_lacks(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 12)
    sqlite_file.make("copies", ORDERS | {"origin": "int NOT NULL DEFAULT 7"})
    etl.run(job(sqlite_file))
    assert sqlite_file.rows("copies", "origin") == Counter({(7,): 12})


def test_text_that_is_too_long_stops_the_chunk_and_keeps_those_before(server_database: Database) -> None:
    make_orders(server_database, 25)
    server_database.query("UPDATE dbo.orders SET customer = REPLICATE(N'x', 21) WHERE id = 23")
    server_database.make("copies", ORDERS | {"customer": "nvarchar(20) NULL"})
    with pytest.raises(EtlError) as error:
        etl.run(job(server_database))
    assert "chunk 2 (21 <= key <= 25)" in error.value.message
    assert "customer" in error.value.message
    assert server_database.ledger() == [(0, "done", 10), (1, "done", 10)]
    assert sum(server_database.rows("copies").values()) == 20


def test_a_number_that_is_too_large_for_the_target_names_column_and_value(server_database: Database) -> None:
    make_orders(server_database, 12)
    server_database.query("UPDATE dbo.orders SET id = 300 WHERE id = 12")
    server_database.make("copies", ORDERS | {"id": "tinyint NOT NULL"})
    with pytest.raises(SchemaError, match=r"'id', row \d+: 300: it does not fit uint8"):
        etl.run(job(server_database, key="day"))


def test_a_duplicate_key_stops_the_chunk_and_names_the_table(database: Database) -> None:
    make_orders(database, 25)
    database.make("copies", ORDERS, orders(1, start=15), primary_key="id")
    with pytest.raises(DatabaseError, match=r"(?i)chunk 1 .*appending to .*copies.*(unique|duplicate)"):
        etl.run(job(database))
    assert sorted(number for (number,) in database.rows("copies", "id")) == [*range(1, 11), 15]
    database.query(f"DELETE FROM {database.quoted('copies')} WHERE id = 15")
    assert etl.run(job(database)).resumed
    assert database.rows("copies") == database.rows("orders")


# Names

NAMES = {
    "brackets": "a]b[c]]d",
    "double quotes": 'say "x"',
    "single quotes": "it's",
    "colons": "a:b ::c :d",
    "question marks": "why? and ?",
    "percent signs": "100% %s %(x)s",
    "spaces": " two  words ",
    "unicode": "größe 日本 😀",
    "reserved words": "select",
    "braces": "{table} {0}",
    "comment signs": "a -- b /* c */",
    "a backslash": "a\\b",
    "128 characters": "n" * 128,
    "mixed case": "MixedCase",
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_any_name_of_a_column_and_a_table_will_do(sqlite_file: SqliteDatabase, kind: str, mode: str) -> None:
    name = NAMES[kind]
    source, target = name[:-1] + "1", name[:-1] + "2"
    rows = [(number, None if number % 4 == 0 else f"row {number}") for number in range(1, 26)]
    sqlite_file.make(source, {name: "int NOT NULL", "other": "nvarchar(20) NULL"}, rows, primary_key=name)
    copied = job(
        sqlite_file,
        source_table=sqlite_file.exact_name(source),
        target_table=sqlite_file.exact_name(target),
        mode=mode,
        transform="tests.pipeline.test_values:same",
    )
    etl.run(copied)
    etl.run(copied)
    expected = sqlite_file.rows(source)
    assert sqlite_file.rows(target) == (expected if mode == "replace" else expected + expected)
    assert sqlite_file.tables() == {source, target, "etl_run", "etl_chunk", "etl_reject"}


@pytest.mark.parametrize("kind", ["brackets", "question marks"])
def test_any_name_will_do_on_a_server(server_database: Database, kind: str) -> None:
    source, target = NAMES[kind], NAMES[kind] + "2"
    columns = dict.fromkeys(NAMES.values(), "int NOT NULL")
    rows = [tuple(range(number, number + len(NAMES))) for number in range(5)]
    server_database.make(source, columns, rows, primary_key=NAMES[kind])
    copied = job(
        server_database,
        source_table=server_database.exact_name(source),
        target_table=server_database.exact_name(target),
        mode="replace",
        transform="tests.pipeline.test_values:same",
        chunk_rows=2,
    )
    etl.run(copied)
    etl.run(copied)
    assert server_database.rows(target) == server_database.rows(source)
    assert server_database.tables() == {source, target, "etl_run", "etl_chunk", "etl_reject"}


def test_a_schema_and_a_database_may_stand_before_the_name(database: Database) -> None:
    make_orders(database, 12)
    schema = "dbo" if database.dialect == "mssql" else "main"
    etl.run(job(database, source_table=f"{schema}.orders", target_table=f'{schema}."copies"'))
    assert database.rows("copies") == database.rows("orders")
    etl.run(job(database, source_table=f"[{schema}].[orders]", target_table=f"{schema}.copies", mode="replace"))
    assert database.rows("copies") == database.rows("orders")


def test_the_target_may_be_in_another_schema(server_database: Database) -> None:
    make_orders(server_database, 12)
    server_database.query("CREATE SCHEMA archive")
    for _ in range(2):
        etl.run(job(server_database, target_table="archive.copies", mode="replace"))
    assert server_database.query("SELECT COUNT(*), SUM(id) FROM archive.copies") == [(12, 78)]
