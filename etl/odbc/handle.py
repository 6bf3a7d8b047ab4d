"""What a pyodbc connection's own handle tells, asked of the driver manager that pyodbc is linked with."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

SQL_IS_UINTEGER = -5
SQL_SUCCEEDED = frozenset({0, 1})
UINTEGER_BYTES = 4


@cache
def manager() -> Any:
    """The driver manager's functions that take a connection's handle."""
    import pyodbc

    # A symbol is looked up in what the module is linked with: the same driver manager, wherever it is installed.
    library = ctypes.CDLL(pyodbc.__file__)
    library.SQLSetConnectAttr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    library.SQLSetConnectAttr.restype = ctypes.c_short
    library.SQLGetConnectAttr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    library.SQLGetConnectAttr.restype = ctypes.c_short
    library.SQLGetInfo.argtypes = [ctypes.c_void_p, ctypes.c_ushort, ctypes.c_void_p, ctypes.c_short, ctypes.c_void_p]
    library.SQLGetInfo.restype = ctypes.c_short
    library.SQLGetDiagRec.argtypes = [
        ctypes.c_short,
        ctypes.c_void_p,
        ctypes.c_short,
        ctypes.c_char_p,
        ctypes.POINTER(ctypes.c_int),
        ctypes.c_char_p,
        ctypes.c_short,
        ctypes.POINTER(ctypes.c_short),
    ]
    library.SQLGetDiagRec.restype = ctypes.c_short
    return library


def attribute(raw: Any, number: int) -> int | None:
    """A connection's attribute (ODBC, SQLGetConnectAttr), None where pyodbc shows no handle or the driver does not know it."""
    if not hasattr(raw, "hdbc"):
        return None
    found = ctypes.c_uint(0)
    code = manager().SQLGetConnectAttr(raw.hdbc, number, ctypes.byref(found), SQL_IS_UINTEGER, None)
    return found.value if code in SQL_SUCCEEDED else None


def info(raw: Any, kind: int) -> int | None:
    """What the driver says of itself or of the connection (ODBC, SQLGetInfo), None where it does not know."""
    found, length = ctypes.c_uint(0), ctypes.c_short(0)
    code = manager().SQLGetInfo(raw.hdbc, kind, ctypes.byref(found), UINTEGER_BYTES, ctypes.byref(length))
    return found.value if code in SQL_SUCCEEDED else None
