"""The numbers of a run's picture, and that it is one."""

from __future__ import annotations

import datetime as dt
import sys

import pytest

from etl.errors import JobError
from etl.result import ChunkResult
from flows.display import run_plot
from flows.display.run_plot import MOST_BARS, MOST_STEPS, Seconds

BEGIN = dt.datetime(2026, 11, 22, 20, 0)


def chunk(number: int, start_sec: float, end_sec: float, rows: int, *, load_sec: float = 0.4) -> ChunkResult:
    """A committed chunk, a second of whose time is told apart."""
    return ChunkResult(
        chunk_no=number,
        rows_read=rows,
        rows_written=rows,
        attempt=1,
        worker="host:1",
        seconds=end_sec - start_sec,
        extract_sec=0.1,
        transform_sec=0.2,
        wait_sec=0.3,
        load_sec=load_sec,
        cpu_sec=0.5,
        route="bulk copy",
        started_at=BEGIN + dt.timedelta(seconds=start_sec),
        ended_at=BEGIN + dt.timedelta(seconds=end_sec),
    )


def test_rows_a_second_of_chunks_beside_and_after_each_other() -> None:
    # 0..2 s: 100 rows; 1..3 s: 400 rows; nothing until 4 s; 4..5 s: 10 rows.
    found = run_plot.throughput([chunk(0, 0, 2, 100), chunk(1, 1, 3, 400), chunk(2, 4, 5, 10)])
    a_second = MOST_STEPS // 5
    assert found.step_sec == pytest.approx(0.05)
    assert [found.rows_per_sec[second * a_second + 1] for second in range(5)] == pytest.approx([50, 250, 200, 0, 10])
    assert sum(found.rows_per_sec) * found.step_sec == pytest.approx(510)


def test_a_chunk_that_took_no_time_has_its_rows() -> None:
    found = run_plot.throughput([chunk(0, 0, 0, 7)])
    assert sum(found.rows_per_sec) * found.step_sec == pytest.approx(7)


def test_each_chunk_has_its_seconds_in_the_order_of_numbers() -> None:
    found = run_plot.seconds([chunk(3, 1, 2, 10, load_sec=0.5), chunk(1, 0, 1, 10)])
    assert found == [
        Seconds(first=1, last=1, extract=0.1, transform=0.2, wait=0.3, load=0.4),
        Seconds(first=3, last=3, extract=0.1, transform=0.2, wait=0.3, load=0.5),
    ]


def test_many_chunks_are_told_by_the_means_of_neighbours() -> None:
    chunks = [chunk(number, number, number + 1, 10, load_sec=number) for number in range(2 * MOST_BARS + 1)]
    found = run_plot.seconds(chunks)
    assert len(found) == 41
    assert (found[0].first, found[0].last, found[0].load) == (0, 2, 1.0)
    assert (found[-1].first, found[-1].last, found[-1].load) == (120, 120, 120.0)


@pytest.mark.parametrize("count", [1, 7, 10_000])
def test_the_picture_is_small_and_of_its_size(count: int) -> None:
    png = run_plot.png([chunk(number, number, number + 2, 50_000) for number in range(count)])
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(png[16:20], "big") == run_plot.WIDTH_PX  # PNG 11.2.2, IHDR
    assert int.from_bytes(png[20:24], "big") == run_plot.HEIGHT_PX
    assert len(png) < 50_000


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(JobError, match=r"the plot of a run needs matplotlib") as raised:
        run_plot.png([chunk(0, 0, 1, 10)])
    assert raised.value.advice == "Install it: pip install 'tablehaul[prefect]'."
