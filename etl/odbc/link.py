"""Whether a connection's link to its server is lost, where the driver's error does not say so.

After a reset, FreeTDS 1.3 has no more to say than HY000 without a number ("Unknown error", "General driver error", "Could not
perform COMMIT or ROLLBACK"), which may be anything. The connection itself knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from etl.errors import DatabaseError
from etl.odbc import handle

SQL_ATTR_CONNECTION_DEAD = 1209
SQL_CD_TRUE = 1
SAYS_NOTHING = "HY000"
LINK_FAILURE = "08S01"


def is_dead(raw: Any) -> bool:
    """Whether the last use of this pyodbc connection found the link lost. Asks no server."""
    return handle.attribute(raw, SQL_ATTR_CONNECTION_DEAD) == SQL_CD_TRUE


@contextmanager
def watched(lost: Callable[[], bool]) -> Iterator[None]:
    """Around the use of a connection: an error that says nothing becomes a link failure when `lost` says so."""
    try:
        yield
    except DatabaseError as error:
        if error.number is None and error.sqlstate == SAYS_NOTHING and lost():
            error.sqlstate = LINK_FAILURE
            error.message += " (the link to the server is lost)"
            error.args = (error.message,)
        raise
