"""The peak memory of every process below one, sampled while they run (Linux)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import peak_mb

_INTERVAL_SEC = 0.05


class Peaks:
    """What was seen so far: a process's own peak is kept by the kernel, so only its last moments can be missed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.by_process: dict[int, float] = {}

    def look(self) -> None:
        """Look once more."""
        for process in [self.pid, *_below(self.pid)]:
            try:
                self.by_process[process] = peak_mb(process)
            except (OSError, LookupError):  # it has ended meanwhile
                continue

    @property
    def below_mb(self) -> list[float]:
        """The peaks of the processes below, largest first."""
        return sorted((peak for process, peak in self.by_process.items() if process != self.pid), reverse=True)


@contextmanager
def watched(pid: int) -> Iterator[Peaks]:
    """Look at a process and those below it while the block runs."""
    peaks, over = Peaks(pid), threading.Event()

    def look_on() -> None:
        while not over.wait(_INTERVAL_SEC):
            peaks.look()

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def _below(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(child) for child in children.read_text().split()]
        except OSError:  # the thread has ended meanwhile
            continue
        for child in direct:
            found += [child, *_below(child)]
    return found
