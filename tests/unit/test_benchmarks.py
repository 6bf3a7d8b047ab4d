"""The benchmark command's cases and sums."""

from __future__ import annotations

from tests.benchmarks.case import GROUPS, all_cases
from tests.benchmarks.data import COLUMNS, rows
from tests.benchmarks.table import Result


def test_every_case_has_a_group_and_a_name_of_its_own() -> None:
    cases = all_cases()
    assert {case.group for case in cases.values()} == set(GROUPS)
    assert len({case.name for case in cases.values()}) == len(cases)
    for name, case in cases.items():
        assert name.startswith(f"{case.group}_")


def test_rows_are_the_same_every_time_and_have_a_value_for_every_column() -> None:
    assert list(rows(50)) == list(rows(50))
    assert {len(row) for row in rows(50)} == {len(COLUMNS)}


def test_a_result_tells_best_and_median_and_what_a_million_takes() -> None:
    result = Result("read", "a reader")
    for seconds, cpu_sec, peak_mb in ((2.0, 1.0, 90.0), (1.0, 0.5, 80.0), (4.0, 2.0, 85.0)):
        result.add({"done": 1000, "seconds": seconds, "client_cpu_sec": cpu_sec, "client_peak_mb": peak_mb})
    assert (max(result.speeds), result.per_million("client_cpu_sec"), result.peak_mb("client")) == (
        1000.0,
        1000.0,
        90.0,
    )
    assert result.not_available == ""
    absent = Result("load", "a loader", [{"not_available": "it is not installed"}])
    assert (absent.not_available, absent.speeds) == ("it is not installed", [])
