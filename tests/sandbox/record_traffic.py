"""Runs the clients that the sandbox has to answer, and writes down what they send: `python -m tests.sandbox.record_traffic`.

The recording is committed, so that tests do not depend on the drivers that are installed. Messages that say the same are kept
once, long ones not at all.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import arrow_odbc
import pymssql
import pyodbc
import pytds

from etl.sandbox.engine import PostgresEngine
from etl.sandbox.outcomes import Engine
from etl.sandbox.server import TdsServer, bind
from etl.sandbox.transport import Transport
from etl.sandbox.wire.packets import MessageAssembler, MessageKind
from tests.sandbox.traffic import RECORDING, Sent, written

PASSWORD = "secret"
LONGEST_BYTES = 3000
VALUES = (
    1,
    -(2**40),
    1.5,
    Decimal("-12.340"),
    True,
    "é😀",
    "x" * 300,
    b"\0\xff",
    dt.date(2013, 1, 2),
    dt.datetime(2013, 1, 2, 3, 4, 5, 6000),
    dt.time(1, 2, 3),
    uuid.UUID(int=7),
    None,
)
SCRIPT = (
    "SET XACT_ABORT OFF; DROP TABLE IF EXISTS dbo.t",
    "CREATE TABLE dbo.t (k int NOT NULL PRIMARY KEY, v nvarchar(100) NULL, d decimal(10, 2) NULL, b varbinary(20) NULL)",
    "INSERT INTO dbo.t VALUES (1, N'é', 1.5, CAST('a' AS varbinary(1))), (2, NULL, NULL, NULL)",
    "SELECT k, v, d, b, COUNT(*) OVER () AS n FROM dbo.t WHERE k >= 1 ORDER BY k DESC OFFSET 0 ROWS",
    "UPDATE dbo.t SET v = v + N'x' OUTPUT inserted.k, deleted.v WHERE k = 1; SELECT @@ROWCOUNT",
    "DECLARE @n int = 3; IF @n > 2 BEGIN PRINT N'more'; SELECT @n AS n END ELSE RAISERROR('less', 16, 1)",
    "WITH c AS (SELECT k FROM dbo.t) SELECT TOP (1) k, CASE WHEN k = 1 THEN 'a' END FROM c ORDER BY k",
    "SELECT CAST('2013-01-02' AS datetime2(7)), CAST(1 AS money), NEWID(), CONVERT(varchar(30), GETDATE(), 126)",
    "DELETE FROM dbo.t WHERE k = 2; SELECT 1 / 0; SELECT * FROM dbo.missing",
)


class Recorder(Transport):
    """A transport that keeps what it receives."""

    def __init__(self, sock: socket.socket, streams: list[bytearray]) -> None:
        super().__init__(sock)
        self._stream = bytearray()
        streams.append(self._stream)

    def receive(self) -> bytes:
        """As `Transport.receive`."""
        data = super().receive()
        self._stream += data
        return data


def _odbc(port: int) -> str:
    return f"DRIVER=FreeTDS;SERVER=127.0.0.1,{port};UID=sa;PWD={PASSWORD};DATABASE=sandbox;TDS_Version=7.4"


def _pyodbc(port: int) -> None:
    pyodbc.pooling = False
    with pyodbc.connect(_odbc(port)) as connection:
        cursor = connection.cursor()
        for text in SCRIPT:
            with suppress(pyodbc.Error):
                cursor.execute(text)
                while cursor.nextset():
                    pass
        for value in VALUES:
            cursor.execute("SELECT ? AS v", value).fetchall()
        cursor.executemany("INSERT INTO dbo.t (k, v) VALUES (?, ?)", [(number, "y") for number in range(10, 13)])
        connection.commit()
        cursor.execute("INSERT INTO dbo.t (k) VALUES (?)", 20)
        connection.rollback()
        for catalog in (cursor.tables, cursor.columns, cursor.primaryKeys, cursor.statistics):
            with suppress(pyodbc.Error):
                catalog(table="t")
        # The lock that this statement waits for is never given: it ends by ATTENTION.
        cursor.execute("UPDATE dbo.t SET v = N'held' WHERE k = 1")
        with pyodbc.connect(_odbc(port), autocommit=True) as other, suppress(pyodbc.Error):
            other.timeout = 1
            other.execute("UPDATE dbo.t SET v = N'wanted' WHERE k = 1")


def _arrow_odbc(port: int) -> None:
    for query, parameters in (("SELECT * FROM dbo.t", None), ("SELECT * FROM dbo.t WHERE k > ?", ["1"])):
        reader = arrow_odbc.read_arrow_batches_from_odbc(
            query, connection_string=_odbc(port), parameters=parameters, batch_size=100
        )
        assert sum(batch.num_rows for batch in reader)


def _pymssql(port: int) -> None:
    with pymssql.connect("127.0.0.1", "sa", PASSWORD, "sandbox", port=str(port), tds_version="7.4") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT k, v FROM dbo.t WHERE k > %d AND v <> %s", (0, "é"))
        cursor.fetchall()
        connection.commit()
        with suppress(pymssql.Error):
            cursor.callproc("sp_executesql", ("SELECT 1",))
        connection.bulk_copy("dbo.t", [(number, "é", 2, None) for number in range(30, 33)])
        connection.rollback()


def _pytds(port: int) -> None:
    with pytds.connect("127.0.0.1", "sandbox", "sa", PASSWORD, port=port, autocommit=False) as connection:
        cursor = connection.cursor()
        for value in VALUES:
            cursor.execute("SELECT %s", (pytds.Binary(value) if isinstance(value, bytes) else value,))
            cursor.fetchall()
        cursor.execute("SELECT k FROM dbo.t")
        cursor.fetchone()
        cursor.cancel()
        connection.commit()
        columns = [
            pytds.Column("k", type=pytds.tds_types.IntType()),
            pytds.Column("v", type=pytds.tds_types.NVarCharType(9)),
        ]
        cursor.copy_to(data=[(40, "é"), (41, None)], table_or_view="t", columns=columns, schema="dbo")
        connection.rollback()


CLIENTS: dict[str, Callable[[int], None]] = {
    "pyodbc": _pyodbc,
    "arrow-odbc": _arrow_odbc,
    "pymssql": _pymssql,
    "pytds": _pytds,
}


def _messages(client: str, stream: bytearray) -> list[Sent]:
    """One connection's messages. An ATTENTION leaves nothing unfinished here: these clients wait."""
    host = socket.gethostname()
    anonymous = bytes(stream).replace(host.encode("utf-16-le"), ("h" * len(host)).encode("utf-16-le"))
    messages = MessageAssembler(1 << 28).feed(anonymous)
    return [
        Sent(
            client,
            message.kind.value,
            message.status & ~1,
            message.stream.read() if message.stream else message.payload,
        )
        for message in messages
    ]


def _without_repetition(messages: list[Sent]) -> list[Sent]:
    kept: dict[tuple[int, bytes], Sent] = {}
    for sent in messages:
        if len(sent.payload) <= LONGEST_BYTES:
            # Connections say the same at their beginning, but for the transaction's number in the header.
            kept.setdefault((sent.kind, sent.payload[22:] if sent.kind != MessageKind.PRELOGIN else b""), sent)
    return list(kept.values())


def record() -> list[Sent]:
    """All clients, one after another, on one server."""
    found: list[Sent] = []
    with PostgresEngine(None, user="sa", password=PASSWORD, database="sandbox") as engine:
        for client, talk in CLIENTS.items():
            streams: list[bytearray] = []

            def intercept(
                sock: socket.socket, engine: Engine, streams: list[bytearray] = streams
            ) -> tuple[Transport, Engine]:
                return Recorder(sock, streams), engine

            with TdsServer(engine, bind("127.0.0.1", 0), intercept=intercept) as server:
                # A process of its own: pymssql keeps Python's lock while it waits for the server.
                process = multiprocessing.get_context("spawn").Process(target=talk, args=(server.port,))
                process.start()
                process.join(60)
                assert process.exitcode == 0, f"{client}: {process.exitcode}"
            found += [sent for stream in streams for sent in _messages(client, stream)]
    return _without_repetition(found)


if __name__ == "__main__":
    RECORDING.write_text("".join(map(written, record())))
