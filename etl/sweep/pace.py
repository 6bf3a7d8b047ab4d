"""How many inputs a task has: slow ones go one by one, quick ones share the cost of a task."""

from __future__ import annotations

TASK_SEC = 1.0
"""That a task shall take: long beside its own cost of some hundredths, short beside a user's patience."""
MOST = 200
TASKS_A_WORKER = 4
"""That are left at least, so that at the end no worker waits for another's heap."""


class Pace:
    """Learns from each task."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._input_sec: float | None = None

    def inputs(self, left: int) -> int:
        """For the next task, of so many that are left; at least 1."""
        if self._input_sec is None:
            return 1
        fitting = TASK_SEC / max(self._input_sec, TASK_SEC / MOST)
        return max(1, int(min(fitting, left / (self._workers * TASKS_A_WORKER))))

    def learn(self, calls: int, seconds: float) -> None:
        """That a task with so many calls took so long. Slower ones count at once, quicker ones by and by."""
        if not calls:
            return
        measured = seconds / calls
        known = self._input_sec
        self._input_sec = measured if known is None or measured > known else (known + measured) / 2
