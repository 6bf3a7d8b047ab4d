"""The known name that was meant."""

from __future__ import annotations

import pytest

from etl.nearest import did_you_mean, listed, nearest

FIELDS = ["chunk_rows", "workers", "writers", "source_table", "target_table", "mode", "max_rejects"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("chunk_row", "chunk_rows"),
        ("chunk-rows", "chunk_rows"),
        ("ChunkRows", "chunk_rows"),
        ("WORKERS", "workers"),
        ("wrokers", "workers"),
        ("writer", "writers"),
        ("tabel_source", None),
        ("target_tabel", "target_table"),
        ("", None),
        ("frobnicate", None),
        ("x" * 1_000_000, None),
    ],
)
def test_what_was_meant(name: str, found: str | None) -> None:
    assert nearest(name, FIELDS) == found
    assert did_you_mean(name, FIELDS) == ("" if found is None else f"; did you mean {found}?")


def test_nothing_is_known() -> None:
    assert nearest("mode", []) is None


def test_of_two_that_differ_in_case_the_first_is_meant() -> None:
    assert nearest("Name", ["NAME", "name"]) == "NAME"


def test_choices_are_listed() -> None:
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]
