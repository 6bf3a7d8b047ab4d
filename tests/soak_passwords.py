"""Connects by as many odd passwords as one likes."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded

from etl.errors import EtlError
from etl.sandbox import serve
from tests.connect.test_passwords import PASSWORDS, opens
from tests.databases import fresh_database
from tests.logins import OWNER, a_login


def soak(count: int, seed: int) -> list[str]:
    """Try so many, over one login of a sandbox; returns what was wrong."""
    with (
        serve() as server,
        fresh_database(server.url()) as database,
        a_login(database, OWNER, any_password=True) as url,
    ):

        @seeded(seed)
        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(PASSWORDS)
        def connects(password: str) -> None:
            opens(database, str(url.username), password)

        try:
            connects()
        except (AssertionError, EtlError) as error:
            return [f"{error} {' '.join(getattr(error, '__notes__', []))}"]
    return []
