"""The server: product, edition, collation, clock."""

from __future__ import annotations

import datetime as dt

from etl import code_pages, connect, statements
from etl.doctor.case import Case
from etl.doctor.findings import Finding, ok, warn

NEEDED_MAJOR = 13
"""SQL Server 2016: OPENJSON, DROP … IF EXISTS and exact datetime conversions."""
AZURE_EDITIONS = frozenset({5, 8, 9})
"""SERVERPROPERTY('EngineEdition') of Azure SQL Database, Managed Instance and Edge, whose versions are numbered otherwise."""
CLOCK_TOLERANCE_SEC = 5.0


def version(case: Case) -> Finding:
    """The server's version and edition."""
    with case.connected() as connection, connect.statement("asking for the server's version"):
        row = connection.exec_driver_sql(statements.load("doctor_server")).one()
    found = f"SQL Server {row.product_version}, {row.edition}"
    major = int(str(row.product_version).partition(".")[0])
    if major < NEEDED_MAJOR and row.engine_edition not in AZURE_EDITIONS:
        return warn(found, "This project is made for SQL Server 2016 and newer.", "Use a newer server.")
    return ok(found)


def collation(case: Case) -> Finding:
    """The database's collation: how it compares text, and what its varchar can hold."""
    with case.connected() as connection, connect.statement("asking for the collation"):
        found = str(connection.exec_driver_sql(statements.load("database_collation")).scalar_one())
    if code_pages.is_utf8(found):
        return ok(found, "varchar holds all of Unicode.")
    return ok(found, "varchar holds this collation's code page only; nvarchar holds all of Unicode.")


def clock(case: Case) -> Finding:
    """How far the server's clock is from this machine's, read between two looks at this one."""
    with case.connected() as connection, connect.statement("asking for the server's clock"):
        before = dt.datetime.now(dt.UTC)
        said = connection.exec_driver_sql(statements.load("doctor_clock")).scalar_one()
        after = dt.datetime.now(dt.UTC)
    here = before + (after - before) / 2
    ahead_sec = (said.replace(tzinfo=dt.UTC) - here).total_seconds()
    found = f"the server is {abs(ahead_sec):.3f} s {'ahead' if ahead_sec >= 0 else 'behind'}"
    if abs(ahead_sec) > CLOCK_TOLERANCE_SEC:
        return warn(
            found,
            "Times in logs and in the ledger do not fit together; certificates and Kerberos (5 minutes) may be refused.",
            "Set both clocks by NTP.",
        )
    return ok(found)
