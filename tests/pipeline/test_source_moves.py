"""A run tells when its source changed under it."""

from __future__ import annotations

import etl
from etl.pipeline import Listener, Progress
from tests.databases import Database, MssqlDatabase
from tests.pipeline.jobs import job, make_orders, orders


class Change(Listener):
    """Changes the source once the first chunk is committed."""

    def __init__(self, database: Database, statement: str) -> None:
        self.database, self.statement = database, statement

    def chunk_done(self, progress: Progress) -> None:
        if progress.chunks_done == 1:
            self.database.query(self.statement)


def test_rows_that_came_are_counted(database: Database) -> None:
    make_orders(database, 25)
    values = ", ".join(database.literal(value) for value in orders(1, start=90)[0])
    change = Change(database, f"INSERT INTO {database.quoted('orders')} VALUES ({values})")
    result = etl.run(job(database), listener=change)
    assert result.notes == ["the source changed during the run: 25 rows were read and it has 26 now"]


def test_changed_rows_are_counted_where_there_is_a_rowversion(server_database: MssqlDatabase) -> None:
    server_database.query(
        "CREATE TABLE dbo.orders (id int PRIMARY KEY, customer nvarchar(20) NULL, version rowversion)"
    )
    values = ", ".join(f"({number}, N'a')" for number in range(1, 26))
    server_database.query(f"INSERT INTO dbo.orders (id, customer) VALUES {values}")
    change = Change(server_database, "UPDATE dbo.orders SET id = id + 100 WHERE id <= 3")
    result = etl.run(job(server_database), listener=change)
    (note,) = result.notes
    assert note.startswith("3 rows of dbo.orders were changed or added during the run: ")
    assert note.endswith("a row whose key changed may be there twice or not at all")


def test_a_source_that_rests_is_not_suspected(server_database: MssqlDatabase) -> None:
    server_database.query("CREATE TABLE dbo.orders (id int PRIMARY KEY, version rowversion)")
    server_database.query("INSERT INTO dbo.orders (id) VALUES (1), (2), (3)")
    assert etl.run(job(server_database)).notes == []
