"""Locks on files, which the kernel lets go of when their holder dies, whatever kills it."""

from __future__ import annotations

import fcntl


def took(file: int) -> bool:
    """Try to lock an open file for its descriptor alone, without waiting; returns whether that worked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
