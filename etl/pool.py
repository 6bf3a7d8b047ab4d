"""Worker processes that run one function on many tasks, where the death of a worker is noticed at once and by name.

Each worker has a pipe of its own and holds at most one task, so the parent always knows which task died with a worker, and a
result of any size is read as it is sent: nothing waits in a shared queue. Workers are spawned, never forked: database
connections and threads do not survive a fork.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

import cloudpickle

from etl.errors import EtlError, WorkerDied
from etl.main_module import without_main_module

Task = TypeVar("Task")
Result = TypeVar("Result")

JOIN_TIMEOUT_SEC = 5.0
STOP_SEC = 10.0
"""How long tasks that are under way at a KeyboardInterrupt may take to end."""
DEATH_ADVICE = "Out of memory is the usual reason: try fewer workers or a smaller chunk_rows."


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Task, Result]):
    """What became of a task: a result, or an error (WorkerDied when its process ended)."""

    task: Task
    result: Result | None = None
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class _Worker(Generic[Task]):
    process: SpawnProcess
    pipe: Connection
    holds: list[Task] = field(default_factory=list)
    """The one task that it works on, or nothing."""


def untold(_busy: int) -> None:
    """For `stopping`, where nobody has to hear of it."""


def run_tasks(
    function: Callable[[Task], Result],
    tasks: deque[Task],
    workers: int,
    stopping: Callable[[int], None] = untold,
) -> Iterator[Outcome[Task, Result]]:
    """Run `function` on every task in up to `workers` processes and yield each outcome as it comes.

    Tasks are taken from the left as workers get free; the caller may append more while it reads outcomes. A dead worker
    is replaced. Leaving the iterator early ends all workers. At a KeyboardInterrupt no task is begun any more, `stopping`
    is told how many are under way, and these have `STOP_SEC` to end before it is raised; a second one is raised at once.
    """
    pool = _Pool(function, workers, stopping)
    try:
        yield from pool.run(tasks)
    finally:
        pool.close()


def run_here(function: Callable[[Task], Result], tasks: deque[Task]) -> Iterator[Outcome[Task, Result]]:
    """The same in this process, one task after the other."""
    while tasks:
        task = tasks.popleft()
        try:
            result = function(task)
        except Exception as error:  # noqa: BLE001 - the caller gets it as data, as from a process
            yield Outcome(task, error=error)
        else:
            yield Outcome(task, result)


class _Pool(Generic[Task, Result]):
    def __init__(self, function: Callable[[Task], Result], workers: int, stopping: Callable[[int], None]) -> None:
        self.stopping = stopping
        self.context = mp.get_context("spawn")
        self.function = cloudpickle.dumps(function)
        self.size = workers
        self.workers: list[_Worker[Task]] = []

    def run(self, tasks: deque[Task]) -> Iterator[Outcome[Task, Result]]:
        while True:
            yield from self._hand_out(tasks)
            if not self._busy:
                return
            try:
                ended = self._ended()
            except KeyboardInterrupt:
                yield from self._last_outcomes()
                raise
            for worker in ended:
                yield self._outcome(worker)

    @property
    def _busy(self) -> list[_Worker[Task]]:
        return [worker for worker in self.workers if worker.holds]

    def _ended(self, timeout_sec: float | None = None) -> list[_Worker[Task]]:
        """The workers that have an outcome, or are dead, once there are some."""
        ready = wait([worker.pipe for worker in self._busy], timeout_sec)
        return [worker for worker in self._busy if worker.pipe in ready]

    def _last_outcomes(self) -> Iterator[Outcome[Task, Result]]:
        """What is under way may end, for a while."""
        self.stopping(len(self._busy))
        deadline = time.monotonic() + STOP_SEC
        while self._busy and (left_sec := deadline - time.monotonic()) > 0:
            for worker in self._ended(left_sec):
                yield self._outcome(worker)

    def close(self) -> None:
        """End all workers: the idle ones by closing their pipe, the others by a signal."""
        for worker in self.workers:
            worker.pipe.close()
            if worker.holds:
                worker.process.terminate()
        for worker in self.workers:
            worker.process.join(JOIN_TIMEOUT_SEC)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self.workers.clear()

    def _hand_out(self, tasks: deque[Task]) -> Iterator[Outcome[Task, Result]]:
        """Give idle workers their next tasks; yields only the tasks that cannot be sent."""
        while tasks:
            idle = next((worker for worker in self.workers if not worker.holds), None)
            if idle is None and len(self.workers) >= self.size:
                return
            task = tasks.popleft()
            try:
                packed = pack_task(task)
            except EtlError as error:
                yield Outcome(task, error=error)
                continue
            worker = idle or self._start_worker()
            worker.holds.append(task)
            # A worker that died meanwhile is found by `wait`, as one that dies later is.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                worker.pipe.send_bytes(packed)

    def _start_worker(self) -> _Worker[Task]:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_work, args=(theirs, self.function), daemon=True)
        with without_main_module():
            process.start()
        theirs.close()
        worker: _Worker[Task] = _Worker(process, ours)
        self.workers.append(worker)
        return worker

    def _outcome(self, worker: _Worker[Task]) -> Outcome[Task, Result]:
        task = worker.holds[0]
        try:
            packed = worker.pipe.recv_bytes()
        except (EOFError, OSError):  # OSError where a message breaks off in its middle
            return Outcome(task, error=self._bury(worker))
        worker.holds.clear()
        return unpacked(task, packed)

    def _bury(self, worker: _Worker[Task]) -> WorkerDied:
        self.workers.remove(worker)
        worker.pipe.close()
        worker.process.join(JOIN_TIMEOUT_SEC)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        return WorkerDied(
            f"worker process {worker.process.pid} ended by {_describe_exit(worker.process.exitcode)}",
            advice=DEATH_ADVICE,
        )


def _describe_exit(exit_code: int | None) -> str:
    if exit_code is None:
        return "an unknown cause"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def _work(pipe: Connection, pickled_function: bytes) -> None:
    """A worker's life: read a task, run it, send its outcome, until the parent closes the pipe or is gone."""
    # Ctrl-C goes to the whole process group; the parent decides what becomes of the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    function: Callable[[Any], Any] = cloudpickle.loads(pickled_function)
    while True:
        try:
            task = cloudpickle.loads(pipe.recv_bytes())
        except EOFError:
            return
        try:
            pipe.send_bytes(_run(function, task))
        except BrokenPipeError:  # The parent is gone; what it would have been told stands in the ledger.
            return


def _run(function: Callable[[Any], Any], task: Any) -> bytes:
    try:
        outcome = (True, function(task))
    except Exception as error:  # noqa: BLE001 - the parent gets it as data
        outcome = (False, _portable(error))
    try:
        return _pack(outcome)
    except Exception as error:  # noqa: BLE001 - pickling runs code of the result's own
        return _pack((False, EtlError(f"the result cannot be sent to the parent process: {error}")))


def run_packed(function: Callable[[Any], Any], packed_task: bytes) -> bytes:
    """The packed outcome of a packed task: (True, result) or (False, error)."""
    try:
        task = cloudpickle.loads(packed_task)
    except Exception as error:  # noqa: BLE001 - unpickling runs code of the task's own
        return _pack((False, EtlError(f"the task cannot be read in the worker: {type(error).__name__}: {error}")))
    return _run(function, task)


def pack_task(task: object) -> bytes:
    """The task as bytes. Raises EtlError where it cannot be sent."""
    try:
        return _pack(task)
    except Exception as error:
        raise EtlError(f"the task cannot be sent to a worker process: {error}") from error


def unpacked(task: Task, packed: bytes) -> Outcome[Task, Any]:
    """The outcome of a task that a worker has packed."""
    try:
        succeeded, value = cloudpickle.loads(packed)
    except Exception as error:  # noqa: BLE001 - unpickling runs code of the result's own
        return Outcome(task, error=EtlError(f"the result cannot be read in the parent process: {error}"))
    return Outcome(task, value) if succeeded else Outcome(task, error=value)


def _pack(message: object) -> bytes:
    packed: bytes = cloudpickle.dumps(message)
    return packed


def _portable(error: Exception) -> Exception:
    """The error itself where it survives pickling, else its text: one that cannot be unpickled would hide what happened."""
    try:
        cloudpickle.loads(_pack(error))
    except Exception:  # noqa: BLE001 - whatever stands in the way, the text gets through
        return EtlError(f"{type(error).__name__}: {error}")
    return error


def _die_with_parent() -> None:
    """End this process when the parent ends, even by SIGKILL in the middle of a task."""
    parent = mp.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
