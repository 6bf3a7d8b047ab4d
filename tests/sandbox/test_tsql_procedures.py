"""EXEC in all its forms, descriptions of batches, and the line that an error tells."""

from __future__ import annotations

import pytest

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import DatabaseChanged, Outcome, Parameterized
from tests.sandbox.tsql import Session


def test_a_text_is_executed(session: Session) -> None:
    assert session.rows("DECLARE @s nvarchar(20) = N'1 AS x'; EXEC(N'SELECT ' + @s)") == [(1,)]
    answer = session.run("EXECUTE ('SELECT 1; SELECT 2')")
    assert answer.results == [[(1,)], [(2,)]]


def test_an_executed_text_has_variables_of_its_own(session: Session) -> None:
    error = session.error("DECLARE @x int = 1; EXEC ('SELECT @x')")
    assert (error.number, error.message) == (137, 'Must declare the scalar variable "@x".')
    assert session.rows("DECLARE @x int = 1; EXEC ('DECLARE @x int = 2'); SELECT @x") == [(1,)]


def test_use_inside_a_text_lasts_until_its_end(session: Session) -> None:
    here = session.value("DB_NAME()")
    answer = session.run("EXEC ('USE master; SELECT DB_NAME()'); SELECT DB_NAME()")
    assert answer.results == [[("master",)], [(here,)]]
    assert session.interpreter.database == here


def test_the_client_hears_of_a_use_that_an_error_ends(session: Session) -> None:
    here = session.interpreter.database
    outcomes: list[Outcome] = []
    with pytest.raises(SqlServerError, match="Invalid object name 'nope'"):
        outcomes.extend(session.interpreter.run(Parameterized("EXEC ('USE master; SELECT * FROM nope')")))
    changes = [(item.old, item.new) for item in outcomes if isinstance(item, DatabaseChanged)]
    assert changes == [(here, "master"), ("master", here)]


def test_set_options_inside_a_text_last_until_its_end(session: Session) -> None:
    session.run("EXEC ('SET XACT_ABORT ON; SET TEXTSIZE 10; SET LOCK_TIMEOUT 5')")
    assert session.rows("SELECT @@TEXTSIZE, @@LOCK_TIMEOUT, @@OPTIONS & 16384") == [(2147483647, -1, 0)]
    session.run("CREATE TABLE t (a int IDENTITY)")
    assert session.error("EXEC ('SET IDENTITY_INSERT t ON'); INSERT INTO t (a) VALUES (1)").number == 544
    session.run("EXEC ('SET IDENTITY_INSERT t ON; INSERT INTO t (a) VALUES (1)')")


def test_a_procedure_returns_a_status(session: Session) -> None:
    assert session.rows("DECLARE @r int = 5; EXEC @r = sp_executesql N'SELECT 1'; SELECT @r") == [(0,)]


@pytest.mark.parametrize("arguments", ["@o OUTPUT, 21", "@y = 21, @x = @o OUTPUT", "@x = @o OUT, @y = 21"])
def test_outputs_come_back_by_position_and_by_name(session: Session, arguments: str) -> None:
    text = f"DECLARE @o int; EXEC sp_executesql N'SET @x = @y * 2', N'@x int OUTPUT, @y int', {arguments}; SELECT @o"
    assert session.rows(text) == [(42,)]


ERRORS = [
    ("EXEC sp_executesql 'SELECT 1'", 214),
    ("EXEC sp_executesql N'SELECT @a', N'@a int'", 8178),
    ("EXEC sp_executesql N'SELECT @a', N'@a int', 1, 2", 8144),
    ("EXEC sp_pkeys @table_name = 'x', 'y'", 119),
    ("EXEC @r = sp_pkeys 'x'", 137),
    ("EXEC sp_pkeys @missing", 137),
    ("EXEC no_such_database..sp_pkeys 'x'", 911),
    ("EXEC [dbo].[No Such]", 2812),
]


@pytest.mark.parametrize(("text", "number"), ERRORS, ids=[case[0] for case in ERRORS])
def test_a_wrong_call_has_its_number(session: Session, text: str, number: int) -> None:
    assert session.error(text).number == number


def test_a_catalog_procedure_runs_in_the_database_of_its_name(session: Session) -> None:
    session.run("CREATE TABLE t (a int PRIMARY KEY)")
    here = session.interpreter.database
    assert session.rows("EXEC sp_pkeys t")[0][:4] == (here, "dbo", "t", "a")
    session.run("USE master")
    assert session.rows("EXEC sp_pkeys t") == []
    assert session.rows(f"EXEC [{here}]..sp_pkeys t")[0][:4] == (here, "dbo", "t", "a")
    assert session.interpreter.database == "master"


def test_collations_for_bulk_copy(session: Session) -> None:
    session.run("CREATE TABLE t (a int, b nvarchar(5)); CREATE TABLE #t (c varchar(3))")
    expected = [
        (1, "a", bytes(5), None),
        (2, "b", bytes.fromhex("0904d00034"), "SQL_Latin1_General_CP1_CI_AS"),
    ]
    assert session.rows("EXEC sp_tablecollations_100 N'.[t]'") == expected
    assert [row[1] for row in session.rows("EXEC tempdb..sp_tablecollations_100 N'.[#t]'")] == ["c"]


# Descriptions


def test_a_batch_is_described_without_running_it(session: Session) -> None:
    session.run(
        "CREATE TABLE t (a int IDENTITY NOT NULL, b nvarchar(20), c decimal(10,2), d datetime2(3), e varchar(max))"
    )
    answer = session.run("EXEC sp_describe_first_result_set N'DECLARE @x int; SET @x = 1; SELECT * FROM t'")
    names = [column.name for column in answer.columns[0]]
    assert names[:6] == ["is_hidden", "column_ordinal", "name", "is_nullable", "system_type_id", "system_type_name"]
    assert names[-2:] == ["tds_collation_id", "tds_collation_sort_id"]
    assert len(names) == 39
    assert [row[2:9] for row in answer.rows] == [
        ("a", False, 56, "int", 4, 10, 0),
        ("b", True, 231, "nvarchar(20)", 40, 0, 0),
        ("c", True, 106, "decimal(10,2)", 9, 10, 2),
        ("d", True, 42, "datetime2(3)", 7, 23, 3),
        ("e", True, 167, "varchar(max)", -1, 0, 0),
    ]


def test_parameters_are_declared_for_a_description(session: Session) -> None:
    columns = "name, system_type_name"
    text = f"SELECT {columns} FROM sys.dm_exec_describe_first_result_set(N'SELECT @a AS x, NULL AS y', N'@a money', 0)"
    assert session.rows(text) == [("x", "money"), ("y", "int")]
    declared = "DECLARE @q nvarchar(99) = N'SELECT 1 AS z'"
    text = f"{declared}; SELECT {columns} FROM sys.dm_exec_describe_first_result_set(@q, NULL, 0)"
    assert session.rows(text) == [("z", "int")]


def test_what_cannot_be_described_is_an_error_or_a_row_of_it(session: Session) -> None:
    assert session.error("EXEC sp_describe_first_result_set N'SELECT * FROM nope'").number == 208
    text = (
        "SELECT error_number, error_message FROM sys.dm_exec_describe_first_result_set(N'SELECT * FROM nope', NULL, 0)"
    )
    assert session.rows(text) == [(208, "Invalid object name 'nope'.")]
    assert session.rows("EXEC sp_describe_first_result_set N'PRINT 1'") == []


# Lines

LINES = [
    ("SELECT 1\nSELECT 2\nSELECT NOSUCH(3)", 195, 3),
    ("SELECT 1\nIF 1 = 1\n  SELECT * FROM sys.objects FOR XML AUTO", 40517, 3),
    ("SELECT 1\n\nIF NOSUCH(1) = 1\n  SELECT 2", 195, 3),
    ("SELECT 1\nSELECT 2\nWHILE 1 = 1 SELECT 1", 40517, 3),
    ("SELECT 1\nDECLARE @x int =\n 'x'", 245, 2),
    ("SELECT 1\n\nSET ROWCOUNT 5", 40517, 3),
    ("SELECT 1\n\nSET SHOWPLAN_ALL ON", 40517, 3),
    ("SELECT 1\n\nSELECT ,", 102, 3),
    # Inside another batch lines are counted there.
    ("SELECT 1\n\nEXEC sp_executesql N'SELECT 1/0'", 8134, 1),
    ("SELECT 1\n\nEXEC sp_executesql N'\nSELECT * FROM nope'", 208, 2),
    ("SELECT 1\n\nEXEC ('SELECT 1\n\nPRINT nope(1)')", 195, 3),
    ("SELECT 1\n\nEXEC nope", 2812, 3),
]


@pytest.mark.parametrize(("text", "number", "line"), LINES, ids=[case[0].replace("\n", "|") for case in LINES])
def test_an_error_tells_the_line_of_its_statement(shared: Session, text: str, number: int, line: int) -> None:
    error = shared.error(text)
    assert (error.number, error.line) == (number, line)


@pytest.mark.parametrize("option", ["NOEXEC", "PARSEONLY", "SHOWPLAN_ALL", "SHOWPLAN_TEXT", "SHOWPLAN_XML"])
def test_options_that_change_what_running_means_are_refused_by_name(shared: Session, option: str) -> None:
    assert shared.error(f"SET {option} ON").message == f"sandbox: SET {option} ON is not supported"
    shared.run(f"SET {option} OFF")


# Parameters that nobody declared


def suggestions(session: Session, text: str, declarations: str = "") -> list[tuple[object, object]]:
    given = f", N'{declarations}'" if declarations else ""
    rows = session.rows(f"EXEC sp_describe_undeclared_parameters N'{text}'{given}")
    return [(row[1], row[3]) for row in rows]


def test_undeclared_parameters_take_the_types_they_stand_beside(session: Session) -> None:
    session.run("CREATE TABLE t (a int, b nvarchar(20), c varbinary(10), d datetime2(6), e decimal(10,2))")
    assert suggestions(session, "INSERT INTO t VALUES (@P1, @P2, @P3, @P4, @P5)") == [
        ("@P1", "int"),
        ("@P2", "nvarchar(20)"),
        ("@P3", "varbinary(10)"),
        ("@P4", "datetime2(6)"),
        ("@P5", "decimal(10,2)"),
    ]
    text = "UPDATE t SET b = @x, e = e + @y WHERE a IN (@z, 5) AND d BETWEEN @q AND CAST(@r AS date) AND @s = a"
    assert suggestions(session, text) == [
        ("@x", "nvarchar(20)"),
        ("@y", "decimal(10,2)"),
        ("@z", "int"),
        ("@q", "datetime2(6)"),
        ("@r", "date"),
        ("@s", "int"),
    ]
    assert suggestions(session, "SELECT TOP (@n) * FROM t WHERE a = @known AND a > @m", "@known int") == [
        ("@n", "bigint"),
        ("@m", "int"),
    ]
    assert suggestions(session, "DECLARE @x int; SELECT a FROM t WHERE a = @x") == []


def test_a_parameter_beside_nothing_with_a_type_is_refused(session: Session) -> None:
    error = session.error("EXEC sp_describe_undeclared_parameters N'SELECT @x'")
    assert error.message == "sandbox: deducing the type of the parameter @x is not supported"
    assert session.error("EXEC sp_describe_undeclared_parameters N'SELECT * FROM nope WHERE a = @x'").number == 208
