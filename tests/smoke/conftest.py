"""Which of these tests are there for which server."""

from __future__ import annotations

from pathlib import Path

from tests import real_server

NEEDS_COLLATIONS = "test_collations.py"
"""The sandbox has databases of one collation."""


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path.name == NEEDS_COLLATIONS and real_server.named() is None else None
