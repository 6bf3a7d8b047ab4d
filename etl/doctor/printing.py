"""An examination for people, a line a step, and for machines, a JSON line a step."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

import typer

from etl.doctor import findings
from etl.doctor.findings import Finding, Status

WIDTH_CHARS = 100
STATUS_CHARS, STEP_CHARS = 7, 13
COLOURS: dict[Status, str] = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}


def tell(found: Iterable[Finding], *, as_json: bool) -> list[Finding]:
    """Show each finding as it comes; returns all of them. Steps that are skipped for one reason share a line."""
    everything: list[Finding] = []
    waiting: list[Finding] = []
    for finding in found:
        everything.append(finding)
        if as_json:
            _print_json(finding)
            continue
        if waiting and (finding.status, finding.found) != ("skipped", waiting[0].found):
            _print_skipped(waiting)
            waiting = []
        if finding.status == "skipped":
            waiting.append(finding)
        else:
            _print_step(finding)
    _print_skipped(waiting)
    _print_end(everything, as_json)
    return everything


def _print_json(finding: Finding) -> None:
    fields = asdict(finding)
    del fields["exit_code"]
    typer.echo(json.dumps({"event": "step", **fields}))


def _print_skipped(alike: list[Finding]) -> None:
    if alike:
        names = ", ".join(finding.step for finding in alike)
        _print_lines("skipped", "", f"{names}: {alike[0].found}", [])


def _print_step(finding: Finding) -> None:
    notes = [finding.meaning, *finding.details, f"Fix: {finding.fix}" if finding.fix else ""]
    _print_lines(finding.status, finding.step, finding.found, [note for note in notes if note])


def _print_lines(status: Status, step: str, found: str, notes: list[str]) -> None:
    """A line, and its notes indented below it."""
    indent = " " * (STATUS_CHARS + STEP_CHARS + 2)
    first, *more = _wrapped(found, len(indent))
    typer.echo(f"{typer.style(status.ljust(STATUS_CHARS), COLOURS[status])} {step.ljust(STEP_CHARS)} {first}")
    for line in more:
        typer.echo(indent + line)
    for note in notes:
        head, *rest = _wrapped(note, len(indent) + 2)
        typer.echo(f"{indent}· {head}")
        for line in rest:
            typer.echo(f"{indent}  {line}")


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH_CHARS - indent, break_long_words=False, break_on_hyphens=False) or [""]


def _print_end(everything: list[Finding], as_json: bool) -> None:
    counts = Counter(finding.status for finding in everything)
    code = findings.exit_code(everything)
    if as_json:
        numbers = {status: counts[status] for status in COLOURS}
        typer.echo(json.dumps({"event": "done", **numbers, "exit_code": code}))
        return
    parts = [f"{counts[status]} {status}" for status in COLOURS if counts[status]]
    failed = next((finding.step for finding in everything if finding.status == "fail"), None)
    typer.echo(f"\n{', '.join(parts)}." + (f" Begin with `{failed}`." if failed else ""))
