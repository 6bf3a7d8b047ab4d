"""One engine for the folder's tests, and an empty database for each test that asks for a session."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.people import People
from tests.sandbox.tsql import Session

LOGIN = ("sa", "secret word")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresEngine]:
    with PostgresEngine(None, *LOGIN, "sandbox") as engine:
        yield engine


@pytest.fixture
def sessions(postgres: PostgresEngine) -> Iterator[Callable[[], Session]]:
    """Opens sessions in one empty database."""
    name = f"test{next(_numbers)}"
    opened = [postgres.login(*LOGIN, "")]
    Session(opened[0]).run(f"CREATE DATABASE {name}")

    def open_one() -> Session:
        opened.append(postgres.login(*LOGIN, name))
        return Session(opened[-1])

    yield open_one
    for interpreter in reversed(opened[1:]):
        interpreter.close()
    Session(opened[0]).run(f"DROP DATABASE {name}")
    opened[0].close()


@pytest.fixture
def session(sessions: Callable[[], Session]) -> Session:
    """A session in an empty database."""
    return sessions()


@pytest.fixture
def people(postgres: PostgresEngine, session: Session) -> Iterator[People]:
    """Makes logins without rights, which go away with the test."""
    everyone = People(postgres, session)
    yield everyone
    everyone.forget_all()


@pytest.fixture(scope="module")
def shared(postgres: PostgresEngine) -> Iterator[Session]:
    """A session for tests that make no tables."""
    interpreter = postgres.login(*LOGIN, "")
    yield Session(interpreter)
    interpreter.close()


@pytest.fixture
def canary(session: Session) -> Iterator[Session]:
    """A session, and a table that has to be as it was when the test ends."""
    session.run("CREATE TABLE dbo.canary (id int PRIMARY KEY); INSERT INTO dbo.canary VALUES (7)")
    yield session
    assert session.rows("SELECT id FROM dbo.canary") == [(7,)]
