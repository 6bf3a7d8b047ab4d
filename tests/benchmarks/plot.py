"""Bars of speed and of client CPU time, one picture a run; this project's own have another colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.case import GROUPS
from tests.benchmarks.table import Result

_OURS, _OTHERS = "#c8502d", "#8aa2b5"
_BAR_INCHES = 0.32
_GROUP_INCHES = 0.9


def require() -> None:
    """Raises `SystemExit` where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise SystemExit("--plot needs matplotlib: pip install matplotlib")


def draw(results: Sequence[Result], header: Mapping[str, str], file: Path) -> None:
    """Draw to a file whose suffix says in which format."""
    # By name: type checking has to do without an optional library.
    figure_class = import_module("matplotlib.figure").Figure

    panels = _panels(results)
    heights = [len(of_panel) * _BAR_INCHES + _GROUP_INCHES for of_panel in panels.values()]
    figure = figure_class(figsize=(13, sum(heights) + 0.8), layout="constrained")
    rows: Any = figure.subplots(len(panels), 2, squeeze=False, gridspec_kw={"height_ratios": heights})
    for (speed, cpu), ((data, group), of_panel) in zip(rows, panels.items(), strict=True):
        what = group if group == "statements" else f"{group}: rows of {data}"
        _bars(speed, of_panel, [result.speed for result in of_panel], f"{what} a second", "{:,.0f}")
        seconds = [result.per_million("client_cpu_sec") or 0 for result in of_panel]
        _bars(cpu, of_panel, seconds, f"{group}: client CPU seconds for a million", "{:,.1f}")
        cpu.set_yticklabels([])
    shown = ("date", "server", "processor", "FreeTDS", "pandas", "python")
    figure.suptitle(" · ".join(f"{name} {header[name]}" for name in shown if name in header), fontsize=9)
    figure.savefig(file, dpi=130)


def _panels(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    """The results of each data set and group that ran, slowest first: bars are drawn from below."""
    found: dict[tuple[str, str], list[Result]] = {}
    for data in dict.fromkeys(result.data for result in results):
        for group in GROUPS:
            ran = [item for item in results if (item.data, item.group) == (data, group) and not item.not_available]
            if ran:
                found[data, group] = sorted(ran, key=lambda result: result.speed)
    return found


def _bars(axes: Any, results: Sequence[Result], values: Sequence[float], title: str, form: str) -> None:
    colors = [_OURS if "etl." in result.name else _OTHERS for result in results]
    names = [f"{result.name} (not all arrives)" if result.changed else result.name for result in results]
    bars = axes.barh(names, values, color=colors)
    axes.bar_label(bars, [form.format(value) for value in values], padding=3, fontsize=8)
    axes.set_title(title, loc="left", fontsize=10)
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
