"""What other dialects have and T-SQL has not is an error: sqlglot's grammar knows more than SQL Server's."""

from __future__ import annotations

import pytest

from tests.sandbox.tsql import Session

SYNTAX_ERRORS = [
    "SELECT name FROM sys.objects LIMIT 1",
    "SELECT name FROM sys.objects OFFSET 1",
    "SELECT name FROM sys.objects ORDER BY name NULLS LAST",
    "SELECT ROW_NUMBER() OVER (ORDER BY name NULLS FIRST) FROM sys.objects",
    "SELECT name FROM sys.objects WHERE name ISNULL",
    "SELECT name FROM sys.objects WHERE name NOTNULL",
    "SELECT name FROM sys.objects WHERE object_id == 1",
    "SELECT name FROM sys.objects WHERE object_id <=> 1",
    "SELECT name FROM sys.objects WHERE object_id = 1 XOR object_id = 2",
    "SELECT name FROM sys.objects WHERE object_id && 1",
    "SELECT name FROM sys.objects WHERE object_id IN ()",
    "SELECT name FROM sys.objects FOR UPDATE",
    "SELECT `name` FROM sys.objects",
    "UPDATE t SET a = 1 RETURNING a",
    "INSERT INTO t (a) VALUES (1) RETURNING a",
    "INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT OVERWRITE t SELECT 1",
    "INSERT INTO t SET a = 1",
    "REPLACE INTO t VALUES (1)",
    "DELETE FROM t USING u",
    "DELETE FROM t WHERE a = 1 ORDER BY a",
    "SELECT 2 ** 3",
    "SELECT SUBSTRING('abc' FROM 2)",
    "SELECT EXTRACT(year FROM GETDATE())",
]
REFUSED = [
    "SELECT 'a' || 'b'",
    "SELECT object_id::varchar FROM sys.objects",
    "SELECT 5 DIV 2",
    "SELECT TRUE",
    "SELECT 1 ?? 2",
    "SELECT 'a' 'b'",
    "SELECT INTERVAL '1 day'",
    "SELECT * EXCEPT (name) FROM sys.objects",
    "SELECT DISTINCT ON (name) name FROM sys.objects",
    "SELECT COUNT(*) FILTER (WHERE 1 = 1) FROM sys.objects",
    "SELECT name FROM sys.objects WHERE name ILIKE 'x'",
    "SELECT name FROM sys.objects WHERE name SIMILAR TO 'x'",
    "SELECT name FROM sys.objects WHERE name REGEXP 'x'",
    "SELECT name FROM sys.objects WHERE (name, 1) = ('a', 1)",
    "SELECT name FROM sys.objects QUALIFY ROW_NUMBER() OVER (ORDER BY name) = 1",
    "SELECT name FROM sys.objects SORT BY name",
    "SELECT * FROM sys.objects NATURAL JOIN sys.columns",
    "SELECT * FROM sys.objects JOIN sys.columns USING (object_id)",
    "SELECT * FROM sys.objects o LEFT SEMI JOIN sys.columns c ON c.object_id = o.object_id",
    "SELECT x FROM UNNEST(1) x",
]


@pytest.mark.parametrize("text", SYNTAX_ERRORS)
def test_it_is_a_syntax_error(shared: Session, text: str) -> None:
    shared.run("DROP TABLE IF EXISTS t; CREATE TABLE t (a int)")
    assert shared.error(text).number == 102


@pytest.mark.parametrize("text", REFUSED)
def test_it_is_refused(shared: Session, text: str) -> None:
    assert shared.error(text).number == 40517


def test_it_has_the_error_that_sql_server_gives(shared: Session) -> None:
    assert shared.error("SELECT name FROM sys.objects FETCH FIRST 1 ROWS ONLY").number == 153
    assert shared.error("SELECT COUNT(DISTINCT name) OVER () FROM sys.objects").number == 10759
