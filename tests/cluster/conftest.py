"""Some of the demo's flights in a database, and where workers look for signs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import etl
from etl.demo import data
from etl.demo.clean import CLEAN_COLUMN_TYPES
from etl.job import Job, make
from tests.cluster.transforms import SIGNS_VARIABLE
from tests.databases import MssqlDatabase, Row, fresh_database

ROWS = 12_000
CHUNK_ROWS = 1_000
CHUNKS = 12


@dataclass(frozen=True)
class Flights:
    """The first flights of 2013, and what they are when they are cleaned."""

    database: MssqlDatabase
    cleaned: Counter[Row]

    def job(self, **fields: Any) -> Job:
        """The demo's job on them, on a cluster unless said otherwise."""
        given: dict[str, Any] = {
            "source": self.database.url,
            "target": self.database.url,
            "source_table": "dbo.flights",
            "target_table": "dbo.flights_clean",
            "transform": "tests.cluster.transforms:clean_or_obey",
            "output_schema": "etl.demo.clean:CLEAN_SCHEMA",
            "column_types": CLEAN_COLUMN_TYPES,
            "mode": "replace",
            "executor": "dask",
            "workers": 2,
            "chunk_rows": CHUNK_ROWS,
        }
        return make(**{**given, **fields})

    def have_arrived(self, run_id: str) -> bool:
        """Whether the target has each row exactly once, and the ledger each chunk."""
        done = self.database.query(f"SELECT chunk_no, state FROM etl_chunk WHERE run_id = '{run_id}' ORDER BY chunk_no")
        return self.database.rows("flights_clean") == self.cleaned and done == [(n, "done") for n in range(CHUNKS)]


@pytest.fixture(scope="session")
def flights(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flights]:
    with fresh_database(server_url) as database:
        *statements, _weather = data.create_statements()
        for statement in statements:
            database.query(statement)
        for name in ("airlines", "airports", "flights"):
            rows = data.read(name).slice(0, ROWS).to_pandas()
            etl.to_sql(rows, name, database.url, schema="dbo", if_exists="append", index=False)
        opened = Flights(database, Counter())
        os.environ.setdefault(SIGNS_VARIABLE, str(tmp_path_factory.mktemp("none")))
        etl.run(opened.job(executor="serial", target_table="dbo.expected"))
        yield Flights(database, database.rows("expected"))


@pytest.fixture(scope="session")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which workers look for signs."""
    folder = tmp_path_factory.mktemp("signs")
    patch = pytest.MonkeyPatch()
    patch.setenv(SIGNS_VARIABLE, str(folder))
    yield folder
    patch.undo()
