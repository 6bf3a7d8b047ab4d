"""Queries, changes of data, and the errors that constraints give."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest

from etl.sandbox.outcomes import Argument
from etl.sandbox.sqltypes import SqlType
from tests.sandbox.tsql import Session, argument

ORDERS = """
CREATE TABLE dbo.customers (
    id int NOT NULL CONSTRAINT pk_customers PRIMARY KEY, name nvarchar(20) NOT NULL, city varchar(10) NULL)
CREATE TABLE dbo.orders (
    id int IDENTITY(10, 5) NOT NULL CONSTRAINT pk_orders PRIMARY KEY CLUSTERED,
    customer int NULL CONSTRAINT fk_customer REFERENCES dbo.customers (id),
    total decimal(10,2) NOT NULL CONSTRAINT df_total DEFAULT (0) CONSTRAINT ck_total CHECK (total >= 0),
    code char(4) NULL, placed datetime2(3) NULL, doubled AS (total * 2),
    CONSTRAINT uq_code UNIQUE (code)
)
CREATE UNIQUE INDEX ix_placed ON dbo.orders (placed) WHERE placed IS NOT NULL
INSERT INTO customers VALUES (1, N'Ada', 'Rom'), (2, N'Bob', NULL), (3, N'Çem', 'Ulm')
INSERT INTO orders (customer, total, code, placed)
VALUES (1, 10.5, 'a', '2020-01-01'), (1, 20, 'b', '2020-01-02'), (2, 5, NULL, NULL)
"""


@pytest.fixture
def shop(session: Session) -> Session:
    session.run(ORDERS)
    return session


def test_rows_come_back_as_they_were_put(shop: Session) -> None:
    answer = shop.run("SELECT * FROM orders ORDER BY id")
    assert answer.types == ["int", "int", "decimal(10,2)", "char(4)", "datetime2(3)", "decimal(21,2)"]
    assert answer.rows == [
        (10, 1, Decimal("10.50"), "a   ", dt.datetime(2020, 1, 1), Decimal("21.00")),
        (15, 1, Decimal("20.00"), "b   ", dt.datetime(2020, 1, 2), Decimal("40.00")),
        (20, 2, Decimal("5.00"), None, None, Decimal("10.00")),
    ]
    id_column = answer.columns[0][0]
    assert (id_column.identity, id_column.nullable) == (True, False)


QUERIES = [
    ("SELECT TOP 1 name FROM customers ORDER BY name DESC", [("Çem",)]),
    ("SELECT TOP (2) WITH TIES customer FROM orders ORDER BY customer", [(1,), (1,)]),
    ("SELECT TOP 50 PERCENT id FROM customers ORDER BY id", [(1,), (2,)]),
    ("SELECT id FROM customers ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
    (
        (
            "SELECT c.name, COUNT(o.id) AS n, SUM(o.total) FROM customers c LEFT JOIN orders o ON o.customer = c.id"
            " GROUP BY c.name ORDER BY n DESC, c.name"
        ),
        [("Ada", 2, Decimal("30.50")), ("Bob", 1, Decimal("5.00")), ("Çem", 0, None)],
    ),
    ("SELECT customer, SUM(total) FROM orders GROUP BY customer HAVING SUM(total) > 10", [(1, Decimal("30.50"))]),
    ("SELECT DISTINCT city FROM customers ORDER BY city", [(None,), ("Rom",), ("Ulm",)]),
    ("SELECT city FROM customers ORDER BY city DESC", [("Ulm",), ("Rom",), (None,)]),
    ("SELECT name FROM customers WHERE name = 'ADA'", [("Ada",)]),
    ("SELECT name FROM customers WHERE name IN (SELECT 'bob')", [("Bob",)]),
    ("SELECT id FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id)", [(3,)]),
    ("SELECT id FROM orders WHERE code = 'A' AND code = 'a  '", [(10,)]),
    (
        (
            "WITH big AS (SELECT id, total FROM orders WHERE total > 5) SELECT COUNT(*) FROM big b JOIN big c ON b.id ="
            " c.id"
        ),
        [(2,)],
    ),
    ("WITH x (a, b) AS (SELECT 1, 2), y AS (SELECT a + b AS c FROM x) SELECT c FROM y", [(3,)]),
    ("SELECT 1 AS a UNION ALL SELECT 2.5 UNION SELECT 1 ORDER BY a", [(Decimal("1.0"),), (Decimal("2.5"),)]),
    ("SELECT id FROM customers EXCEPT SELECT 2 ORDER BY id", [(1,), (3,)]),
    ("SELECT id FROM customers INTERSECT SELECT 2", [(2,)]),
    ("SELECT v.a, v.b FROM (VALUES (1, 'x'), (2, 'yy')) v (a, b) ORDER BY a DESC", [(2, "yy"), (1, "x")]),
    ("SELECT id, ROW_NUMBER() OVER (ORDER BY total DESC) FROM orders ORDER BY id", [(10, 2), (15, 1), (20, 3)]),
    (
        (
            "SELECT id, SUM(total) OVER (PARTITION BY customer ORDER BY id ROWS UNBOUNDED PRECEDING) FROM orders ORDER"
            " BY id"
        ),
        [(10, Decimal("10.50")), (15, Decimal("30.50")), (20, Decimal("5.00"))],
    ),
    (
        "SELECT id, LAG(id) OVER (ORDER BY id), NTILE(2) OVER (ORDER BY id) FROM orders ORDER BY id",
        [(10, None, 1), (15, 10, 1), (20, 15, 2)],
    ),
    ("SELECT MIN(id), MAX(id), COUNT_BIG(*), AVG(id) FROM orders", [(10, 20, 3, 15)]),
    ("SELECT STRING_AGG(name, ',') WITHIN GROUP (ORDER BY id DESC) FROM customers", [("Çem,Bob,Ada",)]),
    (
        "SELECT (SELECT MAX(total) FROM orders o WHERE o.customer = c.id) FROM customers c ORDER BY c.id",
        [(Decimal("20.00"),), (Decimal("5.00"),), (None,)],
    ),
    ("SELECT [id] = c.id, x = 1 FROM dbo.customers AS c WHERE c.id = 1", [(1, 1)]),
    (
        (
            "SELECT o.id FROM orders o INNER JOIN customers c ON c.id = o.customer CROSS JOIN (SELECT 1 AS one) n WHERE"
            " c.name LIKE 'b%'"
        ),
        [(20,)],
    ),
    ("SELECT CASE city WHEN 'rom' THEN 1 ELSE 0 END FROM customers ORDER BY id", [(1,), (0,), (0,)]),
    ("SELECT a.id FROM customers a, customers b WHERE a.id = b.id AND b.id = 2", [(2,)]),
    ("SELECT id FROM customers WITH (NOLOCK) WHERE id = 1 OPTION (RECOMPILE)", [(1,)]),
]


@pytest.fixture(scope="module")
def asked(postgres: object) -> object:
    from etl.sandbox.engine import PostgresEngine
    from tests.sandbox.conftest import LOGIN

    assert isinstance(postgres, PostgresEngine)
    session = Session(postgres.login(*LOGIN, ""))
    session.run("CREATE DATABASE asked")
    session.run("USE asked")
    session.run(ORDERS)
    yield session
    session.run("USE sandbox")
    session.run("DROP DATABASE asked")
    session.interpreter.close()


@pytest.mark.parametrize(("text", "rows"), QUERIES, ids=[case[0][:60] for case in QUERIES])
def test_a_query(asked: Session, text: str, rows: list[object]) -> None:
    assert asked.rows(text) == rows


CONSTRAINTS = [
    (
        "INSERT INTO customers VALUES (1, N'x', NULL)",
        2627,
        (
            "Violation of PRIMARY KEY constraint 'pk_customers'. Cannot insert duplicate key in object 'dbo.customers'."
            " The duplicate key value is (1)."
        ),
    ),
    (
        "INSERT INTO orders (code) VALUES ('A')",
        2627,
        (
            "Violation of UNIQUE KEY constraint 'uq_code'. Cannot insert duplicate key in object 'dbo.orders'. The"
            " duplicate key value is (A)."
        ),
    ),
    (
        "UPDATE orders SET placed = '2020-01-01' WHERE id = 15",
        2601,
        "Cannot insert duplicate key row in object 'dbo.orders' with unique index 'ix_placed'.",
    ),
    (
        "INSERT INTO orders (customer, code) VALUES (99, 'z')",
        547,
        'The INSERT statement conflicted with the FOREIGN KEY constraint "fk_customer". ',
    ),
    (
        "DELETE FROM customers WHERE id = 1",
        547,
        'The DELETE statement conflicted with the REFERENCE constraint "fk_customer". ',
    ),
    ("UPDATE orders SET total = -1", 547, 'The UPDATE statement conflicted with the CHECK constraint "ck_total". '),
    ("INSERT INTO customers (id) VALUES (5)", 515, "Cannot insert the value NULL into column 'name', table '"),
    ("UPDATE customers SET name = NULL", 515, "column does not allow nulls. UPDATE fails."),
    (
        "INSERT INTO customers VALUES (5, N'this name is far too long', NULL)",
        2628,
        "Truncated value: 'this name is far too'.",
    ),
    ("UPDATE customers SET city = name + 'and something long'", 2628, "column 'city'. Truncated value: 'Adaand som'."),
    (
        "INSERT INTO orders (id) VALUES (1)",
        544,
        "Cannot insert explicit value for identity column in table 'orders' when IDENTITY_INSERT is set to OFF.",
    ),
    (
        "INSERT INTO customers VALUES (1)",
        213,
        "Column name or number of supplied values does not match table definition.",
    ),
    (
        "INSERT INTO customers (id, name) VALUES (1)",
        109,
        "There are more columns in the INSERT statement than values specified in the VALUES clause.",
    ),
    ("INSERT INTO customers (id, nope) VALUES (1, 2)", 207, "Invalid column name 'nope'."),
    (
        "UPDATE orders SET doubled = 1",
        271,
        (
            'The column "doubled" cannot be modified because it is either a computed column or is the result of a UNION'
            " operator."
        ),
    ),
    ("CREATE TABLE t (a int, b AS)", 102, "Incorrect syntax near 'AS'."),
    ("CREATE TABLE t (a int IDENTITY(1e1, 1))", 102, "Incorrect syntax near '1e1'."),
    ("UPDATE orders SET id = 1", 8102, "Cannot update identity column 'id'."),
    ("SELECT name, COUNT(*) FROM customers GROUP BY city", 8120, "is invalid in the select list"),
    ("SELECT id FROM customers, orders", 209, "Ambiguous column name 'id'."),
]


@pytest.mark.parametrize(("text", "number", "message"), CONSTRAINTS, ids=[case[0] for case in CONSTRAINTS])
def test_a_broken_rule_has_its_number_and_changes_nothing(asked: Session, text: str, number: int, message: str) -> None:
    before = (
        asked.rows("SELECT COUNT(*), MAX(name) FROM customers"),
        asked.rows("SELECT COUNT(*), SUM(total) FROM orders"),
    )
    error = asked.error(text)
    assert (error.number, message in error.message) == (number, True), error.message
    assert (
        asked.rows("SELECT COUNT(*), MAX(name) FROM customers"),
        asked.rows("SELECT COUNT(*), SUM(total) FROM orders"),
    ) == before


def test_changes_report_their_rows(shop: Session) -> None:
    answer = shop.run(
        "UPDATE orders SET total = total + 1 WHERE customer = 1; SELECT @@ROWCOUNT; DELETE FROM orders WHERE id = 20;"
        " INSERT INTO orders DEFAULT VALUES"
    )
    assert answer.counts == [2, 1, 1, 1]
    assert answer.rows == [(2,)]
    assert shop.rows("SELECT total FROM orders ORDER BY id") == [
        (Decimal("11.50"),),
        (Decimal("21.00"),),
        (Decimal("0.00"),),
    ]


def test_an_update_over_a_join_changes_the_matching_rows_only(shop: Session) -> None:
    shop.run("UPDATE o SET o.total = 1 FROM orders AS o JOIN customers c ON c.id = o.customer WHERE c.name = 'Ada'")
    assert shop.rows("SELECT total FROM orders ORDER BY id") == [
        (Decimal("1.00"),),
        (Decimal("1.00"),),
        (Decimal("5.00"),),
    ]
    shop.run(
        "UPDATE orders SET code = 'none' FROM orders LEFT JOIN customers c ON c.id = orders.customer AND c.id = 1 WHERE"
        " c.id IS NULL"
    )
    assert shop.rows("SELECT id, code FROM orders ORDER BY id") == [(10, "a   "), (15, "b   "), (20, "none")]


def test_a_delete_over_a_join(shop: Session) -> None:
    answer = shop.run("DELETE o FROM orders o JOIN customers c ON c.id = o.customer WHERE c.name = 'Ada'")
    assert answer.counts == [2]
    assert shop.rows("SELECT id FROM orders") == [(20,)]


def test_top_limits_what_is_changed(shop: Session) -> None:
    assert shop.run("DELETE TOP (1) FROM orders WHERE customer = 1").counts == [1]
    assert shop.run("UPDATE TOP (1) orders SET total += 1").counts == [1]
    assert shop.rows("SELECT COUNT(*), SUM(total) FROM orders")[0][0] == 2


def test_output_gives_the_rows_before_and_after(shop: Session) -> None:
    assert shop.rows("UPDATE orders SET total = 7 OUTPUT deleted.total, inserted.total, inserted.id WHERE id = 10") == [
        (Decimal("10.50"), Decimal("7.00"), 10)
    ]
    assert shop.rows("DELETE FROM orders OUTPUT deleted.* WHERE id = 20")[0][0] == 20
    assert shop.rows(
        "INSERT INTO orders (total, code) OUTPUT inserted.id, inserted.doubled AS d VALUES (1, 'x'), (2, 'y')"
    ) == [(25, Decimal("2.00")), (30, Decimal("4.00"))]


def test_identity_values(shop: Session) -> None:
    assert shop.rows(
        "INSERT INTO orders (code) VALUES ('x'); SELECT SCOPE_IDENTITY(), @@IDENTITY, IDENT_CURRENT('orders')"
    ) == [(Decimal(25), Decimal(25), Decimal(25))]
    shop.run(
        "SET IDENTITY_INSERT orders ON; INSERT INTO orders (id, code) VALUES (100, 'y'); SET IDENTITY_INSERT orders"
        " OFF; INSERT INTO orders (code) VALUES ('z')"
    )
    assert shop.rows("SELECT MAX(id) FROM orders") == [(105,)]


def test_select_into_makes_the_table(shop: Session) -> None:
    assert shop.run("SELECT id, total * 2 AS twice, name = N'x' INTO copies FROM orders").counts == [3]
    answer = shop.run("SELECT * FROM copies ORDER BY id")
    assert answer.types == ["int", "decimal(21,2)", "nvarchar(1)"]
    assert answer.rows[0] == (10, Decimal("21.00"), "x")
    assert shop.error("SELECT 1 INTO unnamed").number == 1038


def test_values_are_converted_to_their_columns(session: Session) -> None:
    session.run("CREATE TABLE t (i int, d datetime2(3), n decimal(5,2), g uniqueidentifier, b bit, v varchar(10))")
    session.run(
        "INSERT INTO t VALUES ('5', '2020-01-01T10:00:00.1239', '1.005', '6F9619FF-8B86-D011-B42D-00C04FC964FF',"
        " 'true', 12.5)"
    )
    session.run("INSERT INTO t (i, d) SELECT 2.9, '2020-01-01'")
    assert session.rows("SELECT * FROM t ORDER BY i DESC") == [
        (
            5,
            dt.datetime(2020, 1, 1, 10, 0, 0, 124000),
            Decimal("1.01"),
            uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
            True,
            "12.5",
        ),
        (2, dt.datetime(2020, 1, 1), None, None, None, None),
    ]
    assert session.error("INSERT INTO t (i) VALUES ('x')").number == 245
    assert session.error("INSERT INTO t (n) VALUES (1000)").number == 8115


def test_parameters_take_their_declared_types(session: Session) -> None:
    session.run("CREATE TABLE t (id bigint, name nvarchar(5), at datetime)")
    declared = "@P1 bigint, @P2 nvarchar(10), @P3 varchar(1)"
    session.run(
        "INSERT INTO t VALUES (@P1, @P2, @P3)",
        declared,
        [argument(7, "int"), argument("héllo", "nvarchar", 10), argument(None, "varchar", 1)],
    )
    assert session.rows("SELECT * FROM t WHERE id = @p", "@p nvarchar(10)", [argument("7", "nvarchar", 10)]) == [
        (7, "héllo", None)
    ]
    answer = session.run(
        "SELECT @a, @b",
        "@a decimal(5,1), @b datetime",
        [argument(Decimal("1.25"), "decimal", precision=18, scale=2), argument("2020-01-01", "nvarchar", 10)],
    )
    assert answer.types == ["decimal(5,1)", "datetime"]
    assert answer.rows == [(Decimal("1.3"), dt.datetime(2020, 1, 1))]
    assert (
        session.error(
            "INSERT INTO t (name) VALUES (@n)", "@n nvarchar(20)", [argument("too long", "nvarchar", 8)]
        ).number
        == 2628
    )
    assert session.error("SELECT @a", "@a int").number == 8178


def test_an_output_parameter_comes_back(session: Session) -> None:
    assert session.run(
        "SET @n = @n * 2", "@n int OUTPUT", [Argument(21, SqlType("int"), "@n", output=True)]
    ).outputs == {"@n": 42}


def test_variables_and_flow(session: Session) -> None:
    answer = session.run("""
        DECLARE @i int = 2, @s nvarchar(10)
        SET @s = N'x' + CAST(@i AS nvarchar(5))
        SELECT @i = @i + n FROM (VALUES (1), (2)) v (n)
        IF @i > 3 AND @s = 'X2' BEGIN PRINT @s SELECT @i, @s END ELSE SELECT 'no'
        IF 1 = 2 SELECT 'no'
        RETURN
        SELECT 'never'
    """)
    assert answer.messages == ["x2"]
    assert len(answer.results) == 1
    assert answer.rows[0][1] == "x2"


def test_nocount_hides_the_counts(session: Session) -> None:
    assert session.run("SET NOCOUNT ON; SELECT 1").counts == [None, None]


def test_a_batch_goes_on_after_a_statements_error(session: Session) -> None:
    answer = session.batch("CREATE TABLE t (a int NOT NULL); INSERT INTO t VALUES (NULL); SELECT @@ERROR; SELECT 1")
    assert answer.numbers == [515]
    assert answer.results == [[(515,)], [(1,)]]
    assert session.batch("SELECT * FROM nowhere; SELECT 1").results == []


def test_an_error_knows_its_line(session: Session) -> None:
    assert session.error("SELECT 1\n\nSELECT 1/0").line == 3


def test_sp_executesql_runs_a_batch_with_parameters(session: Session) -> None:
    answer = session.run(
        "DECLARE @r int; EXEC sp_executesql N'SET @out = @a + 1', N'@a int, @out int OUTPUT', @a = 5, @out = @r OUTPUT;"
        " SELECT @r"
    )
    assert answer.rows == [(6,)]


def test_an_output_parameter_may_have_a_length(session: Session) -> None:
    answer = session.run(
        "DECLARE @r nvarchar(9); EXEC sp_executesql N'SET @o = REPLICATE(@c, @n)',"
        " @params = N'@o nvarchar(max) OUTPUT, @c nchar(1), @n int', @o = @r OUTPUT, @c = N'x', @n = 3; SELECT @r"
    )
    assert answer.rows == [("xxx",)]


def test_a_variable_computed_from_itself_takes_every_row_in_order(session: Session) -> None:
    answer = session.run(
        "DECLARE @a nvarchar(max), @n int = 0;"
        " SELECT @a = COALESCE(@a + N', ', N'') + v.name, @n = @n + 1"
        " FROM (VALUES (2, N'b'), (3, N'c'), (1, N'a')) v (id, name) ORDER BY v.id; SELECT @a, @n, @@ROWCOUNT"
    )
    assert answer.rows == [("a, b, c", 3, 3)]


def test_what_odbc_asks_at_connect(session: Session) -> None:
    answer = session.run("sp_datatype_info_100 93,3")
    assert [(row[0], row[2]) for row in answer.rows] == [("datetime2", 27), ("datetime", 23), ("smalldatetime", 16)]


def test_case_does_not_matter_in_names(session: Session) -> None:
    session.run("CREATE TABLE dbo.[My Table] ([An Id] int, Ünï nvarchar(5))")
    session.run("INSERT INTO DBO.[MY TABLE] ([AN ID], ÜNÏ) VALUES (1, 'x')")
    answer = session.run("SELECT [an id], * FROM [my table] AS T WHERE t.[An id] = 1")
    assert [column.name for column in answer.columns[0]] == ["an id", "An Id", "Ünï"]


def test_names_of_any_length_up_to_128(session: Session) -> None:
    name, column = "t" * 128, "c" * 128
    session.run(f"CREATE TABLE [{name}] ([{column}] int PRIMARY KEY); INSERT INTO [{name}] VALUES (1)")
    assert session.rows(f"SELECT [{column}] FROM [{name}]") == [(1,)]
    assert session.rows("SELECT name FROM sys.tables") == [(name,)]


def test_temporary_tables_are_the_sessions_own(sessions: Callable[[], Session]) -> None:
    one, two = sessions(), sessions()
    one.run("CREATE TABLE #t (a int PRIMARY KEY); INSERT INTO #t VALUES (1)")
    two.run("CREATE TABLE #t (b nvarchar(5)); INSERT INTO #t VALUES (N'x')")
    assert (one.rows("SELECT * FROM #t"), two.rows("SELECT * FROM #t")) == ([(1,)], [("x",)])
    for session in (one, two):
        assert session.rows("SELECT OBJECT_ID('tempdb..#t', 'U') - OBJECT_ID('tempdb..#t')") == [(0,)]
    one.interpreter.reset()
    assert one.error("SELECT * FROM #t").number == 208
    assert two.rows("SELECT b FROM #t") == [("x",)]


def test_fmtonly_describes_without_running(session: Session) -> None:
    session.run("CREATE TABLE t (a int)")
    answer = session.run(
        "SET FMTONLY ON SELECT * FROM t; INSERT INTO t VALUES (1) SET FMTONLY OFF SELECT COUNT(*) FROM t"
    )
    assert answer.results == [[], [(0,)]]


def test_a_thousand_row_insert_of_literals(session: Session) -> None:
    session.run("CREATE TABLE t (id int PRIMARY KEY, name nvarchar(10), d date)")
    values = ", ".join(f"({i}, N'n{i}', '2020-01-{i % 28 + 1:02}')" for i in range(1000))
    assert session.run(f"INSERT INTO t (id, name, d) VALUES {values}").counts == [1000]
    assert session.rows("SELECT COUNT(*), MIN(name), MAX(d) FROM t") == [(1000, "n0", dt.date(2020, 1, 28))]


def test_describing_a_query(session: Session) -> None:
    session.run("CREATE TABLE t (id int IDENTITY PRIMARY KEY, v AS (id * 2), n nvarchar(max) NULL)")
    query = (
        "SELECT name, system_type_name, is_nullable, is_identity_column, is_computed_column FROM"
        " sys.dm_exec_describe_first_result_set(@q, NULL, 0) AS d ORDER BY column_ordinal"
    )
    rows = session.rows(query, "@q nvarchar(100)", [argument("SELECT * FROM t", "nvarchar", 100)])
    assert rows == [
        ("id", "int", False, True, False),
        ("v", "int", True, False, True),
        ("n", "nvarchar(max)", True, False, False),
    ]
    error = session.rows(
        "SELECT error_number FROM sys.dm_exec_describe_first_result_set(@q, NULL, 0) AS d",
        "@q nvarchar(100)",
        [argument("SELECT x", "nvarchar", 100)],
    )
    assert error == [(207,)]
