"""What a bulk load stores, and what it refuses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from etl.sandbox.engine import PostgresEngine
from etl.sandbox.errors import SqlServerError
from etl.sandbox.sqltypes import Value
from tests.sandbox.bulk_sessions import bulk_load, send
from tests.sandbox.tsql import Session


def test_columns_come_in_any_order_and_missing_ones_get_their_default(session: Session) -> None:
    session.run("CREATE TABLE t (a int NOT NULL, b varchar(5) DEFAULT 'none', c int, d rowversion, e AS (a + 1))")
    answer = bulk_load(session, "dbo.t", "c int, a int", [(1, 2), (None, 3)])
    assert answer.counts == [2]
    assert session.rows("SELECT a, b, c, e FROM t ORDER BY a") == [(2, "none", 1, 3), (3, "none", None, 4)]
    assert session.value("@@ROWCOUNT") == 2


def test_a_missing_column_that_must_have_a_value(session: Session) -> None:
    session.run("CREATE TABLE t (a int NOT NULL, b int NULL)")
    (error,) = bulk_load(session, "t", "b int", [(1,)]).errors
    assert error.number == 515
    assert "column 'a', table" in error.message
    assert session.value("COUNT(*) FROM t") == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [("", [("x", 7), ("x", 7), ("y", 2)]), ("KEEP_NULLS", [(None, None), ("x", None), ("y", 2)])],
)
def test_nulls_become_defaults_unless_they_are_kept(
    session: Session, options: str, expected: list[tuple[Value, ...]]
) -> None:
    session.run("CREATE TABLE t (n int, a varchar(5) DEFAULT 'x', b bigint DEFAULT (3 + 4))")
    rows = [(1, None, None), (2, "x", None), (3, "y", 2)]
    assert not bulk_load(session, "t", "n int, a varchar(5), b bigint", rows, options).errors
    assert session.rows("SELECT a, b FROM t ORDER BY n") == expected


def test_nulls_become_defaults_where_values_are_converted(session: Session) -> None:
    session.run("CREATE TABLE t (n int, a date DEFAULT '2020-01-02')")
    assert not bulk_load(session, "t", "n nvarchar(10), a nvarchar(10)", [("1", None), ("2", "2021-03-04")]).errors
    assert session.rows("SELECT n, a FROM t ORDER BY n") == [(1, dt.date(2020, 1, 2)), (2, dt.date(2021, 3, 4))]


# Identity


def test_identity_values_are_made_where_none_are_sent(session: Session) -> None:
    session.run("CREATE TABLE t (id int IDENTITY(10, 5), a int)")
    assert not bulk_load(session, "t", "a int", [(1,), (2,)]).errors
    assert session.rows("SELECT id, a FROM t ORDER BY a") == [(10, 1), (15, 2)]
    assert session.rows("SELECT SCOPE_IDENTITY(), @@IDENTITY") == [(Decimal(15), Decimal(15))]


@pytest.mark.parametrize("setting", ["", "SET IDENTITY_INSERT t ON"])
def test_identity_values_that_are_sent_move_the_next_one(session: Session, setting: str) -> None:
    session.run(f"CREATE TABLE t (id int IDENTITY PRIMARY KEY, a int); {setting}")
    assert not bulk_load(session, "t", "id int, a int", [(3, 1), (40, 2), (20, 3)]).errors
    session.run("SET IDENTITY_INSERT t OFF; INSERT INTO t (a) VALUES (4)")
    assert session.rows("SELECT id, a FROM t ORDER BY a") == [(3, 1), (40, 2), (20, 3), (41, 4)]


def test_a_first_sent_identity_value_is_not_made_again(session: Session) -> None:
    session.run("CREATE TABLE t (id int IDENTITY PRIMARY KEY, a int)")
    assert not bulk_load(session, "t", "id int, a int", [(1, 1)]).errors
    session.run("INSERT INTO t (a) VALUES (2)")
    assert session.rows("SELECT id FROM t ORDER BY a") == [(1,), (2,)]


# Rules


def test_keys_always_hold(session: Session) -> None:
    session.run("CREATE TABLE t (a int CONSTRAINT pk_t PRIMARY KEY, b int); CREATE UNIQUE INDEX ux ON t (b)")
    (error,) = bulk_load(session, "t", "a int, b int", [(1, 1), (1, 2)]).errors
    assert (error.number, "pk_t" in error.message) == (2627, True)
    (error,) = bulk_load(session, "t", "a int, b int", [(1, 1), (2, 1)]).errors
    assert error.number == 2601
    assert session.value("COUNT(*) FROM t") == 0


UNTRUSTED = "SELECT name, is_not_trusted FROM sys.{view} ORDER BY name"


@pytest.fixture
def ruled(session: Session) -> Session:
    session.run("CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1)")
    session.run(
        "CREATE TABLE t (a int CONSTRAINT ck CHECK (a > 0), p int CONSTRAINT fk REFERENCES parent (id));"
        "CREATE TABLE log (what varchar(20), rows int)"
    )
    session.run("CREATE TRIGGER tr ON t AFTER INSERT AS INSERT INTO log SELECT 'inserted', COUNT(*) FROM inserted")
    return session


def test_checks_and_foreign_keys_are_passed_by_and_then_not_trusted(ruled: Session) -> None:
    assert bulk_load(ruled, "t", "a int, p int", [(-1, 1), (1, 99)]).counts == [2]
    assert ruled.rows("SELECT a, p FROM t ORDER BY a") == [(-1, 1), (1, 99)]
    assert ruled.rows(UNTRUSTED.format(view="check_constraints")) == [("ck", True)]
    assert ruled.rows(UNTRUSTED.format(view="foreign_keys")) == [("fk", True)]
    assert ruled.rows("SELECT * FROM log") == []


def test_after_the_load_everything_is_checked_again(ruled: Session) -> None:
    ruled.run("BEGIN TRAN")
    assert not bulk_load(ruled, "t", "a int, p int", [(-1, 99)]).errors
    assert ruled.error("INSERT INTO t VALUES (-1, 1)").number == 547
    assert ruled.error("INSERT INTO t VALUES (1, 98)").number == 547
    ruled.run("INSERT INTO t VALUES (1, 1); COMMIT")
    assert ruled.rows("SELECT what, rows FROM log") == [("inserted", 1)]


@pytest.mark.parametrize(("values", "name"), [((-1, 1), "ck"), ((1, 99), "fk")])
def test_constraints_are_checked_on_demand(ruled: Session, values: tuple[int, int], name: str) -> None:
    (error,) = bulk_load(ruled, "t", "a int, p int", [(1, 1), values], "CHECK_CONSTRAINTS").errors
    assert (error.number, f'"{name}"' in error.message) == (547, True)
    assert ruled.value("COUNT(*) FROM t") == 0
    assert ruled.rows(UNTRUSTED.format(view="check_constraints")) == [("ck", False)]
    assert ruled.rows(UNTRUSTED.format(view="foreign_keys")) == [("fk", False)]


def test_a_failed_load_leaves_constraints_trusted(ruled: Session) -> None:
    ruled.run("CREATE UNIQUE INDEX ux ON t (a)")
    assert bulk_load(ruled, "t", "a int, p int", [(1, 1), (1, 1)]).numbers == [2601]
    assert ruled.rows(UNTRUSTED.format(view="check_constraints")) == [("ck", False)]


def test_constraints_are_trusted_again_once_all_rows_were_checked(ruled: Session) -> None:
    assert not bulk_load(ruled, "t", "a int, p int", [(1, 99)]).errors
    ruled.run("ALTER TABLE t WITH CHECK CHECK CONSTRAINT ck; ALTER TABLE t CHECK CONSTRAINT ALL")
    assert ruled.rows(UNTRUSTED.format(view="check_constraints")) == [("ck", False)]
    assert ruled.rows(UNTRUSTED.format(view="foreign_keys")) == [("fk", True)]
    error = ruled.error("ALTER TABLE t WITH CHECK CHECK CONSTRAINT ALL")
    assert (error.number, error.message.startswith("The ALTER TABLE statement conflicted with the FOREIGN KEY")) == (
        547,
        True,
    )
    ruled.run("DELETE FROM t; ALTER TABLE t WITH CHECK CHECK CONSTRAINT ALL")
    assert ruled.rows(UNTRUSTED.format(view="foreign_keys")) == [("fk", False)]
    assert ruled.error("INSERT INTO t VALUES (1, 99)").number == 547
    assert ruled.error("INSERT INTO t VALUES (-1, 1)").number == 547
    assert ruled.error("ALTER TABLE t WITH CHECK CHECK CONSTRAINT nowhere").number == 4917


@pytest.mark.parametrize("options", ["FIRE_TRIGGERS", "FIRE_TRIGGERS, CHECK_CONSTRAINTS"])
def test_triggers_fire_on_demand_once_for_the_message(ruled: Session, options: str) -> None:
    rows = [(1, 1)] * 3 if "CHECK" in options else [(-1, 99)] * 3
    assert bulk_load(ruled, "t", "a int, p int", rows, options).counts[-1] == 3
    assert ruled.rows("SELECT what, rows FROM log") == [("inserted", 3)]


def test_what_a_trigger_does_is_checked_though_the_load_is_not(ruled: Session) -> None:
    ruled.run("CREATE TABLE child (p int CONSTRAINT fk_child REFERENCES parent (id))")
    ruled.run("CREATE TRIGGER tr2 ON t AFTER INSERT AS INSERT INTO child SELECT p FROM inserted")
    (error,) = bulk_load(ruled, "t", "a int, p int", [(-1, 99)], "FIRE_TRIGGERS").errors
    assert (error.number, "fk_child" in error.message) == (547, True)
    assert ruled.value("COUNT(*) FROM t") == 0


@pytest.mark.parametrize(
    "option",
    [
        "TABLOCK",
        "ROWS_PER_BATCH = 100",
        "KILOBYTES_PER_BATCH = 8",
        "ORDER (a ASC, b DESC)",
        "TABLOCK CHECK_CONSTRAINTS",
    ],
)
def test_options_that_change_no_value(session: Session, option: str) -> None:
    session.run("CREATE TABLE t (a int, b int)")
    assert bulk_load(session, "t", "a int, b int", [(1, 2)], option).counts == [1]


# Values


@pytest.mark.parametrize(
    ("sent", "column", "value", "stored"),
    [
        ("smallint", "bigint", 7, 7),
        ("int", "decimal(9,2)", 7, Decimal("7.00")),
        ("decimal(9,3)", "decimal(9,2)", Decimal("1.235"), Decimal("1.24")),
        ("decimal(5,1)", "decimal(9,2)", Decimal("1.5"), Decimal("1.50")),
        ("nvarchar(20)", "int", " 42 ", 42),
        ("nvarchar(20)", "varchar(5)", "é€漢", "é€?"),
        ("nvarchar(4000)", "nvarchar(5)", "abc", "abc"),
        ("varchar(20)", "char(5)", "ab", "ab   "),
        ("char(5)", "varchar(10)", "ab   ", "ab   "),
        ("nvarchar(40)", "datetime", "2020-01-02T03:04:05.006", dt.datetime(2020, 1, 2, 3, 4, 5, 7000)),
        (
            "datetime2(6)",
            "datetime2(3)",
            dt.datetime(2020, 1, 1, 0, 0, 0, 1500),
            dt.datetime(2020, 1, 1, 0, 0, 0, 2000),
        ),
        ("time(6)", "time(0)", dt.time(23, 59, 59, 500000), dt.time(0)),
        ("datetime2(3)", "date", dt.datetime(2020, 1, 1, 12), dt.date(2020, 1, 1)),
        ("varbinary(10)", "binary(3)", b"\1", b"\1\0\0"),
        ("nvarchar(max)", "xml", "<a>é</a>", "<a>é</a>"),
        ("int", "bit", 5, True),
        ("float", "int", -2.9, -2),
        ("money", "decimal(10,1)", Decimal("1.25"), Decimal("1.3")),
        ("nvarchar(20)", "varchar(5)", "abc      ", "abc  "),
    ],
)
def test_values_of_another_type_are_converted_as_by_insert(
    session: Session, sent: str, column: str, value: Value, stored: Value
) -> None:
    session.run(f"CREATE TABLE t (v {column})")
    assert not bulk_load(session, "t", f"v {sent}", [(value,), (None,)]).errors
    assert session.rows("SELECT v FROM t") == [(stored,), (None,)]


@pytest.mark.parametrize(
    ("sent", "column", "value", "number"),
    [
        ("nvarchar(20)", "varchar(5)", "abcdef", 2628),
        ("varbinary(20)", "varbinary(2)", b"abc", 2628),
        ("nvarchar(20)", "int", "one", 245),
        ("nvarchar(20)", "date", "someday", 241),
        ("int", "tinyint", 256, 220),
        ("bigint", "int", 2**31, 8115),
        ("decimal(9,2)", "decimal(3,2)", Decimal("10.00"), 8115),
        ("nvarchar(20)", "varbinary(5)", "a", 257),
    ],
)
def test_values_that_do_not_fit_store_nothing(
    session: Session, sent: str, column: str, value: Value, number: int
) -> None:
    session.run(f"CREATE TABLE t (n int, v {column})")
    answer = bulk_load(session, "t", f"n int, v {sent}", [(1, None), (2, value)])
    assert answer.numbers == [number]
    assert session.value("COUNT(*) FROM t") == 0


def test_a_value_longer_than_declared(session: Session) -> None:
    session.run("CREATE TABLE t (a int, v nvarchar(3))")
    answer = bulk_load(session, "t", "a int, v nvarchar(3)", [(1, "😀b"), (2, "😀😀")], sent="a int, v nvarchar(max)")
    assert [(error.number, error.message[-8:]) for error in answer.errors] == [(4815, "colid 2.")]
    assert session.value("COUNT(*) FROM t") == 0


@pytest.mark.parametrize("sent", ["a int, b int", "a bigint", "a int"])
def test_rows_of_other_types_than_announced(session: Session, sent: str) -> None:
    session.run("CREATE TABLE t (a int, b nvarchar(5))")
    columns = "a int, b nvarchar(5)"
    assert bulk_load(session, "t", columns, [], sent=sent).numbers == [4816]


# The statement


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("INSERT BULK nowhere (a int)", 208),
        ("INSERT BULK t (x int)", 207),
        ("INSERT BULK t (a int, A int)", 264),
        ("INSERT BULK t (c int)", 271),
        ("INSERT BULK t (r timestamp)", 273),
        ("INSERT BULK t (a int) WITH (KEEP_IDENTITY)", 40517),
        ("INSERT BULK t (a int) WITH (TABLOCKX)", 40517),
        ("INSERT BULK t", 102),
        ("INSERT BULK t (a int) WITH (ROWS_PER_BATCH)", 102),
        ("INSERT BULK t (a int COLLATE Klingon_CI_AS)", 448),
    ],
)
def test_what_cannot_be_announced(session: Session, statement: str, number: int) -> None:
    session.run("CREATE TABLE t (a int, c AS (a + 1), r rowversion)")
    assert session.error(statement).number == number


def test_a_type_that_no_value_of_can_be_stored_is_refused_as_by_insert(session: Session) -> None:
    session.run("CREATE TABLE t (a date)")
    assert session.error("INSERT BULK t (a int)").number == session.error("INSERT INTO t VALUES (1)").number


def test_rows_need_an_announcement_right_before(session: Session) -> None:
    session.run("CREATE TABLE t (a int)")
    assert send(session, "a int", [(1,)]).numbers == [4002]
    session.run("INSERT BULK t (a int)")
    session.run("SELECT 1")
    assert send(session, "a int", [(1,)]).numbers == [4002]
    session.run("INSERT BULK t (a int)")
    assert send(session, "a int", [(1,)]).counts == [1]
    assert send(session, "a int", [(1,)]).numbers == [4002]


def test_names_are_those_of_the_current_database(sessions: Callable[[], Session]) -> None:
    session = sessions()
    session.run("CREATE SCHEMA s")
    session.run("CREATE TABLE s.[odd ]] name] ([a b] int); CREATE TABLE #t (a int)")
    assert bulk_load(session, "[s].[odd ]] name]", "[a_b] int".replace("_", " "), [(1,)], sent="a int").counts == [1]
    assert bulk_load(session, "#t", "a int", [(1,), (2,)], "TABLOCK").counts == [2]
    assert session.rows("SELECT (SELECT COUNT(*) FROM s.[odd ]] name]), (SELECT COUNT(*) FROM #t)") == [(1, 2)]


def test_what_drivers_ask_before_a_load(session: Session) -> None:
    session.run("CREATE TABLE t (id int IDENTITY, a int NOT NULL, b varchar(5), c AS (a + 1), r rowversion)")
    answer = session.run("SET FMTONLY ON select * from dbo.t SET FMTONLY OFF")
    # The SETs have no DONE of their own, or freebcp would not find the columns.
    assert (answer.results, answer.counts) == ([[]], [0])
    flags = [(column.name, column.nullable, column.identity, column.computed) for column in answer.columns[0]]
    assert flags == [
        ("id", False, True, False),
        ("a", False, False, False),
        ("b", True, False, False),
        ("c", True, False, True),
        ("r", False, False, False),
    ]


# Transactions


def test_a_failed_load_takes_back_itself_only(session: Session) -> None:
    session.run("CREATE TABLE t (a int PRIMARY KEY); BEGIN TRAN; INSERT INTO t VALUES (1)")
    assert bulk_load(session, "t", "a int", [(2,), (1,)]).numbers == [2627]
    assert session.value("@@TRANCOUNT") == 1
    assert bulk_load(session, "t", "a int", [(3,), (4,)]).counts == [2]
    session.run("COMMIT")
    assert session.rows("SELECT a FROM t ORDER BY a") == [(1,), (3,), (4,)]


def test_xact_abort_takes_back_everything(session: Session) -> None:
    session.run("CREATE TABLE t (a int PRIMARY KEY); SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO t VALUES (1)")
    answer = bulk_load(session, "t", "a int", [(2,), (1,)])
    assert (answer.numbers, answer.events) == ([2627], ["ROLLED_BACK"])
    assert session.rows("SELECT @@TRANCOUNT, COUNT(*) FROM t") == [(0, 0)]


@pytest.mark.parametrize("transaction", ["", "BEGIN TRAN"])
def test_rows_that_stop_coming_leave_nothing(session: Session, transaction: str) -> None:
    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        raise SqlServerError(0, "Query cancelled by the client.", severity=11, ends_batch=True)

    session.run(f"CREATE TABLE t (a int); {transaction}")
    assert bulk_load(session, "t", "a int", rows()).numbers == [0]
    assert session.value("@@TRANCOUNT") == len(transaction) // 10
    assert session.rows("SELECT COUNT(*) FROM t") == [(0,)]
    assert bulk_load(session, "t", "a int", [(1,)]).counts == [1]


def test_implicit_transactions_begin_with_the_announcement(session: Session) -> None:
    session.run("CREATE TABLE t (a int); SET IMPLICIT_TRANSACTIONS ON")
    assert bulk_load(session, "t", "a int", [(1,)]).counts == [1]
    assert session.value("@@TRANCOUNT") == 1
    session.run("ROLLBACK; SET IMPLICIT_TRANSACTIONS OFF")
    assert session.value("COUNT(*) FROM t") == 0


def test_preparing_data_rounds_as_columns_do(postgres: PostgresEngine, session: Session) -> None:
    session.run("CREATE TABLE t (a datetime, b smalldatetime, c datetime2(2), d time(1))")
    moment = dt.datetime(2020, 1, 2, 3, 4, 35, 995001)
    assert postgres.load(session.interpreter.database, "dbo", "t", [(moment, moment, moment, moment.time())]) == 1
    assert session.rows("SELECT * FROM t") == [
        (
            dt.datetime(2020, 1, 2, 3, 4, 35, 997000),
            dt.datetime(2020, 1, 2, 3, 5),
            dt.datetime(2020, 1, 2, 3, 4, 36),
            dt.time(3, 4, 36),
        )
    ]


def test_utf8_columns_count_bytes(session: Session) -> None:
    utf8 = "COLLATE Latin1_General_100_CI_AS_SC_UTF8"
    session.run(f"CREATE TABLE t (a varchar(6) {utf8}, b varchar(6))")
    assert not bulk_load(session, "t", "a nvarchar(6), b nvarchar(6)", [("é😀", "é漢")]).errors
    assert session.rows("SELECT a, b FROM t") == [("é😀", "é?")]
    assert bulk_load(session, "t", "a nvarchar(6)", [("é😀é",)]).numbers == [2628]
