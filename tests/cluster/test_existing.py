"""A cluster that is there already: who is asked before a run, what it may see, and what becomes of a worker that is lost."""

from __future__ import annotations

import gzip
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from distributed import Client
from distributed.utils import get_ip

import etl
from etl import executors
from etl.cluster import opening
from etl.errors import ConnectError, EtlError, JobError, WorkerDied
from etl.job import Job
from etl.pipeline import Listener, Progress
from tests.cluster import processes
from tests.cluster.conftest import CHUNKS, Flights
from tests.cluster.processes import Cluster, until
from tests.cluster.test_ssh import command_lines
from tests.cluster.transforms import KILL, SIGNS_VARIABLE, STOP
from tests.databases import SqliteDatabase
from tests.pipeline.jobs import Recorder, make_orders
from tests.pipeline.jobs import job as orders_job

URL_VARIABLE = "ETL_TEST_CLUSTER_URL"
SAME_VARIABLE = "ETL_TEST_SAME_URL"
"""Set on every worker to what it is here."""
WORKER_TTL_SEC = 3
"""After which a scheduler gives a worker up that does not answer."""


@pytest.fixture(scope="module")
def cluster(flights: Flights, signs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    variables = {**dict.fromkeys((URL_VARIABLE, SAME_VARIABLE), flights.database.url), "PYTHONPATH": str(Path.cwd())}
    ttl = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{WORKER_TTL_SEC}s"}
    with processes.running(tmp_path_factory.mktemp("dask"), 2, **variables, **ttl) as running:
        with Client(running.address, set_as_default=False) as client:
            client.wait_for_workers(2, 60)
        yield running


@pytest.fixture
def referring(flights: Flights, monkeypatch: pytest.MonkeyPatch) -> str:
    """A reference that workers resolve by themselves."""
    monkeypatch.setenv(URL_VARIABLE, flights.database.url)
    return f"env:{URL_VARIABLE}"


def test_flights_arrive_exactly_once_though_a_worker_is_killed_before_its_commit(
    flights: Flights, cluster: Cluster, referring: str, signs: Path
) -> None:
    (signs / KILL).touch()
    job = flights.job(source=referring, target=referring, cluster=str(cluster.file))
    told = Recorder()
    result = etl.run(job, listener=told)
    assert not list(signs.iterdir())
    assert flights.have_arrived(result.run_id)
    # This scheduler runs a lost task again by itself, and a chunk is read again only where the ledger lacks it.
    assert [chunk.attempt for chunk in result.chunks] == [1] * CHUNKS
    with Client(cluster.address, set_as_default=False) as client:
        assert client.run_on_scheduler(leftovers) == {"tasks": 0, "clients": 1, "semaphores": 0}
        assert set(client.run(equipped).values()) == {0}


def leftovers(dask_scheduler: Any) -> dict[str, int]:
    clients = [name for name in dask_scheduler.clients if name != "fire-and-forget"]
    semaphores = dask_scheduler.extensions["semaphores"].max_leases
    return {"tasks": len(dask_scheduler.tasks), "clients": len(clients), "semaphores": len(semaphores)}


def equipped() -> int:
    from etl.cluster import equipment

    return len(equipment._held)


class Searcher(Listener):
    """Looks for a text wherever a cluster shows something."""

    def __init__(self, cluster: Cluster, text: str, folder: Path) -> None:
        self.cluster, self.text, self.folder = cluster, text, folder
        self.found: set[str] = set()
        self.searched: set[str] = set()
        """Where something of the run can be seen at all."""
        self.tasks = 0

    def chunk_done(self, progress: Progress) -> None:
        shown = {"log": self.cluster.log.encode(), "processes": command_lines().encode()}
        with Client(self.cluster.address, set_as_default=False) as client:
            self.tasks = max(self.tasks, client.run_on_scheduler(leftovers)["tasks"])
            client.dump_cluster_state(str(self.folder / f"state-{progress.chunks_done}"))
            shown["memory"] = client.run_on_scheduler(memory)
        shown |= {path.name: gzip.decompress(path.read_bytes()) for path in self.folder.glob("state-*")}
        self.found |= {where for where, what in shown.items() if self.text.encode() in what}
        self.searched |= {where for where, what in shown.items() if b"etl" in what}


def memory(dask_scheduler: Any) -> bytes:
    """What the scheduler keeps: tasks, plugins, events, transitions."""
    import cloudpickle

    tasks = [(key, task.run_spec) for key, task in dask_scheduler.tasks.items()]
    plugins = [dask_scheduler.worker_plugins, dask_scheduler.nanny_plugins]
    shown = repr((dask_scheduler.get_events(), list(dask_scheduler.transition_log)))
    return bytes(cloudpickle.dumps((tasks, plugins, shown)))


def test_a_password_in_the_url_is_nowhere_to_be_seen(flights: Flights, cluster: Cluster, tmp_path: Path) -> None:
    password = str(sa.make_url(flights.database.url).password)
    searcher = Searcher(cluster, f":{password}@", tmp_path)
    result = etl.run(flights.job(cluster=cluster.address, chunk_rows=6_000), listener=searcher)
    assert flights.database.rows("flights_clean") == flights.cleaned
    assert result.rows_written == sum(flights.cleaned.values())
    assert searcher.tasks > 0
    assert searcher.searched >= {"memory", "processes", "state-1.msgpack.gz"}
    assert searcher.found == set()


def test_what_a_lost_worker_still_commits_counts_once(
    flights: Flights, cluster: Cluster, referring: str, tmp_path: Path
) -> None:
    """Dask gives up a worker that does not answer, and runs its chunk again while its transaction is open."""
    (tmp_path / STOP).touch()
    # Without a nanny, who would kill it, and the only one that looks there for signs.
    worker = cluster.worker("--no-nanny", variables={SIGNS_VARIABLE: str(tmp_path)})

    class Waker(Listener):
        """Wakes the stopped worker when another one has its task."""

        has_woken = False

        def chunk_done(self, progress: Progress) -> None:
            if progress.chunks_done == CHUNKS - 1 and not self.has_woken:
                until(lambda: b") T " in Path(f"/proc/{worker.pid}/stat").read_bytes())
                with Client(cluster.address, set_as_default=False) as client:
                    until(lambda: len(client.scheduler_info()["workers"]) == 2 and any(client.processing().values()))
                worker.send_signal(signal.SIGCONT)
                self.has_woken = True

    waker = Waker()
    try:
        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(3, 60)
        job = flights.job(source=referring, target=referring, cluster=cluster.address, writers=2)
        result = etl.run(job, listener=waker)
    finally:
        worker.send_signal(signal.SIGCONT)
        cluster.stop(worker)
    assert waker.has_woken
    assert flights.have_arrived(result.run_id)
    assert [chunk.worker for chunk in result.chunks].count(f"{os.uname().nodename}:{worker.pid}") == 1


def twice(number: int) -> int:
    return 2 * number


def test_a_scheduler_that_is_gone_is_told_at_once(tmp_path: Path) -> None:
    with (
        processes.running(tmp_path, 1, PYTHONPATH=str(Path.cwd())) as cluster,
        executors.opened("dask", 1, str(cluster.file)) as runner,
    ):
        outcomes = runner.run(twice, deque(range(100)))
        assert next(outcomes).result == 0
        cluster.processes[0].kill()
        with pytest.raises(WorkerDied, match="is gone: its scheduler does not answer"):
            deque(outcomes)


# What is refused before anything runs


def refused(job: Job) -> EtlError:
    with pytest.raises(EtlError) as raised:
        etl.run(job)
    return raised.value


def test_an_address_where_no_scheduler_is_is_told(flights: Flights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CONNECT_TIMEOUT_SEC", 1)
    error = refused(flights.job(cluster="tcp://127.0.0.1:1"))
    assert isinstance(error, ConnectError)
    assert "cannot reach the Dask scheduler at tcp://127.0.0.1:1" in error.message


@pytest.mark.skipif(sys.platform != "linux", reason="unshare gives a process other files than ours; only Linux has it")
def test_a_worker_that_cannot_do_the_job_is_told_by_name(
    flights: Flights, cluster: Cluster, referring: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    database = SqliteDatabase(hidden / "data.db")
    make_orders(database, 10)
    (hidden / "cleaning_of_mine.py").write_text("def clean(frame):\n    return frame\n")
    monkeypatch.syspath_prepend(str(hidden))
    other_url = sa.make_url(flights.database.url).set(database="another").render_as_string(hide_password=False)
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    hiding = f'mount -t tmpfs none "{hidden}" && exec "$@"'
    in_other_folder = ("unshare", *as_root, "--mount", "sh", "-c", hiding, "sh")
    with Client(cluster.address, set_as_default=False) as client:
        worker = cluster.worker(
            "--no-nanny",
            "--name",
            "odd",
            "--host",
            get_ip(),
            before=in_other_folder,
            variables={URL_VARIABLE: other_url},
        )
        client.wait_for_workers(3, 60)
        address = next(at for at, about in client.scheduler_info()["workers"].items() if about["name"] == "odd")
    try:
        on_cluster = {"executor": "dask", "cluster": cluster.address}
        clear = {"source": flights.database.url, "target": flights.database.url, **on_cluster}
        named = {"source": referring, "target": referring, **on_cluster}
        same = dict.fromkeys(("source", "target"), f"env:{SAME_VARIABLE}") | on_cluster
        monkeypatch.setenv(SAME_VARIABLE, flights.database.url)
        error = refused(flights.job(**clear))
        assert "the URL of the source holds a password, and links of the cluster of" in error.message
        assert f"are not encrypted ({address})" in error.message
        assert "env:NAME" in error.advice
        for job, said in [
            (
                orders_job(database, **on_cluster),
                "the source hidden/data.db is a SQLite file, and the worker is on another",
            ),
            (flights.job(**named), "its source is 127.0.0.1"),
            (flights.job(**same, transform="cleaning_of_mine:clean"), "the module cleaning_of_mine of the transform"),
            (
                flights.job(**same, source_table=None, query="SELECT * FROM dbo.flights", spool_dir=hidden / "spool"),
                f"its rows are kept in {hidden / 'spool'}",
            ),
        ]:
            error = refused(job)
            assert isinstance(error, JobError)
            worker_told = address if "module" not in said else "tcp://127.0.0.1:"
            assert f"the worker {worker_told}" in error.message
            assert f"of the cluster of {cluster.address}" in error.message
            assert said.replace("hidden/data.db", str(database.path)) in error.message
            assert error.advice
            assert "Nothing was written" in error.state
    finally:
        cluster.stop(worker)
