"""What a login without rights meets: over FreeTDS, the same on the sandbox and on a real SQL Server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import pyodbc
import pytest
import sqlalchemy as sa

from tests.bulk_copy import BulkCopyError, bulk_copy
from tests.contract.lab import Failure, Lab, Session

_LOGGED_OUT_SEC = 20.0
"""How long the server may take to notice that a client has left."""


class Person:
    """A SQL login of a random name, with a user of that name in the module's database unless told otherwise."""

    def __init__(self, server_url: str, admin: Session, database: str, *, user: bool = True) -> None:
        self.name = f"login_{secrets.token_hex(6)}"
        self.password = f"aA1!{secrets.token_urlsafe(15)}"
        self._url = sa.make_url(server_url)
        self._labs: list[Lab] = []
        self._admin = admin
        self._database = database
        admin.run(f"CREATE LOGIN {self.name} WITH PASSWORD = '{self.password}'")
        if user:
            admin.run(f"CREATE USER {self.name} FOR LOGIN {self.name}")

    def enter(self, database: str | None = None, password: str | None = None, user: str | None = None) -> Session:
        """A session of this login. Raises `pyodbc.Error` when it is refused."""
        url = self._url.set(username=user or self.name, password=password or self.password)
        self._labs.append(Lab(url.render_as_string(hide_password=False), database or self._database))
        return self._labs[-1].open()

    def refused(self, database: str | None = None, password: str | None = None, user: str | None = None) -> Failure:
        """The error of a login that is refused."""
        with pytest.raises(pyodbc.Error) as error:
            self.enter(database, password, user)
        return Failure(error.value)

    def leave(self) -> None:
        """Log out everywhere, and delete the login and its user."""
        for lab in self._labs:
            lab.close()
        self._admin.run(f"USE {self._database}; DROP USER IF EXISTS {self.name}")
        deadline = time.monotonic() + _LOGGED_OUT_SEC
        while (failure := self._admin.attempt(f"DROP LOGIN {self.name}")) is not None:
            # 15434: the server has not noticed yet that its sessions are over.
            assert failure.number == 15434, failure
            assert time.monotonic() < deadline, failure


@pytest.fixture
def admin(session: Session) -> Session:
    """The administrator, in the module's database."""
    return session


@pytest.fixture
def person(server_url: str, admin: Session, lab: Lab) -> Iterator[Person]:
    """A login with a user and nothing else."""
    someone = Person(server_url, admin, lab.database)
    yield someone
    someone.leave()


@pytest.fixture
def stranger(server_url: str, admin: Session, lab: Lab) -> Iterator[Person]:
    """A login without a user."""
    someone = Person(server_url, admin, lab.database, user=False)
    yield someone
    someone.leave()


@pytest.fixture
def table(admin: Session) -> Iterator[str]:
    """A table with one row."""
    name = f"t_{secrets.token_hex(4)}"
    admin.run(f"CREATE TABLE {name} (a int NOT NULL); INSERT INTO {name} VALUES (1)")
    yield name
    admin.run(f"DROP TABLE {name}")


def denied(permission: str, table: str, lab: Lab) -> str:
    return f"The {permission} permission was denied on the object '{table}', database '{lab.database}', schema 'dbo'."


# Logging in


def test_wrong_passwords_and_wrong_names_are_alike(person: Person, lab: Lab) -> None:
    failure = person.refused(password="not" + person.password)
    assert failure.number == 18456
    assert f"Login failed for user '{person.name}'." in failure.text
    nobody = f"nobody_{secrets.token_hex(6)}"
    unknown = person.refused(user=nobody)
    assert unknown.number == 18456
    assert f"Login failed for user '{nobody}'." in unknown.text


@pytest.mark.parametrize("exists", [True, False])
def test_a_closed_database_is_as_one_that_is_not_there(stranger: Person, lab: Lab, exists: bool) -> None:
    database = lab.database if exists else f"nowhere_{secrets.token_hex(4)}"
    # SQL Server sends 4060 and then 18456; a driver may show either.
    assert stranger.refused(database).number in {4060, 18456}


def test_a_login_is_its_user(person: Person, lab: Lab) -> None:
    assert person.enter().rows("SELECT DB_NAME(), USER_NAME(), CURRENT_USER, SUSER_SNAME(), ORIGINAL_LOGIN()") == [
        (lab.database, person.name, person.name, person.name, person.name)
    ]


def test_a_login_without_a_user_is_guest_in_master(stranger: Person, lab: Lab) -> None:
    session = stranger.enter("master")
    assert session.rows("SELECT DB_NAME(), USER_NAME()") == [("master", "guest")]
    failure = session.error(f"USE {lab.database}")
    assert failure.number == 916
    assert f'The server principal "{stranger.name}" is not able to access the database "{lab.database}"' in failure.text
    assert session.error(f"SELECT * FROM {lab.database}.dbo.nothing").number == 916
    assert session.value(f"SELECT HAS_DBACCESS('{lab.database}')") == 0


def test_a_new_password_counts_from_the_next_login_on(person: Person, admin: Session) -> None:
    session = person.enter()
    other = f"bB2!{secrets.token_urlsafe(15)}"
    admin.run(f"ALTER LOGIN {person.name} WITH PASSWORD = '{other}'")
    assert session.value("SELECT 1") == 1
    assert person.refused().number == 18456
    assert person.enter(password=other).value("SELECT 1") == 1


@pytest.mark.parametrize(("password", "number"), [("aA1!", 15116), ("onlylowercaseletters", 15118)])
def test_a_weak_password_is_refused(admin: Session, password: str, number: int) -> None:
    assert admin.error(f"CREATE LOGIN login_{secrets.token_hex(6)} WITH PASSWORD = '{password}'").number == number


def test_a_login_that_is_in_use_stays(person: Person, admin: Session) -> None:
    person.enter()
    failure = admin.error(f"DROP LOGIN {person.name}")
    assert failure.number == 15434
    assert f"Could not drop login '{person.name}' as the user is currently logged in." in failure.text


# Reading and writing


@pytest.mark.parametrize(
    ("statement", "permission"),
    [
        ("SELECT a FROM {0}", "SELECT"),
        ("SELECT COUNT(*) FROM dbo.{0}", "SELECT"),
        ("INSERT INTO {0} (a) VALUES (1)", "INSERT"),
        ("UPDATE {0} SET a = 1", "UPDATE"),
        ("DELETE FROM {0}", "DELETE"),
        ("IF EXISTS (SELECT 1 FROM {0}) SELECT 1", "SELECT"),
    ],
)
def test_without_a_grant_nothing_is_open(
    person: Person, admin: Session, lab: Lab, table: str, statement: str, permission: str
) -> None:
    failure = person.enter().error(statement.format(table))
    assert failure.number == 229
    assert denied(permission, table, lab) in failure.text
    assert admin.rows(f"SELECT a FROM {table}") == [(1,)]


def test_each_permission_opens_its_statement_only(person: Person, admin: Session, lab: Lab, table: str) -> None:
    session = person.enter()
    admin.run(f"GRANT INSERT, UPDATE ON {table} TO {person.name}")
    session.run(f"INSERT INTO {table} (a) VALUES (?)", 2)
    session.run(f"UPDATE {table} SET a = 5")
    assert session.error(f"SELECT a FROM {table}").number == 229
    assert session.error(f"UPDATE {table} SET a = 6 WHERE a = 5").number == 229
    assert denied("SELECT", table, lab) in session.error(f"INSERT INTO {table} (a) OUTPUT inserted.a VALUES (3)").text
    admin.run(f"GRANT SELECT ON {table} TO {person.name}; REVOKE UPDATE ON {table} FROM {person.name}")
    assert session.rows(f"SELECT a FROM {table}") == [(5,), (5,)]
    assert denied("UPDATE", table, lab) in session.error(f"UPDATE {table} SET a = 6 WHERE a = 5").text


def test_an_error_of_rights_leaves_the_transaction(person: Person, admin: Session, table: str) -> None:
    session = person.enter()
    admin.run(f"GRANT SELECT, INSERT ON {table} TO {person.name}")
    session.run(f"BEGIN TRANSACTION; INSERT INTO {table} (a) VALUES (2)")
    assert session.error(f"DELETE FROM {table}").number == 229
    assert session.rows("SELECT @@TRANCOUNT, XACT_STATE()") == [(1, 1)]
    session.run("COMMIT")
    assert admin.rows(f"SELECT a FROM {table} ORDER BY a") == [(1,), (2,)]


def test_denial_wins(person: Person, admin: Session, table: str) -> None:
    session = person.enter()
    admin.run(f"ALTER ROLE db_datareader ADD MEMBER {person.name}")
    assert session.rows(f"SELECT a FROM {table}") == [(1,)]
    admin.run(f"DENY SELECT ON {table} TO {person.name}")
    assert session.error(f"SELECT a FROM {table}").number == 229
    admin.run(f"REVOKE SELECT ON {table} TO {person.name}")
    assert session.rows(f"SELECT a FROM {table}") == [(1,)]
    admin.run(f"ALTER ROLE db_denydatareader ADD MEMBER {person.name}")
    assert session.error(f"SELECT a FROM {table}").number == 229
    admin.run(f"ALTER ROLE db_denydatareader DROP MEMBER {person.name}")
    admin.run(f"ALTER ROLE db_datareader DROP MEMBER {person.name}")


def test_the_roles_of_a_database(person: Person, admin: Session, table: str) -> None:
    session = person.enter()
    admin.run(f"ALTER ROLE db_datawriter ADD MEMBER {person.name}")
    session.run(f"DELETE FROM {table}; INSERT INTO {table} (a) VALUES (3)")
    assert session.error(f"SELECT a FROM {table}").number == 229
    assert session.error(f"ALTER TABLE {table} ADD b int").number == 1088
    admin.run(f"ALTER ROLE db_ddladmin ADD MEMBER {person.name}")
    session.run(f"ALTER TABLE {table} ADD b int NULL")
    admin.run(f"ALTER ROLE db_owner ADD MEMBER {person.name}")
    assert session.rows(f"SELECT a, b FROM {table}") == [(3, None)]
    assert session.rows("SELECT IS_MEMBER('db_owner'), IS_ROLEMEMBER('db_ddladmin'), IS_SRVROLEMEMBER('sysadmin')") == [
        (1, 1, 0)
    ]


def test_a_view_opens_what_its_owner_owns(person: Person, admin: Session, lab: Lab, table: str) -> None:
    session = person.enter()
    admin.run(f"CREATE VIEW v_{table} AS SELECT a FROM dbo.{table}")
    try:
        assert denied("SELECT", f"v_{table}", lab) in session.error(f"SELECT a FROM v_{table}").text
        admin.run(f"GRANT SELECT ON v_{table} TO {person.name}")
        assert session.rows(f"SELECT a FROM v_{table}") == [(1,)]
        assert denied("SELECT", table, lab) in session.error(f"SELECT a FROM {table}").text
    finally:
        admin.run(f"DROP VIEW v_{table}")


def test_a_grant_that_is_rolled_back_was_none(person: Person, lab: Lab, admin: Session, table: str) -> None:
    session = person.enter()
    admin.run(f"BEGIN TRANSACTION; GRANT SELECT ON {table} TO {person.name}; ROLLBACK")
    assert session.error(f"SELECT a FROM {table}").number == 229
    admin.run(f"BEGIN TRANSACTION; GRANT SELECT ON {table} TO {person.name}; COMMIT")
    assert session.rows(f"SELECT a FROM {table}") == [(1,)]


# Definitions


@pytest.mark.parametrize(
    ("statement", "number", "words"),
    [
        ("CREATE TABLE fresh (a int)", 262, "CREATE TABLE permission denied in database '{1}'."),
        ("CREATE VIEW fresh AS SELECT 1 AS a", 262, "CREATE VIEW permission denied in database '{1}'."),
        ("SELECT 1 AS a INTO fresh", 262, "CREATE TABLE permission denied in database '{1}'."),
        ("CREATE DATABASE fresh", 262, "CREATE DATABASE permission denied in database 'master'."),
        ("DROP TABLE {0}", 3701, "because it does not exist or you do not have permission."),
        ("TRUNCATE TABLE {0}", 1088, "because it does not exist or you do not have permissions."),
        ("ALTER TABLE {0} ADD b int", 1088, "because it does not exist or you do not have permissions."),
        (
            "CREATE LOGIN fresh WITH PASSWORD = 'aA1!bB2!cC3!'",
            15247,
            "User does not have permission to perform this action.",
        ),
        ("CREATE USER fresh WITHOUT LOGIN", 15247, "User does not have permission to perform this action."),
        (
            "GRANT SELECT ON {0} TO public",
            15151,
            "Cannot find the object '{0}', because it does not exist or you do not have",
        ),
        (
            "ALTER ROLE db_owner ADD MEMBER guest",
            15151,
            "Cannot alter the role 'db_owner', because it does not exist or you",
        ),
    ],
)
def test_definitions_need_their_permissions(
    person: Person, lab: Lab, table: str, statement: str, number: int, words: str
) -> None:
    failure = person.enter().error(statement.format(table))
    assert failure.number == number, failure
    assert words.format(table, lab.database) in failure.text


def test_a_table_needs_a_schema_too(person: Person, admin: Session) -> None:
    session = person.enter()
    admin.run(f"GRANT CREATE TABLE TO {person.name}")
    failure = session.error("CREATE TABLE dbo.fresh (a int)")
    assert failure.number == 2760
    assert (
        'The specified schema name "dbo" either does not exist or you do not have permission to use it.' in failure.text
    )


def test_temporary_tables_are_everybodys_own(person: Person, admin: Session) -> None:
    one, other = person.enter(), person.enter()
    one.run("CREATE TABLE #t (a int); INSERT INTO #t VALUES (1)")
    assert one.rows("SELECT a FROM #t") == [(1,)]
    assert other.error("SELECT a FROM #t").number == 208
    assert admin.error("SELECT a FROM #t").number == 208


# What is seen


def test_only_what_one_may_use_is_seen(person: Person, admin: Session, table: str) -> None:
    session = person.enter()
    counting = (
        "SELECT (SELECT COUNT(*) FROM sys.tables WHERE name = ?), (SELECT COUNT(*) FROM sys.columns WHERE object_id ="
        " OBJECT_ID(?)), (SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = ?), (SELECT COUNT(*) FROM"
        " INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = ?), OBJECT_ID(?)"
    )
    assert session.rows(counting, *[table] * 5) == [(0, 0, 0, 0, None)]
    number = admin.value("SELECT OBJECT_ID(?)", table)
    assert session.value(f"SELECT OBJECT_NAME({number})") is None
    admin.run(f"GRANT INSERT ON {table} TO {person.name}")
    assert session.rows(counting, *[table] * 5) == [(1, 1, 1, 1, number)]
    admin.run(f"DENY VIEW DEFINITION ON {table} TO {person.name}")
    assert session.rows(counting, *[table] * 5) == [(0, 0, 0, 0, None)]
    session.run(f"INSERT INTO {table} (a) VALUES (2)")


def test_has_perms_by_name(person: Person, admin: Session, lab: Lab, table: str) -> None:
    session = person.enter()
    asked = (
        f"SELECT HAS_PERMS_BY_NAME('dbo.{table}', 'OBJECT', 'INSERT'), HAS_PERMS_BY_NAME('dbo.{table}', 'OBJECT', 'ALTER'),"
        " HAS_PERMS_BY_NAME('dbo', 'SCHEMA', 'SELECT'), HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE'),"
        " HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE'), HAS_PERMS_BY_NAME(NULL, NULL, 'ADMINISTER BULK OPERATIONS')"
    )
    assert admin.rows(asked) == [(1, 1, 1, 1, 1, 1)]
    admin.run(f"GRANT INSERT ON {table} TO {person.name}; GRANT CREATE TABLE TO {person.name}")
    assert session.rows(asked) == [(1, 0, 0, 1, 0, 0)]
    admin.run(f"GRANT CONTROL ON {table} TO {person.name}; DENY INSERT ON {table} TO {person.name}")
    assert session.rows(asked) == [(0, 1, 0, 1, 0, 0)]
    assert session.value(f"SELECT HAS_PERMS_BY_NAME('dbo.{table}', 'OBJECT', 'NONSENSE')") is None


def test_the_catalog_of_principals(person: Person, admin: Session, table: str) -> None:
    admin.run(f"GRANT SELECT ON {table} TO {person.name}; DENY DELETE ON SCHEMA::dbo TO {person.name}")
    permissions = (
        "SELECT p.class_desc, p.permission_name, p.state_desc FROM sys.database_permissions p JOIN sys.database_principals u"
        " ON u.principal_id = p.grantee_principal_id WHERE u.name = ? ORDER BY p.class"
    )
    expected = [
        ("DATABASE", "CONNECT", "GRANT"),
        ("OBJECT_OR_COLUMN", "SELECT", "GRANT"),
        ("SCHEMA", "DELETE", "DENY"),
    ]
    assert admin.rows(permissions, person.name) == expected
    assert person.enter().rows(permissions, person.name) == expected
    assert admin.rows("SELECT type, type_desc, is_disabled FROM sys.server_principals WHERE name = ?", person.name) == [
        ("S", "SQL_LOGIN", False)
    ]
    assert admin.rows(
        "SELECT type_desc, default_schema_name FROM sys.database_principals WHERE name = ?", person.name
    ) == [("SQL_USER", "dbo")]


# Bulk copy


def test_a_bulk_copy_needs_select_and_insert(person: Person, admin: Session, table: str) -> None:
    loader = person.enter()
    admin.run(f"GRANT SELECT ON {table} TO {person.name}")
    with pytest.raises(BulkCopyError, match="The INSERT permission was denied"):
        bulk_copy(loader.connection, table, ["text"], [(2,)])
    admin.run(f"GRANT INSERT ON {table} TO {person.name}")
    assert bulk_copy(person.enter().connection, table, ["text"], [(2,)]) == 1
    assert admin.rows(f"SELECT a FROM {table} ORDER BY a") == [(1,), (2,)]


def test_a_bulk_copy_past_a_constraint_needs_alter(person: Person, admin: Session, table: str) -> None:
    admin.run(
        f"ALTER TABLE {table} ADD CONSTRAINT positive CHECK (a > 0); GRANT SELECT, INSERT ON {table} TO {person.name}"
    )
    with pytest.raises(BulkCopyError):
        bulk_copy(person.enter().connection, table, ["text"], [(2,)])
    assert admin.rows(f"SELECT a FROM {table}") == [(1,)]
    assert bulk_copy(person.enter().connection, table, ["text"], [(2,)], hints="CHECK_CONSTRAINTS") == 1
    admin.run(f"GRANT ALTER ON {table} TO {person.name}")
    assert bulk_copy(person.enter().connection, table, ["text"], [(3,)]) == 1
    assert admin.rows(f"SELECT a FROM {table} ORDER BY a") == [(1,), (2,), (3,)]
