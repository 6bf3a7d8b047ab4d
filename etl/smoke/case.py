"""What is smoke-tested: one database, what is asked of it, and what the steps have made and found so far."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sqlalchemy.engine import Connection

from etl.connect import Endpoint
from etl.errors import CheckFailed, JobError
from etl.job import Job
from etl.smoke.samples import TEXT_CHARS, Sample
from etl.statements import TableName

SOURCE = "samples"
PREFIX = "etl_smoke_"
"""Of the names of scratch schemas."""


@dataclass
class Smoke:
    """One smoke test. The steps fill it in their order."""

    reference: str
    """A URL, or where one is kept."""
    folder: Path
    """For files, until the end."""
    collation: str | None = None
    """What the database's must be."""
    texts: Sequence[str] = ()
    """What a varchar column of the database must hold."""
    keep: bool = False
    """Leave what was made on the server."""
    wait_sec: float = 0.0
    """How long the server may take to come up."""
    database_collation: str = field(default="", init=False)
    major_version: int = field(default=0, init=False)
    schema: str = field(default="", init=False)
    """The scratch schema, once it is there."""
    samples: list[Sample] = field(default_factory=list, init=False)
    """The columns of the sample table beside its key."""
    sample_rows: int = field(default=0, init=False)
    ledger_was_there: bool = field(default=True, init=False)
    """Before the first run; else it goes at the end."""
    runs: dict[str, Job] = field(default_factory=dict, init=False)
    """The completed runs into the scratch schema, by their ids."""

    @cached_property
    def endpoint(self) -> Endpoint:
        """The database. Raises JobError for a wrong URL, an SQLite file, or a text too long to be tried."""
        endpoint = Endpoint.of(self.reference, "writer")
        if endpoint.dialect != "mssql":
            raise JobError(f"{endpoint.label} is an SQLite file", advice="A smoke test is for a SQL Server.")
        long = next((text for text in self.texts if len(text) > TEXT_CHARS), None)
        if long is not None:
            raise JobError(f"a text of {len(long)} characters: --text takes {TEXT_CHARS}", advice="Give a part of it.")
        return endpoint

    def connected(self) -> AbstractContextManager[Connection]:
        """A connection of a step's own; what the step did not commit is gone afterwards."""
        return self.endpoint.connect()

    def table(self, name: str) -> TableName:
        """A table of the scratch schema."""
        return TableName(name, self.schema)

    @property
    def source(self) -> TableName:
        """The sample table."""
        return self.table(SOURCE)

    def require(self, *, agreed: bool, message: str, state: str = "") -> None:
        """Raise CheckFailed for what is not as it must be."""
        if not agreed:
            raise CheckFailed(
                message,
                state=state,
                advice="Run it again with --keep, look at the tables, and tell this project's maintainers.",
            )
