"""Functions that tests sweep with. What they do besides is told by files that the environment names."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

CALLS_VARIABLE = "ETL_TEST_CALLS"
BREAK_VARIABLE = "ETL_TEST_BREAK"
"""A file: while it is there, `breakable` fails on multiples of seven."""

GRID = [{"n": n, "rate": n / 8} for n in range(12)]


def noted(n: int) -> dict[str, Any]:
    """A result that follows from the input; each call and each end is a line in the file of calls."""
    calls = Path(os.environ[CALLS_VARIABLE])
    note(calls, f"begun {n}")
    time.sleep(0.002)  # as if it were work: the calls of two processes are to meet
    note(calls, f"ended {n}")
    return result_of(n)


def result_of(n: int) -> dict[str, Any]:
    return {"square": n * n, "half": n / 2, "text": f"№ {n} 🦆"}


def note(file: Path, line: str) -> None:
    # One write to a file that is open for appending: lines of several processes do not mix.
    with file.open("a", encoding="utf-8", buffering=1) as opened:
        opened.write(f"{line}\n")


def itself(value: Any) -> Any:
    return value


def breakable(n: int) -> int:
    if n % 7 == 0 and Path(os.environ[BREAK_VARIABLE]).exists():
        raise ValueError(f"{n} is bad; see mssql+pyodbc://sa:hunter2@host/db or Pwd=hunter2;")
    return n


def deadly(n: int) -> int:
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n
