"""Fixtures for the ways to a server."""

from __future__ import annotations

import pytest

from etl.odbc import setup
from etl.odbc.libraries import DriverManager


@pytest.fixture(scope="session")
def driver() -> str:
    """The path of the FreeTDS driver's library."""
    return setup.driver_library()


@pytest.fixture(scope="session")
def manager() -> str:
    """The path of unixODBC's driver manager."""
    found = DriverManager.load()
    assert found is not None
    return found.path
