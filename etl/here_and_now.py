"""Which process this is, and what time it is, as both are stored."""

from __future__ import annotations

import datetime as dt
import os
import socket


def now() -> dt.datetime:
    """UTC, naive, to the microsecond."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def this_worker() -> str:
    """Host and process, to find again who has worked on something."""
    return f"{socket.gethostname()}:{os.getpid()}"
