"""The command: run the cases side by side and print what they took."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.benchmarks import datasets, plot, promises, versions
from tests.benchmarks.case import GROUPS, Case, Group, Place, all_cases
from tests.benchmarks.run import run_case
from tests.benchmarks.server import Server, opened
from tests.benchmarks.stored import first_rows, store
from tests.benchmarks.table import Result, print_tables
from tests.benchmarks.tables import made

_ALL = "all"
_QUIET_LOAD = 0.5


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to do in a run of each group, and how often."""

    counts: dict[Group, int]
    repeats: int

    def of(self, case: Case, row_share: float) -> int:
        """What a run of the case does."""
        share = 1.0 if case.group == "statements" else row_share
        return max(1, round(self.counts[case.group] * case.share * share))


FULL = Size({"read": 300_000, "load": 200_000, "copy": 300_000, "statements": 2000}, repeats=3)
QUICK = Size({"read": 30_000, "load": 20_000, "copy": 30_000, "statements": 300}, repeats=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the arguments ask for."""
    options = _options(arguments)
    size = _size(options)
    names = datasets.NAMES if options.data == _ALL else (options.data,)
    if not Path("/proc/self/stat").exists():
        raise SystemExit("CPU time and memory are read from /proc, which only Linux has")
    load = os.getloadavg()[0]
    if load > _QUIET_LOAD:
        print(f"other programs are at work (load {load:.1f}): the figures will be too low", file=sys.stderr)
    parts = options.only.split(",")
    chosen = {key: case for key, case in all_cases().items() if any(part in key for part in parts)}
    if not chosen:
        raise SystemExit(f"no case has {options.only!r} in its name")
    results: list[Result] = []
    with opened(options.url) as server:
        header = versions.found(server.url) | {"load before": f"{load:.1f}"}
        for name in names:
            cases = {key: case for key, case in chosen.items() if case.only in {"", name}}
            results += _dataset_results(name, cases, size, server)
    if not results:
        raise SystemExit("nothing was measured")
    print_tables(header, results)
    if size.counts["read"] >= FULL.counts["read"]:  # fewer rows tell how long a connection takes
        promises.print_promises(results, on_sandbox=server.pid is not None)
    if options.json:
        found = {"versions": header, "size": asdict(size), "cases": [result.plain() for result in results]}
        Path(options.json).write_text(json.dumps(found, indent=2) + "\n")
    if options.plot:
        plot.draw(results, header, Path(options.plot))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows and one repeat: whether it works, not how fast")
    parser.add_argument("--data", choices=[*datasets.NAMES, _ALL], default="orders", help="what is moved")
    parser.add_argument("--rows", type=int, metavar="N", help="so many rows in a read, a load and a copy")
    parser.add_argument("--repeats", type=int, metavar="N", help="so many runs of each case")
    parser.add_argument("--only", default="", metavar="TEXT,…", help="cases with a TEXT in their module's name")
    parser.add_argument(
        "--url",
        metavar="URL",
        help="a server to run against instead of a sandbox, mssql+pyodbc://… or env:NAME of a variable with it; "
        "tables named tablehaul_bench_… are made in its database and dropped again",
    )
    parser.add_argument("--json", metavar="FILE", help="write all runs to FILE too")
    parser.add_argument("--plot", metavar="FILE", help="draw speed and client CPU time to FILE (needs matplotlib)")
    options = parser.parse_args(arguments)
    if options.plot:
        plot.require()
    return options


def _size(options: argparse.Namespace) -> Size:
    size = QUICK if options.quick else FULL
    rows: dict[Group, int] = {} if options.rows is None else dict.fromkeys(("read", "load", "copy"), options.rows)
    return Size(size.counts | rows, options.repeats or size.repeats)


def _dataset_results(name: str, cases: dict[str, Case], size: Size, server: Server) -> list[Result]:
    """The runs of the cases with one data set, which go round."""
    if not cases:
        return []
    row_share = datasets.dataset(name).row_share
    full_rows = round(max(size.counts["read"], size.counts["load"], size.counts["copy"]) * row_share)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.arrow"
        try:
            store(datasets.dataset(name).make(full_rows), file)
        except datasets.MissingToolError as error:
            print(f"the data set {name} is left out: {error}", file=sys.stderr)
            return []
        full = Place.of(server.url, name, file, round(size.counts["read"] * row_share))
        counts = {key: size.of(case, row_share) for key, case in cases.items()}
        results = {
            key: Result(name, case.group, case.name, first_rows(file, min(counts[key], full_rows)).nbytes)
            for key, case in cases.items()
        }
        print(f"{name}: {full.count} rows are sent to the server", file=sys.stderr)
        with made(full):
            for repeat in range(size.repeats):
                for key, case in cases.items():
                    print(f"{name}, run {repeat + 1} of {size.repeats}: {key}", file=sys.stderr)
                    place = replace(full, count=counts[key], schema=case.schema)
                    results[key].add(run_case(key, case, place, server.pid, is_first=repeat == 0))
    return sorted(results.values(), key=lambda result: GROUPS.index(result.group))


if __name__ == "__main__":
    main()
