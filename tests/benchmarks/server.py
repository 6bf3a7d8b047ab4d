"""The server: one that is named, or an empty sandbox in a process of its own.

That says on a line how to reach it, and ends when its input does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from etl.errors import JobError
from etl.references import resolve
from etl.sandbox import serve

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """What is measured against."""

    url: sa.URL
    pid: int | None
    """None for one that was there before: of its processes nothing can be said."""


@contextmanager
def opened(url: str | None) -> Iterator[Server]:
    """The server that a URL, or the variable of `env:NAME`, names; without one a sandbox, as long as the block lasts.

    Raises `SystemExit` for what names none.
    """
    if url is not None:
        try:
            named = resolve(url)
        except JobError as error:
            raise SystemExit(f"{error.message}. {error.advice}") from None
        yield Server(named, None)
        return
    with _sandbox() as server:
        yield server


@contextmanager
def _sandbox() -> Iterator[Server]:
    """A sandbox in a process of its own. Raises `RuntimeError` where it does not start."""
    command = [sys.executable, "-m", "tests.benchmarks.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise RuntimeError("the sandbox did not start")
        try:
            yield Server(sa.make_url(json.loads(line)), server.pid)
        finally:
            server.stdin.close()


def main() -> None:
    with serve() as server:
        print(json.dumps(server.url()), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
