"""A client's names and texts stay names and texts at every place where they reach PostgreSQL."""

from __future__ import annotations

import json

import pytest

from etl.sandbox.engine import PostgresEngine
from tests.sandbox.bulk_sessions import send
from tests.sandbox.conftest import LOGIN
from tests.sandbox.hostile import NAMES, TEXTS, bracket, literal
from tests.sandbox.tsql import Session, argument

# Names


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_wherever_it_stands(canary: Session, name: str) -> None:
    quoted = bracket(name)
    canary.run(f"CREATE SCHEMA {quoted}")
    canary.run(
        f"CREATE TABLE {quoted}.{quoted} (id int IDENTITY(1, 1) NOT NULL CONSTRAINT {bracket(name[:120] + ' pk')} PRIMARY KEY,"
        f" {quoted} nvarchar(200) NULL CONSTRAINT {bracket(name[:120] + ' df')} DEFAULT N'd',"
        f" CONSTRAINT {bracket(name[:120] + ' ck')} CHECK ({quoted} <> N'never'))"
    )
    canary.run(f"CREATE UNIQUE INDEX {quoted} ON {quoted}.{quoted} ({quoted}) WHERE {quoted} IS NOT NULL")
    table = f"{quoted}.{quoted}"
    assert canary.rows(f"INSERT INTO {table} ({quoted}) OUTPUT inserted.{quoted} VALUES (N'a')") == [("a",)]
    canary.run(f"INSERT INTO {table} DEFAULT VALUES")
    assert canary.rows("SELECT SCOPE_IDENTITY()") == [(2,)]
    canary.run(f"SET IDENTITY_INSERT {table} ON INSERT INTO {table} (id, {quoted}) VALUES (9, N'nine')")
    canary.run(f"SET IDENTITY_INSERT {table} OFF INSERT INTO {table} ({quoted}) VALUES (NULL)")
    canary.run(f"UPDATE x SET {quoted} = x.{quoted} + N'!' FROM {table} x JOIN {table} {quoted} ON {quoted}.id = x.id")
    canary.run(f"DELETE FROM {table} WHERE {quoted} = N'nine!'")
    assert canary.rows(f"WITH {quoted} AS (SELECT id, {quoted} FROM {table}) SELECT * FROM {quoted} ORDER BY id") == [
        (1, "a!"),
        (2, "d!"),
        (10, None),
    ]
    assert canary.error(f"INSERT INTO {table} ({quoted}) VALUES (N'a!')").number == 2601
    assert canary.error(f"INSERT INTO {table} ({quoted}) VALUES (N'never')").number == 547
    assert canary.rows(
        "SELECT c.name, t.name FROM sys.columns c JOIN sys.tables t ON t.object_id = c.object_id WHERE c.column_id = 2"
    ) == [(name, name)]
    answer = canary.run(f"SELECT id AS {quoted} FROM {table} AS {quoted} ORDER BY {quoted}.id")
    assert (answer.columns[0][0].name, answer.rows) == (name, [(1,), (2,), (10,)])
    canary.run(f"TRUNCATE TABLE {table}")
    canary.run(f"DROP TABLE {table}; DROP SCHEMA {quoted}")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_in_what_is_renamed_and_moved(canary: Session, name: str) -> None:
    quoted, other = bracket(name), bracket(name[:126] + "'2")
    canary.run("CREATE TABLE plain_table (id int IDENTITY PRIMARY KEY, a int)")
    canary.run(
        "EXEC sp_rename 'plain_table.a', @new, 'COLUMN'", "@new nvarchar(128)", [argument(name, "nvarchar", 128)]
    )
    canary.run("EXEC sp_rename 'plain_table', @new", "@new nvarchar(128)", [argument(name, "nvarchar", 128)])
    canary.run(f"INSERT INTO {quoted} ({quoted}) VALUES (1)")
    canary.run(f"CREATE SCHEMA {other}")
    canary.run(f"ALTER SCHEMA {other} TRANSFER {quoted}")
    assert canary.rows(f"SELECT {quoted} FROM {other}.{quoted}") == [(1,)]
    assert canary.rows(
        f"SELECT IDENT_CURRENT({literal(other + '.' + quoted)}), OBJECT_NAME(OBJECT_ID({literal(other + '.' + quoted)}))"
    ) == [(1, name)]
    canary.run(f"CREATE TRIGGER {other}.{other} ON {other}.{quoted} AFTER INSERT AS PRINT {literal(name)}")
    assert canary.run(f"INSERT INTO {other}.{quoted} ({quoted}) VALUES (2)").messages == [name]
    canary.run(
        f"CREATE VIEW {other}.{bracket(name[:120] + ' view')} AS SELECT {quoted} AS {quoted} FROM {other}.{quoted}"
    )
    assert canary.rows(f"SELECT * FROM {other}.{bracket(name[:120] + ' view')} ORDER BY {quoted}") == [(1,), (2,)]
    canary.run(f"SELECT * INTO {bracket('#' + name[:100])} FROM {other}.{quoted}")
    assert canary.rows(f"SELECT COUNT(*) FROM {bracket('#' + name[:100])}") == [(2,)]
    canary.run(f"BEGIN TRAN {bracket(name[:32])} SAVE TRAN {bracket(name[:32])} DELETE FROM {other}.{quoted}")
    canary.run(f"ROLLBACK TRAN {bracket(name[:32])} COMMIT")
    assert canary.rows(f"SELECT COUNT(*) FROM {other}.{quoted}") == [(2,)]


@pytest.mark.parametrize("name", [name for name in NAMES if len(name) < 100])
def test_a_name_is_a_name_for_a_database_and_its_login(canary: Session, postgres: PostgresEngine, name: str) -> None:
    database, quoted = f"{name} db", bracket(f"{name} db")
    canary.run(f"CREATE DATABASE {quoted}")
    canary.run(f"CREATE TABLE {quoted}.dbo.t (id int IDENTITY, a int)")
    interpreter = postgres.login(*LOGIN, database)
    inside = Session(interpreter)
    inside.run("INSERT INTO t (a) VALUES (1) INSERT INTO t (a) VALUES (2)")
    assert inside.rows("SELECT DB_NAME(), IDENT_CURRENT('t'), (SELECT SUM(id) FROM t)") == [(database, 2, 3)]
    inside.run(f"USE master SELECT id FROM {quoted}..t")
    interpreter.close()
    canary.run(f"DROP DATABASE {quoted}")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_in_a_bulk_load(canary: Session, name: str) -> None:
    quoted = bracket(name)
    canary.run(
        f"CREATE TABLE {quoted} (id int IDENTITY, {quoted} nvarchar(200) DEFAULT {literal(name)}, CHECK ({quoted} <> N'x'))"
    )
    for options in ("", "TABLOCK", "CHECK_CONSTRAINTS, FIRE_TRIGGERS, KEEP_NULLS"):
        canary.run(f"INSERT BULK {quoted} ({quoted} nvarchar(200)) {f'WITH ({options})' if options else ''}")
        answer = send(canary, "a nvarchar(200)", [(name,), (None,), ("\\N",), ("\\.",), ("a\tb\nc\\",)])
        assert answer.errors == []
    assert canary.rows(f"SELECT {quoted} FROM {quoted} WHERE id <= 5 ORDER BY id") == [
        *((name,), (name,), ("\\N",), ("\\.",), ("a\tb\nc\\",))
    ]
    error = canary.error(f"INSERT BULK {quoted} ({quoted} nvarchar(20) COLLATE {bracket(name[:100])})")
    assert error.number in {448, 40517, 102}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 AS [a\0b]",
        "SELECT N'a\0b'",
        "CREATE TABLE [a\0b] (id int)",
        "CREATE TABLE x ([a\0b] int)",
        "CREATE SCHEMA [a\0b]",
        "CREATE DATABASE [a\0b]",
        "SELECT id FROM canary WHERE id = 7 -- \0",
        "PRINT 'a\0b'",
        "SAVE TRAN [a\0b]",
        "EXEC sp_rename 'canary', N'a\0b'",
        "USE [a\0b]",
    ],
)
def test_a_nul_ends_nothing_early(canary: Session, text: str) -> None:
    """To PostgreSQL's client library a text ends at NUL: what follows it must never be lost in silence."""
    answer = canary.batch(text if "DATABASE" in text else "BEGIN TRAN " + text)
    if answer.errors:
        assert {error.number for error in answer.errors} <= {40517, 911}, answer.errors
    else:
        assert answer.results in ([[(7,)]], [[(1,)]])
    canary.batch("IF @@TRANCOUNT > 0 ROLLBACK")


def test_a_name_is_not_longer_than_sql_servers(canary: Session) -> None:
    for text in (
        f"CREATE TABLE [{'n' * 129}] (id int)",
        f"CREATE TABLE t ([{'n' * 129}] int)",
        f"SELECT 1 AS [{'n' * 129}]",
    ):
        assert canary.error(text).number == 103


# Texts


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_a_text_wherever_it_stands(canary: Session, text: str) -> None:
    value = literal(text)
    assert canary.rows(
        f"SELECT {value}, CAST({value} AS nvarchar(400)), CONVERT(nvarchar(max), {value}), {value} + N''"
    ) == [(text,) * 4]
    assert canary.rows(
        f"SELECT CASE WHEN {value} = {value} THEN 1 END, LEN({value} + N'.'), CONCAT({value}, NULL)"
    ) == [(1, len(text.encode("utf-16-le")) // 2 + 1, text)]
    canary.run(
        f"CREATE TABLE notes (id int IDENTITY, note nvarchar(400) NOT NULL DEFAULT {value}, checked nvarchar(400)"
        f" CHECK (checked <> {value} + N'x'), computed AS (note + {value}))"
    )
    canary.run(f"CREATE UNIQUE INDEX ix ON notes (id) WHERE note <> {value} + N'y'")
    canary.run("INSERT INTO notes DEFAULT VALUES")
    assert canary.rows("SELECT note, computed FROM notes") == [(text, text + text)]
    assert canary.error(f"INSERT INTO notes (checked) VALUES ({value} + N'x')").number == 547
    canary.run(f"CREATE VIEW seen AS SELECT note, {value} AS constant FROM notes WHERE note = {value}")
    assert canary.rows("SELECT * FROM seen") == [(text, text)]
    canary.run(
        f"CREATE TRIGGER told ON notes AFTER UPDATE AS PRINT {value};"
        f" IF EXISTS (SELECT 1 FROM inserted WHERE note = {value}) PRINT N'same'"
    )
    assert canary.run(f"UPDATE notes SET note = {value} WHERE note = {value}").messages == [text, "same"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_a_text_in_messages_and_inner_batches(canary: Session, text: str) -> None:
    value = literal(text)
    assert canary.run(f"PRINT {value}").messages == [text]
    assert canary.error(f"THROW 50001, {value}, 1").message == text
    inner = literal(f"SELECT {value}, @p")
    assert canary.rows(f"DECLARE @v nvarchar(400) = {value} EXEC sp_executesql {inner}, N'@p nvarchar(400)', @v") == [
        (text, text)
    ]
    assert canary.rows("SELECT @p", "@p nvarchar(400)", [argument(text, "nvarchar", 400)]) == [(text,)]


@pytest.mark.parametrize("text", TEXTS)
def test_a_pattern_is_a_pattern(canary: Session, text: str) -> None:
    """A LIKE pattern becomes a regular expression inside: nothing of it may be read as one."""
    escaped = "".join("!" + mark if mark in "%_[]^!" else mark for mark in text)
    assert canary.rows(
        f"SELECT CASE WHEN {literal(text)} LIKE {literal(escaped)} ESCAPE '!' THEN 1 ELSE 0 END,"
        f" CASE WHEN N'other' LIKE {literal(escaped)} ESCAPE '!' THEN 1 ELSE 0 END"
    ) == [(1, 0)]
    canary.run(f"SELECT 1 WHERE N'other' LIKE {literal(text)}")
    canary.run(
        f"SELECT PATINDEX({literal(text)}, N'other'), CHARINDEX({literal(text)}, N'other'),"
        f" REPLACE(N'a', {literal(text)}, N'b')"
    )
    canary.run("SELECT 1 WHERE N'x' LIKE @p", "@p nvarchar(400)", [argument(text, "nvarchar", 400)])


@pytest.mark.parametrize("text", TEXTS)
def test_json_and_its_paths_are_texts(canary: Session, text: str) -> None:
    document, key = json.dumps({text: text, "k": [text]}), json.dumps(text, ensure_ascii=False)
    rows = canary.rows("SELECT [key], value FROM OPENJSON(@j)", "@j nvarchar(max)", [argument(document, "nvarchar")])
    assert rows[0] == (text, text)
    batch = canary.batch(f"SELECT v FROM OPENJSON({literal(document)}) WITH (v nvarchar(400) {literal('$.' + key)})")
    assert batch.errors == [] or batch.numbers[0] in {13607, 40517}, batch.errors
    assert batch.results in ([], [[(text,)]], [[(None,)]]), batch.results
    for path in (text, "$." + text, f"$.k[{text}]", f'$."{text}"', "lax " + text):
        numbers = canary.batch(f"SELECT * FROM OPENJSON({literal(document)}, {literal(path)})").numbers
        assert numbers in ([], [13607], [13608], [40517], [13609]), (path, numbers)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "((((((((((a*)*)*)*)*)*)*)*)*)*)b", "a{1,9999}", "\\y\\m(?i)[[:alpha:]]*"]
)
def test_a_pattern_is_no_regular_expression(canary: Session, pattern: str) -> None:
    subject = "a" * 60 + "!"
    assert canary.rows(f"SELECT CASE WHEN {literal(subject)} LIKE {literal(pattern)} THEN 1 ELSE 0 END") == [(0,)]


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_words_that_are_no_names_are_errors(canary: Session, text: str) -> None:
    """Where T-SQL takes a word of its own: a collation, a language, a database's or procedure's name, a date part, a type."""
    word = bracket(text[:100])
    for statement in (
        f"SELECT N'a' COLLATE {word}",
        f"CREATE TABLE t (a nvarchar(5) COLLATE {word})",
        f"SET LANGUAGE {word}",
        f"SET TRANSACTION ISOLATION LEVEL {word}",
        f"USE {word}",
        f"EXEC {word}",
        f"EXEC {word} {literal(text)}",
        f"SELECT DATEADD({word}, 1, GETDATE())",
        f"SELECT CAST(1 AS {word})",
        f"SELECT {word}(1)",
        f"SELECT * FROM {word}",
        f"SELECT * FROM canary WITH ({word})",
        f"SELECT id FROM canary OPTION ({word})",
        f"SELECT CONVERT(varchar(20), GETDATE(), {literal(text)})",
        f"SELECT SERVERPROPERTY({literal(text)}), COLUMNPROPERTY(1, {literal(text)}, {literal(text)})",
        f"SELECT CAST({literal(text)} AS int), CAST({literal(text)} AS datetime2)",
    ):
        assert canary.batch(statement).errors, statement
