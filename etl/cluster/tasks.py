"""Run a function on tasks over a cluster: at most one a worker at a time, each outcome as it comes, nothing left behind.

The cluster holds no more tasks than it has workers, each only until its outcome has come, so what the scheduler keeps does
not grow with the number of tasks. A task that only waited on a worker would be blamed for that worker's death too.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from etl import pool
from etl.cluster import equipment, opening
from etl.cluster.luggage import Luggage
from etl.cluster.opening import Opened
from etl.errors import EtlError, JobError, WorkerDied
from etl.pool import Outcome

if TYPE_CHECKING:
    from distributed import Client, Future

Task = TypeVar("Task")
Result = TypeVar("Result")

LOOK_SEC = 2.0
"""How often is looked for workers that came or went, and for a scheduler that is gone."""
WITHOUT_WORKERS_SEC = 60.0
"""How long a cluster may have no worker: one that was lost takes its time to come back."""
LARGE_BYTES = 1 << 16
"""What is larger does not stand in a task, which the scheduler would keep."""
PREFIX = "etl"
"""Of the tasks' keys: what Dask keeps of a kind of task, it keeps for each prefix once."""


def run_tasks(
    opened: Opened, function: Callable[[Task], Result], tasks: deque[Task], stopping: Callable[[int], None]
) -> Iterator[Outcome[Task, Result]]:
    """As `executors.Runner.run`, on a cluster.

    On one that is not ours, a task that is under way when the iterator is left runs to its end there. Raises WorkerDied when
    the scheduler is gone, or its last worker for long, JobError when a worker cannot take the function.
    """
    run = _Run(opened, function, stopping)
    try:
        yield from run.run(tasks)
    finally:
        run.close()


class _Run(Generic[Task, Result]):
    def __init__(self, opened: Opened, function: Callable[[Task], Result], stopping: Callable[[int], None]) -> None:
        self.opened = opened
        self.cluster = opened.name
        self.client: Client = opened.client
        self.luggage = Luggage.of(function)
        self.stopping = stopping
        self.name = secrets.token_hex(4)
        self.numbers = 0
        self.workers: frozenset[str] = frozenset()
        self.looked_at = self.seen_at = 0.0
        self.held: dict[Any, tuple[Future[Any], Task]] = {}
        """What the cluster has, by key."""
        self.done: SimpleQueue[Future[Any]] = SimpleQueue()

    def run(self, tasks: deque[Task]) -> Iterator[Outcome[Task, Result]]:
        self._equip(None)
        try:
            while True:
                yield from self._hand_out(tasks)
                if not self.held:
                    return
                yield from self._outcomes(self._next())
        except KeyboardInterrupt:
            yield from self._last_outcomes()
            raise

    def close(self) -> None:
        """Take everything back from the cluster."""
        held = [future for future, _ in self.held.values()]
        self.held.clear()
        for future in held:
            future.release()
        if held and self.opened.is_own:
            opening.end(self.opened)
        elif self.client.status == "running":
            self.client.run(equipment.take_away, self.name, on_error="ignore")

    def _equip(self, workers: list[str] | None) -> None:
        """Give the workers the function; None stands for all."""
        answers = self.client.run(equipment.equip, self.name, self.luggage, workers=workers, on_error="return")
        for worker, problem in answers.items():
            if isinstance(problem, OSError):  # It has gone meanwhile; what it held comes back by itself.
                continue
            if problem:
                raise JobError(
                    f"the worker {worker} of {self.cluster} cannot take the work: {problem}",
                    advice="It needs the same tablehaul, and what the job's functions import.",
                )

    def _hand_out(self, tasks: deque[Task]) -> Iterator[Outcome[Task, Result]]:
        """Give the cluster tasks until each worker has one; yields only those that cannot be sent."""
        while tasks and len(self.held) < max(len(self._workers()), 1):
            task = tasks.popleft()
            try:
                packed = pool.pack_task(task)
            except EtlError as error:
                yield Outcome(task, error=error)
            else:
                self._submit(task, packed)

    def _submit(self, task: Task, packed: bytes) -> None:
        self.numbers += 1
        key = f"{PREFIX}-{self.name}-{self.numbers}"
        # A future that stands for the bytes lives as long as the task that needs it.
        sent = packed if len(packed) < LARGE_BYTES else self._scattered(packed)
        future = self.client.submit(equipment.call, self.name, sent, key=key, pure=False)
        self.held[key] = future, task
        future.add_done_callback(self.done.put)

    def _scattered(self, packed: bytes) -> Future[bytes] | bytes:
        """The bytes on a worker, past the scheduler's memory: sent there directly where the workers are on this machine."""
        try:
            future = self.client.scatter(packed, hash=False, direct=self.opened.is_here)
        except OSError:  # The worker has died meanwhile.
            return packed
        return cast("Future[bytes]", future)

    def _workers(self) -> frozenset[str]:
        """The addresses of the workers, as of a moment ago."""
        now = time.monotonic()
        if now - self.looked_at > LOOK_SEC:
            self.looked_at = now
            try:
                self.workers = frozenset(self.client.scheduler_info()["workers"])
            except OSError as error:
                raise self._gone() from error
            if self.workers:
                self.seen_at = now
        return self.workers

    def _next(self, timeout_sec: float = float("inf")) -> Future[Any] | None:
        """One that is done, or None after that time. Raises WorkerDied when none will come."""
        deadline = time.monotonic() + timeout_sec
        while (left_sec := deadline - time.monotonic()) > 0:
            try:
                future = self.done.get(timeout=min(left_sec, LOOK_SEC))
            except Empty:
                self._require_cluster()
                continue
            if future.key in self.held:
                return future
        return None

    def _require_cluster(self) -> None:
        if self.client.status != "running":
            raise self._gone()
        if not self._workers() and time.monotonic() - self.seen_at > WITHOUT_WORKERS_SEC:
            raise WorkerDied(
                f"{self.cluster} has had no worker for {WITHOUT_WORKERS_SEC:.0f} s", advice="Start workers for it."
            )

    def _gone(self) -> WorkerDied:
        return WorkerDied(f"{self.cluster} is gone: its scheduler does not answer", advice="Is it still running?")

    def _last_outcomes(self) -> Iterator[Outcome[Task, Result]]:
        """What is under way may end, for a while."""
        counts = self.client.run(equipment.stop, self.name, on_error="ignore")
        under_way = sum(counts.values())
        if not under_way:
            return
        self.stopping(under_way)
        deadline = time.monotonic() + pool.STOP_SEC
        while self.held and (left_sec := deadline - time.monotonic()) > 0:
            yield from self._outcomes(self._next(left_sec), again=False)

    def _outcomes(self, future: Future[Any] | None, *, again: bool = True) -> Iterator[Outcome[Task, Result]]:
        """What became of a task, unless it was not begun: then it is given out once more, or dropped."""
        if future is None:
            return
        _, task = self.held.pop(future.key)
        try:
            # The worker may die while its result is fetched; then Dask does the task again, or says why not.
            said, packed = self.client.gather(future, direct=self.opened.is_here)
        except Exception as error:  # noqa: BLE001 - it is the task's own failure, told as data
            yield Outcome(task, error=self._failure(future, error))
            return
        finally:
            future.release()
        if said == equipment.DONE:
            yield pool.unpacked(task, packed)
        elif again:
            if said == equipment.NOT_EQUIPPED:
                self._equip([packed.decode()])
            self._submit(task, pool.pack_task(task))

    def _failure(self, future: Future[Any], error: Exception) -> EtlError:
        from distributed import KilledWorker

        if future.status != "error":
            self._require_cluster()
            return WorkerDied(f"{self.cluster} gave the task up ({future.status})")
        if not isinstance(error, KilledWorker):
            return EtlError(f"{self.cluster} could not run the task: {type(error).__name__}: {error}")
        deaths = error.allowed_failures + 1
        times = f", and {deaths - 1} before it" if deaths > 1 else ""
        return WorkerDied(
            f"the worker {error.last_worker.address} ended{times}", advice=pool.DEATH_ADVICE, deaths=deaths
        )
