"""Where tasks run: in this process or in a pool of processes. Each gives the same outcomes for the same function and tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from etl import pool, writer_slots
from etl.pool import Outcome
from etl.writer_slots import WriterSlots

Executor = Literal["process", "serial"]

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

    def slots(self) -> AbstractContextManager[WriterSlots]:
        """What bounds how many of the tasks write at once."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """This process, one task after the other."""

    def run(
        self, function: Callable[[Task], Result], tasks: deque[Task], stopping: Callable[[int], None] = pool.untold
    ) -> Iterator[Outcome[Task, Result]]:
        """As `Runner.run`; a KeyboardInterrupt is raised at once."""
        del stopping
        return pool.run_here(function, tasks)

    def slots(self) -> AbstractContextManager[WriterSlots]:
        """As `Runner.slots`."""
        return writer_slots.opened()


@dataclass(frozen=True, slots=True)
class Processes:
    """Worker processes of this one's own."""

    workers: int

    def run(
        self, function: Callable[[Task], Result], tasks: deque[Task], stopping: Callable[[int], None] = pool.untold
    ) -> Iterator[Outcome[Task, Result]]:
        """As `Runner.run`."""
        return pool.run_tasks(function, tasks, min(self.workers, max(len(tasks), 1)), stopping)

    def slots(self) -> AbstractContextManager[WriterSlots]:
        """As `Runner.slots`."""
        return writer_slots.opened()


@contextmanager
def opened(executor: Executor, workers: int) -> Iterator[Runner]:
    """What the name stands for, with up to `workers` tasks at once."""
    yield Here() if executor == "serial" else Processes(workers)
