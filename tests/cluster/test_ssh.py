"""A cluster over a real sshd on loopback: the code goes there, the rows arrive, no secret is seen, nothing is left behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import etl
from etl.cluster.remote_end import FOLDER_PREFIX
from etl.errors import ConnectError, EtlError, JobError, LoginFailed
from etl.pipeline import Progress
from tests.cluster import sshd
from tests.cluster.conftest import ROWS, Flights
from tests.cluster.processes import until
from tests.cluster.sshd import Sshd
from tests.faults.runners import Runner
from tests.faults.sandbox_process import family
from tests.pipeline.jobs import Recorder

CLEANING = "etl.demo.clean:clean_flights"
MODULE = """\
import cleaning_of_ours.parts
from cleaning_helper import clean

clean_flights = clean
"""
HELPER = "from etl.demo.clean import clean_flights as clean\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd.running(tmp_path_factory.mktemp("sshd")) as running:
        yield running
    # Whose client was killed is on its own: its processes may be at their end still.
    until(lambda: not remote_folders(running))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with code of the user's own: a package and a module beside it."""
    package = tmp_path / "cleaning_of_ours"
    package.mkdir()
    (package / "__init__.py").write_text(MODULE)
    (package / "parts.py").touch()
    (tmp_path / "cleaning_helper.py").write_text(HELPER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def cluster(server: Sshd, **fields: Any) -> dict[str, Any]:
    return {
        "ssh": ["127.0.0.1"],
        "user": server.user,
        "port": server.port,
        "key": str(server.key),
        "known_hosts": str(server.known_hosts),
        "python": sys.executable,
        **fields,
    }


def remote_folders(server: Sshd) -> list[Path]:
    return list(server.temporary.glob(f"{FOLDER_PREFIX}*"))


def command_lines() -> str:
    """What `ps` shows of every process."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return "\n".join(lines)


class Looker(Recorder):
    """Records a run, and what `ps` shows meanwhile."""

    shown = ""

    def chunk_done(self, progress: Progress) -> None:
        super().chunk_done(progress)
        self.shown = command_lines()


def test_flights_go_over_ssh_with_the_code_and_without_the_password(
    flights: Flights, server: Sshd, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    password = str(sa.make_url(flights.database.url).password)
    url = flights.database.url.replace(f":{password}@", "@")
    secret = "a secret that is looked for"
    monkeypatch.setenv("ETL_TEST_SECRET", secret)
    monkeypatch.setenv("ETL_TEST_PASSWORD", password)
    told = Looker()
    job = flights.job(
        source=f"{url}{'&' if '?' in url else '?'}password_from=env:ETL_TEST_PASSWORD",
        transform="cleaning_of_ours:clean_flights",
        chunk_rows=2_000,
        cluster=cluster(server, environment=["ETL_TEST_SECRET"], send=["cleaning_helper.py"]),
    )
    result = etl.run(job, listener=told)
    assert result.rows_written == ROWS
    assert flights.database.rows("flights_clean") == flights.cleaned
    assert {chunk.worker for chunk in result.chunks}.isdisjoint({f"{os.uname().nodename}:{os.getpid()}"})
    assert "distributed.cli.dask_spec" in told.shown
    seen = told.shown + server.log.read_text() + "".join(capfd.readouterr())
    assert secret not in seen
    assert flights.database.url not in seen
    assert f":{password}@" not in seen
    assert family(server.pid) == [server.pid]


def test_two_hosts_make_one_cluster(flights: Flights, server: Sshd) -> None:
    job = flights.job(
        workers=1, chunk_rows=4_000, transform=CLEANING, cluster=cluster(server, ssh=["localhost", "127.0.0.1"])
    )
    result = etl.run(job)
    assert flights.database.rows("flights_clean") == flights.cleaned
    assert len({chunk.worker for chunk in result.chunks}) == 2


@pytest.mark.parametrize(
    ("fields", "kind", "said"),
    [
        ({"known_hosts": "empty"}, ConnectError, "the host key of 127.0.0.1 is not known"),
        ({"user": "nobody-of-ours"}, LoginFailed, "127.0.0.1 refused the login over ssh"),
        ({"port": 1}, ConnectError, "cannot reach 127.0.0.1 over ssh"),
        ({"python": "/nowhere/python"}, JobError, "127.0.0.1 has no Python at /nowhere/python"),
        ({"python": os.path.realpath(sys.executable)}, JobError, "127.0.0.1 has no tablehaul in"),
        ({"key": "empty"}, EtlError, "the ssh key cannot be read"),
        (
            {"environment": ["ETL_TEST_UNSET"]},
            JobError,
            "variable ETL_TEST_UNSET, which the cluster's workers are to get",
        ),
        ({"send": ["nowhere.py"]}, JobError, "cannot send nowhere.py to the cluster: no such file"),
    ],
)
def test_what_is_wrong_is_told_by_name(
    fields: dict[str, Any],
    kind: type[EtlError],
    said: str,
    flights: Flights,
    server: Sshd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    with pytest.raises(kind, match=said.replace("(", r"\(")) as raised:
        etl.run(flights.job(target_table="dbo.never", transform=CLEANING, cluster=cluster(server, **fields)))
    assert raised.value.advice
    assert "never" not in flights.database.tables()


def test_the_cluster_ends_with_a_client_that_is_killed(flights: Flights, server: Sshd) -> None:
    runner = Runner(flights.job(chunk_rows=100, transform=CLEANING, cluster=cluster(server)))
    until(lambda: done_chunks(flights) > 0)
    assert remote_folders(server)
    runner.kill([runner.pid])
    assert runner.ended().killed
    until(lambda: family(server.pid) == [server.pid])


def done_chunks(flights: Flights) -> int:
    """Of the run that is under way."""
    if "etl_run" not in flights.database.tables():
        return 0
    ((count,),) = flights.database.query(
        "SELECT COUNT(*) FROM etl_chunk c JOIN etl_run r ON r.run_id = c.run_id WHERE r.state = 'running' AND c.state = 'done'"
    )
    return int(count)
