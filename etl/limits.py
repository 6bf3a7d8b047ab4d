"""What kept a run from being faster: the machine's cores, the server, or the number of workers."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from etl.result import ChunkResult

FULL_SHARE = 0.85
"""Of the cores: what is busier than that has no room for another worker."""
WORTH_TELLING_SEC = 2.0
"""Of work in the chunks; a shorter run is mostly the start of its workers."""


class MachineUse:
    """How busy the machine's cores are from now on, with all that runs on them."""

    def __init__(self) -> None:
        self._cores = psutil.cpu_count() or 1
        psutil.cpu_percent()

    @property
    def busy_cores(self) -> float:
        """The mean number since the last question."""
        return psutil.cpu_percent() / 100 * self._cores


def limit(moved: Sequence[ChunkResult], seconds: float, busy_cores: float) -> str:
    """The limit in words, or nothing for a short run. `moved` are the chunks of an execution that took `seconds`."""
    cores = psutil.cpu_count() or 1
    working_sec = sum(chunk.seconds for chunk in moved)
    if working_sec < WORTH_TELLING_SEC:
        return ""
    computing_sec = sum(chunk.cpu_sec for chunk in moved)
    workers = len({chunk.worker for chunk in moved})
    queueing = sum(chunk.wait_sec for chunk in moved) / working_sec
    computing = computing_sec / working_sec
    who = f"{workers} worker{'s' if workers > 1 else ''}"
    if busy_cores >= FULL_SHARE * cores:
        return f"the cores are full: {who} used {computing_sec / seconds:.1f} of {cores}, other programs the rest"
    if queueing >= 1 - FULL_SHARE and workers > 1:
        return f"the target's writers: {who} waited {queueing:.0%} of their time for their turn to write"
    if computing >= FULL_SHARE:
        return f"the number of workers: {who} computed {computing:.0%} of their time, and cores are free"
    return f"the servers: {who} waited for them {1 - computing - queueing:.0%} of their time, and cores are free"
