"""Logins with some rights, in a database of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.databases import MssqlDatabase
from tests.logins import a_login

MakeLogin = Callable[..., str]


@pytest.fixture
def login_with(server_database: MssqlDatabase) -> Iterator[MakeLogin]:
    """Makes a login that may do what the statements grant it (`{user}` in them); gives the database's URL with it."""
    with ExitStack() as made:

        def make(*grants: str, password: str = "") -> str:
            url = made.enter_context(a_login(server_database, *grants, password=password))
            return url.render_as_string(hide_password=False)

        yield make
