"""What a login sees of the server, and what functions and views say of it."""

from __future__ import annotations

import pytest

from etl.sandbox.engine import PostgresEngine
from etl.sandbox.errors import SqlServerError
from tests.sandbox.people import PASSWORD, People, shown
from tests.sandbox.tsql import Session


def test_nobody_sees_what_it_has_no_permission_on(session: Session, people: People) -> None:
    session.run(
        "CREATE TABLE hidden (a int PRIMARY KEY, b int DEFAULT 7 CHECK (b > 0)); CREATE TABLE shown (a int DEFAULT 5)"
    )
    session.run("CREATE VIEW v AS SELECT a FROM shown")
    someone = people("curious")
    number = shown(session, "OBJECT_ID('hidden')")
    for text in (
        "SELECT name FROM sys.objects",
        "SELECT name FROM sys.tables",
        "SELECT name FROM sys.columns",
        "SELECT name FROM sys.indexes",
        "SELECT object_id FROM sys.partitions",
        "SELECT definition FROM sys.default_constraints",
        "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES",
        "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS",
        "SELECT CONSTRAINT_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS",
        "SELECT definition FROM sys.sql_modules",
    ):
        assert someone.rows(text) == [], text
    for expression in (
        "OBJECT_ID('hidden')",
        f"OBJECT_NAME({number})",
        f"COL_NAME({number}, 1)",
        "COL_LENGTH('hidden', 'a')",
        f"OBJECTPROPERTY({number}, 'IsTable')",
        f"COLUMNPROPERTY({number}, 'a', 'AllowsNull')",
        f"OBJECT_SCHEMA_NAME({number})",
        "IDENT_CURRENT('hidden')",
        "OBJECT_DEFINITION(OBJECT_ID('v'))",
    ):
        assert someone.value(expression) is None, expression
    session.run("GRANT SELECT ON shown TO curious; GRANT INSERT ON v TO curious")
    assert someone.rows("SELECT name FROM sys.tables") == [("shown",)]
    assert someone.rows("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES ORDER BY 1") == [("shown",), ("v",)]
    assert someone.rows("SELECT definition FROM sys.sql_modules") == [(None,)]
    assert someone.rows("SELECT COLUMN_DEFAULT FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'shown'") == [(None,)]
    session.run("GRANT VIEW DEFINITION ON SCHEMA::dbo TO curious; DENY VIEW DEFINITION ON shown TO curious")
    assert someone.rows("SELECT name FROM sys.tables") == [("hidden",)]
    someone.run("SELECT * FROM shown")
    assert "SELECT a FROM shown" in str(someone.rows("SELECT definition FROM sys.sql_modules")[0][0])


def test_another_database_is_closed(session: Session, people: People, postgres: PostgresEngine) -> None:
    session.run("CREATE TABLE t (a int)")
    home = session.interpreter.database
    stranger = people("stranger", user=False, database="")
    message = f'The server principal "stranger" is not able to access the database "{home}" under the current security context.'
    for text in (
        f"USE {home}",
        f"SELECT * FROM {home}.dbo.t",
        f"SELECT * FROM {home}..nowhere",
        f"INSERT INTO {home}.dbo.t VALUES (1)",
        f"DELETE FROM {home}.dbo.t",
        f"SELECT * FROM {home}.sys.tables",
        f"SELECT * FROM {home}.INFORMATION_SCHEMA.TABLES",
        f"DROP TABLE {home}.dbo.t",
        f"TRUNCATE TABLE {home}.dbo.t",
        f"CREATE TABLE {home}.dbo.u (a int)",
        f"SELECT 1 AS a INTO {home}.dbo.u",
    ):
        error = stranger.error(text)
        assert (error.number, error.severity, error.message) == (916, 14, message), text
    assert stranger.error("USE nowhere").number == 911
    assert stranger.value(f"OBJECT_ID('{home}.dbo.t')") is None
    assert stranger.value(f"HAS_DBACCESS('{home}')") == 0
    assert stranger.value(f"HAS_PERMS_BY_NAME('{home}', 'DATABASE', 'ANY')") == 0
    assert stranger.value("DB_NAME()") == "master"


def test_the_right_to_connect(session: Session, people: People, postgres: PostgresEngine) -> None:
    home = session.interpreter.database
    someone = people("commuter")
    session.run("REVOKE CONNECT FROM commuter")
    with pytest.raises(SqlServerError, match="4060"):
        postgres.login("commuter", PASSWORD, home)
    someone.run("USE master")
    assert someone.error(f"USE {home}").number == 916
    session.run("GRANT CONNECT TO commuter")
    someone.run(f"USE {home}")
    stranger = people("passenger", user=False, database="")
    session.run("GRANT CONNECT TO guest")
    assert stranger.rows(f"USE {home}; SELECT USER_NAME()") == [("guest",)]


def test_database_names_are_public_until_they_are_not(session: Session, people: People) -> None:
    home = session.interpreter.database
    someone = people("lister", user=False, database="")
    assert (home,) in someone.rows("SELECT name FROM sys.databases")
    session.run(f"USE master; DENY VIEW ANY DATABASE TO lister; USE {home}")
    assert someone.rows("SELECT name FROM sys.databases ORDER BY name") == [("master",), ("tempdb",)]
    assert someone.value(f"DB_ID('{home}')") is None
    assert someone.value(f"DB_NAME({shown(session, 'DB_ID()')})") is None


def test_views_of_the_servers_state(session: Session, people: People) -> None:
    someone = people("observer")
    assert len(someone.rows("SELECT session_id FROM sys.dm_exec_sessions")) == 1
    error = someone.error("SELECT * FROM sys.dm_db_partition_stats")
    assert error.number == 262
    assert error.followed_by is not None
    assert error.followed_by.number == 297
    error = someone.error("SELECT * FROM sys.dm_exec_connections")
    assert error.number == 300
    session.run("GRANT VIEW DATABASE STATE TO observer")
    someone.run("SELECT * FROM sys.dm_db_partition_stats")


def test_names_of_logins_and_users(session: Session, people: People) -> None:
    assert session.rows(
        "SELECT SUSER_SNAME(), ORIGINAL_LOGIN(), SYSTEM_USER, SUSER_ID(), USER_NAME(), CURRENT_USER, USER_ID()"
    ) == [("sa", "sa", "sa", 1, "dbo", "dbo", 1)]
    someone = people("named")
    number = session.value("USER_ID('named')")
    assert isinstance(number, int)
    assert someone.rows(
        "SELECT SUSER_SNAME(), SUSER_NAME(), USER_NAME(), SESSION_USER, USER_ID(), DATABASE_PRINCIPAL_ID()"
    ) == [("named", "named", "named", "named", number, number)]
    assert session.rows(
        f"SELECT USER_NAME({number}), SUSER_SNAME(SUSER_SID('named')), USER_NAME(0), USER_NAME(16384)"
    ) == [("named", "named", "public", "db_owner")]
    assert someone.rows("USE master; SELECT USER_NAME()") == [("guest",)]


def test_membership(session: Session, people: People) -> None:
    someone = people("member1")
    asked = (
        "SELECT IS_MEMBER('db_owner'), IS_MEMBER('public'), IS_ROLEMEMBER('nowhere'), IS_SRVROLEMEMBER('sysadmin'),"
        " IS_SRVROLEMEMBER('public')"
    )
    assert someone.rows(asked) == [(0, 1, None, 0, 1)]
    assert session.rows(asked) == [(1, 1, None, 1, 1)]
    session.run("ALTER ROLE db_owner ADD MEMBER member1")
    assert someone.rows(asked) == [(1, 1, None, 0, 1)]
    assert session.value("IS_ROLEMEMBER('db_owner', 'member1')") == 1
    assert session.value("IS_SRVROLEMEMBER('sysadmin', 'member1')") == 0


def test_has_perms_by_name(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    someone = people("asking")
    name = session.interpreter.database
    for expression, without, sysadmin in (
        ("HAS_PERMS_BY_NAME('t', 'OBJECT', 'SELECT')", None, 1),
        ("HAS_PERMS_BY_NAME('dbo', 'SCHEMA', 'ALTER')", 0, 1),
        (f"HAS_PERMS_BY_NAME('{name}', 'DATABASE', 'CREATE TABLE')", 0, 1),
        ("HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ANY')", 1, 1),
        ("HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'CONNECT')", 1, 1),
        ("HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE')", 0, 1),
        ("HAS_PERMS_BY_NAME(NULL, NULL, 'ADMINISTER BULK OPERATIONS')", 0, 1),
        ("HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DATABASE')", 1, 1),
        ("HAS_PERMS_BY_NAME('t', 'OBJECT', 'NONSENSE')", None, None),
        ("HAS_PERMS_BY_NAME('t', 'NONSENSE', 'SELECT')", None, None),
        ("HAS_PERMS_BY_NAME('nowhere', 'OBJECT', 'SELECT')", None, None),
    ):
        assert someone.value(expression) == without, expression
        assert session.value(expression) == sysadmin, expression
    session.run("GRANT INSERT ON t TO asking")
    assert someone.rows(
        "SELECT HAS_PERMS_BY_NAME('dbo.t', 'OBJECT', 'INSERT'), HAS_PERMS_BY_NAME('[dbo].[t]', 'object', 'select'),"
        " HAS_PERMS_BY_NAME('t', 'OBJECT', 'ANY'), HAS_PERMS_BY_NAME('t', 'OBJECT', 'INSERT', 'a', 'COLUMN')"
    ) == [(1, 0, 1, 1)]


def test_catalog_views_of_principals(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int); CREATE ROLE clerks")
    someone = people("listed")
    people("unlisted")
    session.run(
        "ALTER ROLE clerks ADD MEMBER listed; GRANT SELECT ON t TO listed; DENY UPDATE ON SCHEMA::dbo TO clerks"
    )
    assert session.rows(
        "SELECT r.name, m.name FROM sys.database_role_members x JOIN sys.database_principals r ON r.principal_id ="
        " x.role_principal_id JOIN sys.database_principals m ON m.principal_id = x.member_principal_id"
    ) == [("clerks", "listed")]
    permissions = (
        "SELECT p.class_desc, p.permission_name, p.state_desc, g.name FROM sys.database_permissions p JOIN"
        " sys.database_principals g ON g.principal_id = p.grantee_principal_id WHERE g.name IN ('listed', 'clerks')"
        " ORDER BY 1, 2"
    )
    expected = [
        ("DATABASE", "CONNECT", "GRANT", "listed"),
        ("OBJECT_OR_COLUMN", "SELECT", "GRANT", "listed"),
        ("SCHEMA", "UPDATE", "DENY", "clerks"),
    ]
    assert session.rows(permissions) == expected
    assert someone.rows(permissions) == expected
    names = {row[0] for row in someone.rows("SELECT name FROM sys.database_principals")}
    assert {"listed", "clerks", "dbo", "public"} <= names
    assert "unlisted" not in names
    assert {row[0] for row in someone.rows("SELECT name FROM sys.server_principals")} >= {"sa", "listed", "sysadmin"}
    assert someone.rows("SELECT name FROM sys.sql_logins ORDER BY name") == [("listed",), ("sa",)]
    assert session.rows("SELECT type, type_desc, is_disabled FROM sys.server_principals WHERE name = 'listed'") == [
        ("S", "SQL_LOGIN", False)
    ]


def test_requests_of_others_are_not_shown(session: Session, people: People) -> None:
    someone = people("nosy")
    own = someone.value("CONVERT(int, @@SPID)")
    assert {row[0] for row in someone.rows("SELECT session_id FROM sys.dm_exec_requests")} <= {own}


def test_my_permissions(session: Session, people: People) -> None:
    session.run("CREATE TABLE t (a int)")
    someone = people("listing")
    session.run("GRANT SELECT, INSERT ON t TO listing; GRANT CREATE TABLE TO listing")
    listed = "SELECT entity_name, permission_name FROM {0}('{1}', '{2}') ORDER BY permission_name"
    assert someone.rows(listed.format("fn_my_permissions", "dbo.t", "OBJECT")) == [
        ("dbo.t", "INSERT"),
        ("dbo.t", "SELECT"),
    ]
    assert someone.rows("SELECT * FROM sys.fn_my_permissions(NULL, 'DATABASE') ORDER BY 3") == [
        ("database", "", "CONNECT"),
        ("database", "", "CREATE TABLE"),
    ]
    assert someone.rows("SELECT permission_name FROM fn_my_permissions(NULL, 'SERVER')") == [("VIEW ANY DATABASE",)]
    assert len(session.rows("SELECT * FROM fn_my_permissions('t', 'OBJECT')")) > 8


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM sys.tables WHERE CONVERT(int, name) = 1",
        "SELECT * FROM sys.columns WHERE CONVERT(int, name) = 1",
        "SELECT * FROM sys.default_constraints WHERE CONVERT(int, definition) = 1",
        "SELECT * FROM sys.indexes WHERE CONVERT(int, name) = 1",
        "SELECT * FROM INFORMATION_SCHEMA.COLUMNS WHERE CONVERT(int, COLUMN_NAME) = 1",
        "SELECT * FROM INFORMATION_SCHEMA.TABLES WHERE 1 / (LEN(TABLE_NAME) - 6) = 1",
        "SELECT * FROM sys.sql_logins WHERE CONVERT(int, REPLACE(REPLACE(name, 'sa', '1'), 'tempting', '2')) = 0",
        "SELECT * FROM sys.server_principals WHERE principal_id > 10 AND CONVERT(int, REPLACE(name, 'tempting', '2')) = 0",
        "SELECT * FROM sys.database_principals WHERE principal_id BETWEEN 5 AND 9999"
        " AND CONVERT(int, REPLACE(name, 'tempting', '2')) = 0",
        "SELECT * FROM sys.database_permissions WHERE 1 / (grantee_principal_id - 5) = 99",
        "SELECT * FROM sys.databases WHERE database_id > 2 AND CONVERT(int, name) = 1",
    ],
)
def test_conditions_that_fail_do_not_tell_what_is_hidden(session: Session, people: People, query: str) -> None:
    session.run("CREATE TABLE hidden (hush int DEFAULT 77); CREATE INDEX hush_index ON hidden (hush)")
    people("hiding")
    someone = people("tempting")
    home = session.interpreter.database
    session.run(f"USE master; DENY VIEW ANY DATABASE TO tempting; USE {home}")
    assert someone.rows(query) == []
