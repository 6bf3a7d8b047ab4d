"""The `etl` command: what it prints, where it finds its URLs, and what it imports."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml

import etl
from etl.errors import Interrupted
from etl.executors import Executor
from tests.databases import Database, SqliteDatabase
from tests.pipeline.command import COMMAND, etl_here, etl_process
from tests.pipeline.jobs import Stop, fields_of_job, job, make_orders

RUN_ID = r"[0-9a-f]{8}"

CLEANING = """
def clean(frame):
    frame["customer"] = frame["customer"].str.upper()
    return frame
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: two databases, a module with a transform, a job file."""
    source = SqliteDatabase(tmp_path / "source.db")
    make_orders(source, 25)
    (tmp_path / "cleaning.py").write_text(CLEANING)
    (tmp_path / "job.yaml").write_text(
        "source: sqlite:///source.db\n"
        "target: env:MY_TARGET\n"
        "query: SELECT * FROM orders\n"
        "target_table: copies\n"
        "transform: cleaning:clean\n"
        "chunk_rows: 10\n"
    )
    return tmp_path


def test_copy_prints_what_it_does(folder: Path) -> None:
    arguments = ("copy", "orders", "copies", "--transform", "cleaning:clean", "--chunk-rows", "10", "--workers", "1")
    urls = {"ETL_SOURCE_URL": "sqlite:///source.db", "ETL_TARGET_URL": "sqlite:///target.db"}
    done = etl_process(*arguments, folder=folder, **urls)
    assert (done.exit_code, done.stderr) == (0, "")
    first, *chunks, last = done.stdout.splitlines()
    assert re.fullmatch(
        rf"new run {RUN_ID} \(append orders → copies\): 3 chunks, 25 rows, "
        "key ranges over the primary key id; written by insert: SQLite has no bulk copy; 1 at once",
        first,
    )
    assert [re.sub(r"[\d,]+ rows/s, \d+ s left", "…", line) for line in chunks] == [
        "1/3 chunks, 10 rows, …",
        "2/3 chunks, 20 rows, …",
        "3/3 chunks, 25 rows, …",
    ]
    assert re.fullmatch(rf"run {RUN_ID} is done: 25 rows in .* s \(.* rows/s\); copies got 25 rows in all", last)
    copied = SqliteDatabase(folder / "target.db").query("SELECT customer FROM copies WHERE id = 1")
    assert copied == [("CUSTOMER 1",)]


def test_run_takes_a_job_file_and_json_lines_parse(folder: Path) -> None:
    done = etl_process("run", "job.yaml", "--json", folder=folder, MY_TARGET="sqlite:///target.db")
    assert (done.exit_code, done.stderr) == (0, "")
    started, *chunks, last = done.events
    assert started["event"] == "started"
    assert (started["resumed"], started["chunks_planned"], started["rows_planned"]) == (False, 3, 25)
    assert [(event["event"], event["chunks_done"], event["rows_planned"]) for event in chunks] == [
        ("chunk_done", number, 25) for number in (1, 2, 3)
    ]
    assert (last["event"], last["rows_written"], last["rows_moved"], last["notes"]) == ("done", 25, 25, [])
    assert last["run_id"] == started["run_id"]
    assert [chunk["rows_written"] for chunk in last["chunks"]] == [10, 10, 5]


def test_help_imports_neither_pandas_nor_sqlalchemy() -> None:
    script = (
        "import sys\n"
        "from etl.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end\n"
        "heavy = {'pandas', 'numpy', 'sqlalchemy', 'pyarrow', 'pyodbc', 'etl.job', 'prefect', 'sqlglot', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    for arguments in (["--help"], ["copy", "--help"]):
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"
        assert "Usage:" in done.stdout


def test_import_etl_imports_nothing_heavy() -> None:
    script = "import sys, etl; print(sorted({'pandas', 'sqlalchemy', 'pyarrow', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_public_names_are_there() -> None:
    names = ["EtlError", "Job", "RunResult", "Sweep"]
    names += ["bulk_copy", "iter_sql", "map_frame", "read_sql", "run", "run_sweep", "to_sql"]
    assert [getattr(etl, name).__name__ for name in etl.__all__] == names
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        etl.nope  # noqa: B018


# Looking back, and going on


@pytest.fixture
def stopped(
    sqlite_file: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, in_this_process: None
) -> tuple[Database, str]:
    """A database with a run of five chunks that was stopped after two, and the run's id."""
    make_orders(sqlite_file, 50)
    with pytest.raises(Interrupted) as stop:
        etl.run(job(sqlite_file), listener=Stop(after_chunks=2))
    run_id = re.search(rf"etl resume ({RUN_ID})", stop.value.advice)
    assert run_id is not None
    monkeypatch.setenv("ETL_SOURCE_URL", sqlite_file.url)
    monkeypatch.setenv("ETL_TARGET_URL", sqlite_file.url)
    return sqlite_file, run_id[1]


def test_runs_and_show(stopped: tuple[Database, str]) -> None:
    database, run_id = stopped
    (heading, line) = etl_here("runs").stdout.splitlines()
    assert heading.split() == ["run", "state", "mode", "target", "started", "(UTC)", "chunks", "rows"]
    assert line.split()[:3] == [run_id, "failed", "append"]
    assert line.split()[-2:] == ["2", "20"]
    shown = etl_here("show", run_id).stdout
    assert shown.startswith(f"run {run_id}: failed, started ")
    assert "2 of 5 chunks are committed" in shown
    assert shown.count("not committed") == 3
    (event,) = etl_here("runs", "--json").events
    assert (event["run_id"], event["chunks_done"], event["rows_written"]) == (run_id, 2, 20)
    (event,) = etl_here("show", run_id, "--json").events
    assert (event["state"], event["chunks_planned"], len(event["chunks"])) == ("failed", 5, 2)
    assert event["job"]["source_table"] == database.name("orders")


def test_resume(stopped: tuple[Database, str]) -> None:
    database, run_id = stopped
    done = etl_here("resume", run_id, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert (done.events[0]["resumed"], done.events[0]["chunks_done"]) == (True, 2)
    assert (done.events[-1]["rows_moved"], done.events[-1]["rows_written"]) == (30, 50)
    assert database.rows("copies") == database.rows("orders")
    again = etl_here("resume", run_id)
    assert again.stdout.splitlines()[0].endswith("was done before; nothing is left to do")
    assert database.rows("copies") == database.rows("orders")


def test_a_run_goes_on_elsewhere_where_its_cluster_is_gone(
    stopped: tuple[Database, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, run_id = stopped
    monkeypatch.setattr("etl.cluster.opening.CONNECT_TIMEOUT_SEC", 0.5)
    gone = etl_here("resume", run_id, "--executor", "dask", "--cluster", "tcp://127.0.0.1:1")
    assert gone.exit_code == 3
    assert "cannot reach the Dask scheduler at tcp://127.0.0.1:1" in gone.stderr
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(fields_of_job(database, executor="dask", cluster="tcp://127.0.0.1:1")))
    assert etl_here("run", str(file)).exit_code == 3
    done = etl_here("run", str(file), "--executor", "serial", "--json")
    assert (done.events[0]["run_id"], done.events[-1]["rows_moved"]) == (run_id, 30)
    assert database.rows("copies") == database.rows("orders")


@pytest.mark.parametrize("command", [("copy", "a", "b"), ("sweep", "run", "a:b", "c.json")])
def test_an_executor_that_there_is_not_is_told_with_those_that_there_are(command: tuple[str, ...]) -> None:
    refused = etl_here(*command, "--executor", "ray")
    assert refused.exit_code == 2
    assert all(name in refused.stderr for name in get_args(Executor))


def test_the_same_command_goes_on_and_says_so(stopped: tuple[Database, str]) -> None:
    database, run_id = stopped
    copy = ("copy", database.name("orders"), database.name("copies"))
    first = etl_here(*copy).stdout.splitlines()[0]
    assert re.fullmatch(rf"resuming unfinished run {run_id} \(append .*\): 2 of 5 chunks are committed", first)
    assert database.rows("copies") == database.rows("orders")


def test_new_run_starts_over_and_says_so(stopped: tuple[Database, str]) -> None:
    database, run_id = stopped
    copy = ("copy", database.name("orders"), database.name("copies"), "--new-run")
    first = etl_here(*copy).stdout.splitlines()[0]
    assert re.fullmatch(rf"new run (?!{run_id}){RUN_ID} \(append .*\): 1 chunks, 50 rows, .*", first)
    assert sum(database.rows("copies").values()) == 70


@pytest.mark.parametrize("command", ["resume", "show"])
def test_a_run_that_is_not_there(stopped: tuple[Database, str], command: str) -> None:
    done = etl_here(command, "beefbeef")
    assert done.exit_code == 9
    assert done.stderr.startswith("error: there is no run beefbeef in this database\n")
    assert "etl runs" in done.stderr


def test_no_runs_yet(sqlite_file: SqliteDatabase) -> None:
    make_orders(sqlite_file, 1)
    assert etl_here("runs", "--target", sqlite_file.url).stdout == "no runs yet\n"
    assert etl_here("show", "beefbeef", "--target", sqlite_file.url).exit_code == 9
    assert sqlite_file.tables() == {"orders"}


def test_the_exit_codes_of_the_help_are_those_of_the_errors() -> None:
    said = re.search(r"Exit codes: (.*)", " ".join(etl_here("--help").stdout.split()))
    assert said is not None
    codes = {int(code) for code in re.findall(r"(?:^|· )(\d+) ", said[1])}
    assert codes == {0} | {kind.exit_code for kind in all_kinds()} - {1}


def all_kinds() -> list[type[etl.EtlError]]:
    pending: list[type[etl.EtlError]] = [etl.EtlError]
    found = []
    while pending:
        kind = pending.pop()
        found.append(kind)
        pending += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == "etl.errors"]


def test_the_command_is_installed() -> None:
    assert COMMAND[0] == sys.executable
    script = Path(sys.executable).with_name("etl")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert re.findall(r"^  (\w+)  ", done.stdout, re.MULTILINE) == [
        *("copy", "run", "resume", "plan", "runs", "show", "rejects", "verify", "undo", "sandbox", "odbc", "doctor"),
        *("smoke", "sweep"),
    ]
