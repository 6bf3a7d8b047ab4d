"""What passes by itself costs a run no row and doubles none: errors that the server takes back, links that break, logins."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import etl
from etl import connect
from etl.errors import DatabaseError, EtlError
from etl.pipeline import Progress
from etl.prepare import Prepared
from etl.sandbox.faults import BULK_ROWS, LOGIN, Cut, Disconnect, Fail, Fault, Moment, Stall, disk_full, refuse_logins
from tests.faults.copies import WITH_DEFAULT, Stage, Sweep, open_stage
from tests.pipeline.jobs import Recorder
from tests.proxy import Direction

What = Fault | Callable[[], None]


@pytest.fixture(scope="module")
def opened() -> Iterator[Stage]:
    with open_stage() as stage:
        yield stage


@pytest.fixture
def stage(opened: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("etl.retries.FIRST_DELAY_SEC", 0.001)
    opened.fill(50)
    return opened


@pytest.fixture
def route(stage: Stage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The way that rows take, and what makes them take it."""
    way: str = request.param
    if way == "staging table":
        stage.clear(target=WITH_DEFAULT)
    if way == "insert":
        monkeypatch.setattr("etl.bulk.probe.holds", lambda _target: False)
    return way


# Each step of a chunk


def _failing(number: int, _stage: Stage, nth: int) -> What:
    return Fail(at="", nth=nth, number=number)


NUMBERS = (1205, 1222, 40501, 40613, 40197)
HOW: dict[str, Callable[[Stage, int], What]] = {
    "closed before it is carried out": lambda _stage, nth: Disconnect(at="", nth=nth),
    "closed before the answer": lambda _stage, nth: Disconnect(at="", nth=nth, moment=Moment.AFTER),
    "closed in the answer": lambda _stage, nth: Cut(at="", nth=nth, sent=9),
    "reset while it is carried out": lambda stage, _nth: lambda: stage.proxy.drop(reset=True),
    "reset in the answer": lambda stage, _nth: lambda: stage.proxy.cut(Direction.TO_CLIENT, after_bytes=1, reset=True),
    **{f"error {number}": partial(_failing, number) for number in NUMBERS},
    "error 1205 after it was carried out": lambda _stage, nth: Fail(at="", nth=nth, number=1205, moment=Moment.AFTER),
}
"""What goes wrong at a step. All but the errors break the link, and 40xxx too."""
CARRIED_OUT = set(HOW) - {"closed before it is carried out", *(f"error {number}" for number in NUMBERS)}
"""A COMMIT that ends so is one: the chunk is not done again."""
THE_SAME = {"error 1222", "error 40501", "error 40197"}
"""As 1205 and 40613 are to the pipeline; the soak strikes them."""
ON_A_POOL = {"executor": "process", "workers": 1}
WITH_TRANSFORM = {"transform": "tests.faults.transforms:as_it_is"}
WHOLE: list[tuple[str, str, dict[str, Any]]] = [
    ("bulk copy", "closed before the answer", {}),
    ("bulk copy", "reset while it is carried out", {}),
    ("bulk copy", "error 40613", {}),
]
"""From the connect to the close, with and without an answer, and by error."""
IN_THE_TRANSACTION: list[tuple[str, str, dict[str, Any]]] = [
    *(("bulk copy", how, {}) for how in HOW if how not in {"reset in the answer", *THE_SAME}),
    ("bulk copy", "closed in the answer", {"stream": True, **WITH_TRANSFORM}),
    ("bulk copy", "error 1205", {"mode": "replace"}),
    ("bulk copy", "reset in the answer", ON_A_POOL),
    ("staging table", "closed before the answer", {}),
    ("staging table", "reset while it is carried out", WITH_TRANSFORM),
    ("staging table", "error 1205", {"stream": True}),
    ("insert", "closed in the answer", {}),
    ("insert", "reset in the answer", {"stream": True}),
    ("insert", "error 1205", {"stream": True, **ON_A_POOL, **WITH_TRANSFORM}),
]
"""From the claim to the close."""


def steps_of_a_chunk(stage: Stage, fields: dict[str, Any], target: str | None) -> list[str]:
    """What the last of a few chunks makes a server see, when nothing goes wrong."""

    class Last(Recorder):
        seen: tuple[str, ...] = ()

        def chunk_done(self, progress: object) -> None:
            self.seen = tuple(stage.events.seen)
            stage.events.forget()

    last = Last()
    etl.run(stage.job(chunk_rows=stage.rows // 5, **fields), listener=last)
    stage.clear(target=target)
    return list(last.seen)


@pytest.mark.parametrize(("route", "how", "fields"), WHOLE, indirect=["route"])
def test_a_fault_at_each_step_of_a_chunk(stage: Stage, route: str, how: str, fields: dict[str, Any]) -> None:
    sweep(stage, route, how, fields, whole=True)


@pytest.mark.parametrize(("route", "how", "fields"), IN_THE_TRANSACTION, indirect=["route"])
def test_a_fault_at_each_step_of_a_transaction(stage: Stage, route: str, how: str, fields: dict[str, Any]) -> None:
    sweep(stage, route, how, fields, whole=False)


def sweep(stage: Stage, route: str, how: str, fields: dict[str, Any], *, whole: bool) -> None:
    target = WITH_DEFAULT if route == "staging table" else None
    clean = steps_of_a_chunk(stage, fields, target)
    claim = next(number for number, step in enumerate(clean) if "INSERT INTO etl_chunk" in step)
    commit = max(number for number, step in enumerate(clean) if step.startswith("COMMIT"))
    first = 0 if whole else claim
    places = range(first + 1, len(clean) + 1)
    stage.fill(2 * len(places) + 1)
    stage.clear(target=target)
    watched = Sweep(stage, places, lambda nth: HOW[how](stage, nth))
    result = etl.run(stage.job(chunk_rows=1, **fields), listener=watched)
    stage.assert_exactly_once(1)
    assert watched.prepared is not None
    assert watched.prepared.plan.route.way == route
    # After the COMMIT and its BEGIN the connection closes, which a reset one may do later than the next one opens.
    until_closing = commit + 2 - first
    assert [step[:20] for step in watched.steps[:until_closing]] == [step[:20] for step in clean[first : commit + 2]]
    assert watched.struck == [1] * len(places)
    # Closing costs no try.
    assert len(watched.lost) == until_closing
    # An unknown COMMIT is found to be one; a COMMIT that did not arrive, or was refused, is done again.
    attempts = {chunk.chunk_no: chunk.attempt for chunk in result.chunks}
    tried = [attempts[int(line.split()[1])] for line in watched.lost]
    assert tried == [2] * (commit - first) + [1 if how in CARRIED_OUT else 2, 1]
    assert sum(attempts.values()) == len(attempts) + tried.count(2)


# In the middle of many rows, and what takes longer than one try

MANY, READING, LOADING = 2_500, r"FROM \[dbo\]\.\[orders\] WHERE", BULK_ROWS + r"\[dbo\]"
LONGER: dict[str, tuple[Fault, int]] = {
    "the rows that are read, closed in their middle": (Cut(at=READING, nth=2, sent=9_000), 1),
    "the loaded rows, closed before them": (Disconnect(at=LOADING, nth=2), 1),
    "the loaded rows, closed after some": (Disconnect(at=LOADING, nth=2, rows=100), 1),
    "the loaded rows, closed after some bytes": (Cut(at=r"INSERT BULK \[dbo\]", nth=2, received=9_000), 1),
    "the loaded rows, closed after them": (Disconnect(at=LOADING, nth=2, moment=Moment.AFTER), 1),
    "the loaded rows, a deadlock after some": (Fail(at=LOADING, nth=2, number=1205, rows=100), 1),
    "five deadlocks": (Fail(at=LOADING, nth=2, number=1205, times=5), 5),
    "five logins refused": (refuse_logins(5), 5),
    "five logins unanswered": (refuse_logins(5, number=None), 5),
    "logins to a database that comes up": (refuse_logins(3, number=4060), 3),
    "a server that stalls, reading": (Stall(at=READING, nth=2, seconds=0.3), 0),
    "a server that stalls, loading": (Stall(at=LOADING, nth=2, seconds=0.3), 0),
    "a server that stalls, logging in": (Stall(at=LOGIN, nth=2, seconds=0.3), 0),
}
"""Faults from the first chunk on, and how many tries they cost."""


class Arming(Recorder):
    """Lets a fault go wrong once the run is planned."""

    def __init__(self, stage: Stage, fault: Fault) -> None:
        super().__init__()
        self.stage, self.fault = stage, fault

    def started(self, prepared: Prepared) -> None:
        super().started(prepared)
        self.armed = self.stage.events.add(self.fault)


@pytest.mark.parametrize("what", LONGER)
def test_a_fault_among_many_rows_or_for_many_tries(stage: Stage, what: str) -> None:
    fault, tries = LONGER[what]
    stage.fill(MANY)
    arming = Arming(stage, fault)
    result = etl.run(stage.job(chunk_rows=MANY // 5), listener=arming)
    stage.assert_exactly_once(MANY // 5)
    assert arming.armed.met == fault.times
    assert len(arming.lost) == tries
    # A chunk that is tried again waits until the others are done, so several may have met a fault that lasts.
    assert sum(chunk.attempt - 1 for chunk in result.chunks) == tries


@pytest.mark.parametrize("chunk_attempts", [1, 3])
def test_what_lasts_longer_than_the_tries_ends_the_run_which_goes_on_later(stage: Stage, chunk_attempts: int) -> None:
    arming = Arming(stage, Fail(at=LOADING, nth=2, number=1205, times=None))
    with pytest.raises(DatabaseError, match=r"1 of 5 chunks \(10 rows\) of run \w+ are committed") as end:
        etl.run(stage.job(chunk_attempts=chunk_attempts), listener=arming)
    assert end.value.number == 1205
    assert max([int(line.rpartition("(attempt ")[2].rstrip(")")) for line in arming.lost], default=1) == chunk_attempts
    stage.events.clear()
    assert etl.run(stage.job()).resumed
    stage.assert_exactly_once(10)


def test_a_full_disk_does_not_pass_by_itself(stage: Stage) -> None:
    arming = Arming(stage, disk_full(at=LOADING, nth=3))
    with pytest.raises(DatabaseError, match=r"chunk 2 .*the 'PRIMARY' filegroup is full") as end:
        etl.run(stage.job(), listener=arming)
    assert (end.value.number, arming.lost) == (1105, [])
    assert "2 of 5 chunks (20 rows)" in end.value.state
    assert "etl resume " in end.value.advice
    assert stage.database.run_states() == ["failed"]
    result = etl.run(stage.job())
    assert (result.resumed, result.rows_moved) == (True, 30)
    stage.assert_exactly_once(10)


# Around the chunks

CLOSED = ["closed before it is carried out", "closed before the answer"]
EVERY = 19
"""Of the events of planning, one in so many; the other faults are struck by the soak."""


@pytest.mark.parametrize("stream", [False, True], ids=["ranges", "stream"])
@pytest.mark.parametrize("how", CLOSED)
def test_a_fault_while_planning_is_an_error_and_the_next_start_goes_on(stage: Stage, how: str, stream: bool) -> None:
    """Also where the process talks to the server for the first time, and SQLAlchemy asks it about itself."""
    struck, nth = 0, 1 + CLOSED.index(how) + 2 * stream
    while True:
        connect._mssql_engine.cache_clear()
        stage.clear()
        (fault,) = [HOW[how](stage, nth)]
        assert isinstance(fault, Fault)
        armed, started = stage.events.add(fault), Started()
        with contextlib.suppress(EtlError):
            etl.run(stage.job(stream=stream), listener=started)
        stage.events.clear()
        if nth > len(stage.events.seen):
            break
        struck += armed.met  # not after a statement that fails by itself
        nth += EVERY
        result = etl.run(stage.job(stream=stream))
        assert result.rows_written == stage.rows
        stage.assert_exactly_once(10)
    assert struck >= 4


class Started(Recorder):
    """Ends the run when it is planned."""

    def started(self, prepared: Prepared) -> None:
        super().started(prepared)
        raise EtlError("planned")


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("how", ["closed before the answer", "error 1205"])
def test_a_fault_while_finishing_costs_nothing(stage: Stage, how: str, mode: str) -> None:
    """The swap, the run's last line, their COMMIT, known or not, and the check after it."""

    class Finishing(Recorder):
        nth = 1

        def chunk_done(self, progress: Progress) -> None:
            super().chunk_done(progress)
            if progress.chunks_done < progress.chunks_planned:
                return
            fault = HOW[how](stage, self.nth)
            if isinstance(fault, Fault):
                stage.events.forget()
                stage.events.add(fault)
            else:
                stage.events.do_at({self.nth: fault})

    last = Finishing()
    while True:
        stage.clear()
        etl.run(stage.job(chunk_rows=25, mode=mode), listener=last)
        steps = list(stage.events.seen)
        stage.events.clear()
        stage.calm()
        stage.assert_exactly_once(25)
        if last.nth > len(steps):
            break
        last.nth += 11
    assert last.nth > 30
