"""What the tests of faults share: words of FreeTDS, and small work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pyodbc
import pytest

WAIT_SEC = 30.0
UNREACHABLE = "Unable to connect to data source"
Connect = Callable[..., pyodbc.Connection]
GONE = r"08S01|\(20017\)|\(20004\)|\(20006\)"
"""How FreeTDS tells that the connection is lost: `Unexpected EOF` (SQLSTATE 01000) at the request it met, 08S01 later."""


def insert(connection: pyodbc.Connection, *keys: int) -> None:
    for key in keys:
        connection.execute("INSERT INTO t VALUES (?)", key)


def number(raised: pytest.ExceptionInfo[pyodbc.Error]) -> int:
    """The server's error number, which FreeTDS puts behind the message."""
    return int(str(raised.value.args[1]).rsplit("(", 2)[1].split(")")[0])


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
