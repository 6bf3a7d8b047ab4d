"""What could end the process, or leave wrong rows, while rows are written: see `tests.faults.survivors`."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

import etl
from etl import connect, insert, types
from etl.bulk import freetds, lengths
from etl.connect import Endpoint
from etl.errors import DatabaseError, EtlError, JobError, SchemaError
from etl.references import resolve
from etl.statements import TableName
from tests.faults.survivors import Ground, hooked, refused
from tests.proxy import Direction, Proxy

EDGE_BYTES = (4_095, 4_096, 4_097, 8_000)
"""FreeTDS's buffers end at 4,096 bytes of the server's encoding."""
LONG = 1 << 20

LETTERS = {"x": (1, 2), "é": (1, 2), "€": (1, 2), "日": (3, 2), "😀": (4, 4)}
"""Bytes in UTF-8 or code page 1252, and in UTF-16."""
UTF8 = "COLLATE Latin1_General_100_CI_AS_SC_UTF8"
EDGE_TYPES = [
    "varchar(8000)",
    "char(8000)",
    "varchar(max)",
    "text",
    f"varchar(8000) {UTF8}",
    f"varchar(max) {UTF8}",
    "nvarchar(4000)",
    "nchar(4000)",
    "nvarchar(max)",
    "ntext",
    "xml",
    "varbinary(8000)",
    "binary(8000)",
    "varbinary(max)",
    "image",
]


def edge_values(sql_type: str) -> list[str | bytes]:
    """Values around the edge, each of one letter over and over, that the type can hold."""
    declared, _, collation = sql_type.partition(" ")
    is_long = "(max)" in declared or declared in {"text", "ntext", "xml", "image"}
    sizes = (*EDGE_BYTES, LONG) if is_long else EDGE_BYTES
    if "binary" in declared or declared == "image":
        return [b"\x00\xff"[:size] * (size // 2) + b"\x01" * (size % 2) for size in sizes]
    is_wide = declared[0] == "n" or declared == "xml"
    if is_wide or collation:
        return [
            letter * (size // LETTERS[letter][is_wide])
            for letter in "x日😀é"
            for size in sizes
            if is_wide or letter != "é"
        ]
    return [letter * size for letter in "xé€" for size in sizes]


def values_at_the_edge(ground: Ground, sql_type: str) -> None:
    """Each arrives as it is, whatever way it takes; the server compares lengths and content."""
    declared = sql_type.partition(" ")[0]
    ground.table(f"id int NOT NULL, c {sql_type} NULL")
    values: list[Any] = [*edge_values(sql_type), None, *edge_values(sql_type)[:1]]
    frame = pa.table({"id": range(len(values)), "c": pa.array(values, types.arrow_type("mssql", declared))})
    written = etl.to_sql(
        frame.to_pandas(types_mapper=pd.ArrowDtype), "t", ground.engine, schema="dbo", if_exists="append", index=False
    )
    assert written == len(values)
    found = etl.read_sql("dbo.t", ground.engine).sort_values("id")["c"].to_list()
    for value, arrived in zip(values, found, strict=True):
        expected = None if value is None else filled_up(declared, value)
        assert expected == (None if pd.isna(arrived) else arrived), (len(value or ""), len(arrived))


def filled_up(sql_type: str, value: Any) -> Any:
    """The value as a column of fixed width gives it back."""
    if sql_type == "binary(8000)":
        return value.ljust(8_000, b"\0")
    if sql_type == "char(8000)":
        return value.ljust(8_000)
    return value + " " * (4_000 - len(value.encode("utf-16-le")) // 2) if sql_type == "nchar(4000)" else value


def null_where_there_is_none(ground: Ground, sql_type: str) -> None:
    ground.table(f"id int NOT NULL, c {sql_type} NOT NULL")
    frame = pa.table({"id": [1], "c": pa.nulls(1, types.arrow_type("mssql", sql_type))}).to_pandas(
        types_mapper=pd.ArrowDtype
    )
    with refused(SchemaError, r"column 'c', row 0: NULL, and the column is declared NOT NULL"):
        etl.to_sql(frame, "t", ground.engine, schema="dbo", if_exists="append", index=False)
    assert ground.rows("SELECT * FROM dbo.t") == []


PROBES = 1
"""Bulk loads by which the driver is tried, ahead of the first."""
NUMBERS = pd.DataFrame({"id": range(1_000), "c": ["text"] * 1_000})
TABLE = "id int NOT NULL, c nvarchar(20) NULL"


def a_column_that_came_after_the_look(ground: Ground, change: str) -> None:
    """Nothing is bound to it, at which FreeTDS ends the process."""
    ground.table(TABLE)
    with (
        hooked(lengths, "split", lambda _call: ground.make(f"ALTER TABLE dbo.t {change}")),
        refused(SchemaError, r"dbo\.t has not the 2 columns that it had"),
    ):
        etl.to_sql(NUMBERS, "t", ground.engine, schema="dbo", if_exists="append", index=False)
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(0,)]


def columns_that_are_not_sent(ground: Ground, columns: str) -> None:
    """Identity, computed and rowversion columns before, between and behind those that the rows fill."""
    ground.table(columns)
    etl.to_sql(NUMBERS, "t", ground.engine, schema="dbo", if_exists="append", index=False)
    etl.to_sql(NUMBERS[["c", "id"]], "t", ground.engine, schema="dbo", if_exists="append", index=False)
    assert ground.rows("SELECT COUNT(*), SUM(id), COUNT(DISTINCT id), MIN(c) FROM dbo.t") == [
        (2_000, 2 * sum(range(1_000)), 1_000, "text")
    ]


def column_names(ground: Ground, name: str) -> None:
    frame = pd.DataFrame({name: [1, 2], "other": ["x" * 5_000, "y"]})
    ground.make("DROP TABLE IF EXISTS dbo.t")
    etl.to_sql(frame, "t", ground.engine, schema="dbo", index=False)
    etl.to_sql(frame, "t", ground.engine, schema="dbo", if_exists="append", index=False)
    found = etl.read_sql("dbo.t", ground.engine)
    assert list(found.columns) == [name, "other"]
    assert sorted(found[name].to_list()) == [1, 1, 2, 2]
    assert sorted(map(len, found["other"])) == [1, 1, 5_000, 5_000]


def fast_executemany_in_the_url(ground: Ground) -> None:
    url = sa.make_url(ground.url).update_query_dict({"fast_executemany": "True"}).render_as_string(hide_password=False)
    with refused(JobError, "fast_executemany crashes the process"):
        etl.to_sql(NUMBERS, "t", url, schema="dbo", index=False)
    with refused(JobError, "fast_executemany crashes the process"):
        etl.read_sql("SELECT 1 AS a", url)


def fast_executemany_of_the_callers_engine(ground: Ground, way: str) -> None:
    """Never used by anything of ours, long values by parameters included."""
    engine = sa.create_engine(sa.make_url(ground.url), fast_executemany=True, poolclass=sa.NullPool)
    ground.table("id int NOT NULL, c nvarchar(max) NULL")
    frame = NUMBERS.assign(c=["x" * 5_000, *["short"] * 999])
    if way == "engine":
        etl.to_sql(frame, "t", engine, schema="dbo", if_exists="append", index=False)
    elif way == "connection":
        with engine.begin() as connection:
            etl.to_sql(frame, "t", connection, schema="dbo", if_exists="append", index=False)
    else:
        frame.to_sql("t", engine, schema="dbo", if_exists="append", index=False, method=etl.bulk_copy)
    assert ground.rows("SELECT COUNT(*), SUM(LEN(c)) FROM dbo.t") == [(1_000, 5_000 + 5 * 999)]


def the_network_fails_in_the_middle(ground: Ground, side: str) -> None:
    ground.table(TABLE)
    url = sa.make_url(ground.url)
    assert url.host is not None
    with Proxy(url.host, url.port or 1433) as proxy:
        engine = sa.create_engine(url.set(host="127.0.0.1", port=proxy.port), poolclass=sa.NullPool)
        with engine.connect() as connection:
            etl.to_sql(NUMBERS.head(10), "t", connection, schema="dbo", if_exists="append", index=False)
            proxy.cut(Direction[side], after_bytes=5_000 if side == "TO_SERVER" else 100)
            with refused(DatabaseError, r"appending to dbo\.t|reading the columns of dbo\.t"):
                etl.to_sql(pd.concat([NUMBERS] * 100), "t", connection, schema="dbo", if_exists="append", index=False)
    etl.to_sql(NUMBERS, "t", ground.engine, schema="dbo", if_exists="append", index=False)
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(1_000,)]


def an_insert_over_a_lost_link(ground: Ground, packet_bytes: int, rows: int) -> None:
    """FreeTDS keeps a statement of more than one packet together; where that fails, it frees a packet twice."""
    ground.table("id int NOT NULL, c nvarchar(20) NULL")
    url = resolve(ground.url).update_query_dict({"PacketSize": str(packet_bytes)})
    assert url.host is not None
    columns = [types.Column("id", "int", nullable=False), types.Column("c", "nvarchar(20)")]
    data = pa.table({"id": pa.array(range(rows), pa.int32()), "c": ["x"] * rows})
    with Proxy(url.host, url.port or 1433) as proxy:
        target = Endpoint(url.set(host="127.0.0.1", port=proxy.port), "writer")
        # The last moment before the statement is sent: any earlier one would have failed.
        with hooked(connect, "cursor", lambda _call: proxy.drop(reset=True)):
            for _ in range(4):
                with refused(DatabaseError, r"appending to dbo\.t"), target.connect() as connection:
                    connection.exec_driver_sql("SELECT 1")
                    insert.append_rows(connection, TableName("t", "dbo"), data, columns)
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(0,)]


def a_load_after_one_that_the_server_refused(ground: Ground) -> None:
    """On the same connection of the caller's, once he has rolled back."""
    ground.table("id int NOT NULL PRIMARY KEY, c nvarchar(20) NULL", "7, NULL")
    with ground.engine.connect() as connection:
        for _ in range(3):
            with refused(DatabaseError, r"appending to dbo\.t by bulk copy: .*duplicate key.* \(error 2627\)"):
                etl.to_sql(NUMBERS, "t", connection, schema="dbo", if_exists="append", index=False)
            connection.rollback()
        etl.to_sql(NUMBERS.tail(10), "t", connection, schema="dbo", if_exists="append", index=False)
        connection.commit()
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(11,)]


def a_load_after_one_that_a_value_stopped(ground: Ground, bad_row: int) -> None:
    """In the first records, before anything is sent, or when others are on their way."""
    ground.table("id int NOT NULL, c float NULL")
    frame = pd.DataFrame({"id": range(400_000), "c": 1.5})
    with ground.engine.connect() as connection:
        bad = frame.assign(c=frame["c"].where(frame["id"] != bad_row, float("inf")))
        with refused(SchemaError, rf"column c \(float\), row {bad_row}: inf, which SQL Server cannot hold"):
            etl.to_sql(bad, "t", connection, schema="dbo", if_exists="append", index=False)
        connection.rollback()
        etl.to_sql(frame.head(10), "t", connection, schema="dbo", if_exists="append", index=False)
        connection.commit()
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(10,)]


def threads_on_one_connection(ground: Ground) -> None:
    """Whoever comes second is refused, or waits; what is committed then is whole."""
    ground.table(TABLE)
    frame = pd.concat([NUMBERS] * 20)
    ends: list[str] = []

    def write(connection: sa.Connection) -> None:
        try:
            etl.to_sql(frame, "t", connection, schema="dbo", if_exists="append", index=False)
        except (EtlError, sa.exc.SQLAlchemyError) as error:
            ends.append(type(error).__name__)
        else:
            ends.append("written")

    for _ in range(3):
        connection = ground.engine.connect()
        threads = [threading.Thread(target=write, args=(connection,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        connection.invalidate()
        connection.close()
    assert len(ends) == 12
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(0,)]
    etl.to_sql(NUMBERS, "t", ground.engine, schema="dbo", if_exists="append", index=False)
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(1_000,)]


def threads_on_one_pool(ground: Ground) -> None:
    ground.table(TABLE)
    engine = sa.create_engine(sa.make_url(ground.url), pool_size=2, max_overflow=0)

    def write() -> None:
        with engine.begin() as connection:
            etl.to_sql(NUMBERS, "t", connection, schema="dbo", if_exists="append", index=False)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ground.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM dbo.t") == [(6_000, 1_000)]


def a_second_load_inside_the_first(ground: Ground) -> None:
    """FreeTDS has room for one on a connection; rows of the first would go out through the columns of the second."""
    ground.table(TABLE)
    with ground.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        with (
            freetds.BulkCopy(raw, "[dbo].[t]"),
            refused(freetds.BulkCopyError, "a bulk load is under way on this connection"),
            freetds.BulkCopy(raw, "[dbo].[t]"),
        ):
            pass


def closed_underneath(ground: Ground) -> None:
    ground.table(TABLE)
    with ground.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        with (
            hooked(freetds.BulkCopy, "send", lambda call: raw.close() if call == PROBES + 1 else None),
            refused(DatabaseError, r"appending to dbo\.t by bulk copy"),
        ):
            etl.to_sql(NUMBERS, "t", connection, schema="dbo", if_exists="append", index=False)
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(0,)]


def interrupt() -> None:
    """What Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def interrupted(ground: Ground) -> None:
    """Ctrl-C while rows are on their way; the same connection serves the next load."""
    ground.table(TABLE)
    frame = pd.concat([NUMBERS] * 200)
    with ground.engine.connect() as connection:
        with (
            hooked(freetds.BulkCopy, "send", lambda call: interrupt() if call == PROBES + 2 else None),
            refused(KeyboardInterrupt, ""),
        ):
            etl.to_sql(frame, "t", connection, schema="dbo", if_exists="append", index=False)
        connection.rollback()
        etl.to_sql(NUMBERS, "t", connection, schema="dbo", if_exists="append", index=False)
        connection.commit()
    assert ground.rows("SELECT COUNT(*) FROM dbo.t") == [(1_000,)]
