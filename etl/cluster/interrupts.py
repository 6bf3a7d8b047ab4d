"""Loaded by the workers of a local cluster: Ctrl-C reaches every process of a terminal, and the parent says what it means."""

from __future__ import annotations

import signal


def dask_setup(_worker: object) -> None:
    """Called by Dask in the worker's process, in its main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
