"""Jobs for the tests: from a database to itself, in this process unless a test is about processes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from etl.errors import EtlError
from etl.job import Job, make
from etl.pipeline import Listener, Progress
from etl.prepare import Prepared
from tests.databases import Database

ORDERS = {
    "id": "int NOT NULL",
    "customer": "nvarchar(40) NULL",
    "amount": "decimal(10,2) NULL",
    "paid": "bit NULL",
    "day": "date NULL",
}
FIRST_DAY = dt.date(2024, 1, 1)


def orders(count: int, start: int = 1) -> list[tuple[Any, ...]]:
    """Rows of a table with the columns ORDERS, some NULLs among them."""
    return [
        (
            number,
            None if number % 7 == 0 else f"customer {number}",
            None if number % 5 == 0 else f"{number}.25",
            number % 2,
            FIRST_DAY + dt.timedelta(days=number),
        )
        for number in range(start, start + count)
    ]


def make_orders(database: Database, count: int, *, primary_key: str | None = "id", table: str = "orders") -> str:
    """A table `orders` with that many rows. Returns its name."""
    return database.make(table, ORDERS, orders(count), primary_key=primary_key)


def fields_of_job(database: Database, **fields: Any) -> dict[str, Any]:
    """Of a serial job inside one database, from `orders` to `copies` unless said otherwise."""
    given: dict[str, Any] = {
        "source": database.url,
        "target": database.url,
        "target_table": database.name("copies"),
        "executor": "serial",
        "workers": 2,
        "chunk_rows": 10,
    }
    if "query" not in fields:
        given["source_table"] = database.name("orders")
    return {**given, **fields}


def job(database: Database, **fields: Any) -> Job:
    """A job with these fields, and the rest as `fields_of_job` gives them."""
    return make(**fields_of_job(database, **fields))


class Recorder(Listener):
    """Everything that a run told."""

    def __init__(self) -> None:
        self.prepared: Prepared | None = None
        self.progress: list[Progress] = []
        self.lost: list[str] = []

    def started(self, prepared: Prepared) -> None:
        self.prepared = prepared

    def chunk_done(self, progress: Progress) -> None:
        self.progress.append(progress)

    def retried(self, message: str) -> None:
        self.lost.append(message)


class Stop(Listener):
    """Ends a run, as Ctrl-C does, after so many chunks."""

    def __init__(self, after_chunks: int) -> None:
        self.left = after_chunks

    def chunk_done(self, progress: Progress) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def told(error: EtlError) -> str:
    """All that a user sees of an error."""
    return str(error)
