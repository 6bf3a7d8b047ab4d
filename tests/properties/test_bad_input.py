"""Whatever stands in a job file or on a command line, it ends in a message of a line or two: no traceback, and no password."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from etl import job
from etl.errors import EtlError, JobError
from etl.job import Job
from tests.pipeline.command import Ended, etl_here, etl_process

MANY = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SECRET = "pl4nted-s3cret"
EXIT_CODES = {0, 2, 3, 4, 5, 6, 7, 8, 9, 10}
FOREIGN = ("Traceback", "pydantic.dev", "Input should", "<unicode string>", "<byte string>", "YAMLError")
"""What only a message that was not made for a user has in it."""
MAX_LINES = 4
"""Of a message, with its state and advice, or of a wrong usage."""

FIELDS = [field.alias or name for name, field in Job.model_fields.items()]
WITH_SECRET = st.sampled_from(
    [
        f"mssql+pyodbc://sa:{SECRET}@127.0.0.1:9/db",
        f"mssql+pyodbc://sa:{SECRET}@127.0.0.1:port/db",
        f"mssql+pyodbc://sa:p ss{SECRET}@127.0.0.1:9/db",
        f"mssql+pyodbc://127.0.0.1:9/db?pwd={SECRET}",
        f"mssql+pyodbc://sa:p@{SECRET}@127.0.0.1:9/db",
        f"mssql+pyodbc://sa:p@ ss/{SECRET}@127.0.0.1:9/db",
        f"postgresql://sa:{SECRET}@127.0.0.1/db",
        f"DRIVER=FreeTDS;SERVER=127.0.0.1;PORT=9;UID=sa;PWD={SECRET}",
        f" Password = {SECRET};SERVER=127.0.0.1;PORT=9",
    ]
)


def slip(name: str, place: int, how: str) -> str:
    """A name with a slip of the pen in it."""
    place %= len(name) - 1
    first, second = name[place], name[place + 1]
    changed = {"lost": second, "twice": f"{first}{first}{second}", "swapped": f"{second}{first}", "else": f"x{second}"}
    return f"{name[:place]}{changed[how]}{name[place + 2 :]}"


SLIPS = st.builds(
    slip, st.sampled_from(FIELDS), st.integers(0, 20), st.sampled_from(["lost", "twice", "swapped", "else"])
)
SCALARS = st.one_of(
    WITH_SECRET,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=5),
    st.text(max_size=20),
    st.sampled_from(["append", "apend", "dbo.a", "[a", "a:b", "5", "10%", "env:ETL_NOWHERE", "snapshot", "sqlite://"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | WITH_SECRET, inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(FIELDS) | SLIPS | st.text(max_size=8) | WITH_SECRET | st.integers() | st.dates()
TABLES = {"source_table": "dbo.a", "target_table": "dbo.b"}
JOBS = st.builds(
    lambda base, more: {**base, **more}, st.sampled_from([TABLES, {}]), st.dictionaries(NAMES, VALUES, max_size=3)
)


@st.composite
def job_texts(draw: st.DrawFn) -> str:
    """A job as YAML writes it, sometimes damaged."""
    text: str = yaml.safe_dump(draw(JOBS), allow_unicode=draw(st.booleans()), sort_keys=False)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        mark = st.sampled_from([*list(":#*&!%[]{}'\"-\n\t|>?@`,\0\ufeff"), "\n---\n", ": ", "<<: ", "*a ", "&a "])
        text = text[:place] + draw(mark) + text[place + draw(st.integers(0, 3)) :]
    return text


def check(ended: Ended) -> None:
    """What every end of a command has to be."""
    assert ended.exit_code in EXIT_CODES, ended
    assert SECRET not in ended.said
    assert not [foreign for foreign in FOREIGN if foreign in ended.said], ended.said
    if ended.exit_code:
        said = ended.stderr.splitlines() or ended.stdout.splitlines()
        assert 1 <= len(said) <= MAX_LINES, ended.said


def run(arguments: list[str]) -> Ended:
    """Run a command here. With --debug an error of ours comes as a traceback, which hides as much."""
    try:
        return etl_here(*arguments)
    except EtlError as error:
        failed = error
    assert "--debug" in arguments
    assert SECRET not in shown(failed)
    return Ended(failed.exit_code, "", failed.message)


def shown(error: BaseException) -> str:
    """All that Python prints of it, the errors below it too."""
    return "".join(traceback.format_exception(error))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@MANY
@given(text=job_texts(), option=st.sampled_from([[], ["--json"], ["--debug"]]))
@example(text=f"source: mssql+pyodbc://sa:{SECRET}@h/d: x\n", option=["--debug"])
def test_a_job_file_ends_in_a_message(folder: Path, text: str, option: list[str]) -> None:
    (folder / "job.yaml").write_text(text, encoding="utf-8", newline="")
    check(run(["run", "job.yaml", *option]))


@MANY
@given(st.binary(max_size=60) | st.text("ab:-[]{}#*&!|>'\"%@`,?\n\t 01\ufeff", max_size=60).map(str.encode))
def test_any_bytes_are_a_job_or_are_refused(folder: Path, content: bytes) -> None:
    (folder / "job.yaml").write_bytes(content)
    with pytest.raises(JobError) as refused:
        job.read_yaml(folder / "job.yaml")
    assert str(refused.value).count("\n") <= 1


@MANY
@given(fields=JOBS)
def test_fields_from_python_make_a_job_or_are_refused(fields: dict[Any, Any]) -> None:
    given = {str(name): value for name, value in fields.items()}
    try:
        made = job.make(**given)
    except JobError as error:
        refused = error
    else:
        assert SECRET not in f"{made!r} {made.model_dump()} {made.model_dump_json()}"
        return
    assert SECRET not in shown(refused)
    assert not [foreign for foreign in FOREIGN if foreign in str(refused)]


@MANY
@given(name=SLIPS)
def test_a_slip_in_a_fields_name_is_answered_with_a_field(name: str) -> None:
    if name in {*FIELDS, *Job.model_fields}:
        return
    with pytest.raises(JobError) as refused:
        job.make(**TABLES, **{name: "x"})
    meant = refused.value.message.removeprefix(f"the job is not valid: {name} is not a field of a job; did you mean ")
    assert meant.removesuffix("?") in FIELDS


COMMANDS = ["copy", "run", "resume", "runs", "show", "rejects", "verify", "undo"]
"""Those that do nothing without a database; the others have arguments that make them serve or write."""
OPTIONS = [
    *("--source", "--target", "--mode", "--transform", "--key", "--chunk-rows", "--workers"),
    *("--new-run", "--json", "--debug", "--sorce", "--nope", "-x", "--"),
]
WORDS = st.one_of(
    st.sampled_from(COMMANDS + OPTIONS),
    st.sampled_from(
        ["a", "dbo.a", "[a", "0", "-1", "9" * 40, "1e9", "append", "apend", "a:b", "etl:nope", "nowhere.yaml"]
    ),
    st.sampled_from(["sqlite:///none.db", "sqlite://", "env:", "env:ETL_NOWHERE", ".", "/dev/null", "", " "]),
    WITH_SECRET,
    st.text(st.characters(exclude_characters="\0"), max_size=6),
)
LINES = st.one_of(
    st.builds(lambda command, words: [command, *words], st.sampled_from(COMMANDS), st.lists(WORDS, max_size=5)),
    st.builds(lambda words: ["copy", "a", "b", *words], st.lists(WORDS, max_size=4)),
    st.lists(WORDS, min_size=1, max_size=4),
    st.builds(lambda option, value: ["copy", "a", "b", f"{option}={value}"], st.sampled_from(OPTIONS), WORDS),
)


@MANY
@given(arguments=LINES)
def test_a_command_line_ends_in_a_message(arguments: list[str]) -> None:
    check(run(arguments))


URL_WORDS = """
mssql+pyodbc sqlite :// : / @ ? & = ; % %zz [ ] { } \\ 127.0.0.1 9 db sa driver FreeTDS PWD odbc_connect Encrypt yes
ca_file € 😀
"""
URL_PARTS = st.lists(st.sampled_from(URL_WORDS.split()), max_size=12).map("".join)
URLS = st.one_of(
    URL_PARTS,
    st.builds("mssql+pyodbc://{}:{}@127.0.0.1:9/{}".format, URL_PARTS, URL_PARTS, URL_PARTS),
    st.builds("mssql+pyodbc://sa:x@127.0.0.1:9/db?{}={}".format, URL_PARTS, URL_PARTS),
    st.builds("SERVER=127.0.0.1;PORT=9;{}={}".format, URL_PARTS, URL_PARTS),
    WITH_SECRET,
)


@MANY
@given(url=URLS, side=st.sampled_from(["--source", "--target"]))
def test_a_url_ends_in_a_message(url: str, side: str) -> None:
    check(run(["copy", "a", "b", "--source", "sqlite:///none.db", "--target", "sqlite:///none.db", f"{side}={url}"]))


# In a process of its own, with nothing of a test around it


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "job.yaml", "--debug"],
        ["run", f"mssql+pyodbc://sa:{SECRET}@h/d"],
        ["copy", f"mssql+pyodbc://sa:{SECRET}@h/d", "a", "b"],
        ["copy", "a", "b", f"--sorce=mssql+pyodbc://sa:{SECRET}@h/d"],
        ["copy", "a\udcff", "b"],
        [f"mssql+pyodbc://sa:{SECRET}@h/d"],
        ["sandbox", "--certificate", f"mssql+pyodbc://sa:{SECRET}@h/d"],
    ],
)
def test_the_command_itself(folder: Path, arguments: list[str]) -> None:
    (folder / "job.yaml").write_text(f"source: mssql+pyodbc://sa:{SECRET}@h/d: x\n")
    done = etl_process(*arguments, folder=folder)
    assert SECRET not in done.said
    if "--debug" in arguments:
        assert done.stderr.splitlines()[-2].startswith("etl.errors.JobError: job.yaml, line 1: this is not YAML")
    else:
        assert done.exit_code == 2
        check(done)
