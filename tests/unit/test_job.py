"""Jobs: what makes two of them the same, and what they never show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from etl import job
from etl.errors import JobError
from etl.references import is_redacted, redact

PASSWORD = "pl4nted-s3cret"
URL = f"mssql+pyodbc://sa:{PASSWORD}@db.example:1433/shop"
FIELDS: dict[str, Any] = {"source": URL, "target": URL, "source_table": "dbo.a", "target_table": "dbo.b"}


@pytest.mark.parametrize(
    "how", [{"workers": 3}, {"chunk_rows": 7}, {"executor": "serial"}, {"spool_dir": "/x"},
            {"source": URL.replace(PASSWORD, "other")}, {"target": URL.replace("sa:", "etl:")}]
)  # fmt: skip
def test_how_a_job_runs_is_no_part_of_its_identity(how: dict[str, Any]) -> None:
    assert job.make(**FIELDS | how).hash() == job.make(**FIELDS).hash()


@pytest.mark.parametrize(
    "what", [{"source_table": "dbo.c"}, {"target_table": "dbo.c"}, {"mode": "replace"}, {"key": "id"},
             {"transform": "a:b"}, {"frame_dtypes": "pyarrow"}, {"column_types": {"a": "int"}},
             {"source": URL.replace("shop", "other")}, {"target": URL.replace("1433", "1434")}]
)  # fmt: skip
def test_what_a_job_copies_is_its_identity(what: dict[str, Any]) -> None:
    assert job.make(**FIELDS | what).hash() != job.make(**FIELDS).hash()


SECRETS = [
    URL,
    f"mssql+pyodbc://db.example/shop?UID=sa&PWD={PASSWORD}",
    f"mssql+pyodbc:///?odbc_connect=DRIVER%3DFreeTDS%3BSERVER%3Ddb%3BPWD%3D{PASSWORD}",
    f"mssql+pyodbc://db.example/shop?password={PASSWORD}",
    f"mssql+pyodbc://sa:{PASSWORD}@host:port/db",
    f"not a url {PASSWORD}",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_password_is_never_shown(url: str) -> None:
    made = job.make(**FIELDS | {"source": url, "target": url})
    for shown in (repr(made), str(made), made.model_dump_json(), str(made.model_dump()), redact(url)):
        assert PASSWORD not in shown


@pytest.mark.parametrize("url", SECRETS[:3])
def test_a_url_that_lost_its_password_is_known_as_such(url: str) -> None:
    assert is_redacted(redact(url))
    assert not is_redacted(url)
    assert PASSWORD not in repr(job.make(**FIELDS | {"source": url}).source_endpoint)


def test_a_variable_and_a_file_stay_as_they_are() -> None:
    for reference in ("env:MY_URL", "sqlite:///file.db"):
        assert redact(reference) == reference
        assert not is_redacted(reference)


def test_an_error_of_a_job_shows_no_value() -> None:
    with pytest.raises(JobError) as error:
        job.make(**FIELDS | {"source": {"url": PASSWORD}, "workers": PASSWORD})
    assert PASSWORD not in str(error.value)
    assert "source must be a database URL" in error.value.message
    assert "workers must be a whole number from 1 to 256, not text" in error.value.message


def test_a_job_from_yaml_is_the_job(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("source_table: a\ntarget_table: b\ncolumn_types: {name: nvarchar(60)}\n")
    made = job.read_yaml(tmp_path / "job.yaml")
    assert made == job.make(
        source_table="a", target_table="b", column_types={"name": "nvarchar(60)"}, workers=made.workers
    )
    assert (made.source, made.target, made.mode, made.chunk_rows) == (
        "env:ETL_SOURCE_URL", "env:ETL_TARGET_URL", "append", 50_000)  # fmt: skip
