"""How many of a run's workers write at once, while the others read and transform.

A slot is a file that its holder has locked: the kernel lets go of the lock when a worker dies, whatever kills it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from etl import file_locks

FOLDER_PREFIX = "etl-writers-"
IN_USE = "in-use"
"""A file in the folder that the run's process has locked."""


class Slots(Protocol):
    """The slots of one run, wherever its workers are."""

    def one_of(self, count: int) -> AbstractContextManager[None]:
        """Wait for one of `count` slots and hold it."""
        ...


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
            file_locks.took_one(files)
            yield
        finally:
            for file in files:
                os.close(file)


@contextmanager
def opened() -> Iterator[WriterSlots]:
    """Slots for one execution of a run, in a temporary folder. What executions that were killed have left goes first."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        _remove_if_left(folder)
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
        folder = Path(name)
        # Locked before it has its name: nobody finds it without its lock.
        file = os.open(folder / "new", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            file_locks.took(file)
            (folder / "new").rename(folder / IN_USE)
            yield WriterSlots(folder)
        finally:
            os.close(file)


def _remove_if_left(folder: Path) -> None:
    # Gone meanwhile, or another user's.
    with suppress(FileNotFoundError, PermissionError):
        file = os.open(folder / IN_USE, os.O_RDWR)
        try:
            if file_locks.took(file):
                shutil.rmtree(folder)
        finally:
            os.close(file)
