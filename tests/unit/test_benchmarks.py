"""The benchmark command's cases, data sets, comparisons and sums."""

from __future__ import annotations

import datetime as dt
import math
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa

from tests.benchmarks import datasets
from tests.benchmarks.__main__ import FULL, QUICK
from tests.benchmarks.arrived import changed_in, same
from tests.benchmarks.case import GROUPS, Place, all_cases
from tests.benchmarks.datasets import Dataset
from tests.benchmarks.promises import PROMISES, kept
from tests.benchmarks.run import failure
from tests.benchmarks.scale import Copied, table
from tests.benchmarks.stored import first_rows, store
from tests.benchmarks.table import Result
from tests.benchmarks.watch import Peaks

MADE_HERE = ["orders", "nasty"]
"""The data sets that need no program from outside."""


def measured(name: str, *, speed: float, cpu_sec: float = 1.0, peak_mb: float = 100.0, data: str = "orders") -> Result:
    """A result of one run of a million rows."""
    run = {"done": 10**6, "seconds": 10**6 / speed, "client_cpu_sec": cpu_sec, "client_peak_mb": peak_mb}
    return Result(data, "read", name, 8 * 10**6, [{**run, "added_peak_mb": peak_mb / 2}])


def stored_place(folder: Path, name: str, count: int) -> Place:
    file = folder / "rows.arrow"
    store(datasets.dataset(name).make(count), file)
    url = sa.make_url("mssql+pyodbc://sa:s3;cret@db.example.com/warehouse?Encryption=require")
    return Place.of(url, name, file, count)


def test_every_case_has_a_group_and_a_name_of_its_own() -> None:
    cases = all_cases()
    assert {case.group for case in cases.values()} == set(GROUPS)
    assert len({case.name for case in cases.values()}) == len(cases)
    for name, case in cases.items():
        assert name.startswith(f"{case.group}_")
        assert case.only in {"", *datasets.NAMES}


def test_every_promise_is_of_cases_that_there_are() -> None:
    names = {case.name for case in all_cases().values()}
    assert [name for promise in PROMISES for name in promise.needs if name not in names] == []


@pytest.mark.parametrize("name", MADE_HERE)
def test_rows_are_the_same_every_time_and_fewer_are_the_first_of_more(name: str) -> None:
    dataset = datasets.dataset(name)
    rows = dataset.make(300)
    assert rows.schema == dataset.schema
    assert rows.equals(dataset.make(300))
    assert dataset.make(100).equals(rows.slice(0, 100))
    assert rows.column(dataset.key[0]).to_pylist() == sorted(rows.column(dataset.key[0]).to_pylist())


@pytest.mark.parametrize("name", MADE_HERE)
def test_every_column_that_allows_null_has_some_and_values_too(name: str) -> None:
    dataset = datasets.dataset(name)
    rows = dataset.make(300)
    for column in dataset.columns:
        nulls = rows.column(column.name).null_count
        assert (0 < nulls < 150) if column.nullable else nulls == 0


def test_twenty_nasty_rows_meet_long_values_and_all_rows_few_of_them() -> None:
    dataset = datasets.dataset("nasty")
    rows = dataset.make(3000)
    for name, lengths in {"note": {4095, 4096, 4097, 8000}, "story": {4095, 4096, 4097, 100_000}}.items():
        assert lengths <= set(pc.binary_length(rows.column(name)).to_pylist())
    assert pc.max(pc.binary_length(rows.column("picture").slice(0, 20))).as_py() == 100_000
    assert rows.nbytes / len(rows) < 5000


@pytest.mark.parametrize("name", MADE_HERE)
def test_the_transform_does_to_frames_what_is_expected_of_values(name: str) -> None:
    dataset = datasets.dataset(name)
    rows = dataset.make(60)
    module, _, function = dataset.transform.partition(":")
    transform: Callable[[pd.DataFrame], pd.DataFrame] = getattr(__import__(module, fromlist=[function]), function)
    made = transform(rows.to_pandas(types_mapper=pd.ArrowDtype))
    for column, change in dataset.transformed.items():
        sent = rows.column(column).to_pylist()
        assert [None if value is pd.NA else value for value in made[column].tolist()] == [
            None if value is None else change(value) for value in sent
        ]


def test_create_table_says_types_nulls_and_key() -> None:
    columns = datasets.dataset("orders").columns[:3]
    dataset = Dataset("few", columns, ("id",), lambda count: pa.table({"id": range(count)}), "", {})
    assert dataset.create_table("t") == (
        "CREATE TABLE t (id bigint NOT NULL, quantity int NOT NULL, shelf smallint NULL, PRIMARY KEY (id))"
    )
    assert dataset.with_types("int", "bigint") == ["id", "quantity"]


def test_a_stored_data_set_gives_its_first_rows_and_no_more_than_it_has(tmp_path: Path) -> None:
    rows = datasets.dataset("orders").make(25_000)
    store(rows, tmp_path / "rows")
    for count in (1, 10_000, 10_001, 25_000):
        assert first_rows(tmp_path / "rows", count).equals(rows.slice(0, count))
    with pytest.raises(ValueError, match="has 25000 rows, not 25001"):
        first_rows(tmp_path / "rows", 25_001)


def test_a_place_keeps_the_urls_options_and_encloses_what_a_connection_string_would_split(tmp_path: Path) -> None:
    place = stored_place(tmp_path, "orders", 10)
    assert (place.host, place.port, place.user, place.password) == ("db.example.com", 1433, "sa", "s3;cret")
    assert "PWD={s3;cret};DATABASE=warehouse;" in place.odbc()
    assert "Encryption=require" in place.odbc()
    assert "Encryption=require" in place.url()
    assert "s3;cret" not in repr(place)
    assert place.first_rows == "SELECT TOP (10) * FROM tablehaul_bench_orders ORDER BY id"


def test_a_place_needs_all_of_a_login(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a user"):
        Place.of(sa.make_url("mssql+pyodbc://sa@host/db"), "orders", tmp_path, 1)


@pytest.mark.parametrize(
    ("kind", "sent", "found"),
    [
        ("int", 5, 5.0),
        ("int", None, math.nan),
        ("int", None, pd.NA),
        ("decimal", Decimal("12.30"), 12.3),
        ("decimal", Decimal("12.30"), Decimal("12.3")),
        ("date", dt.date(2024, 2, 29), dt.datetime(2024, 2, 29)),
        ("datetime2", dt.datetime(1, 1, 1), pd.Timestamp("0001-01-01")),
        ("uniqueidentifier", "AB" * 16, uuid.UUID("ab" * 16)),
        ("varbinary", b"\0\1", bytearray(b"\0\1")),
        (
            "datetimeoffset",
            "2024-02-29 12:34:56.1234560 +05:30",
            dt.datetime(2024, 2, 29, 12, 34, 56, 123456, dt.timezone(dt.timedelta(hours=5, minutes=30))),
        ),
        ("datetimeoffset", "0001-01-01 14:00:00.0000000 +14:00", "0001-01-01 14:00:00 +14:00"),
    ],
)
def test_a_value_in_another_form_is_the_same(kind: str, sent: Any, found: Any) -> None:
    assert same(kind, sent, found)


@pytest.mark.parametrize(
    ("kind", "sent", "found"),
    [
        ("bigint", 2**63 - 1, float(2**63 - 1)),
        ("int", 0, None),
        ("int", None, 0),
        ("nvarchar", "", None),
        ("nvarchar", "a ", "a"),
        ("decimal", Decimal("0.12345678901234567890"), 0.12345678901234568),
        ("datetime2", dt.datetime(2024, 1, 1, 0, 0, 0, 123456), dt.datetime(2024, 1, 1, 0, 0, 0, 123000)),
        ("date", dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1)),
        ("uniqueidentifier", "AB" * 16, "no uniqueidentifier"),
        ("datetimeoffset", "2024-02-29 12:00:00 +05:30", "2024-02-29 06:30:00 +00:00"),
        ("datetimeoffset", "2024-02-29 12:00:00.0000001 +05:30", "2024-02-29 12:00:00 +05:30"),
    ],
)
def test_a_value_that_lost_something_is_another(kind: str, sent: Any, found: Any) -> None:
    assert not same(kind, sent, found)


@pytest.mark.parametrize("name", MADE_HERE)
def test_what_was_read_is_told_from_what_was_there_in_every_form(name: str, tmp_path: Path) -> None:
    place = stored_place(tmp_path, name, 60)
    rows = place.table()
    upside_down = rows.take(pa.array(range(59, -1, -1)))
    tuples = list(zip(*(column.to_pylist() for column in upside_down.columns), strict=True))
    assert changed_in(place, upside_down) == []
    assert changed_in(place, rows.to_pandas(types_mapper=pd.ArrowDtype)) == []
    assert changed_in(place, tuples) == []
    assert changed_in(place, tuples[1:]) == ["59 of 60 rows"]
    last = rows.column_names[-1]
    cut = rows.set_column(rows.num_columns - 1, last, pa.nulls(60, rows.schema.field(last).type))
    assert changed_in(place, cut) == [last]


def test_a_result_tells_best_and_median_and_what_a_million_takes() -> None:
    result = Result("orders", "read", "a reader", arrow_bytes=4 * 10**6)
    for seconds, cpu_sec, peak_mb in ((2.0, 1.0, 90.0), (1.0, 0.5, 80.0), (4.0, 2.0, 85.0)):
        result.add({"done": 1000, "seconds": seconds, "client_cpu_sec": cpu_sec, "client_peak_mb": peak_mb})
    assert (max(result.speeds), result.speed, result.mb_per_sec) == (1000.0, 500.0, 2.0)
    assert (result.per_million("client_cpu_sec"), result.peak_mb("client")) == (1000.0, 90.0)
    assert (result.per_million("server_cpu_sec"), result.peak_mb("server")) == (None, None)
    assert (result.not_available, result.changed) == ("", None)
    assert result.plain()["per_sec"] == 500.0


def test_a_result_that_could_not_run_says_why_and_has_no_figures() -> None:
    absent = Result("orders", "load", "a loader", 1, [{"not_available": "it is not installed"}])
    assert (absent.not_available, absent.speeds) == ("it is not installed", [])
    assert absent.plain() == {
        "data": "orders",
        "group": "load",
        "name": "a loader",
        "arrow_bytes": 1,
        "not_available": "it is not installed",
    }


def test_promises_are_held_against_the_results_that_there_are() -> None:
    found = kept(
        [
            measured("etl.read_sql", speed=300_000, cpu_sec=2.0, peak_mb=120.0),
            measured("pandas.read_sql", speed=100_000, cpu_sec=10.0, peak_mb=200.0),
            measured("arrow-odbc into a frame", speed=400_000, data="nasty"),
        ]
    )
    assert [(promise.text, round(value, 6), promise.holds(value, on_sandbox=True)) for promise, value in found] == [
        ("read: speed, to pandas.read_sql", 3.0, True),
        ("read: client CPU, to pandas.read_sql", 0.2, True),
        ("read: peak of the process, to pandas.read_sql", 0.6, False),
        ("read: memory that it adds, to pandas.read_sql", 0.6, False),
    ]


def test_a_promise_may_be_another_on_a_server_with_cores_of_its_own() -> None:
    (reading,) = [promise for promise in PROMISES if promise.text == "read: speed, to pandas.read_sql"]
    assert (reading.holds(3.0, on_sandbox=True), reading.holds(3.0, on_sandbox=False)) == (True, False)
    assert (reading.limit(on_sandbox=True), reading.limit(on_sandbox=False)) == ("at least 2", "at least 4.5")


def test_sizes_take_the_shares_of_case_and_data_set() -> None:
    cases = all_cases()
    assert FULL.of(cases["read_etl"], 1.0) == 300_000
    assert FULL.of(cases["load_pandas"], 1.0) == 4_000
    assert QUICK.of(cases["load_pandas"], 0.05) == 20
    assert QUICK.of(cases["statements_select"], 0.05) == 300


def test_a_look_finds_the_peaks_of_a_process_and_of_those_below_it() -> None:
    child = "import sys; held = bytes(range(256)) * (60 << 12); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        peaks = Peaks(os.getpid())
        peaks.look()
        assert peaks.by_process[process.pid] > 60
        assert len(peaks.below_mb) == len(peaks.by_process) - 1
        assert peaks.below_mb == sorted(peaks.below_mb, reverse=True)
        process.communicate()


def test_a_failure_is_told_by_its_exception_or_its_signal() -> None:
    errors = "Traceback …\n  File …\nsqlalchemy.exc.DBAPIError: (pyodbc.Error) no\n[parameters: (1, 2)]\n"
    assert failure(errors, 1) == "sqlalchemy.exc.DBAPIError: (pyodbc.Error) no"
    assert failure("nothing of use", 3) == "exit code 3"
    assert failure("", -11) == "the process died of SIGSEGV"


def test_scale_holds_the_last_size_against_the_first() -> None:
    small = Copied(1_000_000, 20.0, 100.0, (200.0, 190.0), 150.0)
    large = Copied(10_000_000, 250.0, 105.0, (240.0, 195.0), 170.0)
    found = table([small, large], "copies")
    rows = dict(
        zip(found.columns[0].cells, zip(*(column.cells for column in found.columns[1:]), strict=True), strict=True)
    )
    assert rows["rows/s"] == ("50,000", "40,000", "0.80", "at least 0.85: does not hold")
    assert rows["peak MB of the parent"] == ("100", "105", "1.05", "at most 1.10: holds")
    assert rows["peak MB of the largest worker"] == ("200", "240", "1.20", "at most 1.10: does not hold")
    assert rows["peak MB of parent and workers"] == ("490", "540", "1.10", "at most 1.10: does not hold")
