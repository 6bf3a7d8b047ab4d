"""Two processes on one run, and kills of workers, of their parent, of both and of the server, at seeded instants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from etl import writer_slots
from tests.faults.copies import Stage, open_stage
from tests.faults.runners import Ended, Runner
from tests.faults.server_kills import copy_through_server_kills

CHUNKS, CHUNK_ROWS = 14, 10
KILLS = 2
EVENTS_BETWEEN = (5, 120)
"""A chunk makes about thirty."""


@pytest.fixture(scope="module")
def opened() -> Iterator[Stage]:
    with open_stage() as stage:
        stage.fill(CHUNKS * CHUNK_ROWS)
        yield stage


@pytest.fixture
def stage(opened: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened.clear()
    return opened


Killing = Callable[[Runner, Random], list[int]]
KILLINGS: dict[str, Killing] = {
    "a worker": lambda runner, random: random.sample(runner.workers(), min(1, len(runner.workers()))),
    "the parent": lambda runner, _random: [runner.pid],
    "both": lambda runner, _random: [*runner.workers(), runner.pid],
}


@pytest.mark.parametrize("who", KILLINGS)
def test_killed_at_random_instants_a_job_on_the_pool_copies_every_row_once(
    stage: Stage, who: str, tmp_path: Path
) -> None:
    random, runners = Random(who), list[Runner]()
    job = stage.job(chunk_rows=CHUNK_ROWS, executor="process", workers=2, stream=who == "both")
    kills = 0

    def kill() -> None:
        nonlocal kills
        killed = KILLINGS[who](runners[-1], random)
        runners[-1].kill(killed)
        kills += bool(killed)
        if kills < KILLS:
            aim()

    def aim() -> None:
        stage.events.do_after("INSERT INTO etl_chunk", random.randint(*EVENTS_BETWEEN), kill)

    aim()
    ends: list[Ended] = []
    while not ends or not ends[-1].done:
        assert len(ends) <= KILLS
        runners.append(Runner(job, temporary=tmp_path))
        ends.append(runners[-1].ended())
        assert ends[-1].error is None or "ended by SIGKILL" in ends[-1].error
    assert kills == KILLS
    stage.assert_exactly_once(CHUNK_ROWS)
    # A worker's death is told and passes; its parent's is another start.
    told = [line for end in ends for line in end.retried if "ended by SIGKILL" in line]
    assert (len(ends) == 1 + KILLS) == (who != "a worker")
    assert bool(told) == (who == "a worker")
    # Nothing is left behind: no worker, and no folder that outlives the next run.
    with writer_slots.opened() as slots:
        assert set(tmp_path.glob(f"{writer_slots.FOLDER_PREFIX}*")) == {slots.folder}
    assert [runner.left_behind() for runner in runners] == [set()] * len(runners)


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_two_processes_on_one_run(stage: Stage, executor: str) -> None:
    """Each chunk is done by one of them; the other waits, or ends with an error that says so."""
    job = stage.job(chunk_rows=CHUNK_ROWS, executor=executor, workers=2)
    first = Runner(job)
    stage.events.do_after("UPDATE etl_chunk", 0, lambda: first.kill([first.pid]))
    assert first.ended().killed
    both = [Runner(job), Runner(job)]
    ends = [runner.ended() for runner in both]
    assert not any(end.hung or end.killed for end in ends)
    assert any(end.done for end in ends)
    for end in ends:
        assert end.done or (end.error or "").startswith("LedgerError: "), end.error
    stage.assert_exactly_once(CHUNK_ROWS)


def test_a_server_that_is_killed_comes_back_to_a_job_that_goes_on() -> None:
    killed = copy_through_server_kills(Random(3), CHUNKS, CHUNK_ROWS, kills=2)
    assert killed.wrong == []
    assert sum(killed.kinds.values()) == 2
    assert (killed.rows_lost, killed.rows_doubled) == (0, 0)
    assert killed.retries + killed.starts > 1
