"""Transforms that jobs on clusters name: the demo's cleaning, and what becomes of the worker that comes upon a sign."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import pandas as pd

from etl import ledger
from etl.demo.clean import clean_flights

SIGNS_VARIABLE = "ETL_TEST_SIGNS"
"""A folder: who removes the sign from it does what it says. Set before the workers are started."""
KILL, STOP = "kill", "stop"
SIGNALS = {KILL: signal.SIGKILL, STOP: signal.SIGSTOP}


def clean_or_obey(flights: pd.DataFrame) -> pd.DataFrame:
    """The demo's cleaning. One worker that finds a sign gets its signal when it has sealed its chunk, before it commits."""
    for name, number in SIGNALS.items():
        with suppress(FileNotFoundError):
            Path(os.environ[SIGNS_VARIABLE], name).unlink()
            _signal_before_commit(number)
    return clean_flights(flights)


def _signal_before_commit(number: int) -> None:
    seal = ledger.seal

    @wraps(seal)
    def sealed(*arguments: Any) -> None:
        setattr(ledger, "seal", seal)  # noqa: B010
        seal(*arguments)
        os.kill(os.getpid(), number)

    setattr(ledger, "seal", sealed)  # noqa: B010 - a wrapped function has another type
