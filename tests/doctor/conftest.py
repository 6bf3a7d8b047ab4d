"""Logins with some rights, in a database of a test's own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from etl.errors import server_number
from tests.databases import MssqlDatabase

MakeLogin = Callable[..., str]
LOGGED_OUT_SEC = 20.0
"""How long the server may take to notice that a client has left."""
STILL_LOGGED_IN = 15434


@pytest.fixture
def login_with(server_database: MssqlDatabase) -> Iterator[MakeLogin]:
    """Makes a login that may do what the statements grant it (`{user}` in them); gives the database's URL with it."""
    made: list[str] = []

    def make(*statements: str, password: str = "") -> str:
        name = f"etl_{secrets.token_hex(4)}"
        password = password or f"aA1!{secrets.token_urlsafe(12)}"
        server_database.query(f"CREATE LOGIN {name} WITH PASSWORD = '{password}'")
        made.append(name)
        server_database.query(f"CREATE USER {name} FOR LOGIN {name}")
        for statement in statements:
            server_database.query(statement.format(user=name))
        url = sa.make_url(server_database.url).set(username=name, password=password)
        return url.render_as_string(hide_password=False)

    yield make
    for name in made:
        server_database.query(f"DROP USER {name}")
        _drop_login(server_database, name)


def _drop_login(database: MssqlDatabase, name: str) -> None:
    deadline = time.monotonic() + LOGGED_OUT_SEC
    while True:
        try:
            database.query(f"DROP LOGIN {name}")
        except sa.exc.DBAPIError as error:
            if server_number(error.orig or error) != STILL_LOGGED_IN or time.monotonic() > deadline:
                raise
        else:
            return
