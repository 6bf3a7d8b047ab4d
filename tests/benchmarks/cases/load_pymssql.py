"""pymssql's `bulk_copy`, from rows of Python objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from etl import types
from tests.benchmarks.case import Case, Place, installed
from tests.benchmarks.frame import python_rows
from tests.benchmarks.tables import emptied

_AS_TEXT = {"decimal", "numeric", "money", "smallmoney", "time"}


def prepare(place: Place) -> Callable[[], int]:
    pymssql = installed("pymssql")
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
    kinds = [types.base_name(column.sql_type) for column in place.dataset.columns]
    sent = [tuple(map(_taken, kinds, row)) for row in python_rows(place)]

    def load() -> int:
        connection.bulk_copy(place.empty_table, sent, batch_size=place.count)
        connection.commit()
        return len(sent)

    return load


def _taken(kind: str, value: Any) -> Any:
    """Decimals and times as text, dates as datetimes: it takes them in no other form."""
    if value is None:
        return None
    if kind in _AS_TEXT:
        return str(value)
    return dt.datetime.combine(value, dt.time()) if kind == "date" else value


CASE = Case("load", "pymssql bulk_copy", prepare, share=0.25)
