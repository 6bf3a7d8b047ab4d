"""Whether what is sent is really encrypted."""

from __future__ import annotations

from etl import connect, statements
from etl.doctor.case import Case
from etl.doctor.findings import Finding, ok, warn
from etl.errors import DatabaseError


def in_use(case: Case) -> Finding:
    """Whether what is sent is encrypted, as the server says itself."""
    try:
        with case.connected() as connection, connect.statement("asking whether the connection is encrypted"):
            row = connection.exec_driver_sql(statements.load("connection_encryption")).first()
    except DatabaseError as error:
        return _unread(case, error.message)
    if row is None:
        return _unread(case, "the server shows no such row")
    if str(row.encrypt_option).upper() == "TRUE":
        return ok("all that is sent is encrypted (sys.dm_exec_connections)")
    if case.on_this_machine:
        return ok("rows are sent in the clear, on this machine only")
    return warn(
        "rows are sent in the clear (sys.dm_exec_connections)",
        "They can be read by whoever is on the way.",
        "Encryption=require in the URL.",
    )


def _unread(case: Case, reason: str) -> Finding:
    if case.security.level == "require" and case.agrees_to_encrypt:
        return ok("the server agrees to encrypt all; what it sees of this connection could not be read", reason)
    return warn(
        "whether the connection is encrypted could not be read",
        f"{reason}. It takes VIEW SERVER STATE, from SQL Server 2022 on VIEW SERVER SECURITY STATE.",
        "Encryption=require in the URL, or grant the login that right.",
    )
