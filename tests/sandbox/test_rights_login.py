"""Logging in with logins of one's own, and their passwords."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyodbc
import pytest
import sqlalchemy as sa

from etl.sandbox import serve
from etl.sandbox.engine import PostgresEngine
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import Link
from etl.sandbox.principals.passwords import NOBODY, PasswordChecker, hash_password
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.translation.batch import parse_batch
from tests.sandbox.conftest import LOGIN
from tests.sandbox.people import PASSWORD, People
from tests.sandbox.raw_client import RawClient
from tests.sandbox.tsql import Session


@pytest.fixture
def server(postgres: PostgresEngine) -> Iterator[TdsServer]:
    with TdsServer(postgres, bind("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def visitor(session: Session) -> Iterator[str]:
    """A login without a user anywhere."""
    session.run(f"CREATE LOGIN visitor WITH PASSWORD = '{PASSWORD}'")
    yield "visitor"
    session.run("DROP LOGIN visitor")


def test_a_database_that_does_not_open_is_told_before_the_failed_login(server: TdsServer, visitor: str) -> None:
    with RawClient(server) as client:
        assert client.log_in(user=visitor, password=PASSWORD, database="sandbox") == [
            ("ERROR", 4060, 11, 'Cannot open database "sandbox" requested by the login. The login failed.'),
            ("ERROR", 18456, 14, "Login failed for user 'visitor'."),
            ("DONE", "ERROR", 0, 0),
        ]
        assert client.read_to_end() == b""


def test_a_login_that_does_not_exist_is_as_a_wrong_password(server: TdsServer, visitor: str) -> None:
    for user in (visitor, "nobody"):
        with RawClient(server) as client:
            assert client.log_in(user=user, password="wrong") == [
                ("ERROR", 18456, 14, f"Login failed for user '{user}'."),
                ("DONE", "ERROR", 0, 0),
            ]


def test_refused_logins_leave_no_session_on_the_engine(
    postgres: PostgresEngine, server: TdsServer, visitor: str
) -> None:
    link = Link(postgres._cluster.conninfo("sandbox"))
    try:
        count = "SELECT count(*)::int FROM pg_stat_activity WHERE usename = 'sandbox'"
        before = link.run(count).rows[0][0]
        for password, database in (("wrong", ""), (PASSWORD, "sandbox")) * 10:
            with pytest.raises(SqlServerError):
                postgres.login(visitor, password, database)
        # A connection that was closed may be on its way out.
        while link.run(count).rows[0][0] > before:
            pass
    finally:
        link.close()


def test_logins_given_at_the_start() -> None:
    with serve(logins={"reader": "plain", "writer": "x"}) as server:
        admin = sa.create_engine(server.url(), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a int); CREATE USER reader; GRANT SELECT ON t TO reader")
        url = sa.make_url(server.url()).set(username="reader", password="plain")
        with sa.create_engine(url).connect() as connection:
            assert connection.exec_driver_sql("SELECT SUSER_SNAME(), COUNT(*) FROM t").one() == ("reader", 0)
            with pytest.raises(sa.exc.ProgrammingError, match="229"):
                connection.exec_driver_sql("DELETE FROM t")
        with pytest.raises((sa.exc.DBAPIError, pyodbc.Error), match="18456"):
            sa.create_engine(url.set(username="writer")).connect()
        assert "plain" not in repr(server)


@pytest.mark.parametrize("name", ["public", "SysAdmin"])
def test_a_role_is_no_login(name: str) -> None:
    with pytest.raises(ValueError, match=name), PostgresEngine(None, *LOGIN, "x", {name: "x"}):
        pass


def test_what_is_kept_and_what_an_earlier_start_gave() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with PostgresEngine(folder, "chief", "first", "kept", {"old": "old"}) as engine:
            session = Session(engine.login("chief", "first", ""))
            session.run(f"CREATE LOGIN worker WITH PASSWORD = '{PASSWORD}'; CREATE USER worker; CREATE TABLE t (a int)")
            session.run("GRANT SELECT ON t TO worker; CREATE USER old; ALTER ROLE db_owner ADD MEMBER old")
        with PostgresEngine(folder, "sa", "second", "kept") as engine:
            Session(engine.login("sa", "second", "")).run("SELECT * FROM t")
            worker = Session(engine.login("worker", PASSWORD, "kept"))
            worker.run("SELECT * FROM t")
            assert worker.error("DELETE FROM t").number == 229
            for user, password in (("chief", "first"), ("chief", "second"), ("old", "old")):
                with pytest.raises(SqlServerError, match="18456"):
                    engine.login(user, password, "")


def test_passwords_are_compared_by_their_hash() -> None:
    checker, kept = PasswordChecker(), hash_password("päss wörd")
    assert kept.salt != hash_password("päss wörd").salt
    assert "digest" not in repr(kept)
    for _ in range(2):
        assert checker.matches("päss wörd", kept)
        assert not checker.matches("pass word", kept)
        assert not checker.matches("", kept)
        assert not checker.matches("", NOBODY)


@pytest.mark.parametrize(
    ("user", "password"), [("nobody", PASSWORD), ("sa", PASSWORD), ("public", PASSWORD), ("sysadmin", ""), ("", "")]
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    postgres: PostgresEngine, user: str, password: str
) -> None:
    with pytest.raises(SqlServerError) as refused:
        postgres.login(user, password, "")
    assert str(refused.value) == f"Msg 18456, Level 14, State 1, Line 1: Login failed for user '{user}'."


@pytest.mark.parametrize("database", ["nowhere", "sandbox"])
def test_a_database_that_is_closed_to_a_login_is_as_one_that_is_not_there(
    postgres: PostgresEngine, people: People, database: str
) -> None:
    people("visitor", user=False, database="")
    with pytest.raises(SqlServerError) as refused:
        postgres.login("visitor", PASSWORD, database)
    assert refused.value.message == f'Cannot open database "{database}" requested by the login. The login failed.'
    assert (refused.value.number, refused.value.severity) == (4060, 11)
    assert refused.value.followed_by is not None
    assert (refused.value.followed_by.number, refused.value.followed_by.severity) == (18456, 14)


def test_a_default_database_that_is_closed(postgres: PostgresEngine, session: Session, people: People) -> None:
    people("homeless", user=False, database="")
    session.run("ALTER LOGIN homeless WITH DEFAULT_DATABASE = sandbox")
    with pytest.raises(SqlServerError) as refused:
        postgres.login("homeless", PASSWORD, "")
    assert (refused.value.number, refused.value.message) == (
        4064,
        "Cannot open user default database. Login failed.",
    )


def test_a_login_is_in_its_default_database(postgres: PostgresEngine, session: Session, people: People) -> None:
    assert people("guesting", user=False, database="").value("DB_NAME()") == "master"
    name = session.interpreter.database
    session.run(f"CREATE USER guesting; ALTER LOGIN guesting WITH DEFAULT_DATABASE = {name}")
    assert people("guesting", database="").value("DB_NAME()") == name


def test_a_password_changes(postgres: PostgresEngine, session: Session, people: People) -> None:
    own = people("changing")
    session.run("ALTER LOGIN changing WITH PASSWORD = 'Another-Horse-8'")
    with pytest.raises(SqlServerError, match="18456"):
        postgres.login("changing", PASSWORD, "")
    postgres.login("CHANGING", "Another-Horse-8", "").close()
    own.run("ALTER LOGIN changing WITH PASSWORD = 'Correct-Horse-7' OLD_PASSWORD = 'Another-Horse-8'")
    postgres.login("changing", PASSWORD, "").close()
    assert own.error("ALTER LOGIN changing WITH PASSWORD = 'Another-Horse-8' OLD_PASSWORD = 'wrong'").number == 15151
    assert own.error("ALTER LOGIN changing WITH PASSWORD = 'Another-Horse-8'").number == 15151


def test_a_login_chooses_its_own_default_database(postgres: PostgresEngine, session: Session, people: People) -> None:
    own = people("settling")
    own.run(f"ALTER LOGIN settling WITH DEFAULT_DATABASE = {session.interpreter.database}")
    assert people("settling", database="").value("DB_NAME()") == session.interpreter.database
    assert own.error("ALTER LOGIN settling WITH CHECK_POLICY = OFF").number == 15151
    assert own.error("ALTER LOGIN settling WITH NAME = settled").number == 15151
    assert own.error("ALTER LOGIN settling DISABLE").number == 15151
    assert own.error("ALTER LOGIN settling WITH DEFAULT_DATABASE = nowhere").number == 15010


def test_a_disabled_login(postgres: PostgresEngine, session: Session, people: People) -> None:
    people.leave(people("resting"))
    session.run("ALTER LOGIN resting DISABLE")
    with pytest.raises(SqlServerError, match="The account is disabled"):
        postgres.login("resting", PASSWORD, "")
    with pytest.raises(SqlServerError, match="18456"):
        postgres.login("resting", "wrong", "")
    session.run("ALTER LOGIN resting ENABLE")
    postgres.login("resting", PASSWORD, "").close()


@pytest.mark.parametrize(
    ("password", "number"), [("Short-1", 15116), ("onlylowercase", 15118), ("weak-Weakling-7", 15118), ("", 15116)]
)
def test_a_weak_password_is_refused(session: Session, password: str, number: int) -> None:
    assert session.error(f"CREATE LOGIN weakling WITH PASSWORD = '{password}'").number == number


def test_a_weak_password_without_a_policy(session: Session) -> None:
    session.run("CREATE LOGIN lenient WITH PASSWORD = 'x', CHECK_POLICY = OFF; DROP LOGIN lenient")


def test_passwords_are_kept_as_salted_hashes_only(postgres: PostgresEngine, session: Session, people: People) -> None:
    people("twin1")
    people("twin2")
    link = Link(postgres._cluster.conninfo("sandbox"))
    try:
        rows = link.run("SELECT salt, hash FROM sandbox.logins WHERE name::text LIKE 'twin%'").rows
        everything = link.run("SELECT string_agg(logins::text, ' ') FROM sandbox.logins").rows[0][0]
    finally:
        link.close()
    assert rows[0][0] != rows[1][0]
    assert rows[0][1] != rows[1][1]
    assert PASSWORD not in everything
    assert PASSWORD.encode().hex() not in everything
    assert session.rows("SELECT name, password_hash FROM sys.sql_logins WHERE name = 'twin1'") == [("twin1", None)]


def test_a_login_in_use_is_not_dropped(session: Session, people: People) -> None:
    busy = people("busy", user=False, database="")
    assert session.error("DROP LOGIN busy").number == 15434
    people.leave(busy)
    session.run("DROP LOGIN busy")
    assert session.error("DROP LOGIN busy").number == 15151


def test_the_texts_of_passwords_are_not_kept(session: Session) -> None:
    text = f"CREATE LOGIN forgotten WITH PASSWORD = '{PASSWORD}'; DROP LOGIN forgotten"
    session.run(text)
    assert parse_batch(text) is not parse_batch(text)
    assert parse_batch("SELECT 1") is parse_batch("SELECT 1")
