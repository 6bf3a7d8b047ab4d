"""Whether this FreeTDS keeps dates and times in bulk copy: one round trip, since their layout is an internal one."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pyarrow as pa

from etl import connect, statements
from etl.bulk import copy
from etl.connect import Endpoint
from etl.errors import DatabaseError
from etl.statements import TableName
from etl.types import Column

TABLE = TableName("#etl_probe")
COLUMNS = [
    Column("day", "date"),
    Column("hour", "time(6)"),
    Column("moment", "datetime2(6)"),
    Column("instant", "datetimeoffset(6)"),
]
EARLY, LATE = dt.datetime(1, 1, 1, 0, 0, 0, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)
SENT = pa.table(
    {
        "day": pa.array([EARLY.date(), LATE.date(), None]),
        "hour": pa.array([EARLY.time(), LATE.time(), None]),
        "moment": pa.array([EARLY, LATE, None], pa.timestamp("us")),
        "instant": pa.array(["0001-01-02 05:30:00.000001 +05:30", "9999-12-30 23:59:59.999999 -14:00", None]),
    }
)
"""The first and the last of each type, and NULL."""


@cache
def holds(target: Endpoint) -> bool:
    """Send the extremes into a temporary table, on a connection of its own, and compare what the server says it got."""
    with target.connect() as connection:
        with connect.statement("making a temporary table to try bulk copy"):
            connection.exec_driver_sql(statements.load("probe_table"))
        try:
            places, width = range(1, len(COLUMNS) + 1), len(COLUMNS)
            copy.copy_rows(connection, TABLE, SENT, COLUMNS, places, table_columns=width, hints=("KEEP_NULLS",))
        except DatabaseError:
            connection.invalidate()
            return False
        arrived = [tuple(row) for row in connection.exec_driver_sql(statements.load("probe_rows"))]
    return arrived == EXPECTED


EXPECTED = [
    ("0001-01-01", "00:00:00.000001", "0001-01-01 00:00:00.000001", "0001-01-02 05:30:00.000001 +05:30"),
    ("9999-12-31", "23:59:59.999999", "9999-12-31 23:59:59.999999", "9999-12-30 23:59:59.999999 -14:00"),
    (None, None, None, None),
]
"""`SENT` as the server writes it, in order."""
