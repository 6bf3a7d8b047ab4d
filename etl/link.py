"""Whether a connection's link to its server is lost, where the driver's error does not say so.

After a reset, FreeTDS 1.3 has no more to say than HY000 without a number ("Unknown error", "General driver error", "Could not
perform COMMIT or ROLLBACK"), which may be anything. The connection itself knows.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from etl.errors import DatabaseError

SQL_ATTR_CONNECTION_DEAD = 1209
SQL_CD_TRUE = 1
SQL_IS_UINTEGER = -5
SAYS_NOTHING = "HY000"
LINK_FAILURE = "08S01"


def is_dead(raw: Any) -> bool:
    """Whether the last use of this pyodbc connection found the link lost. Asks no server."""
    found = ctypes.c_uint(0)
    return connect_attribute(raw, SQL_ATTR_CONNECTION_DEAD, found) and found.value == SQL_CD_TRUE


def connect_attribute(raw: Any, attribute: int, into: ctypes.c_uint) -> bool:
    """Read an attribute of a pyodbc connection (ODBC, SQLGetConnectAttr); whether the driver has told it."""
    import pyodbc

    if not hasattr(raw, "hdbc"):
        return False
    # A symbol is looked up in what the module is linked with: the same driver manager, wherever it is installed.
    get = ctypes.CDLL(pyodbc.__file__).SQLGetConnectAttr
    get.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    get.restype = ctypes.c_short
    succeeded: bool = get(raw.hdbc, attribute, ctypes.byref(into), SQL_IS_UINTEGER, None) == 0
    return succeeded


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
