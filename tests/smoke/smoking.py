"""`etl smoke` through its front door, and what it said step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from etl.smoke import scratch, server, steps, tables
from etl.smoke.case import Smoke
from tests.databases import MssqlDatabase
from tests.pipeline.command import etl_here
from tests.told_steps import ToldSteps, told_steps

CATALOG = (
    "SELECT name, type FROM sys.objects",
    "SELECT name, schema_id FROM sys.schemas",
    "SELECT name, type FROM sys.database_principals",
)


def smoke(url: str, *arguments: str) -> ToldSteps:
    """Run it in this process."""
    return told_steps(etl_here("smoke", "--url", url, "--json", *arguments))


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
