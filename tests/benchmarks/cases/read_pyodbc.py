"""pyodbc's fetchall: all rows as Python objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.case import Case, Done, Place


def prepare(place: Place) -> Callable[[], Done]:
    import pyodbc

    cursor = pyodbc.connect(place.odbc()).cursor()

    def read() -> Done:
        rows: list[Any] = cursor.execute(f"SELECT * FROM {place.full_table}").fetchall()
        return rows

    return read


CASE = Case("read", "pyodbc fetchall", prepare)
