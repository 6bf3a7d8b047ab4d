"""Servers on which something is missing: the right step says what, what that means and what to do; nothing is left behind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from etl.sandbox import serve
from etl.sandbox.faults import BULK_ROWS, Fail, Faults
from tests.databases import MssqlDatabase
from tests.logins import OWNER, a_login
from tests.pipeline.command import etl_here
from tests.smoke.smoking import catalog, smoke
from tests.told_steps import ToldSteps

READ_ONLY = "ALTER ROLE db_datareader ADD MEMBER {user}"


@pytest.fixture
def untouched(server_database: MssqlDatabase) -> Iterator[MssqlDatabase]:
    """A database that is to be at the end what it was before."""
    before = catalog(server_database)
    yield server_database
    assert catalog(server_database) == before


def smoke_as(database: MssqlDatabase, *grants: str) -> tuple[ToldSteps, str]:
    """Run it with a login that has these rights alone; gives the login's quoted name too."""
    before = catalog(database)
    with a_login(database, *grants) as url:
        found = smoke(url.render_as_string(hide_password=False))
        assert str(url.password) not in found.ended.said
    assert catalog(database) == before
    return found, f"[{url.username}]"


def test_a_read_only_login(server_database: MssqlDatabase) -> None:
    found, user = smoke_as(server_database, READ_ONLY)
    assert found.failed == ["schema"]
    assert found.ended.exit_code == 6
    assert "CREATE SCHEMA permission denied in database" in found.text("schema")
    assert "(error 262)" in found.text("schema")
    assert "Nothing was made on the server. The login is read-only" in found.text("schema")
    assert found.steps["schema"]["fix"] == (
        f"GRANT CREATE SCHEMA TO {user}; GRANT CREATE TABLE TO {user}; GRANT ALTER ON SCHEMA::[dbo] TO {user}; "
        f"GRANT INSERT ON SCHEMA::[dbo] TO {user}; GRANT UPDATE ON SCHEMA::[dbo] TO {user}; "
        f"GRANT DELETE ON SCHEMA::[dbo] TO {user}"
    )
    assert "cleanup" not in found.steps
    assert {found.statuses[step] for step in ("samples", "resumed", "ledger")} == {"skipped"}


def test_a_right_to_make_schemas_is_missing(server_database: MssqlDatabase) -> None:
    found, user = smoke_as(server_database, OWNER, "DENY CREATE SCHEMA TO {user}")
    assert found.failed == ["schema"]
    assert found.ended.exit_code == 6
    assert "(error 262)" in found.text("schema")
    assert found.steps["schema"]["fix"] == f"GRANT CREATE SCHEMA TO {user}"


def test_a_right_to_make_tables_is_missing(server_database: MssqlDatabase) -> None:
    found, user = smoke_as(server_database, OWNER, "DENY CREATE TABLE TO {user}")
    assert found.failed == ["samples"]
    assert found.ended.exit_code == 6
    assert "CREATE TABLE permission denied" in found.text("samples")
    assert found.steps["samples"]["fix"] == f"GRANT CREATE TABLE TO {user}"
    assert found.statuses["cleanup"] == "ok"


def test_the_ledger_may_not_be_made_in_the_default_schema(server_database: MssqlDatabase) -> None:
    found, user = smoke_as(
        server_database, "GRANT CREATE SCHEMA TO {user}", "GRANT CREATE TABLE TO {user}", "GRANT SELECT TO {user}"
    )
    assert found.failed == ["worker killed"]
    assert found.ended.exit_code == 6
    assert "making the ledger tables" in found.text("worker killed")
    assert "(error 2760)" in found.text("worker killed")
    assert f"GRANT ALTER ON SCHEMA::[dbo] TO {user}" in found.steps["worker killed"]["fix"]
    assert found.statuses["cleanup"] == "ok"


def test_another_collation_than_is_asked_for(untouched: MssqlDatabase) -> None:
    found = smoke(untouched.url, "--collation", "Polish_100_CI_AS_SC_UTF8")
    assert found.failed == ["collation"]
    assert found.ended.exit_code == 4
    assert found.steps["collation"]["found"] == (
        "the database's collation is SQL_Latin1_General_CP1_CI_AS, not Polish_100_CI_AS_SC_UTF8"
    )


def test_a_collation_whose_code_page_lacks_letters_that_are_needed(untouched: MssqlDatabase) -> None:
    found = smoke(
        untouched.url, "--text", "Größe", "--text", "日本 price", "--collation", "sql_latin1_general_cp1_ci_as"
    )
    assert found.failed == ["texts"]
    assert found.ended.exit_code == 4
    assert found.steps["texts"]["found"] == (
        "column varchar_1600 (varchar(1600)), under the database's collation SQL_Latin1_General_CP1_CI_AS, does not hold "
        "'日本 price': '日' has become '?', '本' has become '?'"
    )
    assert "nvarchar" in found.steps["texts"]["fix"]


@pytest.mark.parametrize(
    ("url", "exit_code", "said"),
    [
        ("sqlite:///data.db", 2, "is an SQLite file"),
        ("env:NO_SUCH_VARIABLE", 2, "NO_SUCH_VARIABLE is not set"),
        ("mssql+pyodbc://sa:planted@127.0.0.1:1/db", 3, "cannot connect to 127.0.0.1:1/db"),
    ],
)
def test_a_url_that_leads_to_no_server(url: str, exit_code: int, said: str) -> None:
    found = smoke(url)
    assert (found.failed, found.ended.exit_code) == (["server"], exit_code)
    assert said in found.text("server")
    assert "planted" not in found.ended.said


def test_a_wrong_password(server_database: MssqlDatabase) -> None:
    planted = f"Pl@nted; {secrets.token_hex(4)}"
    url = sa.make_url(server_database.url).set(password=planted).render_as_string(hide_password=False)
    found = smoke(url)
    assert (found.failed, found.ended.exit_code) == (["server"], 3)
    assert "the server refused the login" in found.text("server")
    assert planted not in found.ended.said


def test_a_text_too_long_to_be_tried_is_told(server_database: MssqlDatabase) -> None:
    found = smoke(server_database.url, "--text", "x" * 401)
    assert (found.failed, found.ended.exit_code) == (["server"], 2)
    assert "--text takes 400" in found.text("server")


def test_a_database_that_fills_up_in_the_middle() -> None:
    faults = Faults()
    with serve(faults=faults) as server:
        database = MssqlDatabase(server.url())
        with database.connection:
            before = catalog(database)
            faults.add(Fail(at=BULK_ROWS, nth=2, number=1105))
            found = smoke(server.url())
            assert (found.failed, found.ended.exit_code) == (["worker killed"], 6)
            assert "because the 'PRIMARY' filegroup is full" in found.text("worker killed")
            assert "of 4 chunks" in found.steps["worker killed"]["meaning"]
            assert "The database has no room" in found.steps["worker killed"]["meaning"]
            assert found.statuses["cleanup"] == "ok"
            faults.add(Fail(at="CREATE SCHEMA", number=9002))
            log_full = etl_here("smoke", "--url", server.url())
            assert log_full.exit_code == 6
            assert "The transaction log is full" in log_full.stdout
            assert "Nothing was made on the server." in log_full.stdout
            assert "cleanup" not in log_full.stdout
            assert catalog(database) == before


def test_a_url_in_the_wrong_place_is_not_repeated() -> None:
    for option in ("--collation", "--text"):
        ended = etl_here("smoke", option, "mssql+pyodbc://sa:planted@127.0.0.1/db")
        assert ended.exit_code == 2
        assert "a database URL stands where a collation or a text belongs" in ended.stderr
        assert "planted" not in ended.said
