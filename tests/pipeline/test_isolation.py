"""Which moment of the source a job's chunks see."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

import etl
from tests.databases import MssqlDatabase, fresh_database
from tests.pipeline.jobs import job, make_orders

LEVEL = "(SELECT transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID)"


def allow_snapshots(database: MssqlDatabase) -> None:
    name = sa.make_url(database.url).database
    database.query(f"ALTER DATABASE {name} SET ALLOW_SNAPSHOT_ISOLATION ON")


@pytest.mark.parametrize(("isolation", "level"), [("read committed", 2), ("snapshot", 5)])
def test_the_reading_statement_runs_under_it(server_database: MssqlDatabase, isolation: str, level: int) -> None:
    make_orders(server_database, 25)
    allow_snapshots(server_database)
    query = f"SELECT id, {LEVEL} AS level FROM dbo.orders"
    etl.run(job(server_database, query=query, isolation=isolation))
    assert server_database.rows("copies") == {(number, level): 1 for number in range(1, 26)}


def test_a_chunk_waits_for_no_writer_and_sees_nothing_of_it(server_database: MssqlDatabase) -> None:
    make_orders(server_database, 25)
    allow_snapshots(server_database)
    with server_database.transaction() as writer:
        writer("UPDATE dbo.orders SET customer = N'changed'")
        etl.run(job(server_database, isolation="snapshot"))
        writer("UPDATE dbo.orders SET customer = N'changed again'")
    assert not any(customer == "changed" for _, customer in server_database.rows("copies", "id, customer"))
    assert sum(server_database.rows("copies").values()) == 25


def test_all_chunks_can_read_a_database_snapshot(server_database: MssqlDatabase, server_url: str) -> None:
    make_orders(server_database, 5)
    # A database snapshot is to its readers a database like others; the sandbox cannot make one.
    with fresh_database(server_url) as earlier:
        make_orders(earlier, 3)
        etl.run(job(server_database, database_snapshot=sa.make_url(earlier.url).database))
        assert server_database.rows("copies") == earlier.rows("orders")
