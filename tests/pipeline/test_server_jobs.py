"""Queries of a server with columns that they must be wrapped for."""

from __future__ import annotations

import pytest

import etl
from etl.errors import JobError
from tests.databases import Database
from tests.pipeline.command import etl_here
from tests.pipeline.jobs import job, make_orders


@pytest.mark.parametrize(
    "query", ["WITH o AS (SELECT * FROM moments) SELECT * FROM o", "SELECT * FROM moments ORDER BY id"]
)
def test_a_query_that_cannot_be_wrapped_is_refused_with_its_columns(server_database: Database, query: str) -> None:
    server_database.make("moments", {"id": "int NOT NULL", "at": "datetimeoffset(3) NULL"}, [(1, None)])
    with pytest.raises(JobError, match=r"the query cannot be read as it is: at \(datetimeoffset\(3\)\)"):
        etl.run(job(server_database, query=query))
    assert server_database.tables() == {"moments"}


def test_a_query_that_needs_no_wrapping_may_have_both(server_database: Database) -> None:
    make_orders(server_database, 30)
    query = "WITH o AS (SELECT * FROM orders) SELECT TOP 25 * FROM o ORDER BY id"
    assert etl.run(job(server_database, query=query)).rows_written == 25
    assert sorted(number for (number,) in server_database.rows("copies", "id")) == list(range(1, 26))


def test_show_says_what_bulk_copy_does_without(server_database: Database) -> None:
    make_orders(server_database, 5)
    result = etl.run(job(server_database, bulk_without=["check_constraints"]))
    shown = etl_here("show", result.run_id, ETL_TARGET_URL=server_database.url)
    assert "plan: written by bulk copy: " in shown.stdout
    assert ", without CHECK_CONSTRAINTS" in shown.stdout
