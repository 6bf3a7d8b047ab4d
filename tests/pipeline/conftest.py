"""Fixtures for tests through the front door."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from etl import pool


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that a command would give to workers run here, for what does not depend on processes: those take seconds."""

    def run_here(work: Callable[[Any], Any], attempts: deque[Any], _workers: int, _stopping: object) -> object:
        return pool.run_here(work, attempts)

    monkeypatch.setattr("etl.pool.run_tasks", run_here)
