"""The scratch schema: made under a name that tells its age, and dropped with all that is in it."""

from __future__ import annotations

import datetime as dt
import re
import secrets

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import connect, load, statements
from etl.doctor.findings import Finding, ok, warn
from etl.errors import DatabaseError
from etl.smoke import refusals, traces
from etl.smoke.case import PREFIX, Smoke
from etl.statements import TableName, quote

STAMP = "%Y%m%d%H%M%S"
NAME = re.compile(rf"{PREFIX}(\d{{14}})_[0-9a-f]{{8}}")
ABANDONED = dt.timedelta(hours=1)
"""A smoke test takes seconds: what is older was left by one that was killed."""


def make(case: Smoke) -> Finding:
    """Make the schema. Raises DatabaseError for a login that may not."""
    with case.connected() as connection:
        name = f"{PREFIX}{_server_time(connection).strftime(STAMP)}_{secrets.token_hex(4)}"
        # Before it is there: one that is stopped at its making is dropped too.
        case.schema = name
        try:
            with connect.statement(f"making the schema {name}", state="Nothing was made on the server."):
                connection.exec_driver_sql(f"CREATE SCHEMA {quote('mssql', name)}")
                connection.commit()
        except DatabaseError:
            case.schema = ""
            raise
    return ok(name)


def sweep(case: Smoke) -> Finding:
    """Drop what smoke tests that were killed have left, an hour ago and longer."""
    with case.connected() as connection:
        case.ledger_was_there = traces.is_used(connection)
        abandoned = _abandoned(connection)
    refused: dict[str, DatabaseError] = {}
    for name in abandoned:
        try:
            erase(case, name)
        except DatabaseError as error:
            refused[name] = error
    if refused:
        name, first = next(iter(refused.items()))
        return warn(
            f"{', '.join(refused)} of earlier smoke tests cannot be dropped: {first.message}",
            "They take room; nothing of this smoke test depends on them.",
            refusals.explained(case, first).fix or f"Drop their tables, then them: DROP SCHEMA {name}.",
        )
    return ok(f"dropped of earlier ones: {', '.join(abandoned)}" if abandoned else "nothing of earlier smoke tests")


def erase(case: Smoke, schema: str) -> None:
    """Drop a scratch schema, and delete the ledger's lines of it. Raises DatabaseError; then nothing of it is gone."""
    with case.connected() as connection:
        drop(connection, schema)
        traces.forget(connection, schema)
        with connect.statement(f"dropping the schema {schema}"):
            connection.commit()


def drop(connection: Connection, schema: str) -> None:
    """Drop the schema and its tables, which the caller commits. Raises DatabaseError."""
    with connect.statement(f"dropping the schema {schema}"):
        tables = connection.execute(sa.text(statements.load("smoke_tables")), {"schema": schema}).scalars().all()
        for table in tables:
            load.drop_if_exists(connection, TableName(table, schema))
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {quote('mssql', schema)}")


def is_gone(connection: Connection, schema: str) -> bool:
    """Whether the server knows no such schema any more."""
    return schema not in _schemas(connection)


def _abandoned(connection: Connection) -> list[str]:
    now = _server_time(connection)
    found = [(name, NAME.fullmatch(name)) for name in _schemas(connection)]
    return [
        name
        for name, match in found
        if match is not None and dt.datetime.strptime(match[1], STAMP).replace(tzinfo=dt.UTC) < now - ABANDONED
    ]


def _schemas(connection: Connection) -> list[str]:
    with connect.statement("looking for schemas of smoke tests"):
        return list(connection.execute(sa.text(statements.load("smoke_schemas")), {"prefix": PREFIX}).scalars())


def _server_time(connection: Connection) -> dt.datetime:
    with connect.statement("asking for the server's clock"):
        said: dt.datetime = connection.exec_driver_sql(statements.load("doctor_clock")).scalar_one()
    return said.replace(tzinfo=dt.UTC)
