"""pymssql's `bulk_copy`, from rows of Python objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import EMPTY_TABLE, rows
from tests.benchmarks.emptied import emptied


def prepare(place: Place) -> Callable[[], int]:
    import pymssql

    emptied(place).close()
    connection = pymssql.connect(
        server=place.host,
        port=str(place.port),
        user=place.user,
        password=place.password,
        database=place.database,
        tds_version="7.4",
        autocommit=False,
    )
    sent = [_row(row) for row in rows(place.count)]

    def load() -> int:
        connection.bulk_copy(EMPTY_TABLE, sent, batch_size=place.count)
        connection.commit()
        return len(sent)

    return load


def _row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Decimals and uniqueidentifiers as text, dates as datetimes: it takes them in no other form."""
    ordered = dt.datetime.combine(row[7], dt.time())
    return (*row[:5], str(row[5]), str(row[6]), ordered, *row[8:11], str(row[11]))


CASE = Case("load", "pymssql bulk_copy", prepare, share=0.25)
