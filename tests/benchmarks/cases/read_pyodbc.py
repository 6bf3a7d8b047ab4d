"""pyodbc's fetchall: all rows as Python objects."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.data import FULL_TABLE


def prepare(place: Place) -> Callable[[], int]:
    import pyodbc

    cursor = pyodbc.connect(place.odbc()).cursor()

    def read() -> int:
        return len(cursor.execute(f"SELECT * FROM {FULL_TABLE}").fetchall())

    return read


CASE = Case("read", "pyodbc fetchall", prepare)
