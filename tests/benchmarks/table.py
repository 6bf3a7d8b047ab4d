"""What the runs of a case took, and the tables that are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.case import GROUPS, Group


@dataclass(slots=True)
class Result:
    """All runs of one case with one data set, each as its client process has told it."""

    data: str
    group: Group
    name: str
    arrow_bytes: int = 0
    """What a run moves, as Arrow holds it."""
    runs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, run: dict[str, Any]) -> None:
        """One more run."""
        self.runs.append(run)

    @property
    def not_available(self) -> str:
        """Why the case could not run, or empty."""
        return next((str(run["not_available"]) for run in self.runs if "not_available" in run), "")

    @property
    def speeds(self) -> list[float]:
        """What each run has done in a second."""
        return [run["done"] / run["seconds"] for run in self.runs if "done" in run]

    @property
    def speed(self) -> float:
        """The median of the speeds. Raises `statistics.StatisticsError` without a run."""
        return median(self.speeds)

    @property
    def mb_per_sec(self) -> float:
        """The median, of `arrow_bytes`."""
        return float(median(self.arrow_bytes / run["seconds"] / 1e6 for run in self.runs))

    @property
    def changed(self) -> list[str] | None:
        """The columns that did not arrive as they were; None where that was not looked at."""
        return next((run["changed"] for run in self.runs if "changed" in run), None)

    def per_million(self, what: str) -> float | None:
        """The median of CPU seconds for a million rows or statements; None where they were not measured."""
        found = [run[what] / run["done"] * 1e6 for run in self.runs if what in run]
        return float(median(found)) if found else None

    def peak_mb(self, whose: str) -> float | None:
        """The most memory that any run has taken; None where it was not measured."""
        found = [run[f"{whose}_peak_mb"] for run in self.runs if f"{whose}_peak_mb" in run]
        return float(max(found)) if found else None

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        found = {"data": self.data, "group": self.group, "name": self.name, "arrow_bytes": self.arrow_bytes}
        if self.not_available:
            return found | {"not_available": self.not_available}
        medians = {
            "per_sec": self.speed,
            "mb_per_sec": self.mb_per_sec,
            **{
                f"{what}_sec_per_million": self.per_million(f"{what}_cpu_sec")
                for what in ("client", "server", "engine")
            },
            **{f"{whose}_peak_mb": self.peak_mb(whose) for whose in ("client", "added", "below", "server")},
        }
        return found | medians | {"changed": self.changed, "runs": self.runs}


def print_tables(header: Mapping[str, str], results: Sequence[Result]) -> None:
    """A table for each group of each data set on standard output, under what they were measured with."""
    console = Console(width=max(_WIDTH, Console().width))
    console.print(" · ".join(f"{name} {text}" for name, text in header.items()), highlight=False)
    for data in dict.fromkeys(result.data for result in results):
        for group in GROUPS:
            of_group = [result for result in results if (result.data, result.group) == (data, group)]
            if of_group:
                console.print(_table(data, group, of_group))
    console.print(_LEGEND, highlight=False)


_WIDTH = 200
_HEADINGS = (
    *("best", "median", "MB/s", "ratio"),
    *("CPU client", "server", "engine"),
    *("MB client", "added", "below", "server"),
)
_LEGEND = """\
best, median: rows or statements a second. MB/s: of the rows as Arrow holds them. ratio: to the slowest of the group.
CPU: seconds for a million; client with its children, server the process that speaks TDS, engine the processes below it.
MB: peak memory; client its process from the beginning, added what the work added to what was there before (imports are not
reading), below the sum of the peaks of its children, server that of the process that speaks TDS.
arrived: the columns that are not what was there, to the last digit; empty where a case only counts."""


def _table(data: str, group: Group, results: Sequence[Result]) -> Table:
    table = Table(title=group if group == "statements" else f"{group}: rows of {data}", title_justify="left")
    table.add_column("", no_wrap=True, min_width=32)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("arrived", overflow="fold")
    slowest = min((result.speed for result in results if result.speeds), default=1.0)
    for result in sorted(results, key=lambda item: -max(item.speeds, default=0)):
        table.add_row(result.name, *_cells(result, slowest))
    return table


def _cells(result: Result, slowest: float) -> list[str]:
    if result.not_available:
        return [""] * len(_HEADINGS) + [result.not_available]
    cpu = [result.per_million(f"{whose}_cpu_sec") for whose in ("client", "server", "engine")]
    peaks = [result.peak_mb(whose) for whose in ("client", "added", "below", "server")]
    return [
        f"{max(result.speeds):,.0f}",
        f"{result.speed:,.0f}",
        f"{result.mb_per_sec:,.1f}",
        f"{result.speed / slowest:,.1f}",
        *("" if seconds is None else f"{seconds:.2f}" for seconds in cpu),
        *("" if not peak else f"{peak:,.0f}" for peak in peaks),
        verdict(result.changed),
    ]


def verdict(changed: list[str] | None) -> str:
    """What the report says of the columns that changed."""
    if changed is None:
        return ""
    return f"changed: {', '.join(changed)}" if changed else "equal"
