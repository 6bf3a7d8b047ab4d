"""A sandbox with faults, and clients over FreeTDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyodbc
import pytest

from etl.sandbox import Server, serve
from etl.sandbox.faults import Faults
from tests.sandbox.faults.clients import Connect


@pytest.fixture(scope="module")
def plan() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def server(plan: Faults) -> Iterator[Server]:
    with serve(faults=plan) as server:
        yield server


@pytest.fixture
def faults(plan: Faults) -> Iterator[Faults]:
    yield plan
    plan.clear()


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    """Opens connections; those still open are closed at the end."""
    opened: list[pyodbc.Connection] = []

    def open_one(*, autocommit: bool = False, timeout: int = 0) -> pyodbc.Connection:
        text = (
            f"DRIVER=FreeTDS;SERVER=127.0.0.1,{server.port};UID=sa;PWD={{{server.password}}};DATABASE=sandbox;"
            "TDS_Version=7.4;ClientCharset=UTF-8"
        )
        opened.append(pyodbc.connect(text, autocommit=autocommit, timeout=timeout))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Connect, faults: Faults) -> pyodbc.Connection:
    """A connection without autocommit to an empty table t (k int PRIMARY KEY)."""
    opened = connect()
    opened.execute("DROP TABLE IF EXISTS t")
    opened.execute("CREATE TABLE t (k int NOT NULL CONSTRAINT pk PRIMARY KEY)")
    opened.commit()
    return opened


@pytest.fixture
def kept(connect: Connect, faults: Faults) -> Callable[[], list[int]]:
    """What the table holds, as a fresh connection sees it."""

    def read() -> list[int]:
        faults.clear()
        rows: list[int] = [key for (key,) in connect().execute("SELECT k FROM t ORDER BY k").fetchall()]
        return rows

    return read
