"""The command: run the cases side by side and print what they took."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.arrived import changed_columns
from tests.benchmarks.case import Group, Place, all_cases
from tests.benchmarks.processes import forget_peak, peak_mb
from tests.benchmarks.table import Result, print_table

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to do in a run of each group, and how often."""

    counts: dict[Group, int]
    repeats: int


_FULL = Size({"read": 300_000, "load": 200_000, "copy": 300_000, "statements": 2000}, repeats=3)
_QUICK = Size({"read": 30_000, "load": 20_000, "copy": 30_000, "statements": 300}, repeats=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the arguments ask for."""
    options = _options(arguments)
    size = _QUICK if options.quick else _FULL
    cases = {name: case for name, case in all_cases().items() if options.only in name}
    if not cases:
        raise SystemExit(f"no case has {options.only!r} in its name")
    if not Path("/proc/self/stat").exists():
        raise SystemExit("CPU time and memory are read from /proc, which only Linux has")
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"other programs are at work (load {load:.1f}): the figures will be too low", file=sys.stderr)
    results = {name: Result(case.group, case.name) for name, case in cases.items()}
    with _server(size.counts["read"]) as (pid, place):
        for repeat in range(size.repeats):
            for name, case in cases.items():
                print(f"run {repeat + 1} of {size.repeats}: {name}", file=sys.stderr)
                here = {**place, "count": round(size.counts[case.group] * case.share)}
                results[name].add(_run(name, here, pid))
                if repeat == 0 and case.group in {"load", "copy"} and not results[name].not_available:
                    results[name].changed = changed_columns(Place(**here), case.group)
    print_table(list(results.values()))
    if options.json:
        found = {"load_before": load, "counts": size.counts, "cases": {name: r.plain() for name, r in results.items()}}
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows and one repeat: whether it works, not how fast")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in their module's name")
    parser.add_argument("--json", metavar="FILE", help="write all runs to FILE too")
    return parser.parse_args(arguments)


@contextmanager
def _server(rows: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The server's process id, and how to reach it."""
    print(f"a sandbox with {rows} rows is made", file=sys.stderr)
    command = [sys.executable, "-m", "tests.benchmarks.server", str(rows)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise SystemExit("the sandbox did not start")
        yield server.pid, json.loads(line)
        server.stdin.close()


def _run(name: str, place: dict[str, Any], server_pid: int) -> dict[str, Any]:
    forget_peak(server_pid)
    command = [sys.executable, "-m", "tests.benchmarks.client", name, str(server_pid)]
    done = subprocess.run(command, input=json.dumps(place), capture_output=True, text=True, check=False, cwd=_ROOT)
    if done.returncode != 0:
        # A tool that cannot do it, or dies at it, is part of the picture.
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        print(done.stderr, file=sys.stderr)
        return {"not_available": f"failed: {reason[:80]}"}
    return {**json.loads(done.stdout.splitlines()[-1]), "server_peak_mb": peak_mb(server_pid)}


if __name__ == "__main__":
    main()
