"""The steps in their order; the first that fails is the last but for the tidying up."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from etl.doctor.findings import Finding, fail, skipped
from etl.errors import DatabaseError, EtlError, Interrupted
from etl.smoke import copies, ends, killing, refusals, scratch, server, tables, text_keys, texts
from etl.smoke.case import Smoke
from etl.smoke.refusals import NOT_KNOWN, Explanation


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must work."""

    name: str
    action: Callable[[Smoke], Finding]
    """Raises EtlError where it does not."""


STEPS = (
    Step("server", server.reach),
    Step("collation", server.collation),
    Step("leftovers", scratch.sweep),
    Step("schema", scratch.make),
    Step("samples", tables.fill),
    Step("texts", texts.check),
    Step("worker killed", killing.killed),
    Step("resumed", killing.resumed),
    Step("replaced", copies.replaced),
    Step("text keys", text_keys.copied),
    Step("frame", copies.by_frame),
    Step("sqlite", copies.by_sqlite),
    Step("ledger", ends.verify),
)
CLEANUP = Step("cleanup", ends.clean_up)


@contextmanager
def opened(reference: str, **wishes: Any) -> Iterator[Smoke]:
    """A smoke test of the database that `reference` names, with a folder for its files; `wishes` are fields of `Smoke`."""
    with tempfile.TemporaryDirectory(prefix="etl-smoke-") as folder:
        yield Smoke(reference, Path(folder), **wishes)


def run(case: Smoke) -> Generator[Finding]:
    """Make one step after the other. What was made on the server is dropped at the end, also where that comes early."""
    failed: str | None = None
    try:
        for step in STEPS:
            if failed is not None:
                yield replace(skipped(f"the step `{failed}` failed"), step=step.name)
                continue
            finding = _made(step, case)
            failed = step.name if finding.status == "fail" else None
            yield finding
    except KeyboardInterrupt as error:
        told = _made(CLEANUP, case).found if case.schema else ""
        raise Interrupted("the smoke test was stopped", state=told) from error
    except BaseException:
        if case.schema:
            _made(CLEANUP, case)
        raise
    if case.schema:
        yield _made(CLEANUP, case)


def _made(step: Step, case: Smoke) -> Finding:
    try:
        finding = step.action(case)
    except EtlError as error:
        finding = _failed(case, error)
    return replace(finding, step=step.name)


def _failed(case: Smoke, error: EtlError) -> Finding:
    state, advice = error.state, error.advice
    if isinstance(error, DatabaseError):
        known = _explained(case, error)
        state, advice = " ".join(filter(None, (state, known.meaning))), known.fix or advice
    return replace(fail(error.message, state, advice), exit_code=error.exit_code)


def _explained(case: Smoke, error: DatabaseError) -> Explanation:
    try:
        return refusals.explained(case, error)
    except EtlError:
        # Now the server does not even answer; what it said first is what is told.
        return NOT_KNOWN
