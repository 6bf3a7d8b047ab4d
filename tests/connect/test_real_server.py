"""How the tests find a real SQL Server: its URL, what its header says, and waiting until it is ready."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl.references import resolve
from etl.sandbox import serve
from tests import real_server
from tests.databases import MssqlDatabase
from tests.real_server import IMAGE_VARIABLE, SERVER_VARIABLE, NoServer, described, url_of, wait_until_ready

PASSWORD = "aA1!p@ss/wörd;{x"
ENOUGH_SEC = 60.0


def test_the_url_of_a_container_is_one_of_the_projects() -> None:
    url = url_of("localhost", 32768, PASSWORD)
    assert dict(url.query) == {"driver": "FreeTDS", "TDS_Version": "7.4", "ClientCharset": "UTF-8"}
    resolved = resolve(url.render_as_string(hide_password=False))
    assert (resolved.host, resolved.port, resolved.database) == ("localhost", 32768, "master")
    assert (resolved.username, resolved.password) == ("sa", PASSWORD)


def test_a_named_server_keeps_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_VARIABLE, "mssql+pyodbc://sa:x@host/db?Driver=/lib/x.so&Encryption=require")
    named = real_server.named()
    assert named is not None
    assert dict(sa.make_url(named).query) == {
        "Driver": "/lib/x.so",
        "Encryption": "require",
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
    }
    monkeypatch.delenv(SERVER_VARIABLE)
    assert real_server.named() is None


def test_the_header_names_server_and_version_or_says_why_not(server_url: str) -> None:
    url = sa.make_url(server_url)
    assert described(server_url).startswith("Microsoft SQL Server 20")
    assert described(server_url).endswith(f"at {url.host}:{url.port}")
    refused = described(url.set(password=PASSWORD).render_as_string(hide_password=False))
    assert refused.startswith(f"{url.host}:{url.port}, which does not answer: Login failed for user")
    assert PASSWORD not in refused


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def waiting(url: sa.URL, pool: ThreadPoolExecutor) -> Future[None]:
    """The waiting, in a thread, once it has tried twice in vain."""
    tries = threading.Semaphore(0)

    def ended() -> str:
        tries.release()
        return ""

    future = pool.submit(wait_until_ready, url, ENOUGH_SEC, ended)
    for _ in range(2):
        assert tries.acquire(timeout=ENOUGH_SEC)
    assert not future.done()
    return future


def test_a_server_that_comes_late_and_its_database_later_still(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_server, "POLL_SEC", 0.01)
    master = url_of("127.0.0.1", free_port, PASSWORD.replace("}", ""))
    with ThreadPoolExecutor(1) as pool:
        server_ready = waiting(master, pool)
        with serve(port=free_port, password=master.password) as server:
            server_ready.result(ENOUGH_SEC)
            late = waiting(master.set(database="late"), pool)
            admin = MssqlDatabase(server.url())
            with admin.connection:
                admin.query("CREATE DATABASE late")
            late.result(ENOUGH_SEC)


def test_the_waiting_ends_with_what_was_said_last_when_the_time_is_over(free_port: int) -> None:
    with pytest.raises(NoServer, match=rf"127\.0\.0\.1:{free_port} is not ready after 0 s: \S+") as error:
        wait_until_ready(url_of("127.0.0.1", free_port, PASSWORD), 0.0)
    assert PASSWORD not in str(error.value)


def test_the_waiting_ends_with_its_server(free_port: int) -> None:
    ended = (
        "exit code 1; it said last:\nsqlservr: This program requires a machine with at least 2000 megabytes of memory."
    )
    with pytest.raises(NoServer, match=r"has ended: exit code 1; .*\nsqlservr: .* 2000 megabytes"):
        wait_until_ready(url_of("127.0.0.1", free_port, PASSWORD), ENOUGH_SEC, lambda: ended)


def test_without_docker_the_tests_say_what_to_do() -> None:
    without = {
        **os.environ,
        IMAGE_VARIABLE: "mcr.microsoft.com/mssql/server:2022-latest",
        "DOCKER_HOST": "unix:///none",
    }
    without.pop(SERVER_VARIABLE, None)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/unit/test_nearest.py", "-p", "no:cacheprovider"],
        cwd=Path(__file__).parents[2],
        env=without,
        capture_output=True,
        text=True,
        timeout=ENOUGH_SEC,
        check=False,
    )
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR, ended.stdout
    assert (
        "ETL_TEST_IMAGE asks for mcr.microsoft.com/mssql/server:2022-latest, which Docker does not give" in ended.stderr
    )
    assert "or leave the variable out and test against the sandbox" in ended.stderr
