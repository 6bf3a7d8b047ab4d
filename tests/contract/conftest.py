"""The same tests on the sandbox and on a real SQL Server: see `server_url` in tests/conftest.py for the choice."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import sqlalchemy as sa


@pytest.fixture
def server(server_url: str) -> Iterator[sa.Engine]:
    """An engine on an empty database of its own, which goes away with the test."""
    name = f"contract_{secrets.token_hex(4)}"
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = sa.create_engine(sa.make_url(server_url).set(database=name))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    admin.dispose()
