"""How fast rows are read and written, and what limits it: this machine, the server, or the way between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, load, statements
from etl.bulk import copy, freetds
from etl.doctor.case import Case, raw
from etl.doctor.findings import Finding, ok, skipped
from etl.doctor.rights import SOURCE_ONLY
from etl.statements import TableName
from etl.types import Column

Limit = Literal["client", "server", "network"]

TABLE = TableName("#etl_doctor")
COLUMNS = [Column("id", "bigint", nullable=False), Column("name", "nvarchar(40)"), Column("amount", "float")]
ROWS_READ_AT_ONCE = 100_000
"""By one statement of sql/doctor_rows.sql."""
BATCH_ROWS = 10_000
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("amount", pa.float64())])

MEANINGS: dict[Limit, str] = {
    "client": "One core of this machine is the limit: more workers do more as long as cores are free.",
    "server": "The server's own work is the limit: more workers do more where it has cores and disks to spare.",
    "network": "The way between is the limit: more workers, and PacketSize=, help against distance, not against a full line.",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A probe's rows and seconds."""

    rows: int
    wall_sec: float
    client_sec: float
    """CPU of this thread."""
    server_sec: float
    """The server alone with the same rows, sending or receiving none; on loopback all that is not the client's."""

    @property
    def network_sec(self) -> float:
        """What is left: the way between, and the protocol's work at the server."""
        return max(0.0, self.wall_sec - self.client_sec - self.server_sec)

    @property
    def limit(self) -> Limit:
        """Where most of the time goes."""
        shares: dict[Limit, float] = {
            "client": self.client_sec,
            "server": self.server_sec,
            "network": self.network_sec,
        }
        return max(shares, key=lambda limit: shares[limit])


def reading(case: Case) -> Finding:
    """Read rows that the server makes out of nothing, for half of the time."""
    if not case.probe_sec:
        return skipped("--probe-sec 0")
    return _verdict(_read(case, case.probe_sec / 2), "read")


def writing(case: Case) -> Finding:
    """Bulk copy rows into a temporary table, in a transaction that is rolled back, for half of the time."""
    if case.read_only:
        return skipped(SOURCE_ONLY)
    if not case.probe_sec:
        return skipped("--probe-sec 0")
    with case.connected() as connection:
        if freetds.version(raw(connection)) is None:
            return skipped("bulk copy is FreeTDS's")
        return _verdict(_write(case, connection, case.probe_sec / 2), "written")


def _verdict(measured: Measured, done: str) -> Finding:
    rate = measured.rows / measured.wall_sec
    shares = (
        f"{measured.rows:,} rows in {measured.wall_sec:.2f} s: client {measured.client_sec:.2f} s, "
        f"server {measured.server_sec:.2f} s, network and protocol {measured.network_sec:.2f} s"
    )
    return ok(f"{rate:,.0f} rows/s {done}; {measured.limit} bound", MEANINGS[measured.limit], (shares,))


def _read(case: Case, seconds: float) -> Measured:
    query, rows = statements.load("doctor_rows"), 0
    with case.endpoint.connect_arrow() as connection, connect.statement("reading rows to see how fast"):
        began, began_cpu = time.perf_counter(), time.thread_time()
        while time.perf_counter() - began < seconds:
            for batch in connection.read_arrow_batches(query, batch_size=BATCH_ROWS, schema=SCHEMA, max_text_size=400):
                rows += batch.num_rows
                # A slow line must not take longer than asked for; what is left unread goes with the connection.
                if time.perf_counter() - began >= seconds:
                    break
        wall_sec, client_sec = time.perf_counter() - began, time.thread_time() - began_cpu
    if case.on_this_machine:
        return Measured(rows, wall_sec, client_sec, wall_sec - client_sec)
    with case.connected() as own, connect.statement("making the rows again"):
        alone_sec = _timed(lambda: own.exec_driver_sql(statements.load("doctor_rows_kept")).all())
    return Measured(rows, wall_sec, client_sec, alone_sec * rows / ROWS_READ_AT_ONCE)


def _write(case: Case, connection: Connection, seconds: float) -> Measured:
    numbers = list(range(BATCH_ROWS))
    rows = pa.table(
        {"id": numbers, "name": ["x" * 40] * BATCH_ROWS, "amount": [float(number % 10) for number in numbers]}, SCHEMA
    )
    load.create_table(connection, TABLE, COLUMNS)
    places, written = range(1, len(COLUMNS) + 1), 0
    began, began_cpu = time.perf_counter(), time.thread_time()
    while time.perf_counter() - began < seconds:
        written += copy.copy_rows(connection, TABLE, rows, COLUMNS, places, table_columns=len(COLUMNS))
    wall_sec, client_sec = time.perf_counter() - began, time.thread_time() - began_cpu
    if case.on_this_machine:
        return Measured(written, wall_sec, client_sec, wall_sec - client_sec)
    with connect.statement("storing the rows again"):
        alone_sec = _timed(lambda: connection.exec_driver_sql(statements.load("doctor_write_kept")))
    return Measured(written, wall_sec, client_sec, alone_sec)


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
