"""Halving finds exactly the bad rows, and every other row is part of exactly one attempt that succeeded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from etl.bad_rows import halving


@given(rows=st.integers(0, 200), bad=st.sets(st.integers(0, 199)), piece=st.integers(1, 250), start=st.integers(0, 5))
def test_all_bad_rows_are_found_and_each_other_row_is_done_once(
    rows: int, bad: set[int], piece: int, start: int
) -> None:
    done: list[int] = []

    def attempt(first: int, stop: int) -> str | None:
        assert start <= first < stop <= rows + start
        if bad & set(range(first, stop)):
            return f"{first} to {stop}"
        done.extend(range(first, stop))
        return None

    everything = range(start, rows + start)
    found = list(halving.search(start, rows + start, attempt, piece=piece))
    assert found == [(row, f"{row} to {row + 1}") for row in sorted(bad & set(everything))]
    assert done == [row for row in everything if row not in bad]


def test_one_bad_row_in_many_costs_two_attempts_a_level() -> None:
    attempts: list[tuple[int, int]] = []

    def attempt(first: int, stop: int) -> str | None:
        attempts.append((first, stop))
        return "bad" if first <= 700 < stop else None

    assert list(halving.search(0, 1024, attempt, piece=1024)) == [(700, "bad")]
    assert len(attempts) <= 2 * 10 + 1
