"""What was held against each other after a run, as a table's rows."""

from __future__ import annotations

from typing import Any

from etl.check import Compared
from etl.prepare import Prepared
from etl.result import RunResult

NOT_COUNTED = "not counted"


def rows(prepared: Prepared, result: RunResult, compared: Compared) -> list[dict[str, Any]]:
    """Each comparison: `what`, the number that is `expected`, the one that was `found`, and the `verdict`.

    What the check refuses has been an error before; here are its numbers, and those that may differ for a reason.
    """
    return [
        _row("chunks: planned, committed", len(prepared.plan.chunks), len(result.chunks)),
        _source(result, compared),
        _chunks(prepared, result),
        *_target(result, compared),
    ]


def _source(result: RunResult, compared: Compared) -> dict[str, Any]:
    what = "rows: read, in the source now"
    now = compared.rows_in_source
    if now is None:
        return _row(what, result.rows_read, None, NOT_COUNTED)
    return _row(what, result.rows_read, now, "equal" if now == result.rows_read else "the source changed")


def _chunks(prepared: Prepared, result: RunResult) -> dict[str, Any]:
    what = "rows: read, written or set aside"
    accounted = result.rows_written + result.rows_rejected
    more = accounted - result.rows_read
    if more == 0 or prepared.job.transform is None:
        return _row(what, result.rows_read, accounted)
    return _row(what, result.rows_read, accounted, f"the transform {'added' if more > 0 else 'left out'} {abs(more):,}")


def _target(result: RunResult, compared: Compared) -> list[dict[str, Any]]:
    rows_in_target, values = "rows: written, in the target", "counts and sums of columns: written, in the target"
    target = compared.target
    if target is None:
        return [
            _row(rows_in_target, result.rows_written, None, f"{NOT_COUNTED}: it had rows before"),
            _row(values, None, None, "not compared"),
        ]
    others = target.rows_in_target - target.rows_written
    verdict = "equal" if others == 0 else f"{others:,} rows are of others"
    return [
        _row(rows_in_target, target.rows_written, target.rows_in_target, verdict),
        _row(values, target.values_compared, target.values_compared)
        if others == 0
        else _row(values, None, None, "not compared"),
    ]


def _row(what: str, expected: int | None, found: int | None, verdict: str = "") -> dict[str, Any]:
    return {
        "what": what,
        "expected": expected,
        "found": found,
        "verdict": verdict or ("equal" if expected == found else "DIFFERENT"),
    }
