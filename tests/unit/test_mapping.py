"""`etl.map_frame`: chunks of a frame through processes, and back in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import etl
from etl.errors import ChunkFailed, JobError, TransformError, WorkerDied


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    index = pd.Index([f"r{number}" for number in range(1, 1001)], name="label")
    return pd.DataFrame({"a": range(1000), "b": [f"text {number}" for number in range(1000)]}, index=index)


def test_the_result_is_in_the_frames_order_with_its_index(frame: pd.DataFrame) -> None:
    def double(part: pd.DataFrame) -> pd.DataFrame:
        return part.assign(c=part["a"] * 2, worker=os.getpid())

    result = etl.map_frame(frame, double, workers=2, chunk_rows=130)
    pd.testing.assert_frame_equal(result.drop(columns="worker"), frame.assign(c=frame["a"] * 2))
    assert os.getpid() not in set(result["worker"])
    assert result["worker"].nunique() <= 2


def test_a_function_of_a_notebook_with_what_it_closes_over(frame: pd.DataFrame) -> None:
    space: dict[str, object] = {"__name__": "__main__"}
    exec("factor = 3\ndef scale(part):\n    return part[['a']] * factor * extra()\ndef extra():\n    return 2", space)
    result = etl.map_frame(frame, space["scale"], workers=1)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(result, frame[["a"]] * 6)


def test_fewer_and_more_rows_may_come_back(frame: pd.DataFrame) -> None:
    def uneven(part: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([part, part]) if part["a"].iloc[0] == 300 else part.iloc[:1]

    result = etl.map_frame(frame, uneven, workers=1, chunk_rows=300)
    assert result["a"].tolist() == [0, *range(300, 600), *range(300, 600), 600, 900]


@pytest.mark.parametrize(
    ("rows", "workers", "chunk_rows", "chunks"),
    [(1000, 1, None, 1), (9000, 2, None, 8), (1000, 3, 1000, 1), (1000, 2, 999, 2), (0, 2, None, 0)],
)
def test_how_a_frame_is_cut(
    monkeypatch: pytest.MonkeyPatch, rows: int, workers: int, chunk_rows: int | None, chunks: int
) -> None:
    from etl import pool

    seen = []

    def run_here(function: object, tasks: object, size: int, _stopping: object) -> object:
        seen.append((len(tasks), size))  # type: ignore[arg-type]
        return pool.run_here(function, tasks)  # type: ignore[arg-type]

    monkeypatch.setattr("etl.pool.run_tasks", run_here)
    frame = pd.DataFrame({"a": range(rows)})
    result = etl.map_frame(frame, lambda part: part, workers=workers, chunk_rows=chunk_rows)
    pd.testing.assert_frame_equal(result, frame)
    assert seen == ([(chunks, min(workers, chunks))] if chunks else [])


def test_an_empty_frame_goes_through_the_function_for_its_columns() -> None:
    empty = pd.DataFrame({"a": pd.Series([], dtype="int64")})
    result = etl.map_frame(empty, lambda part: part.assign(b=part["a"] / 2))
    assert result.dtypes.to_dict() == {"a": np.dtype("int64"), "b": np.dtype("float64")}
    assert len(result) == 0


def test_an_error_carries_the_rows_of_its_chunk(frame: pd.DataFrame) -> None:
    def fails(part: pd.DataFrame) -> pd.DataFrame:
        if (part["a"] == 555).any():
            raise ValueError("555 is odd")
        return part

    with pytest.raises(TransformError) as error:
        etl.map_frame(frame, fails, workers=1, chunk_rows=100)
    assert error.value.message.startswith("rows 500 to 599: the transform fails raised ValueError: 555 is odd (")
    with pytest.raises(TransformError, match="rows 0 to 999: the transform <lambda> returned list, not a DataFrame"):
        etl.map_frame(frame, lambda part: [len(part)], workers=1)  # type: ignore[arg-type, return-value]


def test_an_error_on_an_empty_frame_has_no_rows_to_name(frame: pd.DataFrame) -> None:
    with pytest.raises(TransformError, match=r"^the transform len returned int, not a DataFrame"):
        etl.map_frame(frame.iloc[:0], len)  # type: ignore[arg-type]


def test_a_result_that_cannot_travel_carries_its_rows(frame: pd.DataFrame) -> None:
    def with_locks(part: pd.DataFrame) -> pd.DataFrame:
        import threading

        return pd.DataFrame({"lock": [threading.Lock()]})

    with pytest.raises(ChunkFailed, match=r"rows 0 to 999: .*the result cannot be sent to the parent process"):
        etl.map_frame(frame, with_locks, workers=1)


def test_a_worker_that_dies_is_tried_again_once(frame: pd.DataFrame, tmp_path: Path) -> None:
    died = tmp_path / "died"

    def dies_once(part: pd.DataFrame) -> pd.DataFrame:
        if part["a"].iloc[0] == 500 and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return part

    pd.testing.assert_frame_equal(etl.map_frame(frame, dies_once, workers=2, chunk_rows=250), frame)
    assert died.exists()


def test_a_chunk_that_kills_every_worker_is_named(frame: pd.DataFrame) -> None:
    def dies(part: pd.DataFrame) -> pd.DataFrame:
        os.kill(os.getpid(), signal.SIGKILL)
        return part

    with pytest.raises(WorkerDied, match=r"rows 0 to 999: worker process \d+ ended by SIGKILL"):
        etl.map_frame(frame, dies, workers=1)


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"workers": 0}, {"chunk_rows": 0}, {"chunk_rows": -5}])
def test_counts_below_one_are_refused(frame: pd.DataFrame, wrong: dict[str, Any]) -> None:
    with pytest.raises(JobError, match="must be 1 or more"):
        etl.map_frame(frame, lambda part: part, **wrong)


SCRIPT = """
import pandas as pd
import etl
def square(part):
    return part ** 2
print(int(etl.map_frame(pd.DataFrame({"a": range(2000)}), square, workers=2)["a"].sum()))
"""


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{sum(number * number for number in range(2000))}\n", "")
