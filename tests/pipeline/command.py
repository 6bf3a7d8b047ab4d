"""The command line, as a process of its own and inside this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from etl.cli import app

COMMAND = [sys.executable, "-c", "from etl.cli import main; main()"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        return self.stdout + self.stderr

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of --json."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def start(
    arguments: Sequence[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `etl` in a folder, in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], timeout_sec: float = 60) -> Ended:
    stdout, stderr = process.communicate(timeout=timeout_sec)
    return Ended(process.returncode, stdout, stderr)


def etl_process(*arguments: str, folder: Path | None = None, **environment: str) -> Ended:
    """Run `etl` to its end."""
    return ended(start(arguments, folder=folder, environment=environment))


def etl_here(*arguments: str, **environment: str) -> Ended:
    """The same inside this process: much faster, for what does not depend on processes."""
    before = signal.getsignal(signal.SIGTERM)
    path = list(sys.path)
    try:
        result = CliRunner().invoke(app, list(arguments), env=environment)
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.path[:] = path
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)
