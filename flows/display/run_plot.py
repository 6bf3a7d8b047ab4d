"""A run in one picture: how many rows a second were written over time, and where each chunk's time went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from etl import extras
from etl.result import ChunkResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_PX, HEIGHT_PX, DPI = 1_000, 330, 100
MOST_STEPS = 100
"""Of the line over time."""
MOST_BARS = 60
"""More chunks than that are told by the means of neighbours."""

INK = "#7d858f"
"""Grey enough for Prefect's light theme and for its dark one: the picture itself is transparent."""
ROWS = "#3f8fd2"


@dataclass(frozen=True, slots=True)
class Throughput:
    """Steps of equal length from the first chunk's begin to the last one's end."""

    step_sec: float
    rows_per_sec: list[float]


@dataclass(frozen=True, slots=True)
class Seconds:
    """Of one chunk, or the means of neighbours: what its worker did."""

    first: int
    last: int
    """Their numbers."""
    extract: float
    transform: float
    wait: float
    load: float


PARTS = {"extract": "read", "transform": "transform", "wait": "wait for its turn", "load": "write"}
COLORS = {"extract": ROWS, "transform": "#e08a3c", "wait": "#9aa1a9", "load": "#3da36b"}


def throughput(chunks: Sequence[ChunkResult]) -> Throughput:
    """Each chunk's rows count as written evenly between its begin and its end; steps times rates are all rows."""
    begin = min(chunk.started_at for chunk in chunks)
    starts = np.array([(chunk.started_at - begin).total_seconds() for chunk in chunks])
    # A clock may stand still for a chunk without rows.
    ends = np.maximum([(chunk.ended_at - begin).total_seconds() for chunk in chunks], starts + 1e-6)
    edges = np.linspace(0.0, ends.max(), MOST_STEPS + 1)
    step = float(edges[1])
    rows = np.zeros(MOST_STEPS)
    for start, end, chunk in zip(starts, ends, chunks, strict=True):
        inside = np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1])
        rows += chunk.rows_written * np.maximum(inside, 0.0) / (end - start)
    return Throughput(step, (rows / step).tolist())


def seconds(chunks: Sequence[ChunkResult]) -> list[Seconds]:
    """Of each chunk, by number; of more than `MOST_BARS` the means of as many neighbours as needed."""
    ordered = sorted(chunks, key=lambda chunk: chunk.chunk_no)
    together = -(-len(ordered) // MOST_BARS)
    groups = [ordered[start : start + together] for start in range(0, len(ordered), together)]
    return [
        Seconds(
            first=group[0].chunk_no,
            last=group[-1].chunk_no,
            extract=fmean(chunk.extract_sec for chunk in group),
            transform=fmean(chunk.transform_sec for chunk in group),
            wait=fmean(chunk.wait_sec for chunk in group),
            load=fmean(chunk.load_sec for chunk in group),
        )
        for group in groups
    ]


def png(chunks: Sequence[ChunkResult]) -> bytes:
    """The picture of at least one chunk. Raises JobError where matplotlib is not installed."""
    with extras.needed("matplotlib", "the plot of a run", "prefect"):
        from matplotlib.figure import Figure

    # Without pyplot: its figures and its backend would belong to the whole process.
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, layout="constrained")
    figure.patch.set_alpha(0.0)
    left, right = figure.subplots(1, 2)
    _draw_throughput(left, throughput(chunks))
    _draw_seconds(right, seconds(chunks), len(chunks))
    for axes in (left, right):
        _tone(axes)
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    return drawn.getvalue()


def _draw_throughput(axes: Axes, over_time: Throughput) -> None:
    edges = np.arange(len(over_time.rows_per_sec) + 1) * over_time.step_sec
    axes.stairs(over_time.rows_per_sec, edges, fill=True, color=ROWS, alpha=0.35)
    axes.stairs(over_time.rows_per_sec, edges, color=ROWS, linewidth=1.5)
    axes.set_title("rows a second, by seconds since the first chunk", loc="left", color=INK, fontsize=10)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, edges[-1])


def _draw_seconds(axes: Axes, of_chunks: Sequence[Seconds], chunks: int) -> None:
    middles = [(one.first + one.last) / 2 for one in of_chunks]
    widths = [0.8 * (one.last - one.first + 1) for one in of_chunks]
    below = np.zeros(len(of_chunks))
    for part, words in PARTS.items():
        heights = np.array([getattr(one, part) for one in of_chunks])
        axes.bar(middles, heights, widths, bottom=below, color=COLORS[part], label=words)
        below += heights
    mean = "" if chunks == len(of_chunks) else ", means of neighbours"
    axes.set_title(f"seconds of each chunk, by number{mean}", loc="left", color=INK, fontsize=10)
    axes.locator_params(axis="x", integer=True)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.1))


def _tone(axes: Axes) -> None:
    axes.patch.set_alpha(0.0)
    axes.tick_params(colors=INK, labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
