"""A login that was granted nothing tries every way to another's data that T-SQL has here."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.conftest import LOGIN
from tests.sandbox.tsql import Answer, Session

PASSWORD = "Correct-Horse-7"
COLUMN, VALUE, SOURCE = "hush_column", "hush value", "hush text"
"""What must not be in any answer: the attacker never writes them."""


@dataclass
class Walled:
    """A database with a table, a view and a #table that are not the attacker's."""

    database: str
    table_id: str
    temporary_id: str
    owner: Session
    attacker: Session

    def contents(self) -> list[object]:
        name = self.database
        return [
            self.owner.rows(f"SELECT * FROM {name}.dbo.t"),
            self.owner.rows(f"SELECT name, type FROM {name}.sys.objects ORDER BY name"),
            self.owner.rows(f"SELECT permission_name, state FROM {name}.sys.database_permissions ORDER BY 1, 2"),
            self.owner.rows(f"SELECT name FROM {name}.sys.database_principals ORDER BY 1"),
            self.owner.rows("SELECT name, is_disabled FROM sys.server_principals ORDER BY 1"),
            self.owner.rows("SELECT COUNT(*) FROM sys.server_role_members"),
        ]


@pytest.fixture(scope="module")
def walled(postgres: PostgresEngine) -> Iterator[Walled]:
    name = f"walled_{secrets.token_hex(4)}"
    owner = Session(postgres.login(*LOGIN, ""))
    owner.run(f"CREATE DATABASE {name}; CREATE LOGIN attacker WITH PASSWORD = '{PASSWORD}'; USE {name}")
    owner.run(
        f"CREATE TABLE t (id int IDENTITY PRIMARY KEY, {COLUMN} nvarchar(40) DEFAULT '{SOURCE}' CHECK ({COLUMN} <> ''));"
        f" INSERT INTO t VALUES ('{VALUE}'); CREATE INDEX ix ON t ({COLUMN})"
    )
    owner.run(f"CREATE VIEW v AS SELECT {COLUMN}, '{SOURCE}' AS x FROM t")
    owner.run(f"CREATE TABLE #t ({COLUMN} nvarchar(40)); INSERT INTO #t VALUES ('{VALUE}')")
    numbers = owner.rows("SELECT CONVERT(varchar, OBJECT_ID('t')), CONVERT(varchar, OBJECT_ID('tempdb..#t'))")[0]
    attacker = Session(postgres.login("attacker", PASSWORD, "master"))
    yield Walled(name, str(numbers[0]), str(numbers[1]), owner, attacker)
    attacker.interpreter.close()
    owner.run(f"USE master; DROP DATABASE {name}; DROP LOGIN attacker")
    owner.interpreter.close()


def leaks(answer: Answer) -> bool:
    told = repr(
        (
            answer.results,
            answer.columns,
            [error.message for error in answer.errors],
            answer.messages,
            answer.outputs,
        )
    ).lower()
    return any(word in told for word in (COLUMN, VALUE, SOURCE))


ATTEMPTS = [
    "USE {db}; SELECT * FROM t",
    "SELECT * FROM {db}.dbo.t",
    "SELECT * FROM {db}..t",
    "SELECT * FROM {db}.dbo.v",
    "SELECT * FROM [{db}].[dbo].[T] WITH (NOLOCK)",
    "SELECT (SELECT TOP 1 id FROM {db}.dbo.t)",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM {db}.dbo.t)",
    "WITH c AS (SELECT * FROM {db}.dbo.t) SELECT * FROM c",
    "SELECT * FROM (VALUES (1)) x (a) CROSS JOIN {db}.dbo.t",
    "SELECT 1 UNION ALL SELECT id FROM {db}.dbo.t",
    "SELECT * INTO #copy FROM {db}.dbo.t",
    "DECLARE @x int; SELECT @x = id FROM {db}.dbo.t; SELECT @x",
    "DECLARE @x int = (SELECT MAX(id) FROM {db}.dbo.t); SELECT @x",
    "IF (SELECT COUNT(*) FROM {db}.dbo.t) > 0 PRINT 'there are rows'",
    "PRINT (SELECT MAX(id) FROM {db}.dbo.t)",
    "EXEC sp_executesql N'SELECT * FROM {db}.dbo.t'",
    "EXEC ('SELECT * FROM {db}.dbo.t')",
    "EXEC ('USE {db}; SELECT * FROM t')",
    "SET FMTONLY ON; SELECT * FROM {db}.dbo.t; SET FMTONLY OFF",
    "SELECT name FROM sys.dm_exec_describe_first_result_set(N'SELECT * FROM {db}.dbo.t', NULL, 0)",
    "EXEC sp_describe_first_result_set N'SELECT * FROM {db}.dbo.t'",
    "INSERT INTO {db}.dbo.t DEFAULT VALUES",
    "INSERT INTO {db}.dbo.t VALUES ('x')",
    "INSERT INTO {db}.dbo.t OUTPUT inserted.* VALUES ('x')",
    "INSERT BULK {db}.dbo.t (id int)",
    "UPDATE {db}.dbo.t SET id = id",
    "UPDATE x SET id = 1 FROM {db}.dbo.t x",
    "DELETE FROM {db}.dbo.t",
    "DELETE FROM {db}.dbo.t OUTPUT deleted.*",
    "TRUNCATE TABLE {db}.dbo.t",
    "DROP TABLE {db}.dbo.t",
    "DROP TABLE IF EXISTS {db}.dbo.t",
    "DROP VIEW {db}.dbo.v",
    "ALTER TABLE {db}.dbo.t ADD b int",
    "ALTER TABLE {db}.dbo.t DROP COLUMN id",
    "CREATE INDEX i ON {db}.dbo.t (id)",
    "DROP INDEX ix ON {db}.dbo.t",
    "SET IDENTITY_INSERT {db}.dbo.t ON",
    "EXEC sp_rename '{db}.dbo.t', 'u'",
    "EXEC sp_rename '{db}.dbo.t.id', 'u', 'COLUMN'",
    "EXEC {db}..sp_tables",
    "EXEC {db}.sys.sp_columns 't'",
    "EXEC {db}.dbo.sp_rename 't', 'u'",
    "EXEC sp_columns 't', 'dbo', '{db}'",
    "EXEC sp_statistics 't', 'dbo', '{db}'",
    "EXEC sp_pkeys 't', 'dbo', '{db}'",
    "EXEC sp_databases",
    "CREATE TABLE {db}.dbo.u (a int)",
    "SELECT 1 AS a INTO {db}.dbo.u",
    "CREATE TABLE #u (a int REFERENCES {db}.dbo.t)",
    "CREATE VIEW w AS SELECT * FROM {db}.dbo.t",
    "CREATE SCHEMA s",
    "USE {db}; CREATE USER attacker",
    "CREATE USER attacker",
    "CREATE LOGIN helper WITH PASSWORD = 'Correct-Horse-7'",
    "ALTER LOGIN sa WITH PASSWORD = 'Correct-Horse-7'",
    "ALTER LOGIN sa DISABLE",
    "ALTER SERVER ROLE sysadmin ADD MEMBER attacker",
    "ALTER ROLE db_owner ADD MEMBER guest",
    "ALTER AUTHORIZATION ON DATABASE::{db} TO attacker",
    "GRANT CONTROL SERVER TO attacker",
    "GRANT CONTROL ON DATABASE::master TO guest",
    "GRANT SELECT ON {db}.dbo.t TO public",
    "DENY SELECT ON {db}.dbo.t TO public",
    "DROP DATABASE {db}",
    "ALTER DATABASE {db} SET READ_COMMITTED_SNAPSHOT ON",
    "CREATE DATABASE another",
    "EXECUTE AS LOGIN = 'sa'; SELECT * FROM {db}.dbo.t",
    "SETUSER 'dbo'",
    "SELECT * FROM {db}.sys.objects",
    "SELECT * FROM {db}.sys.columns",
    "SELECT * FROM {db}.INFORMATION_SCHEMA.COLUMNS",
    "SELECT * FROM {db}.sys.sql_modules",
    "SELECT * FROM {db}.sys.database_principals",
    "SELECT * FROM sys.objects",
    "SELECT * FROM sys.all_columns",
    "SELECT * FROM sys.sql_modules",
    "SELECT * FROM sys.default_constraints",
    "SELECT * FROM sys.check_constraints",
    "SELECT * FROM sys.dm_exec_sessions",
    "SELECT * FROM sys.dm_exec_requests",
    "SELECT * FROM sys.sql_logins",
    "SELECT * FROM tempdb.sys.objects",
    "SELECT * FROM tempdb.sys.columns",
    "SELECT * FROM tempdb.INFORMATION_SCHEMA.COLUMNS",
    "SELECT * FROM #t",
    "SELECT * FROM tempdb..#t",
    "DROP TABLE #t",
    "SELECT * FROM sys.spt_columns",
    "SELECT * FROM sys.spt_table_collations",
    "SELECT * FROM {db}.sys.spt_columns",
    "SELECT * FROM sys.spt_database_sizes WHERE name = '{db}'",
    "SELECT * FROM sys.place",
    "SELECT * FROM sandbox.logins",
    "SELECT * FROM sandbox_sys.seen_logins",
    "SELECT * FROM postgres.sandbox.logins",
    "SELECT * FROM [{db}.dbo].t",
    "SELECT * FROM pg_temp.[#t]",
    "SELECT OBJECT_ID('{db}.dbo.t'), OBJECT_ID('{db}..v'), OBJECT_ID('tempdb..#t')",
    "SELECT OBJECT_NAME({table}), OBJECT_NAME({temporary}), OBJECT_SCHEMA_NAME({table})",
    "SELECT COL_NAME({table}, 1), COL_NAME({table}, 2), COL_NAME({temporary}, 1)",
    "SELECT COL_LENGTH('{db}.dbo.t', 'id'), IDENT_CURRENT('{db}.dbo.t')",
    "SELECT OBJECT_DEFINITION({table} + 16), OBJECT_DEFINITION({table} + 32), OBJECT_DEFINITION({table} + 48)",
    "SELECT OBJECTPROPERTY({table}, 'IsTable'), COLUMNPROPERTY({table}, 'id', 'IsIdentity')",
    "SELECT INDEXPROPERTY({table}, 'ix', 'IndexID')",
    "SELECT HAS_DBACCESS('{db}'), HAS_PERMS_BY_NAME('{db}.dbo.t', 'OBJECT', 'SELECT')",
    "SELECT * FROM fn_my_permissions('{db}.dbo.t', 'OBJECT')",
]
"""All in master, where the attacker is guest. {table} and {temporary} are the numbers of the objects."""


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nothing_comes_through(walled: Walled, attempt: str) -> None:
    before = walled.contents()
    text = attempt.format(db=walled.database, table=walled.table_id, temporary=walled.temporary_id)
    answer = walled.attacker.batch(text)
    assert not leaks(answer), answer
    if not answer.errors:
        # What is answered at all says nothing of the things behind the wall.
        cells = {cell for rows in answer.results for row in rows for cell in row}
        assert walled.database not in cells, answer
        assert not attempt.startswith("SELECT ") or "(" not in attempt or cells <= {None, 0}, answer
    walled.attacker.batch("SET FMTONLY OFF")
    assert walled.contents() == before
    assert walled.attacker.rows("SELECT DB_NAME(), USER_NAME()") == [("master", "guest")]
