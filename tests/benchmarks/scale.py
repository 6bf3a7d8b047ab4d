"""Whether memory and speed of a whole copy stay the same when the table is ten times as long.

`python -m tests.benchmarks.scale` (`--help`): the table of twelve columns is copied with a transform, in key ranges, by a pool
of workers; for each size on a fresh sandbox, or on the server of `--url`. Peaks of all processes are read from the kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyodbc
from rich.console import Console
from rich.table import Table

from tests.benchmarks import versions
from tests.benchmarks.case import Place
from tests.benchmarks.datasets import dataset
from tests.benchmarks.processes import forget_peak, peak_mb
from tests.benchmarks.server import ROOT, Server, opened
from tests.benchmarks.stored import first_rows, store
from tests.benchmarks.tables import connected, without_ledger, write
from tests.benchmarks.watch import watched

SLICE_ROWS = 200_000
"""What is made once and sent again and again, with other keys."""
MEMORY_TOLERANCE = 1.10
SPEED_TOLERANCE = 0.85
_DATA = "orders"


@dataclass(frozen=True, slots=True)
class Copied:
    """What the copy of one size took."""

    rows: int
    seconds: float
    parent_mb: float
    workers_mb: tuple[float, ...]
    """Each worker's peak, largest first."""
    server_mb: float | None
    """None for a server that was there before."""

    @property
    def rows_per_sec(self) -> float:
        """The speed, with the planning, the start of the pool and the check at the end."""
        return self.rows / self.seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Copy the sizes one after the other, and print them side by side."""
    options = _options(arguments)
    sizes = [int(text.replace("_", "")) for text in options.rows.split(",")]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.arrow"
        store(dataset(_DATA).make(min(SLICE_ROWS, max(sizes))), file)
        for rows in sizes:
            with opened(options.url) as server:
                header = versions.found(server.url) | {"load before": f"{os.getloadavg()[0]:.1f}"}
                place = Place.of(server.url, _DATA, file, rows)
                with _filled(place):
                    found.append(_copied(place, server, options.workers, options.chunk_rows))
                    print(f"{rows:,} rows copied: {found[-1].rows_per_sec:,.0f} rows/s", file=sys.stderr)
    console = Console(width=110)
    console.print(" · ".join(f"{name} {text}" for name, text in header.items()), highlight=False)
    console.print(
        table(found, f"orders copied by etl.run, {options.workers} workers, {options.chunk_rows:,} rows a chunk")
    )
    if options.json:
        plain = {"versions": header, "workers": options.workers, "chunk_rows": options.chunk_rows}
        Path(options.json).write_text(json.dumps(plain | {"copies": [asdict(copy) for copy in found]}, indent=2) + "\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", default="1000000,10000000", help="the sizes, with commas (default %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="of the pool (default %(default)s)")
    parser.add_argument("--chunk-rows", type=int, default=50_000, help="of a key range (default %(default)s)")
    parser.add_argument("--url", help="a server to run on instead of a sandbox, as for the benchmarks")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE too")
    return parser.parse_args(arguments)


@contextmanager
def _filled(place: Place) -> Iterator[None]:
    """The source table with the place's rows and no target, while the block lasts."""
    connection = connected(place)
    try:
        _drop(place, connection)
        connection.execute(place.dataset.create_table(place.full_table))
        _fill(place)
        with without_ledger(place):
            yield
            _compare(place, connection)
    finally:
        _drop(place, connection)


def _drop(place: Place, connection: pyodbc.Connection) -> None:
    for name in (place.full_table, place.empty_table):
        connection.execute(f"DROP TABLE IF EXISTS {name}")


def _fill(place: Place) -> None:
    for first in range(0, place.count, SLICE_ROWS):
        size = min(SLICE_ROWS, place.count - first)
        keys = pa.array(np.arange(first, first + size))
        rows = first_rows(Path(place.file), size).set_column(0, place.dataset.key[0], keys)
        frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
        write(frame, place.full_table, place)
        print(f"{first + size:,} of {place.count:,} rows to copy are there", file=sys.stderr)


def _copied(place: Place, server: Server, workers: int, chunk_rows: int) -> Copied:
    if server.pid is not None:
        forget_peak(server.pid)
    settings = {"place": asdict(place), "workers": workers, "chunk_rows": chunk_rows}
    command = [sys.executable, "-m", "tests.benchmarks.scale_client"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as client,
        watched(client.pid) as peaks,
    ):
        output, _ = client.communicate(json.dumps(settings))
    if client.returncode != 0:
        raise SystemExit("the copy failed")
    done: dict[str, Any] = json.loads(output.splitlines()[-1])
    return Copied(
        done["rows"],
        done["seconds"],
        done["parent_mb"],
        # The workers are the largest: Python's own helper of its pools is a process of a few megabytes.
        tuple(peaks.below_mb[:workers]),
        None if server.pid is None else peak_mb(server.pid),
    )


def _compare(place: Place, connection: pyodbc.Connection) -> None:
    """Raises `SystemExit` where the target's keys are not the source's."""
    key = place.dataset.key[0]
    sums = f"SELECT COUNT_BIG(*), COUNT_BIG(DISTINCT {key}), SUM({key}), MIN({key}), MAX({key}) FROM"
    sent, found = (
        tuple(connection.execute(f"{sums} {name}").fetchone()) for name in (place.full_table, place.empty_table)
    )
    if sent != found:
        raise SystemExit(f"the target has {found} where the source has {sent}")


def table(copies: Sequence[Copied], title: str) -> Table:
    """The copies side by side, with the last one's ratio to the first."""
    found = Table(title=title, title_justify="left")
    found.add_column("")
    for copy in copies:
        found.add_column(f"{copy.rows:,} rows", justify="right")
    found.add_column("ratio", justify="right")
    found.add_column("promised")
    for name, of_copy, promised in _LINES:
        values = [of_copy(copy) for copy in copies]
        if any(value is None for value in values):
            continue
        ratio = values[-1] / values[0]
        found.add_row(name, *(f"{value:,.0f}" for value in values), f"{ratio:.2f}", _verdict(ratio, promised))
    return found


def _verdict(ratio: float, promised: str) -> str:
    limits = {"memory": ratio <= MEMORY_TOLERANCE, "speed": ratio >= SPEED_TOLERANCE}
    if promised not in limits:
        return ""
    limit = f"at most {MEMORY_TOLERANCE:.2f}" if promised == "memory" else f"at least {SPEED_TOLERANCE:.2f}"
    return f"{limit}: {'holds' if limits[promised] else 'does not hold'}"


_LINES: tuple[tuple[str, Any, str], ...] = (
    ("seconds", lambda copy: copy.seconds, ""),
    ("rows/s", lambda copy: copy.rows_per_sec, "speed"),
    ("peak MB of the parent", lambda copy: copy.parent_mb, "memory"),
    ("peak MB of the largest worker", lambda copy: copy.workers_mb[0] if copy.workers_mb else None, "memory"),
    ("peak MB of parent and workers", lambda copy: copy.parent_mb + sum(copy.workers_mb), "memory"),
    ("peak MB of the sandbox", lambda copy: copy.server_mb, ""),
)


if __name__ == "__main__":
    main()
