"""A function on the chunks of a frame in memory, on every core: `map_frame`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from etl import executors
from etl.cluster.description import Cluster
from etl.errors import ChunkFailed, JobError, TransformError, WorkerDied
from etl.executors import Executor

CHUNKS_PER_WORKER = 4
"""Small enough that one slow chunk does not leave the other workers idle for long."""
MIN_CHUNK_ROWS = 1_000
MAX_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    start: int
    stop: int
    frame: pd.DataFrame
    attempt: int = 1

    def __str__(self) -> str:
        return f"rows {self.start} to {self.stop - 1}"


def map_frame(
    frame: pd.DataFrame,
    function: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    workers: int | None = None,
    chunk_rows: int | None = None,
    executor: Executor = "process",
    cluster: Cluster = None,
) -> pd.DataFrame:
    """Apply `function` to consecutive chunks of `frame` on an executor and concatenate the results in the frame's order.

    `workers` defaults to the number of cores, `chunk_rows` to four chunks a worker. The function sees each chunk with its
    part of the index, may return fewer or more rows, and may be a lambda or stand in a notebook or script.

    With `executor="dask"`, `cluster` is what a job's is: nothing or "local", the address of a scheduler, its .json file, or
    `{"ssh": [hosts]}`. Chunks and results go from here to the workers of a local cluster directly; to others they pass
    through the scheduler, one chunk a worker at a time, without staying there. Such a cluster must have the function's module.

    Raises TransformError with the chunk's rows (0-based positions, both ends included) when the function raises or returns
    something else than a DataFrame, WorkerDied when a worker process dies twice on the same chunk, JobError for counts < 1.
    """
    workers = (os.cpu_count() or 1) if workers is None else workers
    if workers < 1 or (chunk_rows is not None and chunk_rows < 1):
        raise JobError("workers and chunk_rows must be 1 or more")
    if frame.empty:
        return _call(function, _Slice(0, 0, frame))
    rows = chunk_rows or max(MIN_CHUNK_ROWS, -(-len(frame) // (workers * CHUNKS_PER_WORKER)))
    slices = deque(
        _Slice(start, min(start + rows, len(frame)), frame.iloc[start : start + rows])
        for start in range(0, len(frame), rows)
    )
    results: dict[int, pd.DataFrame] = {}
    with executors.opened(executor, workers, cluster) as runner:
        for outcome in runner.run(_Call(function), slices):
            if isinstance(outcome.error, WorkerDied) and outcome.task.attempt < MAX_ATTEMPTS:
                task = outcome.task
                slices.append(_Slice(task.start, task.stop, task.frame, task.attempt + 1))
            elif outcome.error is not None:
                raise _located(outcome.error, outcome.task)
            else:
                assert outcome.result is not None
                results[outcome.task.start] = outcome.result
    return pd.concat([results[start] for start in sorted(results)])


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[pd.DataFrame], pd.DataFrame]

    def __call__(self, task: _Slice) -> pd.DataFrame:
        return _call(self.function, task)


def _call(function: Callable[[pd.DataFrame], pd.DataFrame], task: _Slice) -> pd.DataFrame:
    from etl import transform

    return transform.call(getattr(function, "__name__", "function"), function, task.frame)


def _located(error: Exception, task: _Slice) -> Exception:
    if isinstance(error, WorkerDied):
        return WorkerDied(f"{task}: {error.message}", advice=error.advice)
    if isinstance(error, TransformError):
        return TransformError(f"{task}: {error.message}", advice=error.advice)
    return ChunkFailed(f"{task}: {type(error).__name__}: {error}")
