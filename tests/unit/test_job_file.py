"""Job files that are wrong: what is said of each, in which line, and that no value of them is repeated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from etl import job, job_file
from etl.errors import JobError

SECRET = "pl4nted-s3cret"
URL = f"mssql+pyodbc://sa:{SECRET}@db.example/shop"
TABLES = "source_table: dbo.a\ntarget_table: dbo.b\n"
NOT_YAML = "this is not YAML, or not one document of it"
TOO_DEEP = "more than 8 lists and mappings inside each other"


def refusal(path: Path) -> str:
    """What is said of the file, on one line."""
    with pytest.raises(JobError) as refused:
        job.read_yaml(path)
    assert SECRET not in str(refused.value)
    return str(refused.value).replace(str(path), "job.yaml").replace("\n", " | ")


def said(folder: Path, content: str | bytes) -> str:
    """What is said of a file with that content."""
    path = folder / "job.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return refusal(path).removeprefix("the job in job.yaml is not valid: ")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("chunk_row: 5", "chunk_row is not a field of a job; did you mean chunk_rows?"),
        ("chunk-rows: 5", "chunk-rows is not a field of a job; did you mean chunk_rows?"),
        ("sorce: 5", "sorce is not a field of a job; did you mean source?"),
        ("row_shema: a:b", "row_shema is not a field of a job; did you mean schema?"),
        ("mode: apend", "mode must be append or replace; did you mean append?"),
        ("mode: delete", "mode must be append or replace"),
        ("mode:", "mode must be append or replace, and is empty"),
        ("isolation: snapshto", "isolation must be read committed or snapshot; did you mean snapshot?"),
        ("frame_dtypes: nunpy", "frame_dtypes must be numpy_nullable, pyarrow or numpy; did you mean numpy?"),
        ("workers: many", "workers must be a whole number from 1 to 256, not text"),
        ("workers: 1000", "workers must be a whole number from 1 to 256"),
        ("workers: 2.5", "workers must be a whole number from 1 to 256"),
        ("workers: .nan", "workers must be a whole number from 1 to 256"),
        ("workers: yes", "workers must be a whole number from 1 to 256, not true or false"),
        ("workers: [1]", "workers must be a whole number from 1 to 256, not a list"),
        ("chunk_attempts: 0", "chunk_attempts must be a whole number, 1 or more"),
        ("watermark_lag_sec: 99999999999999999999", "watermark_lag_sec must be a whole number from 0 to 316224000"),
        ("lineage: maybe", "lineage must be true or false, not text"),
        ("key: 2024-01-01", "key must be text, not a date: put it in quotes"),
        ("key: 12:30", "key must be text, not a number: put it in quotes"),
        ("key: no", "key must be text, not true or false: put it in quotes"),
        ("key: [a]", "key must be text, not a list"),
        ("spool_dir: 5", "spool_dir must be the path of a folder, not a number"),
        ("max_rejects: lots", "max_rejects must be a count of rows, 0 or more, or a share of them such as 0.1%"),
        ("max_rejects: 101%", "max_rejects must be a count of rows, 0 or more, or a share of them such as 0.1%"),
        ("source: {a: b}", "source must be a database URL, or env:NAME of a variable that holds one, as text, not a mapping"),
        ("column_types: {a: 5}", "column_types must be a mapping from columns to SQL types as text, e.g. {name: nvarchar(60)}"),
        ("bulk_without: fire_triggers", "bulk_without must be a list of check_constraints or fire_triggers, not text"),
        (
            "bulk_without: [fire_trigger]",
            "bulk_without must be a list of check_constraints or fire_triggers; did you mean fire_triggers?",
        ),
        (f"key: {URL}", "key is a database URL, which belongs in source or target"),
        (f"key: DRIVER=FreeTDS;PWD={SECRET}", "key is a database URL, which belongs in source or target"),
        (f"spool_dir: {URL}", "spool_dir is a database URL, which belongs in source or target"),
        (f"column_types: {{'{URL}': int}}", "column_types is a database URL, which belongs in source or target"),
        (f"column_types: {{a: '{URL}'}}", "column_types is a database URL, which belongs in source or target"),
        ('key: "a\\0b"', "key has a character that no text has: a NUL or half of a pair"),
        ('key: "\\ud83d"', "key has a character that no text has: a NUL or half of a pair"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong(tmp_path: Path, line: str, problem: str) -> None:
    assert said(tmp_path, f"{TABLES}{line}\n") == f"line 3: {problem}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"{TABLES}source_table: c\n", "job.yaml, line 3: source_table is given twice | Keep one of them."),
        (f"{TABLES}column_types:\n  a: int\n  a: text\n", "job.yaml, line 5: a is given twice | Keep one of them."),
        (f"{TABLES}key: *{SECRET}\n", "job.yaml, line 3: a value begins with * and is not in quotes | "),
        (f"{TABLES}key: !{SECRET} x\n", "job.yaml, line 3: a value begins with ! and is not in quotes | "),
        (f"{TABLES}key: !!python/object/apply:os.getcwd []\n", "job.yaml, line 3: a value begins with ! and is not in"),
        ("a: &a [*a]\n", "job.yaml, line 1: *name stands for a list or mapping | Write it out."),
        ("a: &a {b: 1}\nc: *a\n", "job.yaml, line 2: *name stands for a list or mapping | Write it out."),
        ("[" * 100_000, f"job.yaml, line 1: {TOO_DEEP}"),
        ("{a: " * 20_000, f"job.yaml, line 1: {TOO_DEEP}"),
        ("- " * 20_000, f"job.yaml, line 1: {TOO_DEEP}"),
        (f"{TABLES}key: 2024-02-30\n", "job.yaml, line 3: a value looks like a number or a date, and is none | "),
        (f"{TABLES}workers: {'9' * 5_000}\n", "job.yaml, line 3: a value looks like a number or a date, and is none | "),
        (f"{TABLES}? [a, b]\n: c\n", "job.yaml, line 3: a list or mapping stands where a name belongs | "),
        (f"source: {URL}: {SECRET}\n", f"job.yaml, line 1: {NOT_YAML} | Write name: value"),
        (f"source: '{URL}\n", f"job.yaml, line 2: {NOT_YAML} | Write name: value"),
        (f"source: %{SECRET}\n", f"job.yaml, line 1: {NOT_YAML} | Write name: value"),
        (f"{TABLES}---\n{TABLES}", f"job.yaml, line 3: {NOT_YAML} | Write name: value"),
        (f"{TABLES}\tkey: id\n", "job.yaml, line 3: a tab, which YAML does not allow here | Indent with spaces."),
        (f"{TABLES}key: a\x07b\n", "job.yaml, line 3: YAML allows no U+0007"),
        (TABLES.encode() + b"key: \xe9\n", "job.yaml, line 3: this is not UTF-8 | Save the file as UTF-8."),
        (TABLES.encode("utf-16"), "job.yaml, line 1: this is not UTF-8 | Save the file as UTF-8."),
        ("", "job.yaml holds no job | Write one field a line, e.g. source_table: dbo.orders."),
        ("# nothing yet\n", "job.yaml holds no job | "),
        ("- a\n- b\n", "job.yaml holds no job | "),
        (f"{SECRET}\n", "job.yaml holds no job | "),
        ("key: " + "x" * (1 << 18), "job.yaml is too large for a job: it has more than 256 KB"),
        (f"{URL}: 5\n{TABLES}", "line 1: a name is not a field of a job | Its fields: source, target, "),
        ("", "job.yaml holds no job"),
        ("query: SELECT 1\n", "target_table is missing"),
        (f"{TABLES}schema: a:b\nrow_schema: c:d\n", "line 4: row_schema and schema are one field; give one of them"),
        (f"{TABLES}query: SELECT 1\n", "give either source_table or query"),
        (f"mode: up\nworker: 2\n{TABLES}", "line 1: mode must be append or replace; line 2: worker is not a field of"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong(tmp_path: Path, content: str | bytes, problem: str) -> None:
    assert said(tmp_path, content).startswith(problem)


def test_at_most_five_problems_are_told_at_once(tmp_path: Path) -> None:
    told = said(tmp_path, TABLES + "".join(f"x{number}: 1\n" for number in range(9)))
    assert told.count("is not a field of a job") == 5
    assert "; and 4 more | Its fields: " in told


def test_what_yaml_takes_for_other_things_than_text_can_name_a_column(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(f"{TABLES}column_types: {{no: int, 1: bit, 2024-01-01: date}}\n")
    assert job.read_yaml(tmp_path / "job.yaml").column_types == {"no": "int", "1": "bit", "2024-01-01": "date"}


def test_plain_text_can_be_repeated_by_an_alias_and_a_byte_order_mark_is_none_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("\ufeffsource_table: &name dbo.a\ntarget_table: *name\n", encoding="utf-8")
    found = job_file.read(tmp_path / "job.yaml")
    assert (found.fields, found.lines) == (
        {"source_table": "dbo.a", "target_table": "dbo.a"},
        {"source_table": 1, "target_table": 2},
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(TABLES)
    assert refusal(tmp_path / "order.yaml") == "there is no job file job.yaml; did you mean orders.yaml?"
    assert refusal(tmp_path / "no" / "x.yaml") == "there is no job file job.yaml"
    assert refusal(tmp_path) == "job.yaml is a folder, not a job file | It has orders.yaml."
    assert refusal(Path("/dev/zero")) == "job.yaml is too large for a job: it has more than 256 KB"
    assert refusal(tmp_path / "orders.yaml" / "x") == "cannot read the job file job.yaml: Not a directory"
    assert refusal(tmp_path / ("x" * 300)).endswith("File name too long")
    assert refusal(Path(URL)).startswith("a database URL stands where the name of the job file belongs | ")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything, where the tests run as root."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(TABLES)
    (tmp_path / "job.yaml").chmod(0)
    with as_nobody():
        assert refusal(tmp_path / "job.yaml") == "cannot read the job file job.yaml: Permission denied"
