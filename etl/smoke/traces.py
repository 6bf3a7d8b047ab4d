"""What runs leave in the ledger, and how it is taken away again: all of it where the ledger is there for smoke tests only."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import connect, ledger, load, statements
from etl.bad_rows import rejects
from etl.smoke.case import PREFIX
from etl.statements import TableName

LEDGER = (ledger.chunks.name, rejects.TABLE.name, ledger.runs.name)


def is_used(connection: Connection) -> bool:
    """Whether there is a ledger that is others' too, or that somebody has made and not used yet.

    One that has runs of smoke tests alone was made by one that did not get to its end.
    """
    if not ledger.exists(connection):
        return False
    with connect.statement("looking into the ledger"):
        counting = sa.text(statements.load("smoke_ledger_runs"))
        total, smokes = connection.execute(counting, {"prefix": PREFIX}).one()
    return not total or bool(total != smokes)


def forget(connection: Connection, schema: str) -> None:
    """Delete the ledger's lines of runs into the schema, which the caller commits."""
    if not ledger.exists(connection):
        return
    with connect.statement(f"deleting the ledger's lines of {schema}"):
        for statement in ("smoke_forget_chunks", "smoke_forget_runs"):
            connection.execute(sa.text(statements.load(statement)), {"prefix": f"{schema}."})


def drop_ledger(connection: Connection) -> bool:
    """Drop the ledger's tables, which the caller commits, unless another run has begun meanwhile."""
    if not ledger.exists(connection):
        return False
    with connect.statement("looking for other runs in the ledger"):
        # Locked until the end of the transaction: nobody's run begins between the look and the drop.
        if connection.exec_driver_sql(statements.load("smoke_other_runs")).scalar_one():
            return False
    for name in LEDGER:
        load.drop_if_exists(connection, TableName(name))
    return True
