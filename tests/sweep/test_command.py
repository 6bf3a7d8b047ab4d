"""`etl sweep` by its front door, in this process: what is told, stored, refused and run again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import etl
from etl.errors import InputsFailed
from etl.sweep.work import SweepWork
from tests.databases import Database, SqliteDatabase
from tests.pipeline.command import Ended, etl_here
from tests.sweep.functions import BREAK_VARIABLE

BREAKABLE = "tests.sweep.functions:breakable"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file: `breakable` works once it is gone."""
    file = tmp_path / "broken"
    file.touch()
    monkeypatch.setenv(BREAK_VARIABLE, str(file))
    return file


def sweep(database: Database, *arguments: str) -> Ended:
    return etl_here("sweep", *arguments, "--database", "env:ETL_TEST_URL", ETL_TEST_URL=database.url)


def run(database: Database, *arguments: str) -> Ended:
    return sweep(database, "run", *arguments, "--executor", "serial")


def listed(tmp_path: Path, *numbers: int) -> str:
    file = tmp_path / "numbers.json"
    file.write_text(json.dumps(numbers))
    return str(file)


def test_failed_inputs_are_told_and_only_they_are_tried_again(database: Database, tmp_path: Path, broken: Path) -> None:
    numbers = listed(tmp_path, *range(1, 16), 3, 3)
    first = run(database, BREAKABLE, numbers, "--name", "n")
    assert first.exit_code == 7
    assert first.stdout.splitlines()[0].startswith(
        "sweep n (tests.sweep.functions:breakable): 15 to run; results go to "
    )
    assert "warning: input 7 failed: ValueError: 7 is bad; " in first.stdout
    assert "15/15 inputs, 2 failed" in first.stdout
    assert first.stderr == (
        "error: 2 of 15 inputs of the sweep n failed\n  13 have a result.\n"
        "  See why with `etl sweep show n`; the same command tries only them again.\n"
    )
    shown = sweep(database, "show", "n").stdout
    assert "13 done, 2 failed" in shown
    assert "input 14: ValueError: 14 is bad; " in shown
    assert "functions.py, line " in shown

    broken.unlink()
    again = run(database, BREAKABLE, numbers, "--name", "n", "--json")
    assert again.exit_code == 0
    assert again.events[0] | {"database": ""} == {
        **{"event": "started", "name": "n", "function": BREAKABLE, "database": ""},
        **{"inputs": 15, "done": 13, "failed": 2, "stale": 0, "again": False},
    }
    assert (again.events[-1]["event"], again.events[-1]["ran"]) == ("done", 2)
    rows = database.query("SELECT input, state, attempt FROM etl_sweep_input WHERE attempt > 1 ORDER BY input")
    assert rows == [("14", "done", 2), ("7", "done", 2)]
    listing = sweep(database, "show", "--json").events
    assert [(one["name"], one["done"], one["failed"], one["running"]) for one in listing] == [("n", 15, 0, 0)]


def test_no_password_of_an_error_is_stored_or_told(database: Database, tmp_path: Path, broken: Path) -> None:
    told = run(database, BREAKABLE, listed(tmp_path, 7)).said + sweep(database, "show", BREAKABLE, "--json").said
    stored = str(database.query("SELECT error FROM etl_sweep_input"))
    assert "mssql+pyodbc://sa:***@host/db or Pwd=***;" in stored
    assert "hunter2" not in stored + told


def test_more_inputs_are_added_and_the_file_is_sorted_by_value(database: Database, tmp_path: Path) -> None:
    function = "tests.sweep.functions:itself"
    file = tmp_path / "inputs.jsonl"
    file.write_text('10\n9.5\n"é"\n"z"\n')
    assert run(database, function, str(file), "--name", "m").exit_code == 0
    file.write_text('-1e3\nnull\ntrue\n[2]\n[10]\n{"b": 1, "a": "🦆"}\n10\n10.0\n')
    more = run(database, function, str(file), "--name", "m")
    assert "1 of 8 inputs have a result, 7 to run" in more.stdout
    values = ["null", "true", "-1000.0", "9.5", "10", "10.0", '"z"', '"é"', "[2]", "[10]", '{"a": "🦆", "b": 1}']
    expected = "[\n" + ",\n".join(f'{{"input": {value}, "result": {value}}}' for value in values) + "\n]\n"
    out = sweep(database, "export", "m")
    assert (out.exit_code, out.stdout, out.stderr) == (0, expected, "11 results of the sweep m\n")
    target = tmp_path / "out.json"
    target.write_text("old")
    target.chmod(0o640)
    assert sweep(database, "export", "m", "--out", str(target)).stdout == ""
    assert target.read_text(encoding="utf-8") == expected
    assert target.stat().st_mode & 0o777 == 0o640
    assert json.loads(expected)[6]["result"] == "z"


def test_an_export_that_fails_leaves_the_file_as_it_was(sqlite_file: SqliteDatabase, tmp_path: Path) -> None:
    run(sqlite_file, "tests.sweep.functions:itself", listed(tmp_path, 1), "--name", "x")
    target = tmp_path / "out.json"
    target.write_text("old")
    missing = sweep(sqlite_file, "export", "y", "--out", str(target))
    assert missing.exit_code == 9
    assert "there is no sweep y in " in missing.stderr
    nowhere = sweep(sqlite_file, "export", "x", "--out", str(tmp_path / "no" / "out.json"))
    assert (nowhere.exit_code, nowhere.stderr.splitlines()[0].endswith("No such file or directory")) == (1, True)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere:f", "[1].json"], "cannot read the inputs in [1].json: No such file"),
        (["tests.sweep.functions:f", "INPUTS"], "the module tests.sweep.functions has no f"),
        (["tests.sweep.functions:GRID", "INPUTS"], "GRID is list, not a function"),
        (["tests.sweep.functions:itself", "tests.sweep.functions:itself"], "itself() missing 1 required"),
        (["tests.sweep.functions:itself", "inputs.txt"], "inputs.txt is no file of inputs"),
        (["sqlite:///x.db", "INPUTS"], "a database URL stands where the name of a function belongs"),
        (["tests.sweep.functions:itself", "mssql+pyodbc://sa:hunter2@h/d"], "(a database URL) stands where the inputs"),
        (["tests.sweep.functions:itself", "INPUTS", "--cluster", "local"], "a cluster is for executor dask"),
        (["tests.sweep.functions:itself", "INPUTS", "--name", "a\nb"], "a sweep's name has 1 to 200 characters"),
        (["tests.sweep.functions:itself", "INPUTS", "--name", "mssql+pyodbc://sa:hunter2@h/d"], "where a name belongs"),
    ],
)
def test_what_does_not_fit_is_told(
    sqlite_file: SqliteDatabase, tmp_path: Path, arguments: list[str], message: str
) -> None:
    inputs = listed(tmp_path, 1)
    refused = run(sqlite_file, *[inputs if argument == "INPUTS" else argument for argument in arguments])
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert "hunter2" not in refused.said


def test_a_sweep_is_of_one_function(sqlite_file: SqliteDatabase, tmp_path: Path) -> None:
    run(sqlite_file, "tests.sweep.functions:itself", listed(tmp_path, 1), "--name", "x")
    other = run(sqlite_file, BREAKABLE, listed(tmp_path, 2), "--name", "x")
    assert other.exit_code == 2
    assert (
        "the sweep x holds results of tests.sweep.functions:itself, not of tests.sweep.functions:breakable"
        in other.stderr
    )


def test_results_of_another_version_of_the_function_are_told_and_kept_unless_asked(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listed(tmp_path, 1, 2, 3)

    def version(name: str, text: str) -> str:
        """A module of that name, which the sweep knows as the one before."""
        (tmp_path / f"{name}.py").write_text(f"def f(n):\n    # {name}\n    return {text}\n")
        return f"{name}:f"

    def ran(reference: str, *options: str) -> tuple[int, str]:
        database.query(f"UPDATE etl_sweep SET {database.quoted('function')} = '{reference}'")
        ended = run(database, reference, "numbers.json", "--name", "v", "--json", *options)
        start = ended.events[0]
        return ended.events[-1]["ran"], f"{start['done']} done, {start['stale']} stale"

    assert run(database, version("f_one", "n"), "numbers.json", "--name", "v").exit_code == 0
    assert ran(version("f_two", "n")) == (0, "3 done, 0 stale")  # only its comment is another
    changed = version("f_three", "[n]")
    assert ran(changed) == (0, "3 done, 3 stale")
    told = run(database, changed, "numbers.json", "--name", "v").stdout
    assert "warning: 3 results are of another version of f_three:f; they are kept (--again runs them again)" in told
    assert ran(changed, "--again") == (3, "0 done, 3 stale")
    assert ran(changed, "--again") == (0, "3 done, 0 stale")
    assert json.loads(sweep(database, "export", "v").stdout)[0] == {"input": 1, "result": [1]}


def test_a_function_of_a_script_runs_in_worker_processes(sqlite_file: SqliteDatabase) -> None:
    offset = 100

    def shifted(value: dict[str, int]) -> tuple[int, str]:
        return value["n"] + offset, str(os.getpid())

    inputs = [{"n": 1}, {"n": 2}]
    result = etl.run_sweep(etl.Sweep(shifted, inputs, "shifted", sqlite_file.url, workers=1))
    assert (result.inputs, result.ran) == (2, 2)
    stored = [json.loads(text) for (text,) in sqlite_file.query("SELECT result FROM etl_sweep_input ORDER BY input")]
    assert [number for number, _ in stored] == [101, 102]
    assert str(os.getpid()) not in {process for _, process in stored}


def test_what_shows_a_sweep_shows_no_password() -> None:
    url = "mssql+pyodbc://sa:hunter2@host/db"
    sweep = etl.Sweep("tests.sweep.functions:itself", [1], database=url)
    work = SweepWork(url, sweep.name, "run", sweep.function, None)
    assert "hunter2" not in f"{sweep!r} {work!r} {work.claims!r}"
    assert "sa:***@host" in repr(sweep)


def test_what_a_function_returns_that_json_has_not_is_named(sqlite_file: SqliteDatabase) -> None:
    values = {
        "a set": ({1}, "it is a set, which JSON does not have; use sorted() of it"),
        "not a number": ({"loss": [1.0, float("nan")]}, "it['loss'][1] is nan, a number that JSON does not have"),
        "a number as a key": ({1: 2}, "it is a mapping with a int as a key; JSON's keys are text"),
        "half a pair": ("\ud800", "it is text with half of a surrogate pair in it"),
    }
    with pytest.raises(InputsFailed):
        etl.run_sweep(etl.Sweep(lambda name: values[name][0], list(values), "odd", sqlite_file.url, "serial"))
    stored: dict[str, str] = dict(sqlite_file.query("SELECT input, error FROM etl_sweep_input"))
    for name, (_, reason) in values.items():
        assert reason in stored[json.dumps(name)]
