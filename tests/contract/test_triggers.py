"""AFTER triggers over FreeTDS: they fire once for a statement, in its transaction, and their errors reach the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.contract.lab import Lab, Row, Session

AUDIT = """CREATE TRIGGER dbo.audit ON dbo.goods AFTER INSERT, UPDATE, DELETE AS
BEGIN
    SET NOCOUNT ON
    INSERT INTO dbo.trail (what, id, was, now)
    SELECT CASE WHEN d.id IS NULL THEN 'insert' WHEN i.id IS NULL THEN 'delete' ELSE 'update' END,
        COALESCE(i.id, d.id), d.qty, i.qty
    FROM inserted i FULL JOIN deleted d ON d.id = i.id
END"""


@pytest.fixture
def goods(lab: Lab) -> Iterator[Session]:
    """A connection to a database with the table `goods` and its trail."""
    session = lab.open()
    session.run("CREATE TABLE goods (id int NOT NULL PRIMARY KEY, qty int NULL)")
    session.run("CREATE TABLE trail (n int IDENTITY PRIMARY KEY, what varchar(10), id int, was int, now int)")
    yield session
    if session.value("SELECT @@TRANCOUNT"):
        session.run("ROLLBACK")
    session.run("DROP TABLE goods")
    session.run("DROP TABLE trail")


def trail(session: Session) -> list[Row]:
    return session.rows("SELECT what, id, was, now FROM trail ORDER BY id, n")


def test_a_trigger_sees_every_row_of_a_statement(goods: Session) -> None:
    goods.run(AUDIT)
    goods.run("INSERT INTO goods VALUES (?, ?), (?, ?)", 1, 10, 2, 20)
    goods.run("UPDATE goods SET qty = qty + ?", 1)
    goods.run("DELETE FROM goods WHERE id = 1")
    assert trail(goods) == [
        ("insert", 1, None, 10),
        ("update", 1, 10, 11),
        ("delete", 1, 11, None),
        ("insert", 2, None, 20),
        ("update", 2, 20, 21),
    ]


def test_the_count_of_rows_is_the_statements_own(goods: Session) -> None:
    goods.run(AUDIT)
    with goods.connection.cursor() as cursor:
        assert cursor.execute("INSERT INTO goods VALUES (1, 1), (2, 2)").rowcount == 2
        assert cursor.execute("UPDATE goods SET qty = 5 WHERE id = 1").rowcount == 1


def test_what_a_trigger_does_is_part_of_the_transaction(goods: Session) -> None:
    goods.run(AUDIT)
    goods.run("BEGIN TRANSACTION")
    goods.run("INSERT INTO goods VALUES (1, 1)")
    assert trail(goods) == [("insert", 1, None, 1)]
    goods.run("ROLLBACK")
    assert trail(goods) == []


def test_scope_identity_is_the_statements_and_identity_is_the_triggers(goods: Session) -> None:
    goods.run("CREATE TABLE orders (id int IDENTITY(50, 1), qty int)")
    goods.run(
        "CREATE TRIGGER keep ON orders AFTER INSERT AS SET NOCOUNT ON; INSERT INTO trail (id) SELECT id FROM inserted"
    )
    goods.run("INSERT INTO trail (what) VALUES ('a'), ('b')")
    assert goods.rows("INSERT INTO orders (qty) VALUES (1) SELECT SCOPE_IDENTITY(), @@IDENTITY") == [(50, 3)]
    goods.run("DROP TABLE orders")


def test_throw_takes_the_statement_and_the_transaction_back(goods: Session) -> None:
    goods.run(
        "CREATE TRIGGER guard ON goods AFTER INSERT AS\nIF EXISTS (SELECT 1 FROM inserted WHERE qty < 0)\n"
        "    THROW 50123, 'A quantity below zero.', 1"
    )
    goods.run("BEGIN TRANSACTION")
    goods.run("INSERT INTO goods VALUES (1, 1)")
    failure = goods.error("INSERT INTO goods VALUES (2, 2), (3, -1)")
    assert (failure.number, "A quantity below zero." in failure.text) == (50123, True)
    assert goods.value("SELECT @@TRANCOUNT") == 0
    assert goods.value("SELECT COUNT(*) FROM goods") == 0


def test_rollback_in_a_trigger_is_error_3609(goods: Session) -> None:
    goods.run("CREATE TRIGGER guard ON goods AFTER DELETE AS ROLLBACK TRANSACTION")
    goods.run("INSERT INTO goods VALUES (1, 1), (2, 2)")
    goods.run("BEGIN TRANSACTION")
    goods.run("INSERT INTO goods VALUES (3, 3)")
    failure = goods.error("DELETE FROM goods WHERE id = 1 INSERT INTO goods VALUES (4, 4)")
    assert failure.number == 3609
    assert "The transaction ended in the trigger. The batch has been aborted." in failure.text
    assert goods.value("SELECT @@TRANCOUNT") == 0
    assert goods.rows("SELECT id FROM goods ORDER BY id") == [(1,), (2,)]


def test_a_raised_error_is_seen_and_undoes_nothing(goods: Session) -> None:
    goods.run("CREATE TRIGGER tell ON goods AFTER INSERT AS RAISERROR('Mind the gap.', 16, 1)")
    failure = goods.error("INSERT INTO goods VALUES (1, 1)")
    assert (failure.number, "Mind the gap." in failure.text) == (50000, True)
    assert goods.rows("SELECT id FROM goods") == [(1,)]


def test_a_constraint_inside_a_trigger_stops_the_outer_statement(goods: Session) -> None:
    goods.run(AUDIT)
    goods.run("ALTER TABLE trail ADD CONSTRAINT ck_trail CHECK (now < 100)")
    failure = goods.error("INSERT INTO goods VALUES (1, 99), (2, 100)")
    assert (failure.number, "ck_trail" in failure.text) == (547, True)
    assert goods.value("SELECT COUNT(*) FROM goods") == 0


def test_output_needs_into_while_a_trigger_is_enabled(goods: Session) -> None:
    goods.run(AUDIT)
    assert goods.error("INSERT INTO goods OUTPUT inserted.id VALUES (1, 1)").number == 334
    goods.run("DISABLE TRIGGER dbo.audit ON dbo.goods")
    assert goods.rows("INSERT INTO goods OUTPUT inserted.id VALUES (1, 1)") == [(1,)]
    assert trail(goods) == []


def test_columns_that_an_update_names(goods: Session) -> None:
    goods.run("CREATE TRIGGER watch ON goods AFTER UPDATE AS IF UPDATE(qty) INSERT INTO trail (what) VALUES ('qty')")
    goods.run("INSERT INTO goods VALUES (1, 1)")
    goods.run("UPDATE goods SET id = 2")
    assert trail(goods) == []
    goods.run("UPDATE goods SET qty = qty WHERE id = 99")
    assert trail(goods) == [("qty", None, None, None)]


def test_a_trigger_in_the_catalog(goods: Session) -> None:
    goods.run(AUDIT)
    assert goods.rows(
        "SELECT t.name, OBJECT_NAME(t.parent_id), t.is_disabled, t.is_instead_of_trigger, o.type, o.type_desc, m.definition"
        " FROM sys.triggers t JOIN sys.objects o ON o.object_id = t.object_id"
        " JOIN sys.sql_modules m ON m.object_id = t.object_id WHERE t.object_id = OBJECT_ID('dbo.audit', 'TR')"
    ) == [("audit", "goods", False, False, "TR", "SQL_TRIGGER", AUDIT)]
    assert goods.rows(
        "SELECT type_desc FROM sys.trigger_events WHERE object_id = OBJECT_ID('dbo.audit') ORDER BY type"
    ) == [("INSERT",), ("UPDATE",), ("DELETE",)]
    goods.run("EXEC sp_rename 'dbo.goods', 'wares'")
    goods.run("INSERT INTO wares VALUES (1, 1)")
    assert trail(goods) == [("insert", 1, None, 1)]
    goods.run("EXEC sp_rename 'dbo.wares', 'goods'")
    goods.run("DROP TRIGGER dbo.audit")
    assert goods.rows("SELECT name FROM sys.triggers") == []


def test_sqlalchemy_reads_new_keys_beside_a_trigger(goods: Session, lab: Lab, server_url: str) -> None:
    goods.run("CREATE TABLE orders (id int IDENTITY(50, 1) PRIMARY KEY, qty int)")
    goods.run(
        "CREATE TRIGGER keep ON orders AFTER INSERT AS SET NOCOUNT ON; INSERT INTO trail (id) SELECT id FROM inserted"
    )
    engine = sa.create_engine(sa.make_url(server_url).set(database=lab.database))
    columns = sa.Column("id", sa.Integer, primary_key=True), sa.Column("qty", sa.Integer)
    orders = sa.Table("orders", sa.MetaData(), *columns, implicit_returning=False)
    with engine.begin() as connection:
        assert connection.execute(orders.insert(), {"qty": 1}).inserted_primary_key == (50,)
        assert connection.execute(orders.insert(), {"qty": 2}).inserted_primary_key == (51,)
    engine.dispose()
    assert goods.rows("SELECT id FROM trail ORDER BY id") == [(50,), (51,)]
    goods.run("DROP TABLE orders")
