"""A disk that is full under the server: a small file system of its own, which only root may mount."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from etl.sandbox import serve
from tests.databases import MssqlDatabase
from tests.faults.sandbox_process import data_folder
from tests.smoke.smoking import catalog, smoke

SIZE = "160m"
"""Of which PostgreSQL takes 41 MB before there is a table."""
PIECE = bytes(1 << 16)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder on a file system of its own."""
    with data_folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(folder)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    with serve(small_disk) as server:
        database = MssqlDatabase(server.url())
        with database.connection:
            before = catalog(database)
            with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(PIECE)
            found = smoke(server.url())
            assert (found.failed, found.ended.exit_code) == (["samples"], 6)
            assert "because the 'PRIMARY' filegroup is full. (error 1105)" in found.text("samples")
            assert "the disk under them" in found.steps["samples"]["meaning"]
            assert "Free space on the server's disk" in found.steps["samples"]["fix"]
            assert found.steps["cleanup"]["found"] == "nothing is left"
            (small_disk / "filler").unlink()
            assert catalog(database) == before
