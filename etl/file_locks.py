"""Locks on files, which the kernel lets go of when their holder dies, whatever kills it."""

from __future__ import annotations

import fcntl
import math
import time
from collections.abc import Sequence

POLL_SEC = 0.01
"""There is no way to wait for one of several locks, nor for one with a limit."""


def took(file: int) -> bool:
    """Try to lock an open file for its descriptor alone, without waiting; returns whether that worked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def took_one(files: Sequence[int], timeout_sec: float = math.inf) -> bool:
    """Wait until one of the open files is locked for us; returns whether that came within the time."""
    deadline = time.monotonic() + timeout_sec
    while not any(map(took, files)):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SEC)
    return True
