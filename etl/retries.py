"""Whether a chunk that failed is tried again, when, and how many chunks are written at once from then on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from etl.errors import WorkerDied
from etl.failures import Kind, passing

if TYPE_CHECKING:
    from etl.job import Job
    from etl.worker import Attempt

Result = TypeVar("Result")

MAX_DEATHS = 3
"""How often a chunk is tried whose worker process dies: once may be an accident, three times is the chunk's own doing."""
FIRST_DELAY_SEC = 0.5
LONGEST_DELAY_SEC = 30.0
DEADLOCKS_TO_HALVE = 2
"""One deadlock may be another program's; the second says that the writers are in each other's way."""


class Retries:
    """The retries of one execution of a run."""

    def __init__(self, job: Job, writers: int) -> None:
        self.writers = writers
        """How many chunks may be written at once now."""
        self._job = job
        self._left = job.run_retries
        self._deadlocks = 0

    def again(self, attempt: Attempt, error: Exception) -> tuple[Attempt, str] | None:
        """The chunk's next attempt and what to tell the user, or None where it is not tried again."""
        if isinstance(error, WorkerDied):
            return self._next(attempt, MAX_DEATHS + 1 - error.deaths, 0.0, error.message)
        kind = passing(error)
        if kind is None:
            return None
        said = f"{kind} ({error.args[0] if error.args else error})"
        halved = self._halved(kind)
        return self._next(attempt, self._job.chunk_attempts, delay_sec(attempt.number), f"{said}{halved}")

    def _next(self, attempt: Attempt, most: int, delay: float, why: str) -> tuple[Attempt, str] | None:
        if attempt.number >= most or self._left <= 0:
            return None
        self._left -= 1
        following = replace(attempt, number=attempt.number + 1, delay_sec=delay, writers=self.writers)
        when = f" in {delay:.1f} s" if delay else ""
        return following, f"{attempt.chunk}: {why}; the chunk is tried again{when} (attempt {following.number})"

    def _halved(self, kind: Kind) -> str:
        self._deadlocks += kind == "deadlock"
        if self._deadlocks < DEADLOCKS_TO_HALVE or self.writers == 1:
            return ""
        self._deadlocks = 0
        self.writers //= 2
        return f"; from now on {self.writers} chunk{'s are' if self.writers > 1 else ' is'} written at once"


def delay_sec(attempt: int) -> float:
    """Seconds to wait after that attempt: doubled each time, with jitter, so that workers do not come back together."""
    longest: float = min(LONGEST_DELAY_SEC, FIRST_DELAY_SEC * 2.0 ** (attempt - 1))
    return random.uniform(0.5, 1.0) * longest  # noqa: S311 - no secret


def until_done(action: Callable[[], Result], attempts: int) -> Result:
    """Do what may be done twice, again while its errors may pass. Raises the last one."""
    for attempt in range(1, attempts):
        try:
            return action()
        except Exception as error:
            if passing(error) is None:
                raise
            time.sleep(delay_sec(attempt))
    return action()
