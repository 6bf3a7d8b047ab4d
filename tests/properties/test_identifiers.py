"""Whatever schemas, tables and columns are called, rows go through under these names; what is no name is refused."""

from __future__ import annotations

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import etl
from etl.errors import EtlError, JobError
from etl.statements import TableName, quote
from tests.databases import MssqlDatabase
from tests.pipeline.jobs import job, make_orders
from tests.properties.identifiers import MAX_UNITS, Named, check, named, quoted, units

LONG = "].'\"; --" * 16
EMOJI = "😀" * (MAX_UNITS // 2)


def test_rows_go_through_under_any_names(server_database: MssqlDatabase) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(named())
    @example(Named(LONG, LONG, EMOJI, [LONG, EMOJI, "select"], {"mode": "replace", "from": "table"}))
    @example(Named(EMOJI, EMOJI, LONG, [EMOJI, LONG, "a", "á", "a\u0301"[::-1]], {"mode": "append", "from": "query"}))
    @example(Named(" s ", "t ", " t", ["a b ", " c", "İ", "ΑΣ"], {"mode": "append", "from": "table"}))
    def holds(names: Named) -> None:
        check(server_database, names)

    holds()


NO_NAMES = ["", "n" * (MAX_UNITS + 1), f"{EMOJI}n", "a\0b"]


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_what_is_no_name_is_refused_before_anything_is_written(server_database: MssqlDatabase, name: str) -> None:
    make_orders(server_database, 3)
    frame = pd.DataFrame({"a": [1], name: [2]})
    url, before = server_database.url, server_database.tables()
    for refused in (
        lambda: etl.to_sql(frame, "t", url, index=False),
        lambda: etl.to_sql(frame[["a"]], name, url, index=False),
        lambda: etl.to_sql(frame[["a"]], "t", url, schema=name, index=False),
        lambda: etl.run(job(server_database, target_table=f"dbo.[{name}]")),
        lambda: etl.run(job(server_database, source_table=f"[{name}].orders")),
    ):
        with pytest.raises(JobError) as error:
            refused()
        assert len(str(error.value)) < 500
        assert server_database.tables() == before


@pytest.mark.parametrize("name", ["#t", "dbo.#t", "##t"])
def test_a_temporary_table_is_no_target(server_database: MssqlDatabase, name: str) -> None:
    make_orders(server_database, 3)
    with pytest.raises(JobError, match="is a temporary table, which ends with the connection that made it"):
        etl.run(job(server_database, target_table=name))
    assert server_database.tables() == {"orders"}


def test_blanks_at_the_end_of_a_name_are_kept_and_do_not_count(server_database: MssqlDatabase) -> None:
    query = server_database.query
    query("CREATE SCHEMA [s ]")
    query("CREATE TABLE s.[t ] ([a ] int NOT NULL, [b] int NULL, [ c] int NULL)")
    query("INSERT INTO [s  ].t ([a], [b  ], [ c ]) VALUES (1, 2, 3)")
    assert query("SELECT [t  ].[a   ], [b ], [ c] FROM [s].[t]") == [(1, 2, 3)]
    names = "SELECT CONCAT('<', name, '>') FROM sys.columns WHERE object_id = OBJECT_ID('[s].[t  ]') ORDER BY column_id"
    assert query(names) == [("<a >",), ("<b>",), ("< c>",)]
    for statement in ("CREATE TABLE s.t (a int)", "CREATE SCHEMA s", "CREATE TABLE u (a int, [a ] int)"):
        with pytest.raises(sa.exc.ProgrammingError, match=r"\((2714|2705)\)"):
            query(statement)
    frame = etl.read_sql("s.t", server_database.url)
    assert list(frame.columns) == ["a ", "b", " c"]


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE [] (a int)", "CREATE TABLE t ([] int)", 'SELECT 1 AS ""', "SELECT 1 AS []"]
)
def test_an_empty_name_is_error_1038(server_database: MssqlDatabase, statement: str) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match=r"\(1038\)"):
        server_database.query(statement)
    assert server_database.query("SELECT N'[]' + N'\"\"' AS x -- []") == [('[]""',)]


@pytest.mark.parametrize("columns", [["a", "A"], ["é", "É"], ["a", "a "]], ids=ascii)
def test_names_that_are_one_to_the_server_are_refused(server_database: MssqlDatabase, columns: list[str]) -> None:
    with pytest.raises(EtlError, match="2705"):
        etl.to_sql(pd.DataFrame([[1, 2]], columns=columns), "t", server_database.url, index=False)
    assert server_database.tables() == set()


@settings(derandomize=True, database=None, deadline=None)
@given(names=named())
def test_a_quoted_name_is_read_back(names: Named) -> None:
    for name in (names.schema, names.source, *names.columns):
        assert 1 <= units(name) <= MAX_UNITS
        assert quote("mssql", name) == quoted(name)
    table = TableName(names.source, names.schema)
    assert TableName.parse(table.quoted("mssql")) == table


@settings(derandomize=True, database=None, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_an_identifier_or_is_refused(text: str) -> None:
    refused = pytest.raises(JobError, match="is not an identifier")
    if not text or "\0" in text or units(text) > MAX_UNITS:
        with refused:
            quote("mssql", text)
        return
    assert quote("mssql", text)[1:-1].replace("]]", "]") == text
