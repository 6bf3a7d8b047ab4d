"""Rights over definitions, schemas, triggers and bulk loads."""

from __future__ import annotations

import pytest

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.people import People, denied, shown
from tests.sandbox.tsql import Session


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("CREATE TABLE u (a int)", 262, "CREATE TABLE permission denied in database '{0}'."),
        ("SELECT 1 AS a INTO u", 262, "CREATE TABLE permission denied in database '{0}'."),
        ("CREATE VIEW w AS SELECT 1 AS a", 262, "CREATE VIEW permission denied in database '{0}'."),
        ("CREATE SCHEMA s", 262, "CREATE SCHEMA permission denied in database '{0}'."),
        ("CREATE DATABASE x", 262, "CREATE DATABASE permission denied in database 'master'."),
        ("DROP TABLE t", 3701, "Cannot drop the table 't', because it does not exist or you do not have permission."),
        ("DROP VIEW v", 3701, "Cannot drop the view 'v', because it does not exist or you do not have permission."),
        (
            "DROP DATABASE sandbox",
            3701,
            "Cannot drop the database 'sandbox', because it does not exist or you do not have permission.",
        ),
        (
            "TRUNCATE TABLE t",
            1088,
            'Cannot find the object "dbo.t" because it does not exist or you do not have permissions.',
        ),
        (
            "ALTER TABLE t ADD b int",
            1088,
            'Cannot find the object "dbo.t" because it does not exist or you do not have permissions.',
        ),
        ("ALTER TABLE t DROP COLUMN a", 1088, None),
        ("ALTER TABLE t ALTER COLUMN a bigint", 1088, None),
        ("CREATE INDEX i ON t (a)", 1088, None),
        (
            "DROP INDEX ix ON t",
            3701,
            "Cannot drop the index 't.ix', because it does not exist or you do not have permission.",
        ),
        ("CREATE TRIGGER tr ON t AFTER INSERT AS SET NOCOUNT ON", 1088, None),
        ("SET IDENTITY_INSERT t ON", 1088, None),
        ("EXEC sp_rename 't', 'u'", 15247, "User does not have permission to perform this action."),
        ("EXEC sp_rename 't.a', 'b', 'COLUMN'", 15247, None),
        ("EXEC sp_rename 'ck', 'ck2'", 15225, None),
        ("ALTER SCHEMA s1 TRANSFER dbo.t", 15151, None),
        ("DROP SCHEMA s1", 15151, None),
        ("CREATE LOGIN x WITH PASSWORD = 'Correct-Horse-7'", 15247, None),
        (
            "DROP LOGIN sa",
            15151,
            "Cannot drop the login 'sa', because it does not exist or you do not have permission.",
        ),
        ("ALTER LOGIN sa WITH PASSWORD = 'Correct-Horse-7'", 15151, None),
        ("CREATE USER x WITHOUT LOGIN", 15247, None),
        ("DROP USER guest", 15151, None),
        ("CREATE ROLE x", 15247, None),
        (
            "ALTER ROLE db_owner ADD MEMBER guest",
            15151,
            "Cannot alter the role 'db_owner', because it does not exist or you do not have permission.",
        ),
        ("ALTER SERVER ROLE sysadmin ADD MEMBER sa", 15151, None),
        (
            "GRANT SELECT ON t TO public",
            15151,
            "Cannot find the object 't', because it does not exist or you do not have permission.",
        ),
        ("GRANT SELECT ON SCHEMA::dbo TO public", 15151, None),
        ("GRANT CREATE TABLE TO public", 4613, "Grantor does not have GRANT permission."),
        ("ALTER AUTHORIZATION ON SCHEMA::s1 TO guest", 15151, None),
        ("ALTER AUTHORIZATION ON DATABASE::{0} TO sa", 15151, None),
    ],
)
def test_definitions_need_their_permissions(
    session: Session, people: People, text: str, number: int, message: str | None
) -> None:
    session.run("CREATE TABLE t (i int IDENTITY, a int CONSTRAINT ck CHECK (a > 0)); CREATE INDEX ix ON t (a)")
    session.run("CREATE VIEW v AS SELECT a FROM t")
    session.run("CREATE SCHEMA s1")
    before = session.rows("SELECT name, modify_date FROM sys.objects ORDER BY name")
    error = people().error(text.format(session.interpreter.database))
    assert error.number == number, error
    if message is not None:
        assert error.message == message.format(session.interpreter.database)
    assert session.rows("SELECT name, modify_date FROM sys.objects ORDER BY name") == before


def test_a_table_needs_a_schema_that_may_be_altered(session: Session, people: People) -> None:
    someone = people("builder")
    session.run("GRANT CREATE TABLE TO builder")
    session.run("CREATE SCHEMA site")
    error = someone.error("CREATE TABLE t (a int)")
    assert error.number == 2760
    assert error.message == (
        'The specified schema name "dbo" either does not exist or you do not have permission to use it.'
    )
    session.run("GRANT ALTER ON SCHEMA::site TO builder")
    someone.run("CREATE TABLE site.t (a int)")
    session.run("CREATE TABLE parent (a int PRIMARY KEY)")
    error = someone.error("CREATE TABLE site.child (a int REFERENCES parent)")
    assert error.message == denied("REFERENCES", "parent", session)
    session.run("GRANT REFERENCES ON parent TO builder")
    someone.run("CREATE TABLE site.child (a int REFERENCES parent)")


def test_temporary_tables_need_nothing_and_stay_their_sessions(session: Session, people: People) -> None:
    one, other = people(), people()
    one.run(
        "CREATE TABLE #t (a int); INSERT INTO #t VALUES (1); SELECT 2 AS b INTO #u; TRUNCATE TABLE #u; DROP TABLE #u"
    )
    assert one.rows("SELECT * FROM #t") == [(1,)]
    assert one.value("OBJECT_ID('tempdb..#t')") is not None
    number = shown(one, "OBJECT_ID('tempdb..#t')")
    for someone in (other, session):
        assert someone.error("SELECT * FROM #t").number == 208
        assert someone.value("OBJECT_ID('tempdb..#t')") is None
        assert someone.value(f"OBJECT_NAME({number})") is None
        assert someone.rows("SELECT name FROM tempdb.sys.objects") == []


def test_the_default_schema_comes_first(session: Session, people: People) -> None:
    session.run("CREATE SCHEMA home")
    session.run("CREATE TABLE t (a int); CREATE TABLE u (a int); CREATE TABLE home.t (b int)")
    someone = people("resident")
    session.run(
        "ALTER USER resident WITH DEFAULT_SCHEMA = home; GRANT SELECT, ALTER, CONTROL ON SCHEMA::home TO resident"
    )
    session.run("GRANT SELECT ON SCHEMA::dbo TO resident; GRANT CREATE TABLE TO resident")
    assert [column.name for column in someone.run("SELECT * FROM t").columns[-1]] == ["b"]
    assert [column.name for column in someone.run("SELECT * FROM u").columns[-1]] == ["a"]
    assert someone.value("SCHEMA_NAME()") == "home"
    assert someone.value("OBJECT_SCHEMA_NAME(OBJECT_ID('t'))") == "home"
    someone.run("CREATE TABLE fresh (a int)")
    assert session.value("OBJECT_ID('home.fresh')") is not None


def test_a_trigger_may_what_its_tables_owner_may(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); CREATE TABLE log (a int)")
    session.run("CREATE TRIGGER tr ON t AFTER INSERT AS INSERT INTO log SELECT a FROM inserted")
    someone = people("firing")
    session.run("GRANT INSERT ON t TO firing")
    someone.run("INSERT INTO t VALUES (7)")
    assert session.rows("SELECT a FROM log") == [(7,)]
    assert someone.error("SELECT * FROM log").number == 229


def test_a_trigger_does_not_reach_past_its_owner(session: Session, people: People) -> None:
    session.run("CREATE SCHEMA foreign1 AUTHORIZATION guest")
    session.run("CREATE TABLE t (a int); CREATE TABLE foreign1.log (a int)")
    session.run("CREATE TRIGGER tr ON t AFTER INSERT AS IF 1 = 1 INSERT INTO foreign1.log SELECT a FROM inserted")
    someone = people("reaching")
    session.run("GRANT INSERT ON t TO reaching")
    error = someone.error("INSERT INTO t VALUES (7)")
    assert (error.number, error.severity) == (229, 14)
    assert error.message == denied("INSERT", "log", session, "foreign1")
    session.run("INSERT INTO t VALUES (8); GRANT INSERT ON foreign1.log TO reaching")
    someone.run("INSERT INTO t VALUES (9)")
    assert session.rows("SELECT a FROM foreign1.log ORDER BY a") == [(8,), (9,)]
    assert session.rows("SELECT a FROM t ORDER BY a") == [(8,), (9,)]


def test_a_trigger_does_not_open_another_database(session: Session, people: People, postgres: PostgresEngine) -> None:
    session.run("CREATE TABLE t (a int)")
    home, other = session.interpreter.database, f"{session.interpreter.database}_other"
    session.run(
        f"CREATE DATABASE {other}; USE {other}; CREATE TABLE secret (a int); INSERT INTO secret VALUES (42); USE {home}"
    )
    session.run(f"CREATE TRIGGER tr ON t AFTER INSERT AS UPDATE {other}.dbo.secret SET a = 0 WHERE a = 42")
    someone = people("prying")
    session.run("GRANT INSERT ON t TO prying; GRANT ALTER ON t TO prying")
    assert someone.error("INSERT INTO t VALUES (1)").number == 916
    # A definition carried out by a login that may not enter the other database leaves the trigger as it is.
    someone.run("ALTER TABLE t ADD b int")
    session.run("INSERT INTO t (a) VALUES (1)")
    assert session.rows(f"SELECT a FROM {other}.dbo.secret") == [(0,)]
    session.run(f"DROP TABLE t; DROP DATABASE {other}")


def test_a_trigger_is_not_made_over_a_closed_database(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    home, other = session.interpreter.database, f"{session.interpreter.database}_closed"
    session.run(f"CREATE DATABASE {other}; USE {other}; CREATE TABLE secret (a int); USE {home}")
    someone = people("author")
    session.run("GRANT ALTER ON t TO author")
    for body in (
        f"DELETE FROM {other}.dbo.secret",
        f"DELETE FROM {other}.dbo.nothing",
        f"IF EXISTS (SELECT b FROM {other}.dbo.secret) RETURN",
    ):
        assert someone.error(f"CREATE TRIGGER tr ON t AFTER INSERT AS {body}").number == 916
    session.run(f"DROP DATABASE {other}")


@pytest.mark.parametrize(
    ("definition", "options", "grants", "number"),
    [
        ("a int", "", "", 229),
        ("a int", "", "INSERT", None),
        ("a int CHECK (a > 0)", "", "INSERT", 1088),
        ("a int CHECK (a > 0)", " WITH (CHECK_CONSTRAINTS)", "INSERT", None),
        ("a int CHECK (a > 0)", "", "INSERT, ALTER", None),
    ],
)
def test_a_bulk_load_needs_insert_and_sometimes_alter(
    session: Session, people: People, definition: str, options: str, grants: str, number: int | None
) -> None:
    session.run(f"CREATE TABLE t ({definition})")
    someone = people("loading")
    if grants:
        session.run(f"GRANT {grants} ON t TO loading")
    answer = someone.batch(f"INSERT BULK t (a int){options}")
    assert answer.numbers == ([] if number is None else [number])


def test_an_altered_view_keeps_its_permissions(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int, b int)")
    session.run("CREATE VIEW v AS SELECT a FROM t")
    someone = people("faithful")
    session.run("GRANT SELECT ON v TO faithful")
    session.run("ALTER VIEW v AS SELECT a, b FROM t")
    assert [column.name for column in someone.run("SELECT * FROM v").columns[-1]] == ["a", "b"]
    session.run("CREATE OR ALTER VIEW v AS SELECT b FROM t")
    assert [column.name for column in someone.run("SELECT * FROM v").columns[-1]] == ["b"]


def test_a_column_that_says_who_wrote_it(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int, who sysname DEFAULT SUSER_SNAME(), u sysname DEFAULT ORIGINAL_LOGIN())")
    someone = people("signing")
    session.run("GRANT INSERT ON t TO signing; INSERT INTO t (a) VALUES (1)")
    someone.run("INSERT INTO t (a) VALUES (2)")
    assert session.rows("SELECT a, who, u FROM t ORDER BY a") == [(1, "sa", "sa"), (2, "signing", "signing")]
