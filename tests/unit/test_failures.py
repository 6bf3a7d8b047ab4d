"""Which errors may pass, and what a run does about them."""

from __future__ import annotations

import pytest

from etl import retries
from etl.errors import (
    ClaimLost,
    ConnectError,
    DatabaseError,
    DriverMissing,
    LedgerError,
    LoginFailed,
    SchemaError,
    TransformError,
    WorkerDied,
)
from etl.failures import passing
from etl.job import make
from etl.plan import Chunk
from etl.retries import Retries
from etl.worker import Attempt

JOB = make(source="sqlite:///a.db", target="sqlite:///b.db", source_table="a", target_table="b", run_retries=4)
FIRST = Attempt(Chunk(7, "range", 1, 9), writers=4)
DEADLOCK = DatabaseError("appending to b: deadlocked", sqlstate="42000", number=1205)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DEADLOCK, "deadlock"),
        (DatabaseError("", sqlstate="40001"), "deadlock"),
        (DatabaseError("", number=1222), "lock timeout"),
        (DatabaseError("", sqlstate="HY000", number=40501), "server busy"),
        (DatabaseError("", number=40613), "failover"),
        (DatabaseError("", sqlstate="01000", number=20017), "link lost"),
        (DatabaseError("", sqlstate="08S01", number=20006), "link lost"),
        (DatabaseError("", sqlstate="08S01"), "link lost"),
        (ClaimLost("the claim is gone"), "rolled back"),
        (ConnectError("no answer"), "link lost"),
        (LoginFailed("not now"), "link lost"),
        (DatabaseError("", sqlstate="23000", number=2627), None),
        (DatabaseError("", sqlstate="23000", number=547), None),
        (DatabaseError("", sqlstate="42000", number=229), None),
        (DatabaseError("", sqlstate="42000", number=1105), None),
        (DatabaseError("", sqlstate="HY000"), None),
        (DriverMissing("no driver"), None),
        (SchemaError("too long"), None),
        (TransformError("raised"), None),
        (LedgerError("abandoned"), None),
        (ValueError("x"), None),
    ],
)
def test_passing(error: Exception, kind: str | None) -> None:
    assert passing(error) == kind


def test_a_chunk_is_tried_as_often_as_the_job_says() -> None:
    policy, attempt = Retries(JOB, 1), FIRST
    lost = DatabaseError("reading a: the link is down", sqlstate="08S01")
    delays = []
    while (again := policy.again(attempt, lost)) is not None:
        attempt, told = again
        delays.append(attempt.delay_sec)
    assert (attempt.number, attempt.chunk) == (5, FIRST.chunk)  # run_retries=4
    assert told.startswith(
        "chunk 7 (1 <= key < 9): link lost (reading a: the link is down); the chunk is tried again in "
    )
    for tried, delay in enumerate(delays):
        assert 0.25 * 2**tried <= delay <= 0.5 * 2**tried


def test_delays_end_somewhere() -> None:
    assert 15.0 <= retries.delay_sec(50) <= 30.0


def test_repeated_deadlocks_halve_the_writers() -> None:
    policy = Retries(JOB.model_copy(update={"run_retries": 100}), 4)
    told = []
    for number in range(6):
        again = policy.again(Attempt(Chunk(number, "range", 1, 9), writers=4), DEADLOCK)
        assert again is not None
        told.append((again[0].writers, "written at once" in again[1]))
    assert told == [(4, False), (2, True), (2, False), (1, True), (1, False), (1, False)]


def test_a_worker_may_die_twice_and_not_thrice() -> None:
    policy = Retries(JOB, 1)
    died = WorkerDied("worker process 7 ended by SIGKILL")
    second = policy.again(FIRST, died)
    assert second is not None
    assert (second[0].number, second[0].delay_sec) == (2, 0.0)
    third = policy.again(second[0], died)
    assert third is not None
    assert policy.again(third[0], died) is None


def test_what_may_be_done_twice_is_done_until_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_DELAY_SEC", 0.001)
    left = [DEADLOCK, ConnectError("gone")]

    def action() -> str:
        if left:
            raise left.pop()
        return "done"

    assert retries.until_done(action, 3) == "done"
    left[:] = [DEADLOCK, ConnectError("gone")]
    with pytest.raises(DatabaseError):
        retries.until_done(action, 2)
    left[:] = [SchemaError("not this one")]
    with pytest.raises(SchemaError):
        retries.until_done(action, 5)
