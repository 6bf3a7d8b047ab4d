"""Whatever the keys, the planned ranges cover every row exactly once, in chunks of about the size asked for."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from etl.connect import Endpoint
from tests.databases import Database
from tests.properties.chunks import assert_each_row_once, plan_and_read, refill

CHEAP = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# No NUL and no surrogates, which no database's text holds. Runs of few letters make duplicates, case variants and prefixes.
TEXT = st.one_of(
    st.text(st.sampled_from("aAbB zé'\"%_ß[]-\U0001f600"), max_size=6),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
DATES = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
DATETIMES = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999))
NEAR_DATETIMES = st.datetimes(dt.datetime(1753, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59))

KEYS: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1)),
    "int": st.integers(-(2**31), 2**31 - 1),
    "tinyint": st.integers(0, 255),
    "nvarchar(40)": TEXT,
    "date": DATES,
    "datetime2(6)": DATETIMES,
}
MSSQL_KEYS: dict[str, st.SearchStrategy[Any]] = {
    "decimal(38,10)": st.decimals(min_value=-(10**27), max_value=10**27, places=10),
    "decimal(5,2)": st.decimals(min_value=-999, max_value=999, places=2),
    "datetime": NEAR_DATETIMES.map(lambda moment: moment.replace(microsecond=moment.microsecond // 10_000 * 10_000)),
    "datetime2(0)": DATETIMES.map(lambda moment: moment.replace(microsecond=0)),
    "smalldatetime": st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2079, 6, 6)).map(
        lambda moment: moment.replace(second=0, microsecond=0)
    ),
    "varchar(40)": st.text(st.sampled_from("aAbB zé'\"%_[]-"), max_size=6),
    "char(4)": st.text(st.sampled_from("aAbB z'-"), max_size=4),
    "uniqueidentifier": st.uuids(version=4).map(lambda value: str(uuid.UUID(str(value)))),
}


def check(database: Database, connection: Connection, key_type: str, keys: list[Any], chunk_rows: int) -> None:
    refill(database, key_type, keys)
    chunks, read = plan_and_read(database, connection, chunk_rows)
    assert_each_row_once(read, len(keys))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert sum(chunk.rows_planned for chunk in chunks) == len(keys)
    if len(set(keys)) == len(keys) and "char" not in key_type:  # whose collation may hold unlike texts for equal
        assert [chunk.rows_planned for chunk in chunks] == [len(rows) for rows in read]
    nulls = [chunk for chunk in chunks if chunk.kind == "nulls"]
    assert len(nulls) == (1 if None in keys else 0)


def covers_every_row_once(database: Database, key_type: str, keys: st.SearchStrategy[Any]) -> None:
    refill(database, key_type, [])
    with Endpoint.of(database.url, "reader").connect() as connection:

        @settings(CHEAP, max_examples=60 if database.dialect == "sqlite" else 12)
        @given(st.lists(st.one_of(st.none(), keys), max_size=30), st.integers(1, 12))
        def holds(drawn: list[Any], chunk_rows: int) -> None:
            check(database, connection, key_type, drawn, chunk_rows)

        holds()


@pytest.mark.parametrize("key_type", KEYS)
def test_ranges_cover_every_row_once(sqlite_file: Database, key_type: str) -> None:
    covers_every_row_once(sqlite_file, key_type, KEYS[key_type])


@pytest.mark.parametrize("key_type", KEYS | MSSQL_KEYS)
def test_ranges_of_a_server_cover_every_row_once(server_database: Database, key_type: str) -> None:
    covers_every_row_once(server_database, key_type, (KEYS | MSSQL_KEYS)[key_type])


def test_unique_keys_make_full_chunks(sqlite_file: Database) -> None:
    refill(sqlite_file, "int", [])
    with Endpoint.of(sqlite_file.url, "reader").connect() as connection:

        @CHEAP
        @given(st.sets(st.integers(-(2**40), 2**40), max_size=40), st.integers(1, 12))
        def holds(keys: set[int], chunk_rows: int) -> None:
            refill(sqlite_file, "bigint", sorted(keys, key=str))
            _, read = plan_and_read(sqlite_file, connection, chunk_rows)
            assert [len(rows) for rows in read] == [len(taken) for taken in _cut(sorted(keys), chunk_rows)]

        holds()


def test_duplicates_make_a_chunk_larger_by_one_key_at_most(sqlite_file: Database) -> None:
    refill(sqlite_file, "int", [])
    with Endpoint.of(sqlite_file.url, "reader").connect() as connection:

        @CHEAP
        @given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 12))
        def holds(keys: list[int], chunk_rows: int) -> None:
            refill(sqlite_file, "int", keys)
            _, read = plan_and_read(sqlite_file, connection, chunk_rows)
            heaviest = max((keys.count(key) for key in keys), default=0)
            assert all(len(rows) < chunk_rows + heaviest for rows in read)

        holds()


def _cut(keys: list[int], size: int) -> list[list[int]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]
