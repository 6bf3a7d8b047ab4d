"""The same tests on the sandbox and on a real SQL Server: see `server_url` in tests/conftest.py for the choice."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.contract.lab import Lab, Session, open_lab
from tests.databases import drop_database


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
        drop_database(connection.exec_driver_sql, name)
    admin.dispose()


@pytest.fixture(scope="module")
def module_lab(server_url: str) -> Iterator[Lab]:
    """A database for the module's tests."""
    with open_lab(server_url) as lab:
        yield lab


@pytest.fixture(scope="module")
def module_session(server_url: str, module_lab: Lab) -> Iterator[Session]:
    """One connection in autocommit mode for many small tests: a new one costs more than they do."""
    lab = Lab(server_url, module_lab.database)
    yield lab.open()
    lab.close()


@pytest.fixture
def steady(module_session: Session) -> Iterator[Session]:
    """The module's connection, which is left without a transaction and with XACT_ABORT OFF."""
    yield module_session
    module_session.run("IF @@TRANCOUNT > 0 ROLLBACK; SET XACT_ABORT OFF")


@pytest.fixture
def lab(module_lab: Lab) -> Iterator[Lab]:
    """The module's database; the connections that a test opened are closed at its end, whatever they were at."""
    yield module_lab
    module_lab.close()


@pytest.fixture
def session(lab: Lab) -> Session:
    """A connection in autocommit mode."""
    return lab.open()
