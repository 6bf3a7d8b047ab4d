"""Fixtures for every folder of tests: an empty database of each kind, and a server that lives as long as the session.

The server is a sandbox, unless the environment names a real one: ETL_TEST_DSN, the SQLAlchemy URL of a SQL Server whose login
may create databases, or ETL_TEST_IMAGE, the image of one that is started in a container (tests/real_server.py).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import real_server
from tests.databases import Database, SqliteDatabase, fresh_database
from tests.real_server import IMAGE_VARIABLE, SERVER_VARIABLE

DATABASES = ["sqlite", "server"]


def pytest_configure(config: pytest.Config) -> None:
    """Start the container that is asked for, once: what xdist starts afterwards finds its URL as a named server's."""
    image = os.environ.get(IMAGE_VARIABLE)
    if not image or SERVER_VARIABLE in os.environ or config.option.collectonly:
        return
    with ExitStack() as opened:
        try:
            os.environ[SERVER_VARIABLE] = opened.enter_context(real_server.in_container(image))
        except real_server.NoServer as error:
            raise pytest.UsageError(str(error)) from error
        opened.callback(os.environ.pop, SERVER_VARIABLE)
        config.add_cleanup(opened.pop_all().close)


@pytest.hookimpl(optionalhook=True)  # which only pytest-xdist asks
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a test waits for its server a good part of its time."""
    return (os.cpu_count() or 1) + 1


def pytest_report_header() -> str:
    url = real_server.named()
    return f"SQL Server: {'the sandbox' if url is None else real_server.described(url)}"


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """SIGINT raises KeyboardInterrupt here, also where a shell has started the tests in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def heeding_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """pandera's import, by one test, sets a variable under which pyarrow moves the instants of others."""
    monkeypatch.delenv("PYARROW_IGNORE_TIMEZONE", raising=False)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of a SQL Server: the one that is named, else a sandbox of our own."""
    named = real_server.named()
    if named is not None:
        yield named
        return
    from etl.sandbox import serve

    with serve() as server:
        yield server.url()


@contextmanager
def open_database(kind: str, request: pytest.FixtureRequest, folder: Path, name: str) -> Iterator[Database]:
    if kind == "sqlite":
        yield SqliteDatabase(folder / f"{name}.db")
        return
    with fresh_database(request.getfixturevalue("server_url")) as database:
        yield database


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, once of each kind."""
    with open_database(request.param, request, tmp_path, "data") as opened:
        yield opened


@pytest.fixture
def server_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the server, for what SQLite does not have."""
    with open_database("server", request, tmp_path, "data") as opened:
        yield opened


@pytest.fixture
def sqlite_file(tmp_path: Path) -> SqliteDatabase:
    """An empty SQLite database, for what has nothing to do with the kind of database."""
    return SqliteDatabase(tmp_path / "data.db")


@pytest.fixture(autouse=True)
def private_spool(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Spools go where the test can see them, never to the user's cache. Returns the folder."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    for variable in ("ETL_SOURCE_URL", "ETL_TARGET_URL"):
        monkeypatch.delenv(variable, raising=False)
    return cache / "etl" / "spool"
