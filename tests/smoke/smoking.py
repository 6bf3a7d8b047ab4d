"""`etl smoke` through its front door, and what it said step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from etl.smoke import scratch, server, steps, tables
from etl.smoke.case import Smoke
from tests.databases import MssqlDatabase
from tests.pipeline.command import Ended, etl_here

CATALOG = (
    "SELECT name, type FROM sys.objects",
    "SELECT name, schema_id FROM sys.schemas",
    "SELECT name, type FROM sys.database_principals",
)


@dataclass(frozen=True, slots=True)
class Smoked:
    """What `etl smoke --json` said."""

    ended: Ended
    steps: Mapping[str, dict[str, Any]]

    @property
    def statuses(self) -> dict[str, str]:
        return {name: step["status"] for name, step in self.steps.items()}

    @property
    def failed(self) -> list[str]:
        return [name for name, status in self.statuses.items() if status == "fail"]

    def text(self, step: str) -> str:
        """All that a step said."""
        return "\n".join([*(str(self.steps[step][part]) for part in ("found", "meaning", "fix"))])


def smoked(command: Ended) -> Smoked:
    assert command.stderr == "", command.stderr
    *told, end = command.events
    assert end["event"] == "done"
    assert end["exit_code"] == command.exit_code
    return Smoked(command, {step["step"]: step for step in told})


def smoke(url: str, *arguments: str) -> Smoked:
    """Run it in this process."""
    return smoked(etl_here("smoke", "--url", url, "--json", *arguments))


def catalog(database: MssqlDatabase) -> list[object]:
    return [sorted(map(str, database.query(query))) for query in CATALOG]


@contextmanager
def with_samples(database: MssqlDatabase) -> Iterator[Smoke]:
    """A smoke test whose sample table is there, for as long as the context is open."""
    with steps.opened(database.url) as case:
        for action in (server.reach, server.collation, scratch.sweep, scratch.make, tables.fill):
            assert action(case).status == "ok"
        yield case
        scratch.erase(case, case.schema)
