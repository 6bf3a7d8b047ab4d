"""Clients that nobody here wrote connect, read, bind parameters and use transactions."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import arrow_odbc
import pytest
import sqlalchemy as sa
from sqlalchemy import orm


@pytest.fixture
def place(server: sa.Engine) -> dict[str, Any]:
    """Where the test's database is."""
    url = server.url
    return {
        "host": url.host,
        "port": url.port or 1433,
        "user": url.username,
        "password": url.password,
        "database": url.database,
    }


@pytest.mark.parametrize("driver", ["pyodbc", "pymssql", "pytds", "mssql_python"])
def test_a_driver_of_pythons_db_api(driver: str, place: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "tests.contract.dbapi_client", driver]
    done = subprocess.run(command, input=json.dumps(place), capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"after_rollback": 0, "found": [True], "duplicate_told": True}


def run(command: list[str], statements: str) -> str:
    done = subprocess.run(command, input=statements, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def test_freetds_tsql(place: dict[str, Any]) -> None:
    command = ["tsql", "-H", place["host"], "-p", str(place["port"]), "-U", place["user"], "-P", place["password"]]
    told = run(
        [*command, "-D", place["database"]],
        "CREATE TABLE dbo.t (id int, name nvarchar(20))\ngo\nBEGIN TRAN\nINSERT INTO dbo.t VALUES (1, N'kept')\nCOMMIT\ngo\n"
        "BEGIN TRAN\nINSERT INTO dbo.t VALUES (2, N'undone')\nROLLBACK\ngo\nSELECT id, name FROM dbo.t\ngo\n"
        "SELECT * FROM dbo.nowhere\ngo\n",
    )
    assert "1\tkept" in told
    assert "undone" not in told.replace("N'undone'", "")
    assert "Msg 208 (severity 16" in told
    assert "Invalid object name 'dbo.nowhere'." in told


def test_unixodbc_isql(place: dict[str, Any]) -> None:
    login = f"UID={place['user']};PWD={place['password']};DATABASE={place['database']}"
    server = f"DRIVER=FreeTDS;SERVER={place['host']};PORT={place['port']};TDS_Version=7.4"
    told = run(
        ["isql", "-b", "-d|", "-k", f"{server};{login}"],
        "CREATE TABLE dbo.t (id int, name nvarchar(20))\nINSERT INTO dbo.t VALUES (7, N'seven')\nSELECT id, name FROM dbo.t\n",
    )
    assert "7|seven" in told


def test_arrow_odbc(server: sa.Engine) -> None:
    (connection_string, *_), _ = server.dialect.create_connect_args(server.url)
    connection = arrow_odbc.connect(connection_string, autocommit=False)
    connection.execute("CREATE TABLE dbo.t (id int NOT NULL, name nvarchar(20) NULL, price decimal(9,2) NULL)")
    connection.commit()
    connection.execute("INSERT INTO dbo.t VALUES (1, N'日本', 1.50), (2, NULL, NULL)")
    connection.rollback()
    connection.execute("INSERT INTO dbo.t VALUES (1, N'日本', 1.50), (2, NULL, NULL)")
    connection.commit()
    reader = connection.read_arrow_batches("SELECT id, name, price FROM dbo.t WHERE id >= ?", parameters=["1"])
    rows = [row for batch in reader for row in batch.to_pylist()]
    assert [(row["id"], row["name"], str(row["price"])) for row in rows] == [(1, "日本", "1.50"), (2, None, "None")]


class Base(orm.DeclarativeBase):
    """The classes of this file."""


class Author(Base):
    """One author."""

    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(sa.Identity(), primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.Unicode(40))
    books: orm.Mapped[list[Book]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    """One book of an author."""

    __tablename__ = "books"
    id: orm.Mapped[int] = orm.mapped_column(sa.Identity(), primary_key=True)
    title: orm.Mapped[str] = orm.mapped_column(sa.Unicode(80))
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("authors.id"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def test_sqlalchemys_orm(server: sa.Engine) -> None:
    Base.metadata.create_all(server)
    with orm.Session(server) as session:
        session.add_all([Author(name=f"Łukasz {n}", books=[Book(title="日本"), Book(title="two")]) for n in range(50)])
        session.commit()
        loaded = session.scalars(
            sa.select(Author).where(Author.name == "Łukasz 7").options(orm.selectinload(Author.books))
        ).one()
        assert sorted(book.title for book in loaded.books) == ["two", "日本"]
        loaded.books.pop()
        loaded.name = "changed"
        session.commit()
    with orm.Session(server) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Book)) == 99
        session.add(Book(title="orphan", author_id=-1))
        with pytest.raises(sa.exc.IntegrityError, match="547"):
            session.commit()
        session.rollback()
        assert session.scalars(sa.select(Author.name).order_by(Author.name)).first() == "changed"
