"""Names: read, quoted, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import statements
from etl.errors import JobError
from etl.statements import TableName

IDENTIFIERS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=128)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orders", (None, None, "orders")),
        ("dbo.orders", (None, "dbo", "orders")),
        ("shop.dbo.orders", ("shop", "dbo", "orders")),
        ("[a.b].[c]]d]", (None, "a.b", "c]d")),
        ('"a""b".c', (None, 'a"b', "c")),
        ("dbo.two words", (None, "dbo", "two words")),
    ],
)
def test_a_table_name_is_read(text: str, parts: tuple[str | None, ...]) -> None:
    name = TableName.parse(text)
    assert (name.database, name.schema, name.name) == parts


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a.b.c.d", "[a", "a]", "[]", "[a]b", '"a'])
def test_what_is_no_table_name_is_refused(text: str) -> None:
    with pytest.raises(JobError, match="is not a table name"):
        TableName.parse(text)


@settings(derandomize=True, database=None, deadline=None)
@given(IDENTIFIERS, IDENTIFIERS)
def test_a_quoted_name_is_read_back(schema: str, name: str) -> None:
    for dialect in ("mssql", "sqlite"):
        assert TableName.parse(TableName(name, schema).quoted(dialect)) == TableName(name, schema)


@pytest.mark.parametrize("identifier", ["", "a\0b", "n" * 129])
def test_what_no_database_takes_is_refused(identifier: str) -> None:
    with pytest.raises(JobError, match="is not an identifier"):
        statements.quote("mssql", identifier)


def test_a_statement_is_loaded_without_its_comment() -> None:
    assert statements.load("count_rows_sqlite") == "SELECT COUNT(*) AS row_count FROM {table} WHERE {rows}"
