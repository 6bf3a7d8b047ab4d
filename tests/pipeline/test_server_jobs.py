"""What only a server has: schemas, and columns that a query must be wrapped for."""

from __future__ import annotations

import pytest

import etl
from etl.errors import JobError
from tests.databases import Database
from tests.pipeline.jobs import job, make_orders


def test_a_missing_schema_is_found_before_a_run_is_recorded(server_database: Database) -> None:
    make_orders(server_database, 5)
    with pytest.raises(JobError, match=r"there is no schema nowhere to make nowhere\.copies in"):
        etl.run(job(server_database, target_table="nowhere.copies"))
    assert server_database.tables() == {"orders"}


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
