"""A real SQL Server in the sandbox's place: the one that is named, or one in a container, once it lets logins in by FreeTDS."""

from __future__ import annotations

import importlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pyodbc
import sqlalchemy as sa

from etl.errors import server_message
from etl.odbc import connection_string

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

SERVER_VARIABLE = "ETL_TEST_DSN"
"""The SQLAlchemy URL of a SQL Server whose login may make databases."""
IMAGE_VARIABLE = "ETL_TEST_IMAGE"
"""The image of a SQL Server that is started in a container. Asked for by name, and not by Docker's being there: an image has
1.5 GB, which nobody wants to download because they ran the tests."""

PORT = 1433
USER = "sa"
DATABASE = "etl_tests"
MEMORY_MB = 2_048
"""What SQL Server starts with at least; without a limit it takes 80 percent of the machine's."""
READY_SEC = 180.0
LOGIN_SEC = 5
POLL_SEC = 0.5
LAST_LINES = 20
READY = "CREATE TABLE #ready (id int); SELECT COUNT(*) FROM sys.databases WHERE state_desc <> 'ONLINE'"
"""tempdb is among what comes up after the first logins are let in."""


class NoServer(Exception):
    """There is no server to test against; says why, and what to do."""


def url_of(host: str, port: int, password: str, database: str = "master") -> sa.URL:
    """The URL of an administrator's database."""
    return with_options(sa.URL.create("mssql+pyodbc", USER, password, host, port, database))


def with_options(url: sa.URL) -> sa.URL:
    """The URL with the options that plain pyodbc needs over FreeTDS, where it does not have them."""
    given = {name.lower() for name in url.query}
    defaults = connection_string.DEFAULTS.items()
    return url.update_query_dict({name: value for name, value in defaults if name.lower() not in given})


def named() -> str | None:
    """The URL of the server that the environment names."""
    url = os.environ.get(SERVER_VARIABLE)
    return None if url is None else with_options(sa.make_url(url)).render_as_string(hide_password=False)


def described(url: str) -> str:
    """Where the server is and what it says it is, for a report's header; or why it says nothing."""
    made = sa.make_url(url)
    where = f"{made.host}:{made.port or PORT}"
    try:
        (version,) = _run(made, "SELECT @@VERSION")
    except pyodbc.Error as error:
        return f"{where}, which does not answer: {server_message(error)}"
    return f"{str(version).partition(chr(10))[0].strip()}, at {where}"


def wait_until_ready(url: sa.URL, ready_sec: float = READY_SEC, ended: Callable[[], str] = lambda: "") -> None:
    """Wait until the login is let into the database and all databases are up.

    `ended` says why nothing is to be waited for any more. Raises NoServer for that, or when the time is over.
    """
    deadline = time.monotonic() + ready_sec
    while True:
        try:
            (missing,) = _run(url, READY)
        except pyodbc.Error as error:
            # A server that comes up refuses connections, logins (18401, 18456) and databases (4060), in this order.
            last = server_message(error)
        else:
            if not missing:
                return
            last = f"{missing} databases are not online yet"
        if why := ended():
            raise NoServer(f"the server at {url.host}:{url.port} has ended: {why}")
        if time.monotonic() > deadline:
            raise NoServer(f"the server at {url.host}:{url.port} is not ready after {ready_sec:.0f} s: {last}")
        time.sleep(POLL_SEC)


@contextmanager
def in_container(image: str) -> Iterator[str]:
    """A server of that image, with an empty database of its own, as long as the context is open; gives its URL.

    Raises NoServer where Docker does not answer, or the server does not come up.
    """
    # The server's policy wants letters of both cases, digits and others.
    password = f"aA1!{secrets.token_urlsafe(18)}"
    with _started(image, password) as container:
        master = url_of(container.get_container_host_ip(), container.get_exposed_port(PORT), password)
        wait_until_ready(master, ended=lambda: _end_of(container))
        _run(master, f"IF DB_ID('{DATABASE}') IS NULL CREATE DATABASE {DATABASE}; SELECT 1")
        own = master.set(database=DATABASE)
        wait_until_ready(own, ended=lambda: _end_of(container))
        yield own.render_as_string(hide_password=False)


@contextmanager
def _started(image: str, password: str) -> Iterator[DockerContainer]:
    # Docker's package comes without types.
    docker_error = importlib.import_module("docker.errors").DockerException
    from testcontainers.core.container import DockerContainer

    with ExitStack() as running:
        try:
            container = DockerContainer(image).maybe_emulate_amd64().with_exposed_ports(PORT)
            # SA_PASSWORD is the older name, which all images know.
            container.with_envs(ACCEPT_EULA="Y", MSSQL_SA_PASSWORD=password, SA_PASSWORD=password)
            container.with_env("MSSQL_MEMORY_LIMIT_MB", str(MEMORY_MB))
            # Stops what it has begun where that fails.
            running.enter_context(container)
        except docker_error as error:
            raise NoServer(
                f"{IMAGE_VARIABLE} asks for {image}, which Docker does not give: {error}. Start Docker; or leave the variable "
                f"out and test against the sandbox, or with {SERVER_VARIABLE} against the server of that URL"
            ) from error
        yield container


def _run(url: sa.URL, sql: str) -> tuple[object, ...]:
    """The batch's only row, on a connection of its own."""
    (text,), _ = sa.create_engine(url).dialect.create_connect_args(url)
    connection = pyodbc.connect(text, timeout=LOGIN_SEC, autocommit=True)
    try:
        cursor = connection.execute(sql)
        while cursor.description is None:
            cursor.nextset()
        return tuple(cursor.fetchone())
    finally:
        connection.close()


def _end_of(container: DockerContainer) -> str:
    """How it ended and what it said last; empty while it runs. SQL Server ends by itself where it has too little memory."""
    wrapped = container.get_wrapped_container()
    wrapped.reload()
    if wrapped.status not in {"exited", "dead"}:
        return ""
    said = wrapped.logs(tail=LAST_LINES).decode(errors="replace").strip()
    return f"exit code {wrapped.attrs['State']['ExitCode']}; it said last:\n{said}"
