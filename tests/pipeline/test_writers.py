"""How many chunks are written at once follows the target's indexes, unless the job says it."""

from __future__ import annotations

import pytest

from etl import prepare
from tests.databases import Database
from tests.pipeline.jobs import ORDERS, job, make_orders

COLUMNS = ", ".join(f"{name} {declaration}" for name, declaration in ORDERS.items())


@pytest.mark.parametrize(
    ("made", "fields", "writers"),
    [
        ([], {}, None),
        (["CREATE TABLE dbo.copies ({columns})"], {}, None),
        (["CREATE TABLE dbo.copies ({columns}, PRIMARY KEY (id))"], {}, None),
        (["CREATE TABLE dbo.copies ({columns}, PRIMARY KEY (id, day))"], {}, None),
        (["CREATE TABLE dbo.copies ({columns}, PRIMARY KEY NONCLUSTERED (id))"], {}, 2),
        (["CREATE TABLE dbo.copies ({columns})", "CREATE CLUSTERED INDEX by_day ON dbo.copies (day)"], {}, 2),
        (["CREATE TABLE dbo.copies ({columns}, PRIMARY KEY (id))", "CREATE INDEX i ON dbo.copies (day)"], {}, 2),
        (["CREATE TABLE dbo.copies ({columns}, PRIMARY KEY (id))"], {"table_lock": True}, 1),
        (["CREATE TABLE dbo.copies ({columns})"], {"table_lock": True}, None),
        (["CREATE TABLE dbo.copies ({columns}, PRIMARY KEY NONCLUSTERED (id))"], {"writers": 5}, 5),
        (["CREATE TABLE dbo.copies ({columns}, PRIMARY KEY (id))"], {"query": "SELECT * FROM dbo.orders"}, 2),
    ],
)
def test_writers(server_database: Database, made: list[str], fields: dict[str, object], writers: int | None) -> None:
    make_orders(server_database, 5)
    for statement in made:
        declared = COLUMNS.replace("date NULL", "date NOT NULL") if "(id, day)" in statement else COLUMNS
        server_database.query(statement.format(columns=declared))
    prepared = prepare.prepare(job(server_database, **fields))
    assert prepared.plan.route.writers == writers


def test_sqlite_has_one_writer(sqlite_file: Database) -> None:
    make_orders(sqlite_file, 5)
    assert prepare.prepare(job(sqlite_file)).plan.route.writers == 1
