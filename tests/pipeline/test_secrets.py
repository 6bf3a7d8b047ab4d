"""A planted password is in nothing that a run leaves behind: output, ledger, spool, errors, logs, representations."""

from __future__ import annotations

import logging
import pickle
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

import etl
from etl.errors import EtlError
from etl.job import Job
from tests.databases import MssqlDatabase
from tests.logins import OWNER, a_login
from tests.pipeline.command import Ended, etl_process
from tests.pipeline.jobs import job, make_orders

PLANTED = f"Pl@nted; pass%41/{secrets.token_hex(4)}"
"""With all that must be escaped in a URL or in an ODBC string."""
FORMS = (PLANTED, quote(PLANTED, safe=""), PLANTED[-12:])


def assert_hidden(text: str) -> None:
    found = [form for form in FORMS if form in text]
    assert not found, f"{found} in {text:.2000}"


@pytest.fixture
def planted(server_database: MssqlDatabase) -> Iterator[str]:
    """The URL of a database whose login has the planted password."""
    with a_login(server_database, OWNER, password=PLANTED) as url:
        yield url.render_as_string(hide_password=False)


def everything_in(database: MssqlDatabase) -> str:
    """All rows of all tables, as text."""
    return "\n".join(
        str(row) for table in sorted(database.tables()) for row in database.query(f"SELECT * FROM dbo.[{table}]")
    )


def files_below(folder: Path) -> str:
    return "\n".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


def test_commands_and_what_they_leave_behind(planted: str, server_database: MssqlDatabase, tmp_path: Path) -> None:
    make_orders(server_database, 30)
    urls = {"ETL_SOURCE_URL": planted, "ETL_TARGET_URL": planted, "XDG_CACHE_HOME": str(tmp_path)}
    (tmp_path / "failing.py").write_text("def fail(frame):\n    raise ValueError(f'no: {frame.id.iloc[0]}')\n")
    elsewhere = sa.make_url(planted).set(port=9).render_as_string(hide_password=False)
    wrong = planted.replace("etl_", "nobody_", 1)
    (tmp_path / "job.yaml").write_text(
        f"source: '{planted}'\ntarget: '{planted}'\nquery: SELECT * FROM dbo.orders\ntarget_table: dbo.streamed\n"
    )

    def command(*arguments: str) -> Ended:
        return etl_process(*arguments, folder=tmp_path, **urls)

    done = command("copy", "dbo.orders", "dbo.copies", "--json")
    failed = command("copy", "dbo.orders", "dbo.failed", "--transform", "failing:fail", "--debug")
    said = [
        done,
        failed,
        command("run", "job.yaml"),
        command("copy", "dbo.orders", "dbo.copies", "--source", planted, "--target", elsewhere, "--debug"),
        command("copy", "dbo.orders", "dbo.copies", "--source", wrong),
        command("copy", "dbo.orders", "dbo.copies", "--source", planted.replace("mssql+pyodbc", "mssql+nothing")),
        command("runs"),
        command("show", done.events[0]["run_id"]),
        command("show", done.events[0]["run_id"], "--json"),
        command("verify", done.events[0]["run_id"]),
    ]
    assert [one.exit_code for one in said] == [0, 1, 0, 1, 3, 2, 0, 0, 0, 0]
    for one in said:
        assert_hidden(one.said)
    assert_hidden(everything_in(server_database))
    (tmp_path / "job.yaml").unlink()
    assert_hidden(files_below(tmp_path))


def test_objects_errors_and_logs(
    planted: str, server_database: MssqlDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    make_orders(server_database, 5)
    caplog.set_level(logging.DEBUG)
    copied: Job = job(server_database, source=planted, target=planted)
    result = etl.run(copied)
    for shown in (copied, copied.source_endpoint, copied.target_endpoint.engine, result):
        assert_hidden(repr(shown))
        assert_hidden(str(shown))
    assert_hidden(copied.model_dump_json())
    unreachable = sa.make_url(planted).set(port=9).render_as_string(hide_password=False)
    for source in (
        unreachable,
        planted.replace("etl_", "nobody_", 1),
        f"{planted}&fast_executemany=True",
        f"x{planted}",
    ):
        with pytest.raises(EtlError) as failed:
            etl.run(job(server_database, source=source, target=planted))
        assert_hidden(str(failed.value))
        assert_hidden(pickle.dumps(failed.value).decode("latin-1"))
    with pytest.raises(EtlError) as refused:
        job(server_database, source=planted, target=planted, nothing=planted)
    assert_hidden(str(refused.value))
    assert_hidden(caplog.text)
