"""What the runs of a case took, and the table that is printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.case import Group

_UNITS: dict[Group, str] = {"read": "rows", "load": "rows", "copy": "rows", "statements": "statements"}


@dataclass(slots=True)
class Result:
    """All runs of one case, each as its client process has told it."""

    group: Group
    name: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    changed: list[str] | None = None
    """The columns that did not arrive as they were sent; None where nothing was written."""

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

    def per_million(self, what: str) -> float:
        """The median of CPU seconds for a million rows or statements."""
        return float(median(run[what] / run["done"] for run in self.runs) * 1e6)

    def peak_mb(self, whose: str) -> float:
        """The most memory that any run has taken."""
        return float(max(run[f"{whose}_peak_mb"] for run in self.runs))

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"group": self.group, "name": self.name, "runs": self.runs, "changed": self.changed}


def print_table(results: list[Result]) -> None:
    """A table on standard output: speeds, ratios to the slowest of the group, CPU seconds for a million, peak memory."""
    console = Console(width=max(_WIDTH, Console().width))
    for group, unit in _UNITS.items():
        of_group = [result for result in results if result.group == group]
        if not of_group:
            continue
        table = Table(
            title=f"{group}: {unit} a second, CPU seconds for a million {unit}, peak MB", title_justify="left"
        )
        table.add_column("", no_wrap=True, min_width=32)
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", no_wrap=True)
        slowest = min((median(result.speeds) for result in of_group if result.speeds), default=1.0)
        for result in sorted(of_group, key=lambda item: -max(item.speeds, default=0)):
            table.add_row(result.name, *_cells(result, slowest))
        console.print(table)


_WIDTH = 170
_HEADINGS = ("best", "median", "ratio", "CPU client", "CPU server", "CPU engine", "MB client", "MB server", "arrived")


def _cells(result: Result, slowest: float) -> list[str]:
    if result.not_available:
        return [f"not run: {result.not_available}"]
    return [
        f"{max(result.speeds):,.0f}",
        f"{median(result.speeds):,.0f}",
        f"{median(result.speeds) / slowest:,.1f}",
        *(f"{result.per_million(f'{whose}_cpu_sec'):.2f}" for whose in ("client", "server", "engine")),
        *(f"{result.peak_mb(whose):,.0f}" for whose in ("client", "server")),
        "" if result.changed is None else f"changed: {', '.join(result.changed)}" if result.changed else "equal",
    ]
