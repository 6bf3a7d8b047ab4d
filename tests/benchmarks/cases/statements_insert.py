"""INSERT of one row with three parameters, each its own transaction, over pyodbc."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.case import Case, Place

_TABLE = "small_rows"


def prepare(place: Place) -> Callable[[], int]:
    import pyodbc

    cursor = pyodbc.connect(place.odbc(), autocommit=True).cursor()
    cursor.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    cursor.execute(f"CREATE TABLE {_TABLE} (id int PRIMARY KEY, name nvarchar(40), amount decimal(10,2))")

    def insert() -> int:
        for number in range(place.count):
            cursor.execute(f"INSERT INTO {_TABLE} VALUES (?, ?, ?)", number, "a name", 1.5)
        return int(cursor.execute(f"SELECT COUNT(*) FROM {_TABLE}").fetchval())

    return insert


CASE = Case("statements", "INSERT of one row over pyodbc", prepare)
