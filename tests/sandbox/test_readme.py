"""The sandbox's README is true: its examples run, what it says is missing is refused, and its lists are the code's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from etl.sandbox import batch_runner, catalog_procedures, procedures, set_options, sqltypes
from etl.sandbox import calls as calls_by_rpc
from etl.sandbox.engine import SESSION_ROLE, PostgresEngine
from etl.sandbox.translation import aggregates, batch, ddl_parser, functions, sources, system
from tests.sandbox.conftest import LOGIN
from tests.sandbox.tsql import Session

README = Path(batch_runner.__file__).with_name("README.md").read_text(encoding="utf-8")
THERE = ["Queries", "Changes", "Definitions", "Triggers", "Transactions", "Flow", "Logins and rights"]


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##)", README + "\n## ", re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {title}"
    return found[1]


def rows(title: str, head: str = "what") -> list[tuple[str, str]]:
    """The rows of the section's table that begins with `head`; a cell in backticks without them."""
    table = section(title).partition(f"| {head} |")[2].partition("\n\n")[0]
    lines = [line for line in table.splitlines()[2:] if line.startswith("| ")]
    cells = [re.fullmatch(r"\| (.*?) \| (.*) \|", line) for line in lines]
    assert all(cells), lines
    return [(cell[1], cell[2].strip("`")) for cell in cells if cell]


def names(title: str) -> set[str]:
    """The names in backticks; each stands once."""
    found = re.findall(r"`([^`]+)`", section(title))
    assert len(found) == len(set(found)), sorted(name for name in found if found.count(name) > 1)
    return set(found)


WIRE = rows("On the wire")
SETUP = re.findall(r"```sql\n(.*?)```", section("What is there"), re.DOTALL)[0]
EXAMPLES = [row for title in THERE for row in rows(title)]
MISSING = rows("What is not there")


def opened_shop(postgres: PostgresEngine, name: str) -> Iterator[Session]:
    """The README's database, made anew, and a session in it."""
    with closing(postgres.login(*LOGIN, "master")) as outside:
        master = Session(outside)
        master.run(f"CREATE DATABASE {name}")
        with closing(postgres.login(*LOGIN, name)) as inside:
            session = Session(inside)
            for part in SETUP.split("\nGO\n"):
                session.run(part)
            yield session
        master.run(f"DROP DATABASE {name}")


@pytest.fixture
def shop(postgres: PostgresEngine) -> Iterator[Session]:
    yield from opened_shop(postgres, "readme")


@pytest.fixture(scope="module")
def unchanged(postgres: PostgresEngine) -> Iterator[Session]:
    """The same for all statements that fail."""
    yield from opened_shop(postgres, "readme_unchanged")


# What is there


@pytest.mark.parametrize("example", [example for _, example in EXAMPLES], ids=[what for what, _ in EXAMPLES])
def test_an_example_of_what_is_there_works(shop: Session, example: str) -> None:
    shop.run(example)
    assert shop.interpreter.transaction_count == 0


# What is not there


@pytest.mark.parametrize("example", [example for _, example in MISSING], ids=[what for what, _ in MISSING])
def test_an_example_of_what_is_missing_is_refused_at_its_line(unchanged: Session, example: str) -> None:
    error = unchanged.error("\n\n" + example)
    assert (error.number, error.line) == (40517, 3), error
    assert re.fullmatch(r"sandbox: .+ (is|are) not supported", error.message), error


def test_every_verb_is_there_or_is_named_as_missing(shared: Session) -> None:
    missing = {example.split()[0] for _, example in MISSING}
    there = {statement.split()[0] for statement in names("Statements")}
    assert sorted(batch._STARTS - there - missing) == []


# Lists of names


def test_the_statements_are_the_ones_that_are_handled(shared: Session) -> None:
    runner = shared.interpreter._batches
    parsed = {" ".join(words) for words, _ in ddl_parser._PARSERS}
    known = {*batch_runner._DML, *runner._handlers, *parsed, "IF", "DECLARE"} - {"CALL", "MERGE"}
    assert names("Statements") == known


def catalog_views(postgres: PostgresEngine) -> set[str]:
    with psycopg.connect(postgres.cluster.conninfo(SESSION_ROLE)) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'sandbox_sys'::regnamespace AND relkind = 'v' AND relname LIKE"
            " '%.%' AND relname NOT LIKE 'sys.spt%'"
        ).fetchall()
    return {str(name) for (name,) in found}


CALLS = """
ABS(-1) | ACOS(1) | APP_NAME() | ASCII('a') | ASIN(1) | ATAN(1) | AVG(id) | CAST('1' AS int) | CEILING(1.5) | CHAR(65)
CHARINDEX('a', 'ba') | CHECKSUM(1) | CHECKSUM_AGG(id) | CHOOSE(1, 'a', 'b') | COALESCE(NULL, 1)
COLUMNPROPERTY(OBJECT_ID('orders'), 'id', 'IsIdentity') | COL_LENGTH('orders', 'id') | COL_NAME(OBJECT_ID('orders'), 1)
CONCAT('a', NULL, 1) | CONCAT_WS(',', 'a', 'b') | CONNECTIONPROPERTY('net_transport') | CONVERT(varchar(10), 1) | COS(0)
COT(1) | COUNT(*) | COUNT_BIG(id) | CURRENT_TIMESTAMP | CURRENT_USER | DATABASEPROPERTYEX('master', 'Status')
DATABASE_PRINCIPAL_ID('dbo') | DATALENGTH('a') | DATEADD(day, 1, '2020-01-01')
DATEDIFF(day, '2020-01-01', '2020-01-02') | DATEDIFF_BIG(day, '2020-01-01', '2020-01-02') | DATEFROMPARTS(2020, 1, 1)
DATENAME(month, '2020-01-01') | DATEPART(year, '2020-01-01') | DATETIME2FROMPARTS(2020, 1, 1, 0, 0, 0, 0, 0)
DATETIMEFROMPARTS(2020, 1, 1, 0, 0, 0, 0) | DATETRUNC(month, CAST('2020-01-02' AS date)) | DAY('2020-01-01') | DB_ID()
DB_NAME() | DEGREES(1.0) | EOMONTH('2020-01-01') | EXP(1) | FLOOR(1.5) | GETDATE() | GETUTCDATE()
HASHBYTES('SHA2_256', 'a') | HAS_DBACCESS('master') | HAS_PERMS_BY_NAME(NULL, NULL, 'CONTROL SERVER') | HOST_NAME()
IDENT_CURRENT('orders') | IIF(1 = 1, 1, 2) | INDEXPROPERTY(OBJECT_ID('orders'), 'x', 'IsUnique') | ISDATE('2020-01-01')
ISJSON('{}') | ISNULL(NULL, 1) | ISNUMERIC('1') | IS_MEMBER('db_owner') | IS_ROLEMEMBER('db_owner')
IS_SRVROLEMEMBER('sysadmin') | JSON_QUERY('{"a": []}', '$.a') | JSON_VALUE('{"a": 1}', '$.a') | LEFT('ab', 1) | LEN('a')
LOG(1) | LOG10(1) | LOWER('A') | LTRIM(' a') | MAX(id) | MIN(id) | MIN_ACTIVE_ROWVERSION() | MONTH('2020-01-01')
NCHAR(937) | NEWID() | NULLIF(1, 2) | OBJECTPROPERTY(OBJECT_ID('orders'), 'IsTable') | OBJECT_DEFINITION(1)
OBJECT_ID('orders') | OBJECT_NAME(1) | OBJECT_SCHEMA_NAME(1) | ORIGINAL_LOGIN() | PARSENAME('a.b', 1)
PATINDEX('%b%', 'ab') | PI() | POWER(2, 3) | QUOTENAME('a') | RADIANS(1.0) | RAND() | REPLACE('a', 'a', 'b')
REPLICATE('a', 2) | REVERSE('ab') | RIGHT('ab', 1) | ROUND(1.25, 1) | ROWCOUNT_BIG() | RTRIM('a ') | SCHEMA_ID('dbo')
SCHEMA_NAME(1) | SCOPE_IDENTITY() | SERVERPROPERTY('Edition') | SESSION_USER | SIGN(-1) | SIN(0) | SPACE(1) | SQRT(4)
SQUARE(2) | STDEV(id) | STDEVP(id) | STRING_AGG(total, ',') | STUFF('abc', 2, 1, 'x') | SUBSTRING('abc', 2, 1)
SUM(total) | SUSER_ID() | SUSER_NAME() | SUSER_SID() | SUSER_SNAME() | SWITCHOFFSET(SYSDATETIMEOFFSET(), '+01:00')
SYSDATETIME() | SYSDATETIMEOFFSET() | SYSTEM_USER | SYSUTCDATETIME() | TAN(0)
TODATETIMEOFFSET(SYSDATETIME(), '+01:00') | TRIM(' a ') | TRY_CAST('x' AS int) | TRY_CONVERT(int, 'x') | TYPE_NAME(56)
UNICODE(N'a') | UPPER('a') | USER | USER_ID() | USER_NAME() | VAR(id) | VARP(id) | XACT_STATE() | YEAR('2020-01-01')
"""
OVER = """
CUME_DIST() | DENSE_RANK() | FIRST_VALUE(id) | LAG(id) | LAST_VALUE(id) | LEAD(id, 1, 0) | NTILE(2) | PERCENT_RANK() | RANK()
ROW_NUMBER()
"""
TABLE_FUNCTIONS = """
OPENJSON(N'[1]') | STRING_SPLIT('a,b', ',') | sys.dm_exec_describe_first_result_set(N'SELECT 1 AS a', NULL, 0)
sys.fn_my_permissions(NULL, 'SERVER')
"""


def calls(text: str) -> dict[str, str]:
    """Calls by the name that each begins with."""
    found = [call for line in text.strip().splitlines() for call in line.split(" | ")]
    return {call.partition("(")[0]: call for call in found}


def test_the_functions_are_the_ones_that_are_registered_and_each_answers(shop: Session) -> None:
    probes = calls(CALLS)
    conversions = {"CAST", "CONVERT", "TRY_CAST", "TRY_CONVERT"}
    assert sorted(names("Functions") ^ {*functions._functions, *conversions, *parser_functions()}) == []
    assert sorted(names("Functions") ^ probes.keys()) == []
    for call in probes.values():
        shop.run(f"SELECT {call} FROM orders" if re.search(r"\((id|total|\*)\b", call) else f"SELECT {call}")


def parser_functions() -> set[str]:
    """Functions that the grammar knows because their arguments are no plain list."""
    return {"TRIM"} - functions._functions.keys()


def test_the_window_and_table_functions_answer(shop: Session) -> None:
    assert names("Window functions") == aggregates._WINDOW_ONLY.keys() == calls(OVER).keys()
    for call in calls(OVER).values():
        shop.run(f"SELECT {call} OVER (ORDER BY id) FROM orders")
    assert names("Table functions") == calls(TABLE_FUNCTIONS).keys()
    for call in calls(TABLE_FUNCTIONS).values():
        shop.run(f"SELECT * FROM {call} x")


def test_the_servers_variables_answer(shared: Session) -> None:
    assert names("Variables of the server") == system.SYSTEM_VARIABLES.keys()
    for name in names("Variables of the server"):
        shared.run(f"SELECT {name}")


def test_each_type_can_be_declared_stored_and_read(shop: Session) -> None:
    listed = names("Types")
    assert listed == sqltypes.NAMES - {"sql_variant"}
    for name in sorted(listed):
        shop.run(f"CREATE TABLE [t {name}] (a {name}, b int)")
        shop.run(f"INSERT INTO [t {name}] (b) VALUES (1)")
        shop.run(f"SELECT a FROM [t {name}]")


def test_each_hint_is_taken(shop: Session) -> None:
    listed = names("Table hints")
    assert listed == sources._HARMLESS_HINTS | sources._LOCKING_HINTS
    for name in sorted(listed):
        shop.run(f"SELECT id FROM orders WITH ({name})")


def test_each_catalog_view_can_be_read(shared: Session, postgres: PostgresEngine) -> None:
    listed = names("Catalog views")
    assert listed == catalog_views(postgres)
    for name in sorted(listed):
        shared.run(f"SELECT * FROM {name}")


VALUES = {
    **dict.fromkeys(set_options._ALWAYS_ON, "ON"),
    **dict.fromkeys(set_options._ALWAYS_OFF, "OFF"),
    **dict.fromkeys(set_options._FLAGS, "OFF"),
    "ARITHIGNORE": "ON",
    "CONTEXT_INFO": "0x01",
    "DEADLOCK_PRIORITY": "LOW",
    "TEXTSIZE": "2147483647",
    "LOCK_TIMEOUT": "-1",
    "ROWCOUNT": "0",
    "DATEFIRST": "7",
    "QUERY_GOVERNOR_COST_LIMIT": "0",
    "LANGUAGE": "us_english",
    "DATEFORMAT": "mdy",
    "IDENTITY_INSERT": "orders OFF",
    "TRANSACTION ISOLATION LEVEL": "READ COMMITTED",
}
"""What each option can be set to."""


def test_each_set_option_is_taken(shop: Session) -> None:
    assert sorted(names("SET options") ^ VALUES.keys()) == []
    assert VALUES.keys() >= set_options._ONLY_INFORMS
    for name, value in VALUES.items():
        shop.run(f"SET {name} {value}")


PROCEDURES = {
    "sp_columns": "'orders'",
    "sp_columns_100": "'orders'",
    "sp_columns_90": "'orders'",
    "sp_databases": "",
    "sp_datatype_info": "",
    "sp_datatype_info_100": "93, 3",
    "sp_describe_first_result_set": "N'SELECT 1 AS a'",
    "sp_describe_undeclared_parameters": "N'SELECT id FROM orders WHERE id = @id'",
    "sp_executesql": "N'SELECT 1'",
    "sp_fkeys": "'customers'",
    "sp_getapplock": "'x', 'Shared', 'Session'",
    "sp_pkeys": "'orders'",
    "sp_releaseapplock": "'x', 'Session'",
    "sp_rename": "'orders', 'renamed'",
    "sp_server_info": "",
    "sp_special_columns": "'customers'",
    "sp_special_columns_100": "'customers'",
    "sp_special_columns_90": "'customers'",
    "sp_sproc_columns": "'p'",
    "sp_sproc_columns_100": "'p'",
    "sp_statistics": "'customers'",
    "sp_statistics_100": "'customers'",
    "sp_stored_procedures": "",
    "sp_tablecollations_100": "'customers'",
    "sp_tablecollations_90": "'customers'",
    "sp_tables": "",
}
"""The arguments of a call of each."""


def test_each_procedure_answers(shop: Session) -> None:
    files = {path.stem for path in catalog_procedures._FOLDER.glob("*.sql")}
    registered = {*procedures._PROCEDURES, *catalog_procedures._SAME_BODY, *files}
    # By name and number; they need no interpreter to be counted.
    prepared = calls_by_rpc.Calls(cast(Any, None), cast(Any, None))._special.keys()
    assert sorted(names("Procedures") ^ (registered | prepared)) == []
    assert sorted(registered ^ PROCEDURES.keys()) == []
    for name, arguments in PROCEDURES.items():
        shop.run(f"EXEC {name} {arguments}")


def test_a_name_that_is_not_listed_is_not_there(shared: Session) -> None:
    assert shared.error("SELECT FORMATMESSAGE('x')").number == 195
    assert shared.error("EXEC sp_who").number == 2812
    assert shared.error("SELECT * FROM sys.dm_os_wait_stats").number == 208
    assert shared.error("SELECT @@CONNECTIONS").number == 137
    assert shared.error("SET OFFSETS ON").number == 195
