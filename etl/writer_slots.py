"""How many of a run's workers write at once, while the others read and transform.

A slot is a file that its holder has locked: the kernel lets go of the lock when a worker dies, whatever kills it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from etl import file_locks

POLL_SEC = 0.01


@dataclass(frozen=True, slots=True)
class WriterSlots:
    """The slots of one run on one machine."""

    folder: Path
    """Of the run's own; it must stay until the last worker has ended."""

    @contextmanager
    def one_of(self, count: int) -> Iterator[None]:
        """Wait for one of `count` slots and hold it."""
        files = [os.open(self.folder / f"writer-{number}", os.O_RDWR | os.O_CREAT, 0o600) for number in range(count)]
        try:
            while not any(map(file_locks.took, files)):
                time.sleep(POLL_SEC)
            yield
        finally:
            for file in files:
                os.close(file)
