"""How a smoke test ends: the ledger is held against the tables, then nothing is left of it on the server."""

from __future__ import annotations

from etl import check, connect, ledger, retries
from etl.doctor.findings import Finding, ok
from etl.errors import EtlError
from etl.smoke import scratch, traces
from etl.smoke.case import Smoke

ATTEMPTS = 3
"""Where the link breaks, or a killed worker's locks are there still."""


def verify(case: Smoke) -> Finding:
    """What `etl verify` looks at, for each run. Raises CheckFailed for what differs."""
    values = 0
    for run_id, job in case.runs.items():
        with case.connected() as connection:
            run = ledger.find_run(connection, run_id)
        case.require(agreed=run.state == "done", message=f"run {run_id} came to its end and is {run.state}")
        values += check.verify(job, run).values_compared
    return ok(f"{len(case.runs)} runs are done; {values:,} sums of theirs are those of the tables")


def clean_up(case: Smoke) -> Finding:
    """Drop what the smoke test has made, and look whether it is gone. Raises EtlError where it cannot be."""
    if case.keep:
        return ok(f"left in place for an hour: the schema {case.schema}, and the ledger's lines of its runs")
    try:
        dropped = retries.until_done(lambda: _erased(case), ATTEMPTS)
    except EtlError as error:
        error.state = f"The schema {case.schema} may be there still; `etl smoke` drops it when it is an hour old."
        raise
    with case.connected() as connection:
        case.require(
            agreed=scratch.is_gone(connection, case.schema), message=f"the schema {case.schema} is there still"
        )
    return ok(f"nothing is left{', nor the ledger that was made' if dropped else ''}")


def _erased(case: Smoke) -> bool:
    """Whether the ledger went too."""
    scratch.erase(case, case.schema)
    if case.ledger_was_there:
        return False
    with case.connected() as connection:
        dropped = traces.drop_ledger(connection)
        with connect.statement("dropping the ledger"):
            connection.commit()
    return dropped
