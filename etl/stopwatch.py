"""How long a chunk's stages took."""

from __future__ import annotations

import time


class Stopwatch:
    """Wall-clock seconds of one stage after the other, and the CPU seconds of this process meanwhile."""

    def __init__(self) -> None:
        self._started = self._lap_started = time.perf_counter()
        self._cpu_started = time.process_time()

    def lap(self) -> float:
        """Seconds since the last lap, or the start."""
        now = time.perf_counter()
        seconds, self._lap_started = now - self._lap_started, now
        return seconds

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._started

    @property
    def cpu_sec(self) -> float:
        """That this process has spent since the start, on all its threads."""
        return time.process_time() - self._cpu_started
