"""A client's SQL reaches no file, no program and nothing else of PostgreSQL, by whatever name or statement it asks."""

from __future__ import annotations

import pytest

from tests.sandbox.hostile import literal
from tests.sandbox.tsql import Session

CALLS = [
    "pg_read_file('/etc/passwd')",
    "pg_read_binary_file('/etc/passwd')",
    "pg_ls_dir('/')",
    "pg_stat_file('/etc/passwd')",
    "lo_import('/etc/passwd')",
    "lo_export(1, '/tmp/x')",
    "lo_from_bytea(0, 0x00)",
    "dblink('host=/tmp', 'SELECT 1')",
    "set_config('role', 'sandbox_owner', 'false')",
    "current_setting('data_directory')",
    "query_to_xml('SELECT 1', 1, 1, '')",
    "pg_sleep(1)",
    "pg_terminate_backend(1)",
    "pg_cancel_backend(1)",
    "pg_reload_conf()",
    "pg_switch_wal()",
    "inet_server_addr()",
    "version()",
    "nextval('rowversion_seq')",
    "gen_random_uuid()",
    "txid_current()",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("schema", ["", "pg_catalog.", "sandbox.", "public.", "dbo.", "sys.", "[pg_catalog]."])
def test_a_function_of_postgresql_is_no_function_here(shared: Session, call: str, schema: str) -> None:
    for text in (
        f"SELECT {schema}{call}",
        f"SELECT * FROM {schema}{call} x",
        f"DECLARE @x nvarchar(max) = {schema}{call}",
    ):
        numbers = shared.batch(text).numbers
        assert len(numbers) == 1, text
        assert numbers[0] in {195, 40517, 4121, 208, 102, 207, 4104}, (text, numbers)


RELATIONS = [
    *(
        "pg_authid",
        "pg_shadow",
        "pg_proc",
        "pg_class",
        "pg_settings",
        "pg_stat_activity",
        "pg_largeobject",
        "pg_file_settings",
    ),
    *("logins", "objects", "permissions", "databases", "types", "rowversion_seq"),
]


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(
    "schema", ["", "pg_catalog.", "sandbox.", "sandbox_sys.", "information_schema.", "sys.", "postgres.pg_catalog."]
)
def test_a_relation_of_postgresql_is_no_table_here(shared: Session, relation: str, schema: str) -> None:
    if (schema, relation) in {("sys.", "objects"), ("sys.", "databases"), ("sys.", "types")}:
        return
    for text in (
        f"SELECT * FROM {schema}{relation}",
        f"INSERT INTO {schema}{relation} DEFAULT VALUES",
        f"DELETE FROM {schema}{relation}",
        f"DROP TABLE {schema}{relation}",
        f"TRUNCATE TABLE {schema}{relation}",
    ):
        numbers = shared.batch(text).numbers
        assert len(numbers) == 1, text
        assert numbers[0] in {208, 3701, 4701, 259}, (text, numbers)


PROGRAMS = [
    "EXEC xp_cmdshell 'id'",
    "EXEC master..xp_cmdshell 'id'",
    "EXEC master.dbo.xp_cmdshell 'id'",
    "EXEC xp_dirtree '/'",
    "EXEC xp_fileexist '/etc/passwd'",
    "EXEC xp_regread 'HKEY_LOCAL_MACHINE', 'x', 'y'",
    "EXEC sp_OACreate 'WScript.Shell', 1",
    "EXEC sp_configure 'xp_cmdshell', 1",
    "EXEC sp_addextendedproc 'x', '/tmp/x.so'",
    "EXEC sp_execute_external_script @language = N'Python', @script = N'import os'",
    "EXEC sp_addlinkedserver 'x'",
    "EXEC sp_attach_db 'x', '/tmp/x.mdf'",
    "EXEC sp_send_dbmail 'x'",
    "SELECT * FROM OPENROWSET(BULK '/etc/passwd', SINGLE_CLOB) x",
    "SELECT * FROM OPENROWSET('SQLNCLI', 'Server=x;', 'SELECT 1') x",
    "SELECT * FROM OPENDATASOURCE('SQLNCLI', 'Data Source=x').a.b.c",
    "SELECT * FROM OPENQUERY(x, 'SELECT 1')",
    "BULK INSERT canary FROM '/etc/passwd'",
    "INSERT INTO canary SELECT * FROM OPENROWSET(BULK '/etc/passwd', SINGLE_CLOB) x",
    "BACKUP DATABASE master TO DISK = '/tmp/x.bak'",
    "RESTORE DATABASE x FROM DISK = '/tmp/x.bak'",
    "CREATE DATABASE x ON (NAME = x, FILENAME = '/tmp/x.mdf')",
    "CREATE DATABASE x ON (FILENAME = '/etc/passwd') FOR ATTACH",
    "CREATE ASSEMBLY x FROM '/tmp/x.dll'",
    "CREATE CERTIFICATE x FROM FILE = '/etc/passwd'",
    "CREATE EXTERNAL DATA SOURCE x WITH (LOCATION = 'file:///')",
    "CREATE FUNCTION f() RETURNS int AS BEGIN RETURN 1 END",
    "CREATE PROCEDURE p AS SELECT 1",
    "EXECUTE AS LOGIN = 'sa'",
    "EXECUTE AS USER = 'dbo'",
    "EXEC ('SELECT 1') AS USER = 'dbo'",
    "EXEC ('SELECT 1') AT x",
    "SETUSER 'dbo'",
    "RECONFIGURE",
    "SHUTDOWN",
    "KILL 51",
    "DBCC CHECKDB",
    "CHECKPOINT",
    "COPY canary FROM PROGRAM 'id'",
    "COPY (SELECT 1) TO '/tmp/x'",
    "LOAD '/tmp/x.so'",
    "DO $$ BEGIN END $$",
    "CREATE EXTENSION dblink",
    "CREATE LANGUAGE plpython3u",
    "CREATE ROLE x SUPERUSER",
    "ALTER SYSTEM SET x = 1",
    "SET ROLE sandbox_owner",
    "SET SESSION AUTHORIZATION sandbox_owner",
    "SET search_path = pg_catalog",
    "SET statement_timeout = 1",
    "RESET ALL",
    "DISCARD ALL",
    "LISTEN x",
    "VACUUM",
    "LOCK TABLE canary",
    "\\! id",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_no_statement_reaches_a_file_or_a_program(canary: Session, text: str) -> None:
    for batch in (text, f"EXEC sp_executesql {literal(text)}"):
        answer = canary.batch(batch)
        assert len(answer.errors) == 1, (batch, answer)
        assert answer.numbers[0] in {40517, 2812, 102, 195, 208, 15281, 7202, 319}, (batch, answer.errors)
        assert answer.results == []


HIDDEN_IN = [
    "CREATE TABLE t (a int DEFAULT ({call}))",
    "CREATE TABLE t (a int, CHECK ({call} = 1))",
    "CREATE TABLE t (a int, b AS ({call}))",
    "CREATE VIEW v AS SELECT {call} AS a",
    "CREATE TABLE t (a int); CREATE INDEX ix ON t (a) WHERE a = {call}",
    "CREATE TRIGGER t ON canary AFTER INSERT AS PRINT {call}",
    "CREATE TRIGGER t ON canary AFTER INSERT AS UPDATE canary SET id = {call}",
    "CREATE TRIGGER t ON canary AFTER INSERT AS IF {call} = 1 PRINT 'x'",
    "UPDATE canary SET id = {call}",
    "INSERT INTO canary VALUES ({call})",
    "DELETE FROM canary WHERE {call} = 1",
    "SELECT TOP ({call}) id FROM canary",
    "SELECT id FROM canary ORDER BY id OFFSET {call} ROWS",
    "SELECT ROW_NUMBER() OVER (ORDER BY {call}) FROM canary",
    "IF {call} = 1 PRINT 'x'",
    "PRINT {call}",
    "RAISERROR({call}, 16, 1)",
    "EXEC sp_executesql N'SELECT {twice}'",
    "SELECT * FROM (VALUES ({call})) v (a)",
]


@pytest.mark.parametrize("where", HIDDEN_IN)
def test_no_expression_reaches_a_file(canary: Session, where: str) -> None:
    call = "pg_read_file('/etc/hostname')"
    answer = canary.batch(where.format(call=call, twice=call.replace("'", "''")))
    assert len(answer.errors) == 1, answer
    assert answer.numbers[0] in {195, 40517, 102}, answer.errors
    assert (answer.results, answer.messages) == ([], [])
