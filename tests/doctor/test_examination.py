"""A way on which nothing is missing: what is said of it, for people and for machines; and that nothing is left behind."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from etl.sandbox import serve
from etl.sandbox.faults import BULK_ROWS, Disconnect, Faults, Moment
from tests.databases import MssqlDatabase
from tests.doctor.conftest import MakeLogin
from tests.doctor.examination import doctor, doctor_process
from tests.pipeline.command import etl_here

CATALOG = (
    "SELECT name, type FROM sys.objects",
    "SELECT name, user_type_id FROM sys.types",
    "SELECT name, type FROM sys.database_principals",
    "SELECT name, 0 FROM sys.schemas",
)


def catalog(database: MssqlDatabase) -> list[object]:
    return [sorted(map(str, database.query(query))) for query in CATALOG]


def test_all_is_well_but_for_the_certificate(server_database: MssqlDatabase) -> None:
    server_database.make("orders", {"id": "int"})
    before = catalog(server_database)
    found = doctor(server_database.url)
    assert found.ended.exit_code == 0
    assert {step: status for step, status in found.statuses.items() if status != "ok"} == {
        "certificate": "warn",
        "reading speed": "skipped",
        "writing speed": "skipped",
    }
    assert found.steps["tds version"]["found"] == "TDS 7.4"
    assert found.steps["read"]["found"] == "the whole database (1 tables)"
    assert found.steps["long text"]["found"] == "1,000,000 characters arrived and came back"
    assert re.match(r"SQL Server \d+\.\d+\.\d+", found.steps["server"]["found"])
    assert catalog(server_database) == before


def test_people_get_a_line_a_step_within_100_columns(server_database: MssqlDatabase) -> None:
    ended = etl_here("doctor", server_database.url, "--probe-sec", "0.2")
    assert ended.exit_code == 0, ended.said
    lines = ended.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert any(re.fullmatch(r"ok      tds version   TDS 7\.4", line) for line in lines)
    (position,) = [number for number, line in enumerate(lines) if line.startswith("warn    certificate")]
    below = "\n".join(lines[position + 1 : position + 8])
    assert "                      · Fix: Add ca_file=PATH" in below
    for measured in ("reading speed", "writing speed"):
        assert re.search(
            rf"^ok      {measured} [\d,]+ rows/s (read|written); (client|server|network) bound", ended.stdout, re.M
        )
    assert lines[-1] == "26 ok, 1 warn."


def test_the_bugs_of_the_installed_freetds_are_told(server_database: MssqlDatabase) -> None:
    step = doctor(server_database.url).steps["freetds"]
    assert re.match(r"FreeTDS \d+\.\d+\.\d+; \d known bugs apply, each worked around", step["found"])
    assert any("dates before 1600" in bug for bug in step["details"])


def test_the_url_comes_from_the_target_then_from_the_source(server_database: MssqlDatabase, tmp_path: Path) -> None:
    url = server_database.url
    target = doctor(ETL_TARGET_URL=url, ETL_SOURCE_URL="mssql+pyodbc://nobody:x@127.0.0.1:1/nowhere")
    assert target.ended.exit_code == 0
    assert target.statuses["insert"] == "ok"
    source = doctor(ETL_SOURCE_URL=url)
    assert source.ended.exit_code == 0
    for step in ("create", "insert", "bulk copy", "writing speed"):
        assert (source.statuses[step], source.steps[step]["found"]) == ("skipped", "a source is only read")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no URL was given"),
        (("env:NO_SUCH_VARIABLE",), "the environment variable NO_SUCH_VARIABLE is not set"),
        (("postgresql://user@host/db",), "postgresql is not supported"),
        (("sqlite:///data.db",), "is an SQLite file"),
        (("mssql+pyodbc://sa:x@127.0.0.1:99999/db",), "99999 is no port"),
        (("mssql+pyodbc://sa:p@ss@127.0.0.1/db",), "more than one @"),
        (("mssql+pyodbc://sa:x@127.0.0.1/db?Encrpyt=yes",), "did you mean Encrypt?"),
    ],
)
def test_a_url_that_leads_to_no_server_is_told_after_what_is_on_this_machine(
    arguments: tuple[str, ...], said: str
) -> None:
    found = doctor(*arguments)
    assert found.ended.exit_code == 2
    assert found.failed == ["url"]
    assert said in found.text("url")
    assert found.statuses["packages"] == found.statuses["unixodbc"] == "ok"
    assert found.steps["writing speed"]["found"] == "the step `url` failed"


def test_an_odbc_connection_string(server_database: MssqlDatabase) -> None:
    url = sa.make_url(server_database.url)
    string = f"DRIVER=FreeTDS;SERVER={url.host};PORT={url.port};UID={url.username};PWD={url.password};DATABASE={url.database}"
    found = doctor(f"mssql+pyodbc:///?odbc_connect={quote(string, safe='')}")
    assert found.failed == []
    assert found.steps["port"]["found"].endswith("ms")
    assert str(url.password) not in found.ended.said


def test_a_data_source_leaves_the_network_to_the_driver(server_database: MssqlDatabase, tmp_path: Path) -> None:
    url = sa.make_url(server_database.url)
    (tmp_path / "odbc.ini").write_text(
        f"[sales]\nDriver = FreeTDS\nServer = {url.host}\nPort = {url.port or 1433}\nDatabase = {url.database}\n"
        "TDS_Version = 7.4\nClientCharset = UTF-8\n"
    )
    source = sa.URL.create("mssql+pyodbc", url.username, url.password, "sales")
    found = doctor_process(source.render_as_string(hide_password=False), ODBCINI=str(tmp_path / "odbc.ini"))
    assert found.failed == []
    assert "only the driver knows host and port" in found.steps["port"]["found"]
    assert found.steps["database"]["found"] == f"{url.database}, read-write"


def test_no_secret_is_in_any_output(login_with: MakeLogin) -> None:
    planted = f"Pl@nted; pass%41/{secrets.token_hex(4)}"
    url = login_with("ALTER ROLE db_owner ADD MEMBER {user}", password=planted)
    elsewhere = sa.make_url(url)
    wrong = [
        elsewhere.set(port=1),
        elsewhere.set(database="nowhere"),
        elsewhere.set(username="nobody"),
        elsewhere.set(host="no-such-host.invalid"),
        elsewhere.update_query_dict({"driver": "Nope"}),
    ]
    urls = [url, *(other.render_as_string(hide_password=False) for other in wrong)]
    # A password that is not encoded: its rest becomes the host.
    urls.append(f"mssql+pyodbc://sa:{planted}@127.0.0.1/master")
    said = ""
    for one in urls:
        for form in ((), ("--json",)):
            said += etl_here("doctor", one, "--probe-sec", "0", *form).said
    assert "took the login" in said
    assert "refused" in said
    for form_ in (planted, quote(planted, safe=""), planted[-12:], "nted; pass"):
        assert form_ not in said, form_


def test_nothing_is_left_behind_after_a_failing_step(server_database: MssqlDatabase, login_with: MakeLogin) -> None:
    url = login_with("GRANT CREATE TABLE TO {user}", "GRANT ALTER ON SCHEMA::dbo TO {user}", "DENY INSERT TO {user}")
    before = catalog(server_database)
    found = doctor(url)
    assert found.statuses["create"] == "ok"
    assert found.failed == ["insert", "bulk copy"]
    assert "GRANT SELECT, INSERT" in found.steps["bulk copy"]["fix"]
    assert found.ended.exit_code == 6
    assert catalog(server_database) == before


@pytest.mark.parametrize(
    ("at", "failed"),
    [
        (BULK_ROWS, ["bulk copy"]),
        (r"INSERT INTO \[?etl_doctor", ["insert"]),
        ("CREATE TABLE", ["create", "insert", "bulk copy"]),
    ],
)
def test_nothing_is_left_behind_where_the_link_breaks(at: str, failed: list[str]) -> None:
    with serve(faults=Faults(Disconnect(at=at, times=None, moment=Moment.AFTER))) as server:
        watching = MssqlDatabase(server.url())
        with watching.connection:
            before = catalog(watching)
            found = doctor(server.url())
            assert found.failed == failed
            assert found.ended.exit_code == 3
            assert catalog(watching) == before
