"""A sweep on a Dask cluster: the same results, in the same database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import etl
from etl import executors
from tests.databases import Database
from tests.sweep.functions import CALLS_VARIABLE
from tests.sweep.trial import NAME, Trial

WORKERS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A local cluster that is open for the whole file. Returns the file in which its workers note their calls."""
    with pytest.MonkeyPatch.context() as patch:
        calls = tmp_path_factory.mktemp("calls") / "calls.txt"
        patch.setenv(CALLS_VARIABLE, str(calls))
        with executors.opened("dask", WORKERS):
            yield calls


def test_a_sweep_on_a_cluster(server_database: Database, tmp_path: Path, cluster: Path) -> None:
    trial = Trial(server_database, tmp_path, 40, Random(2))
    cluster.unlink(missing_ok=True)
    function = "tests.sweep.functions:noted"
    sweep = etl.Sweep(function, trial.numbers, NAME, server_database.url, "dask", workers=WORKERS)
    result = etl.run_sweep(sweep)
    assert (result.inputs, result.ran) == (40, 40)
    trial.calls = cluster
    assert trial.calls_that("ended") == dict.fromkeys(trial.numbers, 1)
    assert trial.exported() == trial.expected()
    assert etl.run_sweep(sweep).ran == 0
