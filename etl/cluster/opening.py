"""From what a job says of its cluster to a client of it. Who opens the same one at once, in one process, shares it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl import extras
from etl.cluster.description import LOCAL, SshHosts, is_address
from etl.errors import ConnectError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_TIMEOUT_SEC = 10
FIRST_WORKER_TIMEOUT_SEC = 60


@dataclass(frozen=True, slots=True)
class Opened:
    """A cluster that can be given work."""

    client: Client
    name: str
    """In words, for messages."""
    is_here: bool = False
    """Whether its workers are processes of this machine that were started for the run."""
    is_own: bool = False
    """Whether it was started for the run, and ends with it."""


@dataclass(slots=True)
class _Shared:
    key: tuple[str | SshHosts, int]
    opened: Opened
    closing: ExitStack
    users: int = 0

    def close(self) -> None:
        if _shared.get(self.key) is self:
            del _shared[self.key]
        self.closing.close()


_shared: dict[tuple[str | SshHosts, int], _Shared] = {}
_sharing = threading.Lock()


@contextmanager
def opened(cluster: str | SshHosts | None, workers: int) -> Iterator[Opened]:
    """The cluster, with a client of it. One that is started for this has `workers` processes (over ssh: on each host).

    Raises JobError where what it needs is not installed, ConnectError where the scheduler does not answer or has no worker.
    """
    with extras.needed("distributed", "executor: dask", "dask"):
        import distributed  # noqa: F401
    key = (cluster or LOCAL, workers)
    with _sharing:
        shared = _shared.get(key)
        if shared is None:
            with ExitStack() as closing:
                opened = closing.enter_context(_open(cluster or LOCAL, workers))
                shared = _shared[key] = _Shared(key, opened, closing.pop_all())
        shared.users += 1
    try:
        yield shared.opened
    finally:
        with _sharing:
            shared.users -= 1
            if not shared.users:
                shared.close()


def end(opened: Opened) -> None:
    """End a cluster of our own with what it is doing, before all who have opened it have left it."""
    with _sharing:
        for shared in [shared for shared in _shared.values() if shared.opened is opened]:
            shared.close()


@contextmanager
def _open(cluster: str | SshHosts, workers: int) -> Iterator[Opened]:
    from distributed import Client

    if isinstance(cluster, SshHosts):
        from etl.cluster import ssh

        with ssh.started(cluster, workers) as hosts, Client(hosts, set_as_default=False) as client:
            yield Opened(client, f"the cluster on {', '.join(cluster.ssh)}", is_own=True)
    elif cluster == LOCAL:
        from etl.cluster import local

        with local.started(workers) as processes, Client(processes, set_as_default=False) as client:
            yield Opened(client, "the local cluster", is_here=True, is_own=True)
    else:
        with _connected(cluster) as client:
            yield Opened(client, f"the cluster of {cluster}")


@contextmanager
def _connected(place: str) -> Iterator[Client]:
    """A client of a scheduler that is there already, at an address or as its file says."""
    from distributed import Client

    try:
        if is_address(place):
            client = Client(place, set_as_default=False, timeout=CONNECT_TIMEOUT_SEC)
        else:
            client = Client(scheduler_file=place, set_as_default=False, timeout=CONNECT_TIMEOUT_SEC)
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        raise ConnectError(f"cannot reach the Dask scheduler at {place}: {error}", advice=_advice(place)) from error
    with client:
        _wait_for_a_worker(client, place)
        yield client


def _advice(place: str) -> str:
    if place.startswith("tls://"):
        return "Does it run, and does Dask's configuration here (distributed.comm.tls) have its certificates?"
    return "Does it run there, and speak this protocol (tcp:// or tls://)?"


def _wait_for_a_worker(client: Client, place: str) -> None:
    """One that grows with its work starts its first worker only when there is some."""
    from distributed import TimeoutError as Late

    work = client.submit(_nothing, pure=False)
    try:
        work.result(FIRST_WORKER_TIMEOUT_SEC)
    except Late:
        raise ConnectError(
            f"the Dask scheduler at {place} has no worker that takes work",
            advice=f"Start one: dask worker {place if is_address(place) else '--scheduler-file ' + place} --nthreads 1.",
        ) from None
    finally:
        work.release()


def _nothing() -> None:
    """The smallest task."""
