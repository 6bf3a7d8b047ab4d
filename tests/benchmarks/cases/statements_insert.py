"""INSERT of one row with three parameters, each its own transaction, over pyodbc."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place
from tests.benchmarks.tables import SMALL_TABLE


def prepare(place: Place) -> Callable[[], int]:
    import pyodbc

    cursor = pyodbc.connect(place.odbc(), autocommit=True).cursor()
    cursor.execute(f"DROP TABLE IF EXISTS {SMALL_TABLE}")
    cursor.execute(f"CREATE TABLE {SMALL_TABLE} (id int PRIMARY KEY, name nvarchar(40), amount decimal(10,2))")

    def insert() -> int:
        for number in range(place.count):
            cursor.execute(f"INSERT INTO {SMALL_TABLE} VALUES (?, ?, ?)", number, "a name", 1.5)
        return place.count

    return insert


CASE = Case("statements", "INSERT of one row over pyodbc", prepare, only="orders")
