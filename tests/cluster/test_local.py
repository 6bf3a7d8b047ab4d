"""A local cluster of separate processes: the same outcomes as of the pool, also when a worker is killed in the middle."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from distributed.scheduler import Scheduler, TaskState

import etl
from etl import executors
from etl.cluster.local import FOLDER_PREFIX
from etl.errors import EtlError, WorkerDied
from etl.executors import Runner
from etl.pipeline import Progress
from etl.pool import Outcome
from tests.cluster.conftest import CHUNKS, Flights
from tests.cluster.processes import until
from tests.cluster.transforms import KILL
from tests.faults.sandbox_process import family
from tests.pipeline.jobs import Recorder

WORKERS = 2


@pytest.fixture(scope="module")
def runner(signs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A cluster that is open for the whole file; who opens the same one shares it."""
    before = worker_processes()
    with pytest.MonkeyPatch.context() as patch:
        # Not where other processes' clusters come and go.
        patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("local")))
        with executors.opened("dask", WORKERS) as opened:
            assert len(left_folders()) == 1
            yield opened
        assert worker_processes() <= before
        assert not left_folders()


def worker_processes() -> set[int]:
    """Processes that were spawned by this one, or by those."""
    return {pid for pid in family(os.getpid()) if b"spawn_main" in command_line(pid)}


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def left_folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"))


def tasks_alive() -> int:
    """Tasks that schedulers in this process keep, or that something of theirs keeps alive."""
    gc.collect()
    return sum(isinstance(thing, TaskState) for thing in gc.get_objects())


class Watcher(Recorder):
    """Records a run, and the most tasks that the scheduler had."""

    most = 0

    def chunk_done(self, progress: Progress) -> None:
        super().chunk_done(progress)
        self.most = max(self.most, *(len(scheduler.tasks) for scheduler in Scheduler._instances))


def test_flights_arrive_exactly_once_though_a_worker_is_killed_before_its_commit(
    flights: Flights, runner: Runner, signs: Path
) -> None:
    (signs / KILL).touch()
    told = Watcher()
    result = etl.run(flights.job(), listener=told)
    assert not list(signs.iterdir())
    assert flights.have_arrived(result.run_id)
    assert sorted(chunk.attempt for chunk in result.chunks) == [1] * (CHUNKS - 1) + [2]
    assert len(told.lost) == 1
    assert "ended; the chunk is tried again (attempt 2)" in told.lost[0]
    # The killed worker, the one that lived, and the one that came in the killed one's place, as far as they got a chunk.
    assert len({chunk.worker for chunk in result.chunks}) <= 3
    assert 1 <= told.most <= 2 * WORKERS


def square(number: int) -> int:
    return number * number


def test_what_the_scheduler_keeps_does_not_grow_with_the_number_of_tasks(runner: Runner) -> None:
    results, most, alive = [], 0, 0
    for outcome in runner.run(square, deque(range(1, 301))):
        results.append(outcome.result)
        most = max(most, *(len(scheduler.tasks) for scheduler in Scheduler._instances))
        if len(results) in {30, 300}:
            alive = max(alive, tasks_alive())
    assert sorted(map(int, filter(None, results))) == [n * n for n in range(1, 301)]
    # One a worker, and those whose release is on its way.
    assert 1 <= most <= 2 * WORKERS
    assert alive <= 2 * WORKERS
    until(lambda: tasks_alive() == 0)


def test_outcomes_come_as_of_the_pool_and_tasks_may_be_added_meanwhile(runner: Runner) -> None:
    class Unreadable(Exception):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(one + two)

    def work(task: Any) -> Any:
        if task == "raise":
            raise ValueError("no")
        if task == "unreadable":
            raise Unreadable("a", "b")
        if task == "unsendable":
            return threading.Lock()
        return task

    tasks: deque[Any] = deque(["raise", "unreadable", "unsendable", threading.Lock(), 1])
    seen: list[str] = []
    for outcome in runner.run(work, tasks):
        if outcome.result == 1:
            tasks.append("later")
        seen.append(f"{type(outcome.error).__name__}: {outcome.error}" if outcome.error else str(outcome.result))
    assert len(seen) == 6
    assert {"ValueError: no", "EtlError: Unreadable: ab", "1", "later"} <= set(seen)
    assert sum("cannot be sent to a worker process" in one for one in seen) == 1
    assert sum("cannot be sent to the parent process" in one for one in seen) == 1


def begin_and_wait(folder: str, task: int) -> int:
    Path(folder, f"begun-{task}").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.01)
    return task


def test_an_interruption_lets_what_is_under_way_end_and_begins_nothing_more(runner: Runner, tmp_path: Path) -> None:
    told: list[int] = []

    def stopping(busy: int) -> None:
        told.append(busy)
        (tmp_path / "go").touch()

    def interrupt() -> None:
        while len(list(tmp_path.glob("begun-*"))) < WORKERS:
            time.sleep(0.01)
        # As a terminal does.
        for pid in (*worker_processes(), os.getpid()):
            os.kill(pid, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    outcomes: list[Outcome[int, int]] = []
    with pytest.raises(KeyboardInterrupt):
        outcomes.extend(runner.run(partial(begin_and_wait, str(tmp_path)), deque(range(6)), stopping))
    thread.join()
    assert told == [WORKERS]
    assert sorted(outcome.task for outcome in outcomes if outcome.error is None) == [0, 1]
    assert len(list(tmp_path.glob("begun-*"))) == WORKERS


def die(_task: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_an_outcome(runner: Runner) -> None:
    (outcome,) = runner.run(die, deque([1]))
    assert isinstance(outcome.error, WorkerDied)
    assert "Out of memory is the usual reason" in str(outcome.error)


def end_or_wait(folder: str, task: str) -> None:
    if task == "wait":
        Path(folder, "new").write_text(str(os.getpid()))
        Path(folder, "new").rename(Path(folder, "waiting"))
        threading.Event().wait()


def test_leaving_early_ends_what_runs(tmp_path: Path) -> None:
    waiting = tmp_path / "waiting"
    with executors.opened("dask", WORKERS + 1) as runner:
        outcomes = runner.run(partial(end_or_wait, str(tmp_path)), deque(["wait", "end"]))
        assert next(outcomes).task == "end"
        while not waiting.exists():
            time.sleep(0.01)
        outcomes.close()  # type: ignore[attr-defined]  # a generator behind the protocol's Iterator
        assert not Path(f"/proc/{waiting.read_text()}").exists()


def test_map_frame_runs_on_a_cluster(runner: Runner) -> None:
    import pandas as pd

    # Chunks of more than a task may hold go past the scheduler.
    frame = pd.DataFrame({"a": range(100_000)})
    doubled = etl.map_frame(frame, lambda part: part * 2, workers=WORKERS, executor="dask")
    pd.testing.assert_frame_equal(doubled, frame * 2)
    with pytest.raises(EtlError, match="rows 0 to 99999"):
        etl.map_frame(frame, lambda part: part / "x", workers=WORKERS, chunk_rows=100_000, executor="dask")
