"""Inputs: which are the same, in which order they stand, and what files of them mean."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import JobError
from etl.sweep import exact, input_files, inputs, order

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXT, below, max_size=4), max_leaves=8
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same to the last bit and to their types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(VALUES)
def test_an_input_comes_back_as_it_was(value: Any) -> None:
    assert same(inputs.of(value).value, value)


@given(VALUES, VALUES)
def test_keys_are_equal_for_equal_values_only(one: Any, other: Any) -> None:
    assert (inputs.of(one).key == inputs.of(other).key) == same(one, other)


@given(st.dictionaries(TEXT, SCALARS, min_size=2), st.randoms())
def test_the_order_of_keys_in_a_mapping_means_nothing(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert inputs.of(dict(items)) == inputs.of(value)


@given(VALUES, VALUES, VALUES)
def test_inputs_have_one_order(a: Any, b: Any, c: Any) -> None:
    first, second, third = sorted([a, b, c], key=order.place)
    assert order.place(first) <= order.place(second) <= order.place(third)
    assert (order.place(a) == order.place(b)) == same(a, b)


@given(st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_stand_by_what_they_are_worth(numbers: list[int | float]) -> None:
    placed = [Fraction(number) for number in sorted(numbers, key=order.place)]
    assert placed == sorted(placed)


@given(st.lists(TEXT))
def test_text_stands_by_code_points(texts: list[str]) -> None:
    assert sorted(texts, key=order.place) == sorted(texts, key=lambda text: [ord(letter) for letter in text])


def test_kinds_stand_one_after_the_other() -> None:
    values: list[Any] = [None, False, True, -0.0, 0, 0.0, 1, 1.0, 2, 10, "", "10", "9", [], [1], [1, 0], [2]]
    values += [{}, {"a": 2}, {"a": 10}, {"a": 10, "b": 1}, {"b": 0}]
    shuffled = Random(1).sample(values, len(values))
    assert list(map(exact.canonical, sorted(shuffled, key=order.place))) == list(map(exact.canonical, values))


def test_what_numpy_holds_is_what_it_means() -> None:
    grid: dict[str, Any] = {"n": np.int64(3), "rate": np.float64(0.1), "on": np.bool_(True), "v": np.arange(2)}
    assert exact.canonical(grid) == '{"n": 3, "on": true, "rate": 0.1, "v": [0, 1]}'
    assert inputs.of(np.float32(0.5)) == inputs.of(0.5)
    for odd in (np.datetime64("2024-01-01", "ns"), np.longdouble(1), np.complex128(1)):
        with pytest.raises(exact.NotJson, match=f"it is a numpy.{type(odd).__name__}, which JSON does not have"):
            exact.canonical(odd)


def test_an_input_that_is_none_is_named_by_its_number() -> None:
    with pytest.raises(
        JobError, match=r"input 2: it\['at'\] is a datetime.date, which JSON does not have; use its isof"
    ):
        inputs.unique([1, {"at": __import__("datetime").date(2024, 1, 1)}])
    nested: list[Any] = []
    nested.append(nested)
    with pytest.raises(JobError, match="more than 100 lists and mappings inside each other"):
        inputs.unique([nested])
    with pytest.raises(JobError, match="the inputs are a str, not a list of inputs"):
        inputs.unique("abc")


def test_the_same_input_twice_is_one() -> None:
    found = inputs.unique([2, 1, 2, {"a": 1, "b": 2}, {"b": 2, "a": 1}, 2.0])
    assert [one.text for one in found] == ["2", "1", '{"a": 1, "b": 2}', "2.0"]


FILES = {
    "a.json": ('[1, 1e-5, "x", {"a": null}]', [1, 1e-5, "x", {"a": None}]),
    "b.jsonl": ('1\n\n"\u2028"\n{"a": [true]}\n', [1, "\u2028", {"a": [True]}]),
    "c.csv": (
        'rate,name,on,code\n1e-5,"a, b",true,007\r\n-3,é,,1_0\n',
        [
            {"rate": 1e-5, "name": "a, b", "on": True, "code": "007"},
            {"rate": -3, "name": "é", "on": None, "code": "1_0"},
        ],
    ),
    "d.yaml": (
        "- 1e-5\n- 1.\n- .5\n- no\n- 2024-01-01\n- 12:30\n- 0x1F\n- 007\n- ~\n- true\n- 'x'\n"
        "- &base {a: 1}\n- {<<: *base, b: 2}\n",
        [1e-5, 1.0, 0.5, "no", "2024-01-01", "12:30", 31, 7, None, True, "x", {"a": 1}, {"a": 1, "b": 2}],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_inputs(tmp_path: Path, name: str) -> None:
    text, values = FILES[name]
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = input_files.read(str(tmp_path / name))
    assert same(found, values), found


BROKEN = {
    "a.json": ("[1,\n2,\n]", "a.json, line 3: this is not JSON"),
    "b.json": ('{"a": 1}', "b.json holds a dict, not a list of inputs"),
    "c.json": ('[{"a": 1, "a": 2}]', "c.json, line 1 or below: a mapping has a key twice"),
    "d.json": ("[NaN]", "NaN is no number of JSON"),
    "e.jsonl": ("1\n2 3\n", "e.jsonl, line 2: this is not JSON"),
    "f.csv": ("a,b\n1,2\n3\n", "f.csv, line 3: 1 cells under 2 names"),
    "g.csv": ("a,a\n1,2\n", "g.csv, line 1: a column's name stands there twice"),
    "h.yaml": ("- 1\n- {a: 1, a: 2}\n", "h.yaml, line 2: this is not YAML: a mapping has a key twice"),
    "i.yaml": ("- [1\n- 2", "i.yaml, line 2: this is not YAML"),
    "j.yaml": ("a: 1", "j.yaml holds a dict, not a list of inputs"),
    "k.yaml": ("- !!python/object:os.system 1", "k.yaml, line 1: this is not YAML: could not determine a constructor"),
    "l.json": ("[" * 100_000, "nested too deep"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_none_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    text, message = BROKEN[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(JobError) as refused:
        input_files.read(str(tmp_path / name))
    assert message in str(refused.value)


@pytest.mark.parametrize("source", ["tests.sweep.functions:GRID", "tests.sweep.test_inputs:squares"])
def test_inputs_from_python(source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    found = input_files.read(source)
    assert len(found) == 12
    json.dumps(found)


def squares() -> map[int]:
    step: Callable[[int], int] = lambda n: n * n  # noqa: E731
    return map(step, range(12))
