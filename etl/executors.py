"""Where tasks run: in this process, in a pool of processes, on a Dask cluster. Each gives the same outcomes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from etl import pool, writer_slots
from etl.cluster.description import Cluster, checked
from etl.pool import Outcome
from etl.writer_slots import Slots

if TYPE_CHECKING:
    from pathlib import Path

    from etl.cluster.opening import Opened
    from etl.job import Job

Executor = Literal["process", "serial", "dask"]

Task = TypeVar("Task")
Result = TypeVar("Result")


class Runner(Protocol):
    """What runs tasks."""

    def run(
        self, function: Callable[[Task], Result], tasks: deque[Task], stopping: Callable[[int], None] = pool.untold
    ) -> Iterator[Outcome[Task, Result]]:
        """Run `function` on every task and yield each outcome as it comes; the caller may append more tasks meanwhile.

        Leaving the iterator early ends what runs. At a KeyboardInterrupt no task is begun any more, `stopping` is told how
        many are under way, and these have `pool.STOP_SEC` to end before it is raised.
        """
        ...

    def slots(self, most: int) -> AbstractContextManager[Slots]:
        """What bounds how many of the tasks write at once: `most` of them, or fewer when the tasks say so."""
        ...

    def travelling(self, job: Job) -> Job:
        """The job as it may travel to the workers. Raises JobError for a password that would be seen on the way."""
        ...


class OnThisMachine:
    """What is the same wherever on this machine tasks run."""

    def slots(self, most: int) -> AbstractContextManager[Slots]:
        """As `Runner.slots`."""
        del most
        return writer_slots.opened()

    def travelling(self, job: Job) -> Job:
        """As `Runner.travelling`: nobody else sees what goes from process to process."""
        return job


@dataclass(frozen=True)
class Here(OnThisMachine):
    """This process, one task after the other."""

    def run(
        self, function: Callable[[Task], Result], tasks: deque[Task], stopping: Callable[[int], None] = pool.untold
    ) -> Iterator[Outcome[Task, Result]]:
        """As `Runner.run`; a KeyboardInterrupt is raised at once."""
        del stopping
        return pool.run_here(function, tasks)


@dataclass(frozen=True)
class Processes(OnThisMachine):
    """Worker processes of this one's own."""

    workers: int

    def run(
        self, function: Callable[[Task], Result], tasks: deque[Task], stopping: Callable[[int], None] = pool.untold
    ) -> Iterator[Outcome[Task, Result]]:
        """As `Runner.run`."""
        return pool.run_tasks(function, tasks, min(self.workers, max(len(tasks), 1)), stopping)


@dataclass(frozen=True, slots=True)
class OnCluster:
    """The workers of a Dask cluster."""

    cluster: Opened

    def run(
        self, function: Callable[[Task], Result], tasks: deque[Task], stopping: Callable[[int], None] = pool.untold
    ) -> Iterator[Outcome[Task, Result]]:
        """As `Runner.run`, but a cluster that is not the run's own brings to its end what is under way when this is left."""
        from etl.cluster import tasks as on_cluster

        return on_cluster.run_tasks(self.cluster, function, tasks, stopping)

    def slots(self, most: int) -> AbstractContextManager[Slots]:
        """As `Runner.slots`."""
        from etl.cluster import slots

        return writer_slots.opened() if self.cluster.is_here else slots.opened(self.cluster.client, most)

    def travelling(self, job: Job) -> Job:
        """As `Runner.travelling`."""
        from etl.cluster import asking

        return asking.travelling(self.cluster, job)


@contextmanager
def opened(executor: Executor, workers: int, cluster: Cluster = None) -> Iterator[Runner]:
    """What the name stands for, with up to `workers` tasks at once; on a cluster that is there already, as many as its workers.

    Raises JobError where an extra is missing, ConnectError where the cluster cannot be reached.
    """
    if executor == "serial":
        yield Here()
    elif executor == "process":
        yield Processes(workers)
    else:
        from etl.cluster import opening

        with opening.opened(checked(cluster), workers) as found:
            yield OnCluster(found)


def opened_for(job: Job) -> AbstractContextManager[Runner]:
    """The job's own executor, as `opened`. Opened more than once at a time, a cluster is started once."""
    return opened(job.executor, job.workers, _cluster(job))


def examine(job: Job) -> None:
    """Raise JobError where the job's executor has a worker that cannot do its chunks, by name, with what it lacks."""
    if job.runs_elsewhere:
        from etl.cluster import asking, opening

        with opening.opened(_cluster(job), job.workers) as found:
            asking.examine(found, job)


def require_shared(job: Job, folder: Path) -> None:
    """Raise JobError where a worker of the job's executor does not see what is written into the folder here."""
    if job.runs_elsewhere:
        from etl.cluster import asking, opening

        with opening.opened(_cluster(job), job.workers) as found:
            asking.require_shared(found, folder)


def _cluster(job: Job) -> Cluster:
    if not job.runs_elsewhere:
        return job.cluster
    from etl.cluster import needs

    return needs.cluster_of(job)
