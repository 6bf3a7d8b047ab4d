"""The Prefect server of the tests that call flows in their own process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness

SERVER_START_SEC = 90


@pytest.fixture(scope="session")
def temporary_prefect() -> Iterator[None]:
    """A server with a database of its own. One for all: what Prefect starts in a process stays bound to the first it meets."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        environment.setenv("DO_NOT_TRACK", "1")
        with prefect_test_harness(server_startup_timeout=SERVER_START_SEC):
            yield
