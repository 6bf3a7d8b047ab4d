"""Sessions that run at the same time, and seeing one wait for another without a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from tests.contract.lab import Failure, Lab, Row, Session

T = TypeVar("T")

OUTCOME_SEC = 30
"""How long a session that nobody blocks any more may take."""


class Task(Generic[T]):
    """A batch that is under way in another session."""

    def __init__(self, watcher: Session, session: Session, future: Future[T]) -> None:
        self._watcher = watcher
        self._future = future
        self.session = session

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def waits_for(self, blocker: Session) -> None:
        """Return once the server says that the batch is blocked by `blocker`; fail if it ends without waiting."""
        while not self._future.done():
            blockers = self._watcher.rows(
                "SELECT blocking_session_id FROM sys.dm_exec_requests WHERE session_id = ? AND blocking_session_id <> 0",
                self.session.number,
            )
            if blockers:
                assert blockers == [(blocker.number,)]
                return
        raise AssertionError(f"it did not wait: {self._future.result()!r}")

    def outcome(self) -> T:
        """What it gives, once it has ended."""
        return self._future.result(OUTCOME_SEC)


class Concurrently:
    """Runs batches of sessions in threads."""

    def __init__(self, watcher: Session, pool: ThreadPoolExecutor) -> None:
        self._watcher = watcher
        self._pool = pool
        self._tasks: list[Task[Any]] = []

    def attempt(self, session: Session, sql: str) -> Task[Failure | None]:
        """A batch that gives its error, or None."""
        return self._start(session, lambda: session.attempt(sql))

    def rows(self, session: Session, sql: str) -> Task[list[Row]]:
        """A query that gives its rows."""
        return self._start(session, lambda: session.rows(sql))

    @property
    def busy(self) -> list[Session]:
        """The sessions whose batches have not ended."""
        return [task.session for task in self._tasks if not task.done]

    def _start(self, session: Session, work: Callable[[], T]) -> Task[T]:
        task = Task(self._watcher, session, self._pool.submit(work))
        self._tasks.append(task)
        return task


@contextmanager
def concurrently(lab: Lab) -> Iterator[Concurrently]:
    """Threads for up to four sessions. Whoever blocks another at the end, because a test has failed, is closed first."""
    with ThreadPoolExecutor(4) as pool:
        running = Concurrently(lab.open(), pool)
        try:
            yield running
        finally:
            lab.close(but=running.busy)
