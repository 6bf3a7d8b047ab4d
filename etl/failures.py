"""Which errors pass by themselves: the table by which a chunk is tried again, or its run ends.

Numbers of SQL Server: learn.microsoft.com, "Database engine events and errors", "Troubleshoot transient connection errors in
SQL Database", and the default list of Microsoft.Data.SqlClient's `SqlConfigurableRetryFactory`. Numbers from 20001 on are
FreeTDS's own (`include/sybdb.h`), SQLSTATEs those of ODBC's appendix A.
"""

from __future__ import annotations

from typing import Literal

from etl.errors import ClaimLost, ConnectError, DatabaseError, DriverMissing

Kind = Literal["deadlock", "lock timeout", "server busy", "failover", "link lost", "rolled back"]

NUMBERS: dict[int, Kind] = {
    1205: "deadlock",
    1222: "lock timeout",
    3960: "deadlock",  # snapshot isolation: another transaction has changed the row
    **dict.fromkeys(
        (
            701,  # no memory in the resource pool
            802,  # no memory in the buffer pool
            1204,  # no lock resources
            8645,  # no memory grant in time
            8651,  # no memory grant at all
            10928,  # resource limit reached
            10929,  # resource limit, minimum guarantee
            40501,  # service busy
            49918,  # not enough resources
            49919,  # too many creates or updates
            49920,  # too many operations
        ),
        "server busy",
    ),
    **dict.fromkeys(
        (
            596,  # the session is in the kill state
            615,  # database not found under its id: it moved
            983,  # an availability replica that does not serve now
            3906,  # read-only: the old primary after a failover
            4060,  # cannot open the database, which is coming up
            4221,  # a readable secondary that waits for row versions
            18401,  # script upgrade mode
            18456,  # a login that was right before: its database or its directory is away
            40143,
            40197,  # error in processing: reconfiguration
            40540,
            40613,  # database not available now
            42108,  # pool paused
            42109,  # pool warming up
        ),
        "failover",
    ),
    **dict.fromkeys(
        (
            20003,  # SYBETIME: timed out
            20004,  # SYBEREAD: read failed
            20006,  # SYBEWRIT: write failed
            20009,  # SYBECONN: cannot connect
            20017,  # SYBESEOF: unexpected end of the stream
            20047,  # SYBEDDNE: the connection is dead
        ),
        "link lost",
    ),
}

SQLSTATES: dict[str, Kind] = {
    "40001": "deadlock",
    "08001": "link lost",
    "08003": "link lost",
    "08007": "link lost",
    "08S01": "link lost",
    "HYT00": "link lost",
    "HYT01": "link lost",
}


def passing(error: BaseException) -> Kind | None:
    """What kind of trouble it is when another try may do better; None for an error that would come again.

    Constraints, types, permissions and syntax never pass by themselves; a driver that is missing does not come.
    """
    if isinstance(error, ClaimLost):
        return "rolled back"
    if isinstance(error, DatabaseError):
        by_number = NUMBERS.get(error.number) if error.number is not None else None
        return by_number or SQLSTATES.get(error.sqlstate)
    if isinstance(error, ConnectError) and not isinstance(error, DriverMissing):
        return "link lost"
    return None
