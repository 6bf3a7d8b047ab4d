"""What could end the process, or give wrong rows, while rows are read: see `tests.faults.survivors`."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from typing import Any

import sqlalchemy as sa

import etl
from etl import read_arrow
from etl.errors import DatabaseError, EtlError, JobError, SchemaError
from tests.faults.hazards_writing import UTF8, interrupt
from tests.faults.survivors import Ground, hooked, refused
from tests.proxy import Direction, Proxy

GROWING = [
    ("varchar(max)", "x"),
    ("varchar(max)", "€"),
    (f"varchar(max) {UTF8}", "日"),
    ("nvarchar(max)", "x"),
    ("nvarchar(max)", "é"),
    ("nvarchar(max)", "日"),
    ("nvarchar(max)", "😀"),
    ("text", "x"),
    ("ntext", "x"),
    ("xml", "x"),
    ("varbinary(max)", "61"),
    ("image", "61"),
]
GROWN = 30_000


def a_value_grows_after_it_was_measured(ground: Ground, sql_type: str, letter: str) -> None:
    """Of text FreeTDS tells no length but that of what it has kept."""
    ground.table(f"id int NOT NULL, c {sql_type} NULL", "1, NULL")
    text = f"REPLICATE(CAST(N'{letter}' AS nvarchar(max)), {GROWN})"
    value = f"CONVERT(varbinary(max), CAST({text} AS varchar(max)), 2)" if letter == "61" else text
    with (
        hooked(read_arrow, "read_batches", lambda _call: ground.make(f"UPDATE dbo.t SET c = {value}")),
        refused(EtlError, r"(?s)t: .*(longer than the longest|too large to be written|invalid UTF-8)"),
    ):
        etl.read_sql("dbo.t", ground.engine)
    assert [len(found) for found in etl.read_sql("dbo.t", ground.engine)["c"]] == [GROWN]


def the_longest_declared_text(ground: Ground, sql_type: str, literal: str, count: int) -> None:
    """What fills its column with characters that take three bytes of UTF-8 for one or two of the server's."""
    ground.table(
        f"id int NOT NULL, c {sql_type} NULL",
        f"1, REPLICATE(CAST({literal} AS nvarchar(max)), {count})",
        f"2, 'x' + REPLICATE(CAST({literal} AS nvarchar(max)), {count - 1})",
    )
    letter = literal.strip("N'")
    found = etl.read_sql("dbo.t", ground.engine).sort_values("id")["c"].to_list()
    assert found == [letter * count, "x" + letter * (count - 1)]


def a_source_that_changes_after_the_look(ground: Ground, change: str, pattern: str) -> None:
    """The buffers are laid out for what the table was."""
    ground.table("id int NOT NULL, c int NOT NULL, d varchar(4) NOT NULL", "1, 2, 'a'")
    with (
        hooked(read_arrow, "read_batches", lambda _call: ground.make(*change.split(";"))),
        refused(EtlError, pattern),
    ):
        found = etl.read_sql("dbo.t", ground.engine)
        raise AssertionError(found.to_dict("list"))


QUERIES = {
    "": (JobError, "'' is not a table name"),
    ";": (JobError, r"; cannot be read: .*\(error \d+\)"),
    "no such thing": (JobError, r"the query (cannot be read|returns no rows)"),
    "SELECT 1": (JobError, "column 1 of the query has no name"),
    "SELECT 1 AS a, 2": (JobError, "column 2 of the query has no name"),
    "SELECT 1 AS a, 2 AS a": (SchemaError, "more than one column named 'a'"),
    "SELECT 1 AS a, 2 AS A": (None, ""),
    "SELECT id FROM dbo.nothing": (JobError, r"Invalid object name 'dbo.nothing'. \(error 208\)"),
    "DELETE FROM dbo.t": (JobError, "the query returns no rows, not even none"),
    "UPDATE dbo.t SET id = 2": (JobError, "the query returns no rows, not even none"),
    "DROP TABLE dbo.t": (JobError, "the query returns no rows, not even none"),
    "PRINT 'x'": (JobError, "the query returns no rows, not even none"),
    "SELECT id FROM dbo.t WHERE id = ?": (JobError, "the query cannot be read"),
    "SELECT CAST(NULL AS sql_variant) AS v": (EtlError, "sql_variant"),
    "SELECT 1 / 0 AS a": (DatabaseError, r"Divide by zero .*\(error 8134\)"),
    "SELECT CAST('x' AS int) AS a": (DatabaseError, r"error 245"),
    "RAISERROR('no', 16, 1)": (EtlError, "the query"),
    "SELECT NULL AS a": (None, ""),
}


def a_query_that_is_none(ground: Ground, query: str) -> None:
    kind, pattern = QUERIES[query]
    ground.table("id int NOT NULL", "1")
    if kind is None:
        assert len(etl.read_sql(query, ground.engine)) == 1
    else:
        with refused(kind, pattern):
            etl.read_sql(query, ground.engine)
    assert ground.rows("SELECT id FROM dbo.t") == [(1,)]


ROWS = 45_000
"""More than the driver fills a buffer with at a time."""


def many_rows(ground: Ground) -> None:
    digits = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
    ground.table("id int NOT NULL, c nvarchar(40) NULL")
    source = ", ".join(f"{digits} AS {letter}({letter}d)" for letter in "abcde")
    number = "ad + 10 * bd + 100 * cd + 1000 * dd + 10000 * ed"
    ground.make(f"INSERT INTO dbo.t SELECT {number}, N'the text of a row' FROM {source} WHERE {number} < {ROWS}")


def threads_that_read(ground: Ground, shared: str) -> None:
    """Over one engine each gets its rows; over one connection each gets them or an error."""
    many_rows(ground)
    engine = sa.create_engine(sa.make_url(ground.url), pool_size=2)
    ends: list[int | str] = []

    def read(con: Any) -> None:
        try:
            ends.append(int(etl.read_sql("dbo.t", con)["id"].sum()))
        except (EtlError, sa.exc.SQLAlchemyError) as error:
            ends.append(type(error).__name__)

    with engine.connect() as connection:
        con = engine if shared == "engine" else connection
        threads = [threading.Thread(target=read, args=(con,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        connection.invalidate()
    right = sum(range(ROWS))
    assert {end for end in ends if isinstance(end, int)} <= {right}
    assert len(ends) == 4
    assert shared == "connection" or ends == [right] * 4, ends


def a_reading_that_is_left(ground: Ground, how: str) -> None:
    """Abandoned after the first rows, while the driver is filling the next buffer."""
    many_rows(ground)
    with ground.engine.connect() as connection:
        con = connection if how == "closed underneath" else ground.engine
        chunks = etl.iter_sql("dbo.t", con, chunksize=1_000)
        assert len(next(chunks)) == 1_000
        if how == "closed":
            assert isinstance(chunks, Generator)
            chunks.close()
        elif how == "closed underneath":
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.close()
            with refused(DatabaseError, "reading dbo.t: .*closed"):
                list(chunks)
            connection.invalidate()
        else:
            del chunks
            gc.collect()
    assert len(etl.read_sql("dbo.t", ground.engine)) == ROWS


def the_network_fails_while_reading(ground: Ground, passed_bytes: int) -> None:
    many_rows(ground)
    url = sa.make_url(ground.url)
    assert url.host is not None
    with Proxy(url.host, url.port or 1433) as proxy:
        near = url.set(host="127.0.0.1", port=proxy.port)
        with (
            hooked(read_arrow, "read_batches", lambda _: proxy.cut(Direction.TO_CLIENT, after_bytes=passed_bytes)),
            refused(DatabaseError, r"reading dbo\.t"),
        ):
            etl.read_sql("dbo.t", near)


def interrupted_while_reading(ground: Ground) -> None:
    """Ctrl-C comes through as soon as the driver gives the interpreter back."""
    many_rows(ground)
    with (
        hooked(read_arrow, "_refuse_longer", lambda call: interrupt() if call == 2 else None),
        refused(KeyboardInterrupt, ""),
    ):
        etl.read_sql("dbo.t", ground.engine)
    assert len(etl.read_sql("dbo.t", ground.engine)) == ROWS


def interrupted_while_the_server_thinks(ground: Ground) -> None:
    ground.table("id int NOT NULL", "1")
    timer = threading.Timer(0.3, interrupt)
    with ground.engine.connect() as blocking:
        blocking.exec_driver_sql("BEGIN TRANSACTION; SELECT id FROM dbo.t WITH (TABLOCKX)")
        freed = threading.Timer(1.0, blocking.rollback)
        freed.start()
        with hooked(read_arrow, "read_batches", lambda _call: timer.start()), refused(KeyboardInterrupt, ""):
            etl.read_sql("SELECT id FROM dbo.t WITH (TABLOCKX)", ground.engine)
        freed.join()
    assert len(etl.read_sql("dbo.t", ground.engine)) == 1
