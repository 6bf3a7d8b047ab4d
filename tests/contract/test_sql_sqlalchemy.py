"""SQLAlchemy over pyodbc and FreeTDS: DDL, Core, and all of reflection that the mssql dialect has."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

METADATA = sa.MetaData()
PARENT = sa.Table(
    "parent",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Unicode(50), unique=True),
    sa.Column("amount", sa.Numeric(10, 2), server_default=sa.text("1.5")),
)
CHILD = sa.Table(
    "child",
    METADATA,
    sa.Column("id", sa.BigInteger, sa.Identity(start=100, increment=10), primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", name="fk_parent", ondelete="CASCADE")),
    sa.Column("at", mssql.DATETIME2(6)),  # type: ignore[no-untyped-call]
    sa.Column("key", sa.Uuid),
    sa.Column("data", mssql.VARBINARY("max")),  # type: ignore[no-untyped-call]
    sa.Column("twice", sa.BigInteger, sa.Computed("parent_id * 2")),
    sa.Index("ix_at", "at", mssql_include=["key"]),
)


@pytest.fixture
def tables(server: sa.Engine) -> sa.Engine:
    METADATA.create_all(server)
    return server


def test_rows_of_core_statements(tables: sa.Engine) -> None:
    key = uuid.uuid4()
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, 123456)
    with tables.begin() as connection:
        assert connection.execute(PARENT.insert().values(name="ä😀")).inserted_primary_key == (1,)
        connection.execute(PARENT.insert(), [{"name": f"n{i}"} for i in range(5)])
        returned = connection.execute(
            PARENT.insert().returning(PARENT.c.id, PARENT.c.name), [{"name": "x"}, {"name": "y"}]
        )
        assert {row.name for row in returned} == {"x", "y"}
        connection.execute(CHILD.insert().values(parent_id=1, at=moment, key=key, data=b"\0\1"))
    with tables.connect() as connection:
        assert connection.execute(sa.select(CHILD)).one() == (100, 1, moment, key, b"\0\1", 2)
        assert connection.execute(sa.select(PARENT.c.name, PARENT.c.amount).where(PARENT.c.id == 1)).one() == (
            "ä😀",
            Decimal("1.50"),
        )
        assert connection.scalar(sa.select(sa.func.count()).select_from(PARENT)) == 8
        page = sa.select(PARENT.c.id).order_by(PARENT.c.id).limit(2).offset(3)
        assert connection.scalars(page).all() == [4, 5]


def test_reflection(tables: sa.Engine) -> None:
    inspector = sa.inspect(tables)
    assert inspector.get_table_names() == ["child", "parent"]
    assert "dbo" in inspector.get_schema_names()
    assert inspector.has_table("parent")
    assert not inspector.has_table("nowhere")
    columns = {column["name"]: column for column in inspector.get_columns("child")}
    assert [type(columns[name]["type"]).__name__ for name in ("id", "at", "key", "data")] == [
        "BIGINT",
        "DATETIME2",
        "UNIQUEIDENTIFIER",
        "VARBINARY",
    ]
    assert columns["id"]["identity"] == {"start": 100, "increment": 10}
    assert columns["twice"]["computed"]["sqltext"].replace("[", "").replace("]", "") in {
        "(parent_id * 2)",
        "(parent_id*(2))",
    }
    assert inspector.get_pk_constraint("child")["constrained_columns"] == ["id"]
    foreign = inspector.get_foreign_keys("child")[0]
    assert (foreign["name"], foreign["referred_table"], foreign["options"]) == (
        "fk_parent",
        "parent",
        {"ondelete": "CASCADE"},
    )
    index = inspector.get_indexes("child")[0]
    assert (index["name"], index["column_names"], index["unique"]) == ("ix_at", ["at"], False)
    reflected = sa.MetaData()
    reflected.reflect(tables)
    assert set(reflected.tables) == {"parent", "child"}


def test_views_are_reflected(tables: sa.Engine) -> None:
    with tables.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW names AS SELECT id, name FROM parent")
    inspector = sa.inspect(tables)
    assert inspector.get_view_names() == ["names"]
    assert inspector.get_view_definition("names") == "CREATE VIEW names AS SELECT id, name FROM parent"


def test_types_of_errors(tables: sa.Engine) -> None:
    with tables.begin() as connection:
        connection.execute(PARENT.insert().values(name="a"))
    with tables.connect() as connection, pytest.raises(IntegrityError, match="2627"):
        connection.execute(PARENT.insert().values(name="A"))
    with tables.connect() as connection, pytest.raises(IntegrityError, match="547"):
        connection.execute(CHILD.insert().values(parent_id=99))
    with tables.connect() as connection, pytest.raises(ProgrammingError, match="208"):
        connection.execute(sa.text("SELECT * FROM nowhere"))
    # A failed conversion rolls the transaction back, and then there is none to end: so without one.
    alone = tables.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection, pytest.raises((DataError, ProgrammingError), match="245"):
        connection.execute(sa.text("SELECT CAST('x' AS int)"))


def test_a_transaction_can_be_rolled_back_and_used_after_an_error(tables: sa.Engine) -> None:
    with tables.connect() as connection:
        connection.execute(PARENT.insert().values(name="a"))
        with pytest.raises(IntegrityError):
            connection.execute(PARENT.insert().values(name="a"))
        connection.execute(PARENT.insert().values(name="b"))
        connection.commit()
        connection.execute(PARENT.delete())
        connection.rollback()
        assert connection.scalars(sa.select(PARENT.c.name).order_by(PARENT.c.name)).all() == ["a", "b"]


def test_savepoints_and_isolation_levels(tables: sa.Engine) -> None:
    with tables.connect() as connection:
        assert connection.get_isolation_level() == "READ COMMITTED"
        with connection.begin():
            connection.execute(PARENT.insert().values(name="kept"))
            nested = connection.begin_nested()
            connection.execute(PARENT.insert().values(name="dropped"))
            nested.rollback()
    with tables.connect() as connection:
        assert connection.scalars(sa.select(PARENT.c.name)).all() == ["kept"]
    with tables.execution_options(isolation_level="SERIALIZABLE").connect() as connection:
        assert connection.get_isolation_level() == "SERIALIZABLE"
