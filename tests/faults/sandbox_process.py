"""A sandbox in processes of its own, which a test can kill: `python -m tests.faults.sandbox_process FOLDER PASSWORD PORT`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyodbc

from etl.sandbox import Server, run_forever

PASSWORD = "secret"


class SandboxProcess:
    """A running sandbox on a data folder."""

    def __init__(self, data: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "tests.faults.sandbox_process", str(data), PASSWORD, str(port)]
        # What a killed sandbox leaves lying about goes with the test's folder.
        temporary = data / "tmp"
        temporary.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the sandbox did not start: status {self._process.wait()}"
        self.port = int(line)

    def connect(self, *, autocommit: bool = True) -> pyodbc.Connection:
        """A connection over FreeTDS."""
        text = f"DRIVER=FreeTDS;SERVER=127.0.0.1,{self.port};UID=sa;PWD={PASSWORD};DATABASE=sandbox;TDS_Version=7.4"
        return pyodbc.connect(text, autocommit=autocommit)

    def kill(self) -> None:
        """SIGKILL for every process of it, PostgreSQL's first, so that nothing is shut down in order."""
        for pid in reversed(family(self._process.pid)):
            _kill(pid)
        self._process.wait()

    def kill_python(self) -> None:
        """SIGKILL for the process that speaks TDS alone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in order."""
        self._process.terminate()
        self._process.wait(30)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        # A process whose parent was killed before it may have noticed by itself.
        return


def family(root: int) -> list[int]:
    """A process and all that come from it, parents first."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for a sandbox's data that PostgreSQL's own user can reach too; pytest's are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="etl-durability-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _serve(folder: str, password: str, port: str) -> None:
    def ready(server: Server) -> None:
        print(server.port, flush=True)

    run_forever(ready, Path(folder), password=password, port=int(port))


if __name__ == "__main__":
    _serve(*sys.argv[1:])
