"""The engine: logins, databases, keeping data, and what a client's SQL cannot reach."""

from __future__ import annotations

import datetime as dt
import signal
import stat
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from etl.sandbox.cluster import OWNER, OtherVersionError
from etl.sandbox.engine import PostgresEngine
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import EngineError, Link
from tests.sandbox.conftest import LOGIN
from tests.sandbox.tsql import Session


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that every user can reach: as root the server runs as another user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.parametrize(
    ("user", "password", "database", "number"),
    [("sa", "wrong", "", 18456), ("nobody", LOGIN[1], "", 18456), (*LOGIN, "nowhere", 4060)],
)
def test_a_wrong_login_is_refused(
    postgres: PostgresEngine, user: str, password: str, database: str, number: int
) -> None:
    with pytest.raises(SqlServerError) as refused:
        postgres.login(user, password, database)
    assert refused.value.number == number


def test_a_password_is_not_shown(postgres: PostgresEngine) -> None:
    assert LOGIN[1] not in repr(postgres)


def test_databases(session: Session) -> None:
    names = {row[0] for row in session.rows("SELECT name FROM sys.databases")}
    assert {"master", "tempdb", "sandbox"} <= names
    name = f"extra{uuid.uuid4().hex[:8]}"
    session.run(f"CREATE DATABASE {name}; CREATE TABLE here (a int)")
    answer = session.run(f"USE {name}; SELECT DB_NAME(); CREATE TABLE there (a int); INSERT INTO there VALUES (1)")
    assert answer.rows == [(name,)]
    assert session.error("SELECT * FROM here").number == 208
    session.run("USE master")
    assert session.rows(f"SELECT * FROM {name}.dbo.there") == [(1,)]
    assert session.rows(f"SELECT name FROM {name}.sys.tables") == [("there",)]
    session.run(f"DROP DATABASE {name}; DROP DATABASE IF EXISTS {name}")
    assert session.error(f"DROP DATABASE {name}").number == 3701
    assert session.error("DROP DATABASE master").number == 3708


def test_load_fills_a_table_of_any_types(session: Session, postgres: PostgresEngine) -> None:
    session.run(
        """CREATE TABLE wide (id int IDENTITY, b bit, t tinyint, i bigint, f float, r real,
        d decimal(20,4), m money, n nvarchar(20), v varchar(max),
        c char(3), x varbinary(10),
        y binary(4), da date, ti time(3), dt datetime, d2 datetime2(6),
        o datetimeoffset(3), g uniqueidentifier)"""
    )
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, 123000)
    zone = dt.timezone(dt.timedelta(hours=-8))
    guid = uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")
    full = (
        True,
        255,
        2**62,
        0.1,
        0.5,
        Decimal("1.2345"),
        Decimal("2.5000"),
        "tab\t\\ 😀\n",
        "",
        "ab ",
        b"\0\xff",
        b"\1\0\0\0",
        dt.date(1, 1, 1),
        dt.time(1, 2, 3, 4000),
        moment,
        moment,
        moment.replace(tzinfo=zone),
        guid,
    )
    database = session.interpreter.database
    assert postgres.load(database, "dbo", "wide", [full, (None,) * len(full)]) == 2
    assert session.rows("SELECT * FROM wide ORDER BY id") == [(1, *full), (2, *(None,) * len(full))]
    with pytest.raises(SqlServerError, match="2628"):
        postgres.load(database, "dbo", "wide", [(*full[:7], "n" * 21, *full[8:])])
    with pytest.raises(SqlServerError, match="208"):
        postgres.load(database, "dbo", "nowhere", [])


def test_data_is_kept_in_a_folder(data: Path) -> None:
    with PostgresEngine(data, *LOGIN, "kept") as engine:
        Session(engine.login(*LOGIN, "")).run(
            "CREATE TABLE t (id int IDENTITY PRIMARY KEY, n nvarchar(9)); INSERT INTO t (n) VALUES (N'é')"
        )
    with PostgresEngine(data, *LOGIN, "kept") as engine:
        session = Session(engine.login(*LOGIN, ""))
        session.run("INSERT INTO t (n) VALUES ('b')")
        assert session.rows("SELECT * FROM t ORDER BY id") == [(1, "é"), (2, "b")]


KILLED = """
import sys
from pathlib import Path
from etl.sandbox.engine import PostgresEngine
from etl.sandbox.outcomes import Parameterized
with PostgresEngine(Path(sys.argv[1]), "sa", "pw", "kept") as engine:
    session = engine.login("sa", "pw", "")
    list(session.run(Parameterized("CREATE TABLE t (a int); INSERT INTO t VALUES (1); BEGIN TRAN; INSERT INTO t VALUES (2)")))
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_folder_of_another_version_is_refused(data: Path) -> None:
    with PostgresEngine(data, *LOGIN, "kept") as engine, psycopg.connect(engine.cluster.conninfo(OWNER)) as connection:
        connection.execute("COMMENT ON SCHEMA sandbox IS 'the catalog of another version'")
    with pytest.raises(OtherVersionError, match="made by another version"), PostgresEngine(data, *LOGIN, "kept"):
        pass


def test_what_was_committed_survives_a_kill(data: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    with PostgresEngine(data, "sa", "pw", "kept") as engine:
        assert Session(engine.login("sa", "pw", "")).rows("SELECT a FROM t") == [(1,)]


def test_only_its_user_can_enter_the_socket(postgres: PostgresEngine) -> None:
    folder = postgres._cluster.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700


def test_a_stopped_engine_leaves_nothing(data: Path) -> None:
    with PostgresEngine(None, *LOGIN, "x") as engine:
        folder = engine._cluster.folder
        assert folder.exists()
    assert not folder.exists()
    assert list(data.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT * FROM pg_catalog.pg_authid",
        "SELECT * FROM sandbox.databases",
        "SELECT 1; SET ROLE sandbox_owner",
        "CREATE EXTENSION dblink",
        'SELECT * FROM dbo.[t"; DROP TABLE x; --]',
        "SELECT query_to_xml('select 1', true, true, '')",
        "EXEC xp_cmdshell 'id'",
        "BULK INSERT t FROM '/etc/passwd'",
        "SELECT * FROM OPENROWSET(BULK '/etc/passwd', SINGLE_CLOB) AS x",
    ],
)
def test_a_clients_sql_reaches_no_file_program_or_catalog(shared: Session, text: str) -> None:
    assert shared.batch(text).errors


def test_the_role_of_sessions_can_do_nothing_outside(postgres: PostgresEngine) -> None:
    link = Link(postgres._cluster.conninfo("sandbox"))
    try:
        for text in (
            "COPY (SELECT 1) TO '/tmp/x'",
            "COPY (SELECT 1) TO PROGRAM 'id'",
            "SELECT pg_read_file('/etc/passwd')",
            "SET ROLE sandbox_owner",
        ):
            with pytest.raises(EngineError, match="42501"):
                link.run(text)
    finally:
        link.close()
