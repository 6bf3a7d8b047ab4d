"""AFTER triggers: when they fire, what they see, what their errors take with them, and what the catalog says of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from etl.sandbox.wire import tokens
from tests.sandbox.tsql import Session

TABLES = """
CREATE TABLE dbo.stock (id int NOT NULL CONSTRAINT pk_stock PRIMARY KEY, name nvarchar(20) NOT NULL, qty int NOT NULL DEFAULT 0)
CREATE TABLE dbo.log (
    n int IDENTITY(1, 1) CONSTRAINT pk_log PRIMARY KEY, what varchar(20) NOT NULL, id int NULL, was int NULL, now int NULL)
"""
AUDIT = """CREATE TRIGGER dbo.audit ON dbo.stock AFTER INSERT, UPDATE, DELETE AS
SET NOCOUNT ON
INSERT INTO dbo.log (what, id, was, now)
SELECT CASE WHEN d.id IS NULL THEN 'insert' WHEN i.id IS NULL THEN 'delete' ELSE 'update' END,
    COALESCE(i.id, d.id), d.qty, i.qty
FROM inserted i FULL JOIN deleted d ON d.id = i.id
"""


@pytest.fixture
def stock(session: Session) -> Session:
    session.run(TABLES)
    return session


@pytest.fixture
def audited(stock: Session) -> Session:
    stock.run(AUDIT)
    return stock


def logged(session: Session) -> list[tuple[object, ...]]:
    return list(session.rows("SELECT what, id, was, now FROM log ORDER BY n"))


def test_it_fires_once_for_a_statement_and_sees_all_its_rows(audited: Session) -> None:
    audited.run("INSERT INTO stock VALUES (1, N'pen', 5), (2, N'ink', 7)")
    audited.run("UPDATE stock SET qty = qty + 1")
    audited.run("UPDATE s SET qty = 0 FROM stock s JOIN (VALUES (2)) v (id) ON v.id = s.id")
    audited.run("DELETE TOP (1) FROM stock WHERE id = 1")
    assert sorted(logged(audited)[:2]) == [("insert", 1, None, 5), ("insert", 2, None, 7)]
    assert sorted(logged(audited)[2:4]) == [("update", 1, 5, 6), ("update", 2, 7, 8)]
    assert logged(audited)[4:] == [("update", 2, 8, 0), ("delete", 1, 6, None)]


def test_it_fires_for_no_rows_too(stock: Session) -> None:
    stock.run(
        "CREATE TRIGGER tell ON stock FOR UPDATE, DELETE AS SET NOCOUNT ON;"
        " INSERT INTO log (what, was, now) SELECT 'fired', (SELECT COUNT(*) FROM deleted), (SELECT COUNT(*) FROM inserted)"
    )
    assert stock.run("DELETE FROM stock WHERE id = 9").counts == [0]
    assert logged(stock) == [("fired", None, 0, 0)]


def test_the_outer_statements_count_and_identity_stay(stock: Session) -> None:
    stock.run("CREATE TABLE orders (id int IDENTITY(100, 10), total int)")
    stock.run(
        "CREATE TRIGGER orders_log ON orders AFTER INSERT AS INSERT INTO log (what) SELECT 'a' FROM inserted;"
        " INSERT INTO log (what) VALUES ('b')"
    )
    answer = stock.run(
        "INSERT INTO orders (total) VALUES (1), (2) SELECT @@ROWCOUNT, SCOPE_IDENTITY(), @@IDENTITY, IDENT_CURRENT('orders')"
    )
    assert answer.counts == [2, 1, 2, 1]
    assert answer.rows == [(2, Decimal(110), Decimal(3), Decimal(110))]
    stock.run("INSERT INTO log (what) VALUES ('c')")
    assert stock.rows("SELECT SCOPE_IDENTITY(), @@IDENTITY") == [(Decimal(4), Decimal(4))]


def test_a_trigger_that_fills_its_own_table_does_not_fire_itself(stock: Session) -> None:
    stock.run(
        "CREATE TRIGGER again ON log AFTER INSERT AS SET NOCOUNT ON;"
        " INSERT INTO log (what, id) SELECT 'again', n FROM inserted"
    )
    stock.run("INSERT INTO log (what) VALUES ('first')")
    assert logged(stock) == [("first", None, None, None), ("again", 1, None, None)]
    assert stock.rows("SELECT SCOPE_IDENTITY(), @@IDENTITY") == [(Decimal(1), Decimal(2))]


def test_two_triggers_that_fire_each_other_end_at_32_levels(stock: Session) -> None:
    stock.run("CREATE TRIGGER ping ON stock AFTER UPDATE AS UPDATE log SET was = now")
    stock.run("CREATE TRIGGER pong ON log AFTER UPDATE AS UPDATE stock SET qty = qty + 1")
    error = stock.error("UPDATE stock SET qty = 1")
    assert (error.number, error.message[:40]) == (217, "Maximum stored procedure, function, trig")


def test_variables_conditions_and_the_columns_that_an_update_names(stock: Session) -> None:
    stock.run("""CREATE TRIGGER watch ON stock AFTER INSERT, UPDATE, DELETE AS
IF @@ROWCOUNT = 0 RETURN
SET NOCOUNT ON
DECLARE @n int = (SELECT COUNT(*) FROM inserted), @name nvarchar(20)
SELECT @name = name FROM inserted ORDER BY id
SET @n = @n * 10
IF UPDATE(qty) AND @n > 0
BEGIN
    INSERT INTO log (what, id) VALUES ('qty ' + @name, @n)
END
ELSE IF UPDATE(name)
    INSERT INTO log (what) VALUES ('name')
ELSE
    INSERT INTO log (what) VALUES ('gone')
""")
    stock.run("INSERT INTO stock VALUES (1, 'pen', 1), (2, 'ink', 2)")
    stock.run("UPDATE stock SET name = name")
    stock.run("UPDATE stock SET qty = qty WHERE id = 1")
    stock.run("UPDATE stock SET qty = 1 WHERE id = 9")
    stock.run("DELETE stock WHERE id = 1")
    assert [(what, n) for what, n, _, _ in logged(stock)] == [
        ("qty ink", 20),
        ("name", None),
        ("qty pen", 10),
        ("gone", None),
    ]


def test_a_raised_error_is_told_and_undoes_nothing(stock: Session) -> None:
    stock.run(
        "CREATE TRIGGER tell ON stock AFTER INSERT AS\nPRINT 'seen'\nRAISERROR('not so good', 16, 3)\nRAISERROR('fyi', 5, 1)"
    )
    answer = stock.batch("INSERT INTO stock VALUES (1, 'pen', 1)\nSELECT COUNT(*) FROM stock")
    error = answer.errors[0]
    assert (error.number, error.severity, error.state, error.line, error.procedure) == (50000, 16, 3, 3, "tell")
    assert answer.messages == ["seen", "fyi"]
    assert answer.rows == [(1,)]


def test_throw_undoes_the_statement_and_the_transaction(stock: Session) -> None:
    stock.run(
        "CREATE TRIGGER stop ON stock AFTER INSERT AS\nIF EXISTS (SELECT 1 FROM inserted WHERE qty < 0)\n"
        "  THROW 50123, N'Negative.', 7"
    )
    answer = stock.batch(
        "BEGIN TRAN\nINSERT INTO stock VALUES (1, 'pen', 1)\nINSERT INTO stock VALUES (2, 'ink', -1)\nPRINT 'not reached'"
    )
    error = answer.errors[0]
    assert (error.number, error.message, error.state, error.line, error.procedure) == (50123, "Negative.", 7, 3, "stop")
    assert (answer.events, answer.messages) == (["BEGUN", "ROLLED_BACK"], [])
    assert stock.rows("SELECT @@TRANCOUNT, (SELECT COUNT(*) FROM stock)") == [(0, 0)]


def test_rollback_in_a_trigger_ends_the_transaction_and_the_batch(stock: Session) -> None:
    stock.run(
        "CREATE TRIGGER stop ON stock AFTER INSERT AS IF EXISTS (SELECT * FROM inserted WHERE qty < 0)"
        " BEGIN RAISERROR('No.', 16, 1) ROLLBACK TRANSACTION PRINT 'after' END"
    )
    stock.run("BEGIN TRAN INSERT INTO stock VALUES (1, 'pen', 1)")
    answer = stock.batch("INSERT INTO stock VALUES (2, 'ink', -1) PRINT 'not reached'")
    assert answer.numbers == [50000, 3609]
    assert answer.errors[1].message == "The transaction ended in the trigger. The batch has been aborted."
    assert (answer.events, answer.messages) == (["ROLLED_BACK"], ["after"])
    assert stock.rows("SELECT @@TRANCOUNT, (SELECT COUNT(*) FROM stock)") == [(0, 0)]
    assert stock.batch("INSERT INTO stock VALUES (3, 'cap', -1)").numbers == [50000, 3609]
    assert stock.value("(SELECT COUNT(*) FROM stock)") == 0


def test_an_error_inside_ends_the_batch_and_names_what_the_trigger_did(audited: Session) -> None:
    audited.run("ALTER TABLE log ADD CONSTRAINT ck_now CHECK (now < 100)")
    answer = audited.batch("INSERT INTO stock VALUES (1, 'pen', 100) PRINT 'not reached'")
    error = answer.errors[0]
    assert (error.number, error.procedure, error.line) == (547, "audit", 3)
    assert error.message.startswith('The INSERT statement conflicted with the CHECK constraint "ck_now".')
    assert answer.messages == []
    error = audited.error("BEGIN TRAN UPDATE stock SET qty = 1 INSERT INTO stock VALUES (2, 'ink', 5), (3, 'cap', 500)")
    assert error.number == 547
    assert audited.rows("SELECT @@TRANCOUNT, (SELECT COUNT(*) FROM stock)") == [(0, 0)]


def test_output_without_into_is_refused_while_a_trigger_is_enabled(audited: Session) -> None:
    error = audited.error("INSERT INTO stock OUTPUT inserted.id VALUES (1, 'pen', 1)")
    assert error.number == 334
    assert error.message.startswith("The target table 'stock' of the DML statement cannot have any enabled triggers")
    audited.run("DISABLE TRIGGER audit ON stock")
    assert audited.rows("INSERT INTO stock OUTPUT inserted.id VALUES (1, 'pen', 1)") == [(1,)]


@pytest.mark.parametrize(
    ("off", "on"),
    [
        ("DISABLE TRIGGER dbo.audit ON dbo.stock", "ENABLE TRIGGER dbo.audit ON dbo.stock"),
        ("ALTER TABLE stock DISABLE TRIGGER audit", "ALTER TABLE stock ENABLE TRIGGER ALL"),
        ("DISABLE TRIGGER ALL ON stock", "ALTER TABLE stock ENABLE TRIGGER audit"),
    ],
)
def test_switching_off_and_on(audited: Session, off: str, on: str) -> None:
    audited.run(off)
    assert audited.value("(SELECT is_disabled FROM sys.triggers WHERE name = 'audit')") is True
    audited.run("INSERT INTO stock VALUES (1, 'pen', 1)")
    assert logged(audited) == []
    audited.run(f"SELECT 1; {on}")
    audited.run("DELETE FROM stock")
    assert logged(audited) == [("delete", 1, 1, None)]


def test_the_catalog(audited: Session) -> None:
    assert audited.rows(
        "SELECT t.name, OBJECT_NAME(t.parent_id), t.type, t.type_desc, t.is_disabled, t.is_instead_of_trigger, o.type_desc,"
        " OBJECT_ID('dbo.audit', 'TR') - t.object_id, OBJECT_ID('audit', 'U'), OBJECT_NAME(o.parent_object_id)"
        " FROM sys.triggers t JOIN sys.objects o ON o.object_id = t.object_id WHERE o.type = 'TR'"
    ) == [("audit", "stock", "TR", "SQL_TRIGGER", False, False, "SQL_TRIGGER", 0, None, "stock")]
    assert audited.rows("SELECT type, type_desc FROM sys.trigger_events ORDER BY type") == [
        (1, "INSERT"),
        (2, "UPDATE"),
        (3, "DELETE"),
    ]
    assert audited.rows("SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID('audit')") == [(AUDIT,)]
    audited.run("CREATE OR ALTER TRIGGER dbo.audit ON dbo.stock FOR DELETE AS PRINT 'gone'")
    assert audited.rows("SELECT type FROM sys.trigger_events") == [(3,)]
    assert audited.value("OBJECT_DEFINITION(OBJECT_ID('audit'))") == (
        "CREATE TRIGGER dbo.audit ON dbo.stock FOR DELETE AS PRINT 'gone'"
    )
    assert audited.run("DELETE FROM stock").messages == ["gone"]
    audited.run("INSERT INTO stock VALUES (1, 'pen', 1)")
    assert logged(audited) == []


def test_dropping(audited: Session) -> None:
    assert audited.error("CREATE TRIGGER audit ON stock AFTER INSERT AS PRINT 'x'").number == 2714
    audited.run("DROP TRIGGER dbo.audit")
    audited.run("INSERT INTO stock VALUES (1, 'pen', 1) DROP TRIGGER IF EXISTS dbo.audit")
    assert logged(audited) == []
    error = audited.error("DROP TRIGGER audit")
    assert (error.number, error.message[:31]) == (3701, "Cannot drop the trigger 'audit'")
    audited.run(AUDIT)
    audited.run("DROP TABLE stock")
    assert audited.rows("SELECT COUNT(*) FROM sys.triggers") == [(0,)]
    assert audited.rows("SELECT COUNT(*) FROM sys.objects WHERE name = 'audit'") == [(0,)]


def test_tables_change_under_a_trigger(audited: Session) -> None:
    audited.run("ALTER TABLE stock ADD place varchar(5) NULL")
    audited.run("EXEC sp_rename 'stock', 'goods'")
    audited.run("EXEC sp_rename 'audit', 'audit goods'")
    audited.run("INSERT INTO goods VALUES (1, 'pen', 1, 'A1')")
    audited.run("CREATE SCHEMA depot")
    audited.run("ALTER SCHEMA depot TRANSFER dbo.goods")
    audited.run("UPDATE depot.goods SET qty = 2")
    assert logged(audited) == [("insert", 1, None, 1), ("update", 1, 1, 2)]
    audited.run("EXEC sp_rename 'log', 'diary'")
    error = audited.error("DELETE FROM depot.goods")
    assert (error.number, error.message, error.procedure) == (208, "Invalid object name 'dbo.log'.", "audit goods")
    audited.run("EXEC sp_rename 'diary', 'log'")
    audited.run("EXEC sp_rename 'depot.goods.qty', 'amount', 'COLUMN'")
    assert audited.error("DELETE FROM depot.goods").number == 207
    audited.run("DROP TABLE depot.goods")
    audited.run("DROP SCHEMA depot")


def test_a_name_that_is_missing_stops_the_statement_that_names_it(stock: Session) -> None:
    stock.run(
        "CREATE TRIGGER late ON stock AFTER INSERT AS IF EXISTS (SELECT 1 FROM inserted WHERE qty > 5)\n"
        "INSERT INTO later SELECT id FROM inserted"
    )
    stock.run("INSERT INTO stock VALUES (1, 'pen', 1)")
    error = stock.error("INSERT INTO stock VALUES (2, 'ink', 7)")
    assert (error.number, error.message, error.line) == (208, "Invalid object name 'later'.", 2)
    stock.run("CREATE TABLE later (id int)")
    stock.run("INSERT INTO stock VALUES (2, 'ink', 7)")
    assert stock.rows("SELECT id FROM later") == [(2,)]


def test_the_definition_is_part_of_the_transaction(stock: Session) -> None:
    stock.run("BEGIN TRAN")
    stock.run(AUDIT)
    stock.run("ROLLBACK INSERT INTO stock VALUES (1, 'pen', 1)")
    assert logged(stock) == []
    assert stock.rows("SELECT COUNT(*) FROM sys.triggers") == [(0,)]


def test_what_a_trigger_knows_of_its_session(stock: Session) -> None:
    stock.run(
        "CREATE TABLE seen (who nvarchar(128), place nvarchar(128), count_ int, depth int, me nvarchar(128), spid int)"
    )
    stock.run(
        "CREATE TRIGGER look ON stock AFTER INSERT AS INSERT INTO seen"
        " SELECT SUSER_SNAME(), DB_NAME(), @@TRANCOUNT, @@NESTLEVEL, OBJECT_NAME(@@PROCID), @@SPID"
    )
    stock.run("INSERT INTO stock VALUES (1, 'pen', 1)")
    stock.run("BEGIN TRAN BEGIN TRAN INSERT INTO stock VALUES (2, 'ink', 1) COMMIT COMMIT")
    user, place, spid = stock.value("SUSER_SNAME()"), stock.value("DB_NAME()"), stock.value("@@SPID")
    assert stock.rows("SELECT * FROM seen ORDER BY count_") == [
        (user, place, 1, 1, "look", spid),
        (user, place, 2, 1, "look", spid),
    ]


def test_an_upsert_by_cascade_fires_the_childs_trigger(stock: Session) -> None:
    stock.run("CREATE TABLE part (id int PRIMARY KEY, stock int REFERENCES stock (id) ON DELETE CASCADE)")
    stock.run(
        "CREATE TRIGGER parts ON part AFTER DELETE AS SET NOCOUNT ON;"
        " INSERT INTO log (what, id) SELECT 'part', COUNT(*) FROM deleted"
    )
    stock.run("INSERT INTO stock VALUES (1, 'pen', 1), (2, 'ink', 1); INSERT INTO part VALUES (1, 1), (2, 1), (3, 2)")
    stock.run("DELETE FROM stock")
    assert logged(stock) == [("part", 3, None, None)]


def test_names_are_quoted(session: Session) -> None:
    session.run("CREATE TABLE [a]]\"'$b] ([c]]\"'$$d] int, [inserted] int)")
    session.run("CREATE TABLE [log $body$] (x int)")
    session.run(
        "CREATE TRIGGER [t]]\"'$$x] ON [a]]\"'$b] AFTER INSERT AS SET NOCOUNT ON;"
        " INSERT INTO [log $body$] SELECT i.[c]]\"'$$d] FROM inserted AS i; PRINT N'$body$ '' \\'"
    )
    assert session.run("INSERT INTO [a]]\"'$b] VALUES (1, 2), (3, 4)").messages == ["$body$ ' \\"]
    assert session.rows("SELECT x FROM [log $body$] ORDER BY x") == [(1,), (3,)]
    session.run("DROP TRIGGER [t]]\"'$$x]")


REFUSED = [
    ("CREATE TRIGGER x ON stock INSTEAD OF INSERT AS PRINT 'x'", "an INSTEAD OF trigger"),
    ("CREATE TRIGGER x ON DATABASE FOR CREATE_TABLE AS PRINT 'x'", "a DDL or logon trigger"),
    ("CREATE TRIGGER x ON stock WITH ENCRYPTION FOR INSERT AS PRINT 'x'", "CREATE TRIGGER WITH ENCRYPTION"),
    ("CREATE TRIGGER x ON stock FOR INSERT NOT FOR REPLICATION AS PRINT 'x'", "NOT FOR in CREATE TRIGGER"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS SELECT * FROM inserted", "a result set in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS EXEC sp_who", "EXEC in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS COMMIT", "COMMIT in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS SAVE TRAN a", "SAVE in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS ROLLBACK TRAN a", "ROLLBACK to a savepoint in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS SET XACT_ABORT OFF", "SET XACT_ABORT OFF in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS SELECT * INTO y FROM inserted", "SELECT … INTO in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS CREATE TABLE y (a int)", "CREATE in a trigger"),
    ("CREATE TRIGGER x ON stock FOR INSERT AS IF @@ERROR = 0 PRINT 'x'", "@@ERROR in a trigger"),
]


@pytest.mark.parametrize(("text", "what"), REFUSED)
def test_what_is_not_there_is_refused_when_the_trigger_is_made(stock: Session, text: str, what: str) -> None:
    error = stock.error("\n" + text)
    assert (error.number, error.message, error.line) == (40517, f"sandbox: {what} is not supported", 2)
    assert stock.rows("SELECT COUNT(*) FROM sys.triggers") == [(0,)]


WRONG = [
    ("PRINT 'a' CREATE TRIGGER x ON stock FOR INSERT AS PRINT 'x'", 111),
    ("CREATE TRIGGER x ON missing FOR INSERT AS PRINT 'x'", 8197),
    ("CREATE TRIGGER x ON stock FOR INSERT, INSERT AS PRINT 'x'", 1034),
    ("CREATE TRIGGER other.x ON dbo.stock FOR INSERT AS PRINT 'x'", 2103),
    ("CREATE TRIGGER a.dbo.x ON stock FOR INSERT AS PRINT 'x'", 166),
    ("ALTER TRIGGER x ON stock FOR INSERT AS PRINT 'x'", 208),
    ("CREATE TRIGGER x ON stock FOR INSERT AS INSERT INTO log (nothing) VALUES (1)", 207),
    ("CREATE TRIGGER x ON stock FOR INSERT AS IF UPDATE(nothing) PRINT 'x'", 207),
    ("CREATE TRIGGER x ON stock FOR INSERT AS PRINT @x", 137),
    ("CREATE TRIGGER x ON stock FOR INSERT AS", 102),
    ("CREATE TRIGGER x ON stock FOR INSERT AS INSERT INTO log VALUES", 102),
    ("CREATE TRIGGER x ON stock FOR INSERT AS RETURN 1", 178),
    ("DISABLE TRIGGER x ON stock", 1088),
    ("ALTER TABLE stock DISABLE TRIGGER x", 4920),
]


@pytest.mark.parametrize(("text", "number"), WRONG)
def test_errors_of_definitions(stock: Session, text: str, number: int) -> None:
    assert stock.error(text).number == number


def test_a_change_after_a_rollback_is_refused_when_it_runs(stock: Session) -> None:
    stock.run("CREATE TRIGGER x ON stock AFTER DELETE AS ROLLBACK INSERT INTO log (what) VALUES ('kept')")
    error = stock.error("DELETE FROM stock")
    assert (error.number, error.message[:50]) == (40517, "sandbox: a statement after ROLLBACK TRANSACTION in")


def test_the_error_token_names_the_trigger(stock: Session) -> None:
    stock.run("CREATE TRIGGER dbo.stop ON stock AFTER INSERT AS\nTHROW 50001, 'No.', 1")
    error = tokens.error(stock.error("INSERT INTO stock VALUES (1, 'pen', 1)"))
    # ERROR (MS-TDS 2.2.7.10) ends with ProcName as B_VARCHAR and LineNumber as ULONG.
    assert error.endswith(b"\x04" + "stop".encode("utf-16-le") + (2).to_bytes(4, "little"))
