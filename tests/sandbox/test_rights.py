"""Grants, denials and roles: what they open, and who may give them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sandbox.people import PASSWORD, People, denied, shown
from tests.sandbox.tsql import Session


def test_a_security_administrator_is_no_administrator(session: Session, people: People) -> None:
    keeper = people("keeper", user=False, database="")
    people("kept1", user=False, database="")
    session.run("ALTER SERVER ROLE securityadmin ADD MEMBER keeper")
    keeper.run(f"ALTER LOGIN kept1 DISABLE; CREATE LOGIN made1 WITH PASSWORD = '{PASSWORD}'; DROP LOGIN made1")
    assert keeper.error(f"ALTER LOGIN sa WITH PASSWORD = '{PASSWORD}'").number == 15151
    assert keeper.error("ALTER SERVER ROLE sysadmin ADD MEMBER kept1").number == 15151


def test_the_right_to_make_databases(session: Session, people: People) -> None:
    home = session.interpreter.database
    founder = people("founder", user=False, database="")
    session.run(f"USE master; CREATE USER founder; GRANT CREATE DATABASE TO founder; USE {home}")
    founder.run("CREATE DATABASE founded; USE founded; CREATE TABLE t (a int); USE master; DROP DATABASE founded")
    assert founder.error(f"DROP DATABASE {home}").number == 3701
    session.run("USE master; DROP USER founder; DENY CREATE ANY DATABASE TO founder")
    assert founder.error("CREATE DATABASE founded").number == 262
    assert session.error("REVOKE CONNECT FROM guest").number == 15182
    session.run(f"USE {home}")


def test_without_a_grant_nothing_is_open(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    someone = people()
    for text, permission in (
        ("SELECT * FROM t", "SELECT"),
        ("SELECT count(*) FROM dbo.t", "SELECT"),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM t)", "SELECT"),
        ("INSERT INTO t VALUES (1)", "INSERT"),
        ("INSERT INTO t (a) SELECT 1", "INSERT"),
        ("UPDATE t SET a = 1", "UPDATE"),
        ("UPDATE t SET a = a + 1", "SELECT"),
        ("UPDATE t SET a = 1 WHERE a = 1", "SELECT"),
        ("DELETE FROM t", "DELETE"),
        ("DELETE FROM t WHERE a = 1", "SELECT"),
        ("DECLARE @x int = (SELECT max(a) FROM t)", "SELECT"),
        ("IF EXISTS (SELECT 1 FROM t) SELECT 1", "SELECT"),
        ("WITH c AS (SELECT a FROM t) SELECT * FROM c", "SELECT"),
        ("SELECT x.a FROM (SELECT a FROM t) x", "SELECT"),
        ("SELECT 1 UNION ALL SELECT a FROM t", "SELECT"),
        ("SET FMTONLY ON SELECT * FROM t SET FMTONLY OFF", "SELECT"),
    ):
        error = someone.error(text)
        assert (error.number, error.severity, error.state) == (229, 14, 5), text
        assert error.message == denied(permission, "t", session), text
        someone.run("SET FMTONLY OFF")
    assert session.rows("SELECT a FROM t") == [(1,)]


def test_each_permission_opens_its_statement_only(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    someone = people("clerk")
    session.run("GRANT INSERT ON t TO clerk")
    someone.run("INSERT INTO t VALUES (2)")
    assert someone.error("INSERT INTO t (a) OUTPUT inserted.a VALUES (3)").message == denied("SELECT", "t", session)
    assert someone.error("INSERT INTO t (a) OUTPUT inserted.* VALUES (3)").message == denied("SELECT", "t", session)
    session.run("GRANT UPDATE ON OBJECT::dbo.t TO clerk")
    someone.run("UPDATE t SET a = 5")
    assert someone.error("UPDATE t SET a = 6 WHERE a = 5").message == denied("SELECT", "t", session)
    session.run("GRANT SELECT ON t TO clerk; REVOKE UPDATE ON t FROM clerk; DENY DELETE ON t TO clerk")
    assert someone.rows("SELECT DISTINCT a FROM t") == [(5,)]
    assert someone.error("UPDATE t SET a = 6 WHERE a = 5").message == denied("UPDATE", "t", session)
    assert someone.error("DELETE FROM t WHERE a = 5").message == denied("DELETE", "t", session)


def test_an_error_of_rights_ends_its_statement_only(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); CREATE TABLE u (a int)")
    someone = people("stubborn")
    session.run("GRANT INSERT, SELECT ON u TO stubborn")
    answer = someone.batch("BEGIN TRAN; INSERT INTO u VALUES (1); SELECT * FROM t; COMMIT; SELECT a FROM u")
    assert answer.numbers == [229]
    assert answer.rows == [(1,)]


def test_denial_wins_over_every_grant(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); CREATE ROLE readers")
    someone = people("torn")
    session.run(
        "GRANT SELECT ON t TO torn; ALTER ROLE readers ADD MEMBER torn; ALTER ROLE db_datareader ADD MEMBER torn"
    )
    someone.run("SELECT * FROM t")
    for deny, undo in (
        ("DENY SELECT ON t TO readers", "REVOKE SELECT ON t FROM readers"),
        ("DENY SELECT ON SCHEMA::dbo TO torn", "REVOKE SELECT ON SCHEMA::dbo TO torn"),
        ("DENY SELECT TO torn", "REVOKE SELECT FROM torn"),
        ("DENY CONTROL ON t TO torn", "REVOKE CONTROL ON t FROM torn"),
        ("DENY SELECT ON t TO public", "REVOKE SELECT ON t FROM public"),
        ("ALTER ROLE db_denydatareader ADD MEMBER torn", "ALTER ROLE db_denydatareader DROP MEMBER torn"),
    ):
        session.run(deny)
        assert someone.error("SELECT * FROM t").number == 229, deny
        session.run(undo)
        someone.run("SELECT * FROM t")


@pytest.mark.parametrize(
    ("grant", "allowed"),
    [
        ("GRANT SELECT ON SCHEMA::dbo TO {0}", {"SELECT"}),
        ("GRANT SELECT, INSERT ON DATABASE::{1} TO {0}", {"SELECT", "INSERT"}),
        ("GRANT UPDATE TO {0}", {"UPDATE"}),
        ("GRANT CONTROL ON t TO {0}", {"SELECT", "INSERT", "UPDATE", "DELETE", "ALTER"}),
        ("GRANT CONTROL ON SCHEMA::dbo TO {0}", {"SELECT", "INSERT", "UPDATE", "DELETE", "ALTER"}),
        ("GRANT CONTROL TO {0}", {"SELECT", "INSERT", "UPDATE", "DELETE", "ALTER"}),
        ("GRANT ALTER ON t TO {0}", {"ALTER"}),
        ("GRANT ALTER ANY SCHEMA TO {0}", {"ALTER"}),
        ("ALTER ROLE db_owner ADD MEMBER {0}", {"SELECT", "INSERT", "UPDATE", "DELETE", "ALTER"}),
        ("ALTER ROLE db_datareader ADD MEMBER {0}", {"SELECT"}),
        ("ALTER ROLE db_datawriter ADD MEMBER {0}", {"INSERT", "UPDATE", "DELETE"}),
        ("ALTER ROLE db_ddladmin ADD MEMBER {0}", {"ALTER"}),
        ("GRANT DELETE ON t TO public", {"DELETE"}),
    ],
)
def test_what_a_grant_opens(session: Session, people: People, grant: str, allowed: set[str]) -> None:
    session.run("CREATE TABLE t (a int)")
    someone = people()
    name = shown(someone, "USER_NAME()")
    session.run(grant.format(name, session.interpreter.database))
    statements = {
        "SELECT": "SELECT * FROM t",
        "INSERT": "INSERT INTO t VALUES (1)",
        "UPDATE": "UPDATE t SET a = 1",
        "DELETE": "DELETE FROM t",
        "ALTER": "TRUNCATE TABLE t",
    }
    opened = {permission for permission, text in statements.items() if not someone.batch(text).errors}
    assert opened == allowed
    asked = {
        permission
        for permission in statements
        if someone.value(f"HAS_PERMS_BY_NAME('dbo.t', 'OBJECT', '{permission}')")
    }
    assert asked == allowed


def test_a_role_in_a_role(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); CREATE ROLE inner1; CREATE ROLE outer1")
    someone = people("nested1")
    session.run(
        "ALTER ROLE outer1 ADD MEMBER inner1; ALTER ROLE inner1 ADD MEMBER nested1; GRANT SELECT ON t TO outer1"
    )
    someone.run("SELECT * FROM t")
    assert someone.value("IS_ROLEMEMBER('outer1')") == 1
    assert session.error("ALTER ROLE inner1 ADD MEMBER outer1").number == 15413
    session.run("ALTER ROLE outer1 DROP MEMBER inner1")
    assert someone.error("SELECT * FROM t").number == 229
    assert session.error("DROP ROLE inner1").number == 15144


def test_a_plan_does_not_outlive_a_right(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    someone = people("former")
    session.run("GRANT SELECT, INSERT ON t TO former")
    for _ in range(2):
        someone.run("INSERT INTO t VALUES (1)")
        someone.run("SELECT * FROM t")
    session.run("REVOKE SELECT, INSERT ON t FROM former")
    assert someone.error("INSERT INTO t VALUES (1)").number == 229
    assert someone.error("SELECT * FROM t").number == 229


def test_a_snapshot_does_not_keep_a_right_past_its_end(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); CREATE TABLE u (a int)")
    someone = people("snapshot1")
    session.run("GRANT SELECT ON t TO snapshot1; GRANT SELECT ON u TO snapshot1")
    someone.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT * FROM t")
    session.run("REVOKE SELECT ON t FROM snapshot1")
    someone.batch("SELECT * FROM t; COMMIT")
    assert someone.error("SELECT * FROM t").number == 229


def test_grants_are_part_of_the_transaction(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    someone = people("waiting")
    session.run("BEGIN TRAN; GRANT SELECT ON t TO waiting")
    session.run("ROLLBACK")
    assert someone.error("SELECT * FROM t").number == 229
    session.run("BEGIN TRAN; GRANT SELECT ON t TO waiting; COMMIT")
    someone.run("SELECT * FROM t")
    session.run("BEGIN TRAN; CREATE LOGIN shortlived WITH PASSWORD = 'Correct-Horse-7'; ROLLBACK")
    assert session.value("SUSER_ID('shortlived')") is None


def test_a_view_opens_what_its_owner_owns(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int, secret int); INSERT INTO t VALUES (1, 2)")
    session.run("CREATE VIEW v AS SELECT a FROM t")
    someone = people("viewer")
    assert someone.error("SELECT * FROM v").message == denied("SELECT", "v", session)
    session.run("GRANT SELECT ON v TO viewer")
    assert someone.rows("SELECT * FROM v") == [(1,)]
    assert someone.error("SELECT * FROM t").number == 229
    assert someone.error("SELECT v.a FROM v JOIN t ON t.a = v.a").message == denied("SELECT", "t", session)


def test_a_chain_of_owners_breaks(session: Session, people: People) -> None:
    someone = people("chained")
    session.run("CREATE SCHEMA other AUTHORIZATION guest")
    session.run("CREATE TABLE other.t (a int)")
    session.run("CREATE VIEW v AS SELECT a FROM other.t")
    session.run("GRANT SELECT ON v TO chained")
    assert someone.error("SELECT * FROM v").message == denied("SELECT", "t", session, "other")
    session.run("ALTER AUTHORIZATION ON SCHEMA::other TO dbo")
    someone.run("SELECT * FROM v")


def test_a_schemas_owner_needs_no_grant_and_hears_no_denial(session: Session, people: People) -> None:
    someone = people("landlord")
    session.run("CREATE SCHEMA land AUTHORIZATION landlord")
    session.run("CREATE TABLE land.t (a int)")
    session.run("DENY SELECT ON land.t TO landlord; GRANT CREATE TABLE TO landlord")
    someone.run("SELECT * FROM land.t; CREATE TABLE land.u (a int); DROP TABLE land.u")
    assert session.error("DROP USER landlord").number == 15138


def test_grant_option(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    giver, taker = people("giver"), people("taker")
    session.run("GRANT SELECT ON t TO giver")
    assert giver.error("GRANT SELECT ON t TO taker").number == 15151
    session.run("GRANT SELECT ON t TO giver WITH GRANT OPTION")
    giver.run("GRANT SELECT ON t TO taker")
    taker.run("SELECT * FROM t")
    assert session.error("REVOKE SELECT ON t FROM giver").number == 4611
    session.run("REVOKE SELECT ON t FROM giver CASCADE")
    assert taker.error("SELECT * FROM t").number == 229
    assert giver.error("SELECT * FROM t").number == 229


def test_who_may_grant(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    owner, someone = people("boss"), people("worker")
    session.run("ALTER ROLE db_owner ADD MEMBER boss")
    owner.run(
        "GRANT SELECT ON t TO worker; ALTER ROLE db_datawriter ADD MEMBER worker; CREATE ROLE made; DROP ROLE made"
    )
    someone.run("SELECT * FROM t; DELETE FROM t")
    assert session.error("GRANT SELECT ON t TO dbo").number == 4624
    assert owner.error("GRANT SELECT ON t TO boss").number == 4624
    assert session.error("GRANT SELECT ON t TO db_owner").number == 4617
    assert session.error("GRANT SELECT ON t TO nobody").message == (
        "Cannot find the user 'nobody', because it does not exist or you do not have permission."
    )
    assert session.error("GRANT NONSENSE ON t TO worker").number == 102
    assert session.error("GRANT CREATE TABLE ON t TO worker").number == 4606
    assert session.error("GRANT VIEW SERVER STATE TO worker").number == 4621


def test_a_database_belongs_to_the_login_that_made_it(session: Session, people: People) -> None:
    maker = people("maker", user=False, database="")
    session.run("ALTER SERVER ROLE dbcreator ADD MEMBER maker")
    maker.run("CREATE DATABASE makers; USE makers; CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    assert maker.rows("SELECT USER_NAME(), a FROM t") == [("dbo", 1)]
    stranger = people("notmaker", user=False, database="")
    assert stranger.error("SELECT * FROM makers.dbo.t").number == 916
    assert session.error("DROP LOGIN maker").number == 15174
    maker.run("USE master; DROP DATABASE makers")


def test_an_administrator_made_by_another(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    second = people("second", user=False, database="")
    session.run("ALTER SERVER ROLE sysadmin ADD MEMBER second")
    second.run(f"SELECT * FROM {session.interpreter.database}.dbo.t")
    session.run("ALTER SERVER ROLE sysadmin DROP MEMBER second")
    assert second.error(f"SELECT * FROM {session.interpreter.database}.dbo.t").number == 916


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("CREATE LOGIN SA WITH PASSWORD = 'Correct-Horse-7'", 15025),
        ("CREATE USER dbo WITHOUT LOGIN", 15023),
        ("CREATE USER x FOR LOGIN nobody", 15007),
        ("CREATE USER x FOR LOGIN sa", 15063),
        ("CREATE ROLE db_owner", 15023),
        ("DROP ROLE db_owner", 15150),
        ("DROP USER dbo", 15150),
        ("DROP USER nobody", 15151),
        ("DROP ROLE nobody", 15151),
        ("ALTER ROLE nobody ADD MEMBER guest", 15151),
        ("ALTER ROLE db_owner ADD MEMBER nobody", 15151),
        ("ALTER ROLE db_owner ADD MEMBER dbo", 15405),
        ("DROP LOGIN sa", 15405),
        ("CREATE LOGIN x WITH PASSWORD = 0x0100 HASHED", 40517),
        ("CREATE LOGIN [D\\x] FROM WINDOWS", 40517),
        ("GRANT SELECT (a) ON t TO guest", 40517),
        ("GRANT SELECT ON t (a) TO guest", 40517),
        ("GRANT ALL ON t TO guest", 40517),
        ("GRANT IMPERSONATE ON USER::guest TO public", 40517),
        ("EXECUTE AS USER = 'guest'", 40517),
    ],
)
def test_refusals(session: Session, text: str, number: int) -> None:
    session.run("CREATE TABLE t (a int)")
    assert session.error(text).number == number


def test_statements_after_a_grant_without_semicolons(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    people("terse")
    answer = session.run(
        "GRANT SELECT, UPDATE, ALTER ON t TO terse WITH GRANT OPTION DENY INSERT ON t TO terse SELECT 1 AS a"
        " REVOKE GRANT OPTION FOR SELECT ON t FROM terse CASCADE IF 1 = 1 GRANT DELETE ON t TO terse ELSE SELECT 2"
    )
    assert answer.results == [[(1,)]]
    assert session.rows(
        "SELECT permission_name, state_desc FROM sys.database_permissions WHERE major_id = OBJECT_ID('t') ORDER BY 1"
    ) == [
        ("ALTER", "GRANT_WITH_GRANT_OPTION"),
        ("DELETE", "GRANT"),
        ("INSERT", "DENY"),
        ("SELECT", "GRANT"),
        ("UPDATE", "GRANT_WITH_GRANT_OPTION"),
    ]


def test_permissions_end_with_what_they_are_on(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); CREATE ROLE gone")
    session.run("CREATE SCHEMA s1")
    people("kept")
    session.run("GRANT SELECT ON t TO kept; GRANT SELECT ON SCHEMA::s1 TO kept; GRANT CREATE TABLE TO gone")
    count = "SELECT COUNT(*) FROM sys.database_permissions p WHERE grantee_principal_id > 4 AND permission_name <> 'CONNECT'"
    assert session.rows(count) == [(3,)]
    session.run("ALTER SCHEMA s1 TRANSFER dbo.t")
    assert session.rows(count) == [(2,)]
    session.run("GRANT SELECT ON s1.t TO kept; DROP TABLE s1.t; DROP SCHEMA s1; DROP ROLE gone")
    assert session.rows(count) == [(0,)]


def test_two_make_one_name(session: Session, sessions: Callable[[], Session]) -> None:
    other = sessions()
    session.run(f"BEGIN TRAN; CREATE LOGIN raced WITH PASSWORD = '{PASSWORD}'; CREATE USER raced WITHOUT LOGIN")
    with ThreadPoolExecutor() as pool:
        waiting = [
            pool.submit(other.error, f"CREATE LOGIN raced WITH PASSWORD = '{PASSWORD}'"),
        ]
        session.run("COMMIT")
        assert waiting[0].result().number == 15025
    assert other.error("CREATE USER raced WITHOUT LOGIN").number == 15023
    session.run("DROP USER raced; DROP LOGIN raced")
