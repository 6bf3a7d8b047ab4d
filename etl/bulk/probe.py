"""Whether this FreeTDS keeps dates and times in bulk copy: one round trip, since their layout is an internal one."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pyarrow as pa

from etl import connect, statements
from etl.bulk import copy
from etl.connect import Endpoint
from etl.errors import DatabaseError
from etl.failures import passing
from etl.statements import TableName
from etl.types import Column

TABLE = TableName("#etl_probe")
COLUMNS = [
    Column("day", "date"),
    Column("hour", "time(7)"),
    Column("moment", "datetime2(7)"),
    Column("instant", "datetimeoffset(7)"),
]
EARLY, LATE = dt.date(1, 1, 1), dt.date(9999, 12, 31)
LAST_NS = 86_399_999_999_900
SENT = pa.table(
    {
        "day": pa.array([EARLY, LATE, None]),
        "hour": pa.array([100, LAST_NS, None], pa.time64("ns")),
        "moment": pa.array(["0001-01-01 00:00:00.0000001", "9999-12-31 23:59:59.9999999", None]),
        "instant": pa.array(["0001-01-02 05:30:00.0000001 +05:30", "9999-12-30 23:59:59.9999999 -14:00", None]),
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
        except DatabaseError as error:
            if passing(error) is not None:
                # That says nothing of FreeTDS, and what is said here is remembered.
                raise
            connection.invalidate()
            return False
        arrived = [tuple(row) for row in connection.exec_driver_sql(statements.load("probe_rows"))]
    return arrived == EXPECTED


EXPECTED = [
    ("0001-01-01", "00:00:00.0000001", "0001-01-01 00:00:00.0000001", "0001-01-02 05:30:00.0000001 +05:30"),
    ("9999-12-31", "23:59:59.9999999", "9999-12-31 23:59:59.9999999", "9999-12-30 23:59:59.9999999 -14:00"),
    (None, None, None, None),
]
"""`SENT` as the server writes it, in order."""
