"""No hazard of the driver ends the interpreter, and what comes of each is right or refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.databases import fresh_database
from tests.faults import hazards_frames, hazards_reading, hazards_writing, heap
from tests.faults.survivors import Hazard, survive


@pytest.fixture(scope="module")
def ground_url(server_url: str) -> Iterator[str]:
    """A database for this module's hazards, which come one after the other."""
    with fresh_database(server_url) as database:
        yield database.url


def each(cases: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [case if isinstance(case, tuple) else (case,) for case in cases]


def in_turn(cases: Iterable[Any], processes: int) -> list[list[tuple[Any, ...]]]:
    """The cases shared out: those that could end the process with a word of their own, few at a time."""
    taken = each(cases)
    return [taken[first::processes] for first in range(processes)]


CHANGES = [
    ("ALTER TABLE dbo.t ALTER COLUMN c int NULL;UPDATE dbo.t SET c = NULL", "."),
    ("ALTER TABLE dbo.t ALTER COLUMN c nvarchar(20) NOT NULL;UPDATE dbo.t SET c = 'abc'", "."),
    ("ALTER TABLE dbo.t ALTER COLUMN d nvarchar(max) NOT NULL;UPDATE dbo.t SET d = REPLICATE(d, 30000)", "longer than"),
    ("ALTER TABLE dbo.t DROP COLUMN c", "Invalid column name 'c'"),
    ("DROP TABLE dbo.t", "Invalid object name"),
]
LONGEST = [
    ("varchar(8000)", "N'€'", 8_000),
    ("char(8000)", "N'€'", 8_000),
    ("varchar(20)", "N'€'", 20),
    (f"varchar(8000) {hazards_writing.UTF8}", "N'日'", 2_666),
    ("nvarchar(4000)", "N'日'", 4_000),
    ("nchar(4000)", "N'日'", 4_000),
    ("nvarchar(20)", "N'日'", 20),
]
NOT_SENT = [
    "version rowversion, id int NOT NULL, c nvarchar(20) NULL",
    "id int NOT NULL, version rowversion, c nvarchar(20) NULL",
    "id int NOT NULL, c nvarchar(20) NULL, version rowversion",
    "id int NOT NULL, doubled AS id * 2, c nvarchar(20) NULL, tripled AS id * 3",
    "number int IDENTITY, id int NOT NULL, c nvarchar(20) NULL",
    "id int NOT NULL, c nvarchar(20) NULL, number bigint IDENTITY(7, -3)",
    "version rowversion, number int IDENTITY, twice AS number * 2, c nvarchar(20) NULL, id int NOT NULL",
]
NAMES = ["a]b]]c[", "n" * 128, "]" * 128, "日" * 128, "😀" * 64, "a\tb", 'it\'s "x"; --', "100% %s ? :x {0}", " "]
NOT_NULL = ["int", "bit", "float", "date", "uniqueidentifier", "nvarchar(9)", "xml"]


@pytest.mark.parametrize("cases", in_turn(hazards_writing.EDGE_TYPES, 3))
def test_values_at_the_edge_of_the_drivers_buffers(ground_url: str, cases: list[tuple[Any, ...]]) -> None:
    survive(hazards_writing.values_at_the_edge, ground_url, *cases)


def test_nothing_is_written_beyond_the_drivers_buffers_or_freed_twice(ground_url: str) -> None:
    """Nor does the interpreter mind a bulk load that is open when it ends."""
    checked = {"LD_PRELOAD": "libc_malloc_debug.so.0", "GLIBC_TUNABLES": "glibc.malloc.check=3"}
    process = subprocess.run(
        [sys.executable, "-m", "tests.faults.heap", ground_url],
        env=os.environ | checked,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert process.stdout.endswith(f"{heap.DONE}\n"), f"{process.stdout}\n{process.stderr}"
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    ("hazard", "cases"),
    [
        (hazards_writing.null_where_there_is_none, NOT_NULL),
        (hazards_writing.a_column_that_came_after_the_look, ["ADD extra int NULL", "DROP COLUMN c"]),
        (hazards_writing.columns_that_are_not_sent, NOT_SENT),
        (hazards_writing.column_names, NAMES),
        (hazards_writing.fast_executemany_of_the_callers_engine, ["engine", "connection", "method"]),
        (hazards_writing.fast_executemany_in_the_url, []),
        (hazards_writing.the_network_fails_in_the_middle, ["TO_SERVER", "TO_CLIENT"]),
        (hazards_writing.a_load_after_one_that_a_value_stopped, [5, 399_999]),
        (hazards_writing.a_load_after_one_that_the_server_refused, []),
        (hazards_writing.threads_on_one_connection, []),
        (hazards_writing.threads_on_one_pool, []),
        (hazards_writing.a_second_load_inside_the_first, []),
        (hazards_writing.closed_underneath, []),
        (hazards_writing.interrupted, []),
    ],
)
def test_writing(ground_url: str, hazard: Hazard, cases: list[Any]) -> None:
    survive(hazard, ground_url, *each(cases))


@pytest.mark.parametrize(
    ("hazard", "cases"),
    [
        (hazards_reading.a_value_grows_after_it_was_measured, hazards_reading.GROWING),
        (hazards_reading.the_longest_declared_text, LONGEST),
        (hazards_reading.a_source_that_changes_after_the_look, CHANGES),
        (hazards_reading.a_query_that_is_none, list(hazards_reading.QUERIES)),
        (hazards_reading.threads_that_read, ["engine", "connection"]),
        (hazards_reading.a_reading_that_is_left, ["closed", "forgotten", "closed underneath"]),
        (hazards_reading.the_network_fails_while_reading, [10, 5_000, 200_000]),
        (hazards_reading.interrupted_while_reading, []),
        (hazards_reading.interrupted_while_the_server_thinks, []),
    ],
)
def test_reading(ground_url: str, hazard: Hazard, cases: list[Any]) -> None:
    survive(hazard, ground_url, *each(cases))


@pytest.mark.parametrize("cases", in_turn(hazards_frames.REFUSED, 2))
def test_values_without_a_place(ground_url: str, cases: list[tuple[Any, ...]]) -> None:
    survive(hazards_frames.a_value_without_a_place, ground_url, *cases)


@pytest.mark.parametrize(
    ("hazard", "cases"),
    [
        (hazards_frames.a_frame_of_a_strange_shape, list(hazards_frames.SHAPES)),
        (hazards_frames.no_rows_for_a_table_that_is_there, []),
        (hazards_frames.a_new_column_keeps_arrows_digits, []),
    ],
)
def test_frames(ground_url: str, hazard: Hazard, cases: list[Any]) -> None:
    survive(hazard, ground_url, *each(cases))
