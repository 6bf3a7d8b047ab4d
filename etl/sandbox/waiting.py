"""WAITFOR DELAY."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.moments import SECOND, day_ticks
from etl.sandbox.outcomes import Command, Outcome, StatementDone
from etl.sandbox.sqltypes import Value
from etl.sandbox.translation.batch import Statement
from etl.sandbox.translation.cursor import Cursor

_DELAY = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,3}))?)?")


def run_waitfor(statement: Statement, evaluator: Evaluator) -> Iterator[Outcome]:
    """WAITFOR DELAY 'hh:mm[:ss[.mmm]]', less than 24 hours; the client may cancel it. Error 148 for another text."""
    cursor = Cursor(statement.tokens, statement.text)
    cursor.expect("WAITFOR")
    if not cursor.accept("DELAY"):
        raise not_supported("WAITFOR with anything but DELAY", line=statement.line)
    seconds = _seconds(evaluator.value_of(statement.tokens[cursor.at :], statement))
    evaluator.fetch(f"SELECT sandbox.wait_for({seconds})", (), Command.OTHER)
    yield StatementDone(Command.OTHER, None)


def _seconds(delay: Value) -> float:
    if isinstance(delay, dt.datetime | dt.time):
        return day_ticks(delay) / SECOND
    text = str(delay).strip()
    found = _DELAY.fullmatch(text)
    parts = [int(part or 0) for part in found.groups()[:3]] if found else [99, 0, 0]
    if found is None or parts[0] > 23 or parts[1] > 59 or parts[2] > 59:
        raise SqlServerError(
            148, f"Incorrect time syntax in time string '{text}' used with WAITFOR.", severity=15, ends_batch=True
        )
    return parts[0] * 3600 + parts[1] * 60 + parts[2] + int((found[4] or "0").ljust(3, "0")) / 1000
