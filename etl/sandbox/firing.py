"""Triggers while they run: what the firing statement tells them, what they tell the client, and where one failed.

A trigger is a PostgreSQL function (translation/trigger_body.py), so it speaks by notices and learns of the session by settings.
Whoever changes a table calls `announce` before, `told` after; `pgerrors.server_error` asks `failed_in` for every error.
A bulk load says by the setting sandbox.fire_triggers whether they run (bootstrap/47_bulk.sql).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from etl.sandbox.catalog import Table
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import EngineError, Link
from etl.sandbox.outcomes import Command, Message, Outcome, StatementDone, StatementFailed
from etl.sandbox.state import SessionState
from etl.sandbox.translation.trigger_body import LINE_MARK
from etl.sandbox.translation.trigger_context import FIRED_BY, updated_setting

_SAID, _COUNTED = "ZT001", "ZT003"


def fires(table: Table, command: Command) -> bool:
    """Whether a statement of this kind on this table runs a trigger."""
    return command.name in table.triggers


def announce(link: Link, state: SessionState, table: Table, assigned: Sequence[int] = ()) -> None:
    """Before a statement that fires triggers: the session's values, and the ids of the columns that UPDATE's SET names."""
    values = {name: _text(state.value(name)) for name in FIRED_BY}
    values["@@TRANCOUNT"] = str(max(state.transactions, 1))  # a trigger always has a transaction
    values["XACT_STATE"] = "1"
    values["NOCOUNT"] = _text(state.options.nocount)
    name, columns = updated_setting(table, assigned)
    link.notices.clear()
    link.run(
        "SELECT set_config('sandbox.fired_by', $1::text, false), set_config($2::text, $3::text, false),"
        " set_config('sandbox.trigger_identity', '', false)",
        (json.dumps(values), name, columns),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def told(link: Link) -> Iterator[Outcome]:
    """What triggers told the client since the last call: messages, errors that do not end them, counts of rows."""
    notices, link.notices[:] = list(link.notices), []
    for notice in notices:
        if notice.sqlstate == _COUNTED:
            yield StatementDone(Command[notice.message], int(notice.detail), in_procedure=True)
        elif notice.sqlstate == _SAID:
            yield _said(notice.message, json.loads(notice.detail))


def _said(text: str, about: dict[str, int | str]) -> Outcome:
    number, severity, state, line = (int(about[name]) for name in ("number", "severity", "state", "line"))
    if severity <= 10:
        return Message(number, text, severity, state, line)
    procedure = str(about["procedure"])
    return StatementFailed(
        SqlServerError(number, text, severity=severity, state=max(state, 1), line=line, procedure=procedure)
    )


def identity_of_triggers(link: Link) -> str:
    """The identity value that a trigger made last since `announce`, or empty."""
    return str(link.run("SELECT current_setting('sandbox.trigger_identity', true)").rows[0][0] or "")


@dataclass(frozen=True, slots=True)
class TriggerFrame:
    """Where in a trigger an error came from."""

    procedure: str
    line: int
    command: Command | None
    """What the trigger was doing; None where it changed no table."""


_FRAME = re.compile(r"PL/pgSQL function [^\n]*?\btr_(\d+)_(insert|update|delete)\b[^\n]*?\(\) line (\d+) at ")
_STATEMENT = re.compile(r'^SQL statement "(INSERT|UPDATE|DELETE)\b', re.MULTILINE)


def failed_in(error: EngineError, link: Link) -> TriggerFrame | None:
    """The innermost trigger that an error came out of, if it did."""
    frame = _FRAME.search(error.context)
    if frame is None:
        return None
    rows = link.run(
        "SELECT o.name::text, p.prosrc FROM sandbox.objects o, pg_proc p WHERE o.object_id = $1::int AND p.proname ="
        " $2::text",
        (frame[1], f"tr_{frame[1]}_{frame[2]}"),
    ).rows
    name, text = rows[0] if rows else ("", "")
    statement = _STATEMENT.search(error.context[: frame.start()])
    return TriggerFrame(name, _line(text, int(frame[3])), Command[statement[1]] if statement else None)


def _line(function: str, line: int) -> int:
    """The trigger's own line for a line of its function."""
    marks = [text for text in function.split("\n")[:line] if text.startswith(LINE_MARK)]
    return int(marks[-1].removeprefix(LINE_MARK)) if marks else 1
