"""SELECT 1 and its answer, one after the other, over pyodbc."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place


def prepare(place: Place) -> Callable[[], int]:
    import pyodbc

    cursor = pyodbc.connect(place.odbc(), autocommit=True).cursor()

    def ask() -> int:
        return sum(cursor.execute("SELECT 1").fetchval() for _ in range(place.count))

    return ask


CASE = Case("statements", "SELECT 1 over pyodbc", prepare, only="orders")
