"""A Dask scheduler and its workers as somebody else has started them: processes of their own, found through a file."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

READY_WITHIN_SEC = 60.0
POLL_SEC = 0.02


@dataclass
class Cluster:
    """A running scheduler."""

    folder: Path
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """What a client finds the scheduler by."""
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        """Where it listens."""
        return str(json.loads(self.file.read_text())["address"])

    @property
    def log(self) -> str:
        """What scheduler and workers have written."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def start(
        self, program: str, *options: str, before: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A scheduler or a worker more, its standard error in the log."""
        command = [
            *before,
            sys.executable,
            "-m",
            f"distributed.cli.{program}",
            "--scheduler-file",
            str(self.file),
            *options,
        ]
        environment = {**self.environment, **(variables or {}), "DASK_TEMPORARY_DIRECTORY": str(self.folder)}
        with (self.folder / f"{secrets.token_hex(4)}.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(process)
        return process

    def worker(
        self, *options: str, before: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """One more worker of four threads."""
        return self.start(
            "dask_worker", "--no-dashboard", "--nthreads", "4", *options, before=before, variables=variables
        )

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End one of them."""
        self.processes.remove(process)
        process.terminate()
        process.wait(30)


@contextmanager
def running(folder: Path, workers: int, **variables: str) -> Iterator[Cluster]:
    """A scheduler on loopback with so many workers, ended with all that was started on it."""
    cluster = Cluster(folder, {**os.environ, **variables})
    try:
        cluster.start("dask_scheduler", "--no-dashboard", "--host", "127.0.0.1", "--port", "0")
        until(cluster.file.exists)
        for _ in range(workers):
            cluster.worker()
        yield cluster
    finally:
        for process in reversed(list(cluster.processes)):
            cluster.stop(process)


def until(done: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + READY_WITHIN_SEC
    while not done():
        assert time.monotonic() < deadline
        time.sleep(POLL_SEC)
