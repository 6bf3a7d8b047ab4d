"""What passes by itself costs a sweep no result and no second call; what does not, ends it with what is stored kept."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import etl
from etl.errors import DatabaseError
from etl.sandbox import Server, serve
from etl.sandbox.faults import LOGIN, Armed, Cut, Disconnect, Fail, Fault, Faults, Moment
from tests.databases import MssqlDatabase, fresh_database

INPUTS = 6
CLAIM, STORE, COMMIT = "INSERT INTO etl_sweep_input", "UPDATE etl_sweep_input", "COMMIT"

AT_A_CLAIM: list[Fault] = [
    *(Disconnect(at=CLAIM, moment=moment) for moment in Moment),
    Fail(at=CLAIM, number=1205),
]
AT_A_RESULT: list[Fault] = [
    *(Disconnect(at=STORE, moment=moment) for moment in Moment),
    # Two are the new connection's own, the third is that of the results.
    Disconnect(at=COMMIT, nth=1),
    *(Disconnect(at=COMMIT, nth=3, moment=moment) for moment in Moment),
    Cut(at=STORE, sent=9),
    Fail(at=STORE, number=1205, moment=Moment.AFTER),
    Fail(at=STORE, number=1222),
    Fail(at=LOGIN, times=2, number=40613),
]
"""Added by the first call, so that they strike when its result is stored."""


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def server(faults: Faults) -> Iterator[Server]:
    with serve(faults=faults) as server:
        yield server


@pytest.fixture
def faulty(server: Server, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Iterator[MssqlDatabase]:
    """An empty database of the server that has the faults."""
    monkeypatch.setattr("etl.retries.FIRST_DELAY_SEC", 0.001)
    monkeypatch.setattr("etl.sweep.run.POLL_SEC", 0.001)
    with fresh_database(server.url()) as database:
        try:
            yield database
        finally:
            faults.clear()


def test_what_passes_costs_no_result_and_no_second_call(faulty: MssqlDatabase, faults: Faults) -> None:
    calls: list[int] = []
    armed: list[Armed] = []

    def squared(n: int) -> int:
        calls.append(n)
        if not armed:
            armed.append(faults.add(fault))
        return n * n

    for number, fault in enumerate([*AT_A_CLAIM, *AT_A_RESULT]):
        calls.clear()
        armed[:] = [faults.add(fault)] if fault in AT_A_CLAIM else []
        result = etl.run_sweep(etl.Sweep(squared, range(INPUTS), f"sweep {number}", faulty.url, "serial"))
        assert armed[0].met == fault.times, fault
        faults.clear()
        assert result.inputs == INPUTS
        assert sorted(calls) == list(range(INPUTS)), fault
        rows = faulty.query(
            "SELECT input, result, state FROM etl_sweep_input i JOIN etl_sweep s ON s.sweep_id = i.sweep_id"
            f" WHERE s.name = 'sweep {number}' ORDER BY input"
        )
        assert rows == [(str(n), json.dumps(n * n), "done") for n in range(INPUTS)], fault


def test_what_does_not_pass_ends_the_sweep_and_names_the_input(faulty: MssqlDatabase, faults: Faults) -> None:
    def squared(n: int) -> int:
        if n == 3:
            faults.add(Fail(at=STORE, number=1105))
        return n * n

    sweep = etl.Sweep(squared, range(INPUTS), "full", faulty.url, "serial")
    with pytest.raises(DatabaseError, match=r"storing the result of input \d of the sweep full: ") as failed:
        etl.run_sweep(sweep)
    assert failed.value.number == 1105
    assert f"of {INPUTS} inputs have a result in " in failed.value.state
    faults.clear()
    again = etl.run_sweep(etl.Sweep(squared, range(3), "full", faulty.url, "serial"))
    assert (again.inputs, again.ran) == (3, 0)
