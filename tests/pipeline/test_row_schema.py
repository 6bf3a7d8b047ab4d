"""A pandera schema over the rows: what breaks it is set aside, or ends the chunk."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pytest

import etl
from etl import errors
from etl.bad_rows import rejects
from etl.bad_rows.rejects import Reject
from etl.connect import Endpoint
from tests.databases import Database, SqliteDatabase
from tests.pipeline.jobs import job, make_orders

HERE = "tests.pipeline.test_row_schema"

SCHEMA = pandera.DataFrameSchema(
    {
        "id": pandera.Column(checks=pandera.Check.not_equal_to(13)),
        "customer": pandera.Column(nullable=True, checks=pandera.Check.str_length(max_value=11)),
        "amount": pandera.Column(nullable=True),
    }
)
"""Of 120 orders 13 and 100 to 120 break it; those that 7 divides have no customer."""


class Orders(pandera.DataFrameModel):
    """The same in pandera's other form."""

    id: int = pandera.Field(ne=13, coerce=True)
    customer: str | None = pandera.Field(nullable=True, str_length={"max_value": 11})


MISSING_COLUMN = pandera.DataFrameSchema({"nope": pandera.Column()})
UNIQUE = pandera.DataFrameSchema({"paid": pandera.Column(unique=True)})
NOT_A_SCHEMA = 7


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    """Keeps no row in its place, and hides where each was."""
    return frame.iloc[::-1].reset_index(drop=True)


def copied(database: Database, **fields: Any) -> list[Reject]:
    result = etl.run(job(database, **{"chunk_rows": 50, "on_bad_row": "reject", **fields}))
    with Endpoint.of(database.url, "writer").connect() as connection:
        found = rejects.of_run(connection, result.run_id)
    assert (result.rows_read, result.rows_rejected) == (120, len(found))
    ids = {number for (number,) in database.query(f"SELECT id FROM {database.quoted('copies')}")}
    assert sorted([*ids, *(int(one.row_key or 0) for one in found)]) == list(range(1, 121))
    return found


BROKEN = [number for number in range(1, 121) if number == 13 or (number >= 100 and number % 7)]


@pytest.mark.parametrize("schema", ["SCHEMA", "Orders"])
def test_rows_that_break_the_schema_are_set_aside(database: Database, schema: str) -> None:
    make_orders(database, 120)
    found = copied(database, schema=f"{HERE}:{schema}")
    assert [int(one.row_key or 0) for one in found] == BROKEN
    assert {one.stage for one in found} == {"schema"}
    assert (found[0].column_name, found[1].column_name) == ("id", "customer")
    assert found[0].reason == f"13 breaks not_equal_to(13) of {HERE}:{schema}"
    assert found[1].reason == f"'customer 100' breaks str_length(None, 11) of {HERE}:{schema}"
    assert [json.loads(one.row_values or "")["id"] for one in found] == BROKEN


def test_behind_a_transform_that_moves_rows(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 120)
    found = copied(sqlite_file, schema=f"{HERE}:SCHEMA", transform=f"{HERE}:shuffled")
    assert [int(one.row_key or 0) for one in found] == BROKEN
    assert [json.loads(one.row_values or "")["id"] for one in found] == BROKEN


def test_without_rejects_the_row_is_named(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 120)
    with pytest.raises(errors.SchemaError) as failed:
        etl.run(job(sqlite_file, schema=f"{HERE}:SCHEMA", chunk_rows=50))
    assert failed.value.message.startswith(
        f"chunk 0 (1 <= key < 51) of orders failed: column 'id', row 12: 13 breaks not_equal_to(13) of {HERE}:SCHEMA"
    )
    assert failed.value.message.endswith("it is row 12 of the chunk, id = 13")
    assert sqlite_file.query("SELECT COUNT(*) FROM copies") == [(0,)]


def test_a_rule_about_rows_together_refuses_those_that_break_it(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 120)
    found = copied(sqlite_file, schema=f"{HERE}:UNIQUE", max_rejects="100%")
    assert len(found) == 120


@pytest.mark.parametrize("on_bad_row", ["fail", "reject"])
def test_a_rule_that_no_single_row_breaks_ends_the_run(sqlite_file: SqliteDatabase, on_bad_row: str) -> None:
    make_orders(sqlite_file, 120)
    with pytest.raises(errors.SchemaError, match=r"is not met: column_in_dataframe of .*: nope"):
        etl.run(job(sqlite_file, schema=f"{HERE}:MISSING_COLUMN", on_bad_row=on_bad_row))


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (f"{HERE}:NOT_A_SCHEMA", "is int, neither a pandera DataFrameSchema nor a DataFrameModel"),
        (f"{HERE}:NOPE", "has no NOPE"),
        ("nowhere:SCHEMA", "the module nowhere of the schema nowhere:SCHEMA cannot be imported"),
    ],
)
def test_a_schema_that_is_not_there_is_found_before_the_run(
    sqlite_file: SqliteDatabase, reference: str, said: str
) -> None:
    make_orders(sqlite_file, 10)
    with pytest.raises(errors.JobError, match=said):
        etl.run(job(sqlite_file, schema=reference))
    assert sqlite_file.tables() == {"orders"}
