"""The login, the database, and what driver and server agreed on for the session."""

from __future__ import annotations

import re
from dataclasses import replace

from etl import connect, errors, statements
from etl.connect import TEXT_BYTES, Endpoint
from etl.doctor.case import Case, raw
from etl.doctor.findings import Finding, fail, ok, warn
from etl.errors import ConnectError, LoginFailed
from etl.odbc import encryption, handle
from etl.odbc.packets import SQL_ATTR_PACKET_SIZE

EVERYONES_DATABASE = "master"
"""Each login may enter it (as guest), which tells a wrong password from a wrong database."""

SQL_INFO_FREETDS_TDS_VERSION = 1300
"""FreeTDS's own (`include/odbcss.h`); others do not know it."""
OLDEST_WITH_DATES = (7, 3)
"""TDS 7.3 brought date, time, datetime2 and datetimeoffset (MS-TDS 2.2.5.4); before, they arrive as text."""
NO_DATES = "Before TDS 7.3 date, time, datetime2 and datetimeoffset are text: types would be lost."
NEWER_TDS = "TDS_Version=7.4 in the URL, or no TDS_Version at all; in freetds.conf `tds version = 7.4`."
SMALL_PACKET_BYTES = 4_096


def login(case: Case) -> Finding:
    """Whether the server takes user and password."""
    endpoint = case.endpoint
    try:
        with endpoint.connect():
            return ok(f"the server took the login{_as(endpoint)}")
    except LoginFailed as refused:
        elsewhere = _into_master(endpoint)
        if elsewhere is None:
            return fail(
                refused.message,
                "The server answers, and refuses user or password; or the login is locked, disabled or expired. "
                "The server's own log says which.",
                "Correct user and password in the URL (special characters percent-encoded), or have the login unlocked.",
            )
        case.database_refusal = refused.message
        return ok(f"the server took the login{_as(endpoint)}, for {elsewhere}")
    except ConnectError as error:
        if _asks_for_old_protocol(case):
            return fail(error.message, NO_DATES, NEWER_TDS)
        return fail(
            error.message,
            "Name, port, protocol and certificate above show what was reached; drivers say little of what comes after.",
            f"{error.advice} With TDSDUMP=FILE in the environment FreeTDS logs each step; that file may hold the password.",
        )


def _asks_for_old_protocol(case: Case) -> bool:
    asked = re.match(r"(\d+)\.(\d+)", case.option("TDS_Version") or "")
    return asked is not None and (int(asked[1]), int(asked[2])) < OLDEST_WITH_DATES


def _as(endpoint: Endpoint) -> str:
    return f" of {endpoint.url.username}" if endpoint.url.username else ""


def _into_master(endpoint: Endpoint) -> str | None:
    """Where the same login is let in, though it is not into the database of the URL; None for nowhere."""
    if not endpoint.url.database or endpoint.url.database == EVERYONES_DATABASE:
        return None
    try:
        with replace(endpoint, url=endpoint.url.set(database=EVERYONES_DATABASE)).connect():
            return EVERYONES_DATABASE
    except ConnectError:
        return None


def database(case: Case) -> Finding:
    """Whether the login may enter the database, and whether that can be written."""
    if case.database_refusal:
        return fail(
            f"the login may not enter {case.endpoint.url.database}, or there is no such database",
            case.database_refusal,
            f"Correct the database in the URL; or, in it: CREATE USER … FOR LOGIN {case.endpoint.url.username}.",
        )
    with case.connected() as connection, connect.statement("asking for the database"):
        name, updateability = connection.exec_driver_sql(statements.load("doctor_database")).one()
    if updateability == "READ_ONLY" and not case.read_only:
        return fail(
            f"{name} is read-only",
            "It can be a source only: the database is set READ_ONLY, or this is a readable secondary.",
            "Give the primary's address; for a source, --read-only.",
        )
    return ok(f"{name}, {str(updateability).lower().replace('_', '-')}")


def tds_version(case: Case) -> Finding:
    """Which version of the protocol driver and server speak."""
    with case.connected() as connection:
        number = handle.info(raw(connection), SQL_INFO_FREETDS_TDS_VERSION)
    if number is None:
        return ok("the driver does not tell; another one than FreeTDS")
    version = (number >> 16, number & 0xFFFF)
    found = f"TDS {version[0]}.{version[1]}"
    if version < OLDEST_WITH_DATES:
        return fail(found, NO_DATES, NEWER_TDS)
    return ok(found)


def packet_size(case: Case) -> Finding:
    """How much one packet carries."""
    with case.connected() as connection:
        size = handle.attribute(raw(connection), SQL_ATTR_PACKET_SIZE)
    if size is None:
        return ok("the driver does not tell")
    meaning = (
        "PacketSize= in the URL asks for more, which saves time over far networks."
        if size <= SMALL_PACKET_BYTES
        else ""
    )
    return ok(f"{size:,} bytes", meaning)


def text_size(case: Case) -> Finding:
    """What TEXTSIZE a connection has that nobody has told better, as other programs open it with the same URL."""
    import pyodbc

    try:
        with encryption.configured(case.endpoint.url):
            connection = pyodbc.connect(case.endpoint.odbc_string, timeout=connect.LOGIN_TIMEOUT_SEC, autocommit=True)
    except pyodbc.Error as error:
        raise errors.from_connect(error, case.endpoint.label) from error
    try:
        with connect.statement("asking for TEXTSIZE"):
            found = int(connection.execute(statements.load("doctor_text_size")).fetchval())
    finally:
        connection.close()
    # -1 is another word for no bound (documentation of SET TEXTSIZE).
    if found in {TEXT_BYTES, -1}:
        return ok("no value is cut off")
    return warn(
        f"the server cuts values off at {found:,} bytes (TEXTSIZE)",
        "This project sets TEXTSIZE on each connection itself; other programs over this driver lose the rest without a word.",
        f"TextSize={TEXT_BYTES} in the URL, or `text size = {TEXT_BYTES}` in freetds.conf.",
    )
