"""The transform of the killed run: it kills the worker that holds a certain row, once."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pandas as pd

from etl.smoke.samples import KEY

MARK_VARIABLE = "ETL_SMOKE_MARK"
"""A file that is made when a worker is killed: where it is, nobody is killed any more."""
ROW_VARIABLE = "ETL_SMOKE_ROW"
"""The key of the row that kills."""


def killed_once(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it is, unless this worker holds the row: then its process ends by SIGKILL, the first time."""
    if multiprocessing.parent_process() is not None and (frame[KEY] == int(os.environ[ROW_VARIABLE])).any():
        try:
            os.close(os.open(os.environ[MARK_VARIABLE], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return frame
        os.kill(os.getpid(), signal.SIGKILL)
    return frame
