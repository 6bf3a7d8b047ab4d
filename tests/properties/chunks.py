"""A table's chunks, planned and read by the statements that a run uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from etl import extract, plan
from etl.connect import Endpoint
from etl.plan import Chunk
from etl.selection import select_table
from etl.statements import TableName
from tests.databases import Database
from tests.pipeline.jobs import job

KEYED = "keyed"


def refill(database: Database, key_type: str, keys: Sequence[Any]) -> None:
    """The table `keyed`, anew: one row for each key, numbered in `row_no`."""
    database.query(f"DROP TABLE IF EXISTS {database.quoted(KEYED)}")
    rows = [(key, row_no) for row_no, key in enumerate(keys)]
    database.make(KEYED, {"k": f"{key_type} NULL", "row_no": "int NOT NULL"}, rows)


def plan_and_read(database: Database, connection: Connection, chunk_rows: int) -> tuple[list[Chunk], list[list[int]]]:
    """The table's chunks and the `row_no`s that each of them reads, over the source's connection."""
    planned = job(database, source_table=database.name(KEYED), key="k", chunk_rows=chunk_rows)
    columns = plan.source_columns(connection, planned)
    key, _ = plan.choose_key(connection, planned, columns)
    assert key is not None
    chunks = plan.key_ranges(connection, planned, key)
    read = []
    for chunk in chunks:
        condition = plan.range_condition(database.dialect, key, chunk)
        table = TableName.parse(database.name(KEYED))
        selection = select_table(database.dialect, table, columns, condition)
        source = Endpoint.of(database.url, "reader")
        read.append(extract.read_table(source, selection).column("row_no").to_pylist())
    connection.rollback()  # ends SQLite's read transaction, which would make the next refill wait
    return chunks, read


def assert_each_row_once(read: list[list[int]], rows: int) -> None:
    counted = Counter(row_no for chunk in read for row_no in chunk)
    assert counted == Counter(range(rows))
