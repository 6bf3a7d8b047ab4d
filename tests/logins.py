"""Logins of a server's, for as long as a test needs them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from etl.errors import server_number
from tests.databases import MssqlDatabase

OWNER = "ALTER ROLE db_owner ADD MEMBER {user}"
LOGGED_OUT_SEC = 20.0
"""How long the server may take to notice that a client has left."""
STILL_LOGGED_IN = 15434


@contextmanager
def a_login(database: MssqlDatabase, *grants: str, password: str = "", any_password: bool = False) -> Iterator[sa.URL]:
    """A login that may do in the database what the statements grant it (`{user}` in them); the database's URL with it.

    `any_password`: it may be given one that the server's policy would refuse.
    """
    name = f"etl_{secrets.token_hex(4)}"
    password = password or f"aA1!{secrets.token_urlsafe(12)}"
    policy = ", CHECK_POLICY = OFF" if any_password else ""
    database.query(f"CREATE LOGIN {name} WITH PASSWORD = '{password}'{policy}")
    try:
        database.query(f"CREATE USER {name} FOR LOGIN {name}")
        for grant in grants:
            database.query(grant.format(user=name))
        yield sa.make_url(database.url).set(username=name, password=password)
        database.query(f"DROP USER {name}")
    finally:
        _drop(database, name)


def _drop(database: MssqlDatabase, name: str) -> None:
    deadline = time.monotonic() + LOGGED_OUT_SEC
    while True:
        try:
            database.query(f"DROP LOGIN {name}")
        except sa.exc.DBAPIError as error:
            if server_number(error.orig or error) != STILL_LOGGED_IN or time.monotonic() > deadline:
                raise
        else:
            return
