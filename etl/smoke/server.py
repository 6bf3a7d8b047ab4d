"""What is reached: server and database, and whether the database's collation is the one that is asked for."""

from __future__ import annotations

import time

from etl import connect, statements
from etl.doctor.findings import Finding, ok
from etl.doctor.server import AZURE_EDITIONS
from etl.errors import ConnectError, DatabaseError, DriverMissing, SchemaError
from etl.smoke import refusals
from etl.smoke.case import Smoke
from etl.smoke.samples import UTF8_SINCE_MAJOR

POLL_SEC = 1.0


def reach(case: Smoke) -> Finding:
    """Log in and look where that leads. Raises ConnectError, and DatabaseError for a database that cannot be written."""
    _wait(case)
    with case.connected() as connection, connect.statement("asking for server and database"):
        server = connection.exec_driver_sql(statements.load("doctor_server")).one()
        name, updateability = connection.exec_driver_sql(statements.load("doctor_database")).one()
    if updateability == "READ_ONLY":
        explanation = refusals.KNOWN[refusals.READ_ONLY_DATABASE]
        raise DatabaseError(f"{name} is read-only", state=explanation.meaning, advice=explanation.fix)
    major = int(str(server.product_version).partition(".")[0])
    case.major_version = UTF8_SINCE_MAJOR if server.engine_edition in AZURE_EDITIONS else major
    return ok(f"SQL Server {server.product_version}, {server.edition}; database {name}")


def _wait(case: Smoke) -> None:
    """A server that comes up refuses connections, then logins, then databases: all of it may pass."""
    deadline = time.monotonic() + case.wait_sec
    while time.monotonic() < deadline:
        try:
            with case.connected():
                return
        except DriverMissing:
            return
        except ConnectError:
            time.sleep(POLL_SEC)


def collation(case: Smoke) -> Finding:
    """The database's collation. Raises SchemaError for another one than is asked for."""
    with case.connected() as connection, connect.statement("asking for the collation"):
        servers, found = connection.exec_driver_sql(statements.load("smoke_collations")).one()
    case.database_collation = found
    if case.collation is not None and case.collation.lower() != found.lower():
        raise SchemaError(
            f"the database's collation is {found}, not {case.collation}",
            state="Texts are compared, sorted and, in varchar, stored in another way than where that is the collation.",
            advice=f"CREATE DATABASE … COLLATE {case.collation}, or leave --collation out.",
        )
    if servers != found:
        return ok(found, f"Temporary tables have the server's: {servers}.")
    return ok(found)
