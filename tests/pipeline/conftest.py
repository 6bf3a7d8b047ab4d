"""Fixtures for tests through the front door."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from etl import pool
from tests.databases import Database
from tests.pipeline.jobs import fields_of_job
from tests.pipeline.plans import Write


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that a command would give to workers run here, for what does not depend on processes: those take seconds."""

    def run_here(work: Callable[[Any], Any], attempts: deque[Any], _workers: int, _stopping: object) -> object:
        return pool.run_here(work, attempts)

    monkeypatch.setattr("etl.pool.run_tasks", run_here)


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes the YAML of a job inside one database, from `orders` to `copies` unless said otherwise. Returns its path."""

    def write(database: Database, **fields: Any) -> str:
        file = tmp_path / "job.yaml"
        file.write_text(yaml.safe_dump(fields_of_job(database, **fields)))
        return str(file)

    return write
