"""The empty table, emptied for one more load."""

from __future__ import annotations

import pyodbc

from tests.benchmarks.case import Place
from tests.benchmarks.data import EMPTY_TABLE


def emptied(place: Place) -> pyodbc.Connection:
    """A connection; the table has no rows."""
    connection = pyodbc.connect(place.odbc(), autocommit=True)
    connection.execute(f"TRUNCATE TABLE {EMPTY_TABLE}")
    return connection
