"""The pool with real processes: order, size, errors, death, and who is left afterwards."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from etl import pool
from etl.errors import EtlError, WorkerDied

MEGABYTE = 1 << 20


def outcomes(function: Callable[[Any], Any], tasks: list[Any], workers: int = 2) -> list[Any]:
    """The outcomes, whose results each test knows the type of."""
    return list(pool.run_tasks(function, deque(tasks), workers))


def test_a_hundred_tasks_each_come_back_once() -> None:
    found = outcomes(lambda number: (number, number * number), list(range(100)))
    assert sorted(outcome.result for outcome in found) == [(number, number * number) for number in range(100)]
    assert all(outcome.result[0] == outcome.task and outcome.error is None for outcome in found)


def test_one_worker_keeps_the_order() -> None:
    found = outcomes(lambda number: (number, os.getpid()), list(range(20)), workers=1)
    assert [outcome.task for outcome in found] == list(range(20))
    assert len({outcome.result[1] for outcome in found}) == 1


def test_no_more_workers_than_asked_for() -> None:
    pids = {outcome.result for outcome in outcomes(lambda _: os.getpid(), list(range(40)), workers=2)}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


def test_no_tasks_start_no_process() -> None:
    assert outcomes(lambda number: number, [], workers=8) == []
    assert mp.active_children() == []


def test_tasks_may_be_added_while_outcomes_are_read() -> None:
    tasks = deque([3])
    seen = []
    for outcome in pool.run_tasks(lambda number: number - 1, tasks, 1):
        seen.append(outcome.result)
        if outcome.result:
            tasks.append(outcome.result)
    assert seen == [2, 1, 0]


def test_results_and_tasks_of_fifty_megabytes_pass() -> None:
    found = outcomes(lambda task: task[:1] * (50 * MEGABYTE), [b"a" * (50 * MEGABYTE), b"b" * (50 * MEGABYTE)])
    assert sorted((outcome.result[:1], len(outcome.result)) for outcome in found) == [
        (b"a", 50 * MEGABYTE),
        (b"b", 50 * MEGABYTE),
    ]


def test_an_error_comes_back_as_it_was() -> None:
    def fails(number: int) -> int:
        raise WorkerDied(f"no {number}", advice="none", chunk_no=number)

    (outcome,) = outcomes(fails, [7])
    assert isinstance(outcome.error, WorkerDied)
    assert (outcome.error.message, outcome.error.advice, outcome.error.chunk_no) == ("no 7", "none", 7)


class Unpicklable(Exception):
    """As arrow_odbc.Error: its arguments are not those that its __init__ takes."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


class HoldsAThread(Exception):
    def __init__(self) -> None:
        super().__init__("held")
        self.lock = threading.Lock()


def refuse_to_return() -> Any:
    raise RuntimeError("not back again")


class OneWay:
    """Pickles, and cannot be unpickled."""

    def __reduce__(self) -> Any:
        return refuse_to_return, ()


@pytest.mark.parametrize(
    ("error", "said"),
    [(lambda: Unpicklable(5, "gone"), "Unpicklable: 5: gone"), (HoldsAThread, "HoldsAThread: held")],
    ids=["does not unpickle", "does not pickle"],
)
def test_an_error_that_cannot_travel_comes_back_as_text(error: Callable[[], Exception], said: str) -> None:
    def fails(_: int) -> None:
        raise error()

    (outcome, after) = outcomes(lambda number: fails(number) if number == 0 else "well", [0, 1], workers=1)
    assert isinstance(outcome.error, EtlError)
    assert outcome.error.message == said
    assert after.result == "well"


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (threading.Lock, "the result cannot be sent to the parent process: cannot pickle '_thread.lock' object"),
        (OneWay, "the result cannot be read in the parent process: not back again"),
    ],
    ids=["does not pickle", "does not unpickle"],
)
def test_a_result_that_cannot_travel_is_an_error_of_its_task(result: Callable[[], Any], said: str) -> None:
    first, after = outcomes(lambda number: result() if number == 0 else "well", [0, 1], workers=1)
    assert isinstance(first.error, EtlError)
    assert first.error.message == said
    assert after.result == "well"


def test_a_task_that_cannot_be_sent_is_an_error_of_its_own() -> None:
    first, after = outcomes(lambda task: task, [threading.Lock(), 1], workers=1)
    assert isinstance(first.error, EtlError)
    assert first.error.message.startswith("the task cannot be sent to a worker process: ")
    assert after.result == 1


def die(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_killed_worker_is_named_with_its_task_and_replaced() -> None:
    found = {outcome.task: outcome for outcome in outcomes(die, [0, 1, 2, 3, 4, 5])}
    error = found.pop(1).error
    assert isinstance(error, WorkerDied)
    assert error.message.startswith("worker process ")
    assert error.message.endswith(" ended by SIGKILL")
    assert "memory" in error.advice
    assert {task: outcome.result for task, outcome in found.items()} == {0: 0, 2: 2, 3: 3, 4: 4, 5: 5}


def test_a_worker_that_exits_is_named_with_its_code() -> None:
    def leaves(_: int) -> None:
        os._exit(3)

    (outcome,) = outcomes(leaves, [0])
    assert isinstance(outcome.error, WorkerDied)
    assert outcome.error.message.endswith(" ended by exit code 3")


def test_a_worker_that_raises_system_exit_has_ended() -> None:
    (outcome,) = outcomes(lambda _: sys.exit(4), [0])
    assert isinstance(outcome.error, WorkerDied)
    assert outcome.error.message.endswith(" ended by exit code 4")


def die_in_the_middle_of_sending(number: int) -> bytes:
    """The next message breaks off after its first half."""
    send = Connection._send  # type: ignore[attr-defined]

    def half(self: Any, data: Any) -> None:
        send(self, bytes(data)[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    if number == 0:
        connection.Connection._send = half  # type: ignore[attr-defined]
    return b"x" * MEGABYTE


def test_a_worker_that_dies_while_it_sends_is_dead_not_an_accident_of_the_parent() -> None:
    first, after = outcomes(die_in_the_middle_of_sending, [0, 1], workers=1)
    assert isinstance(first.error, WorkerDied)
    assert first.error.message.endswith(" ended by SIGKILL")
    assert len(after.result) == MEGABYTE


def test_a_function_that_cannot_be_loaded_ends_the_worker_not_the_parent() -> None:
    class Broken:
        def __call__(self, task: int) -> int:
            return task

        def __reduce__(self) -> Any:
            return refuse_to_return, ()

    (outcome,) = outcomes(Broken(), [0])
    assert isinstance(outcome.error, WorkerDied)


@pytest.fixture
def children_before() -> Iterator[None]:
    assert mp.active_children() == []
    yield
    assert mp.active_children() == []


def test_leaving_early_ends_all_workers(children_before: None) -> None:
    running = pool.run_tasks(lambda number: (number, os.getpid()), deque(range(1_000)), 2)
    _, pid = next(running).result or (0, 0)
    assert pid in {child.pid for child in mp.active_children()}
    running.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_leaving_early_does_not_wait_for_a_task_that_hangs(children_before: None, tmp_path: Path) -> None:
    fifo = tmp_path / "never"
    os.mkfifo(fifo)

    def hangs_once(number: int) -> int:
        return number if number else len(fifo.read_bytes())

    running = pool.run_tasks(hangs_once, deque([0, 1]), 2)
    assert next(running).result == 1
    running.close()  # type: ignore[attr-defined]


PARENT = """
import os, signal
from collections import deque
from etl import pool

def wait_or_kill_the_parent(number):
    if number == 1:
        os.kill(os.getppid(), signal.SIGKILL)
    while True:
        signal.pause()

list(pool.run_tasks(wait_or_kill_the_parent, deque([0, 1]), 2))
"""


def test_a_killed_parent_leaves_no_workers() -> None:
    # The workers inherit the output: reading it comes to an end, instead of the timeout, only when the last of them has ended.
    done = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def interrupt_the_parent(task: tuple[int, Path]) -> int:
    """The first task interrupts, as Ctrl-C would, and goes on until both run and the interrupt is told."""
    number, folder = task
    (folder / f"begun {number}").touch()
    if number == 0:
        while not (folder / "begun 1").exists():
            time.sleep(0.01)
        os.kill(os.getppid(), signal.SIGINT)
        while not (folder / "told").exists():
            time.sleep(0.01)
    else:
        while not (folder / "release").exists():
            time.sleep(0.01)
    return number


def test_at_an_interrupt_running_tasks_end_and_none_is_begun(tmp_path: Path) -> None:
    told = []

    def stopping(running: int) -> None:
        told.append(running)
        (tmp_path / "told").touch()

    seen = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - what comes before it is looked at
        for outcome in pool.run_tasks(
            interrupt_the_parent, deque((number, tmp_path) for number in range(5)), 2, stopping
        ):
            seen.append(outcome.result)
            (tmp_path / "release").touch()
    assert (seen, told) == ([0, 1], [2])
    assert sorted(path.name for path in tmp_path.glob("begun *")) == ["begun 0", "begun 1"]
    assert mp.active_children() == []


def test_a_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    def stopping(_running: int) -> None:
        (tmp_path / "told").touch()

    seen = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - what comes before it is looked at
        for outcome in pool.run_tasks(
            interrupt_the_parent, deque((number, tmp_path) for number in range(5)), 2, stopping
        ):
            seen.append(outcome.result)
            signal.raise_signal(signal.SIGINT)
    assert seen == [0]
    assert mp.active_children() == []


def test_tasks_that_do_not_end_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "STOP_SEC", 0.2)

    def stopping(_running: int) -> None:
        (tmp_path / "told").touch()

    tasks = deque((number, tmp_path) for number in range(2))
    seen: list[pool.Outcome[tuple[int, Path], int]] = []
    with pytest.raises(KeyboardInterrupt):
        seen.extend(pool.run_tasks(interrupt_the_parent, tasks, 2, stopping))
    assert [outcome.result for outcome in seen] == [0]
    assert mp.active_children() == []


def test_run_here_is_the_same_in_this_process() -> None:
    def inverse(number: int) -> float:
        return 1 / number

    found = list(pool.run_here(inverse, deque([2, 0, 4])))
    assert [outcome.result for outcome in found] == [0.5, None, 0.25]
    assert isinstance(found[1].error, ZeroDivisionError)
