"""A run in words: the markdown that Prefect shows of it, without secrets."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Sequence

from etl import kept, report
from etl.connect import Endpoint
from etl.environment import TARGET_VARIABLE
from etl.errors import EtlError
from etl.job import Job
from etl.ledger import Run
from etl.prepare import Prepared
from etl.references import is_redacted, redact
from etl.result import ChunkResult, RunResult

MARKDOWN = re.compile(r"([\\*_\[\]<>|#!~])")
"""What means something in markdown, and may stand in a table's name or in a server's words."""


def done(prepared: Prepared, result: RunResult, picture: bytes | str) -> str:
    """Of a run that is done. `picture`: a PNG, or why there is none."""
    job = prepared.job
    how = "done before" if prepared.finished else "taken up again" if prepared.resumed else "new"
    moved = len(result.chunks) - len(prepared.sealed)
    facts = [
        ("ledger run", f"{code(result.run_id)}, {how}"),
        *_places(job),
        ("chunks", f"{len(result.chunks):,} of {len(prepared.plan.chunks):,} are committed, {moved:,} by this try"),
        ("rows", _rows(result.chunks)),
        ("plan", prose("; ".join(prepared.plan.notes))),
    ]
    if not prepared.finished:
        facts += [
            ("time", f"{result.seconds:.1f} s, {result.rows_per_sec:,.0f} rows/s"),
            ("limit", prose(result.limit or "too short a run to tell")),
        ]
    line = report.describe(prepared) if prepared.finished else report.result_line(result)
    return _document(
        _title(job),
        prose(line),
        _table(facts),
        _image(picture) if isinstance(picture, bytes) else prose(picture),
        _notes(result.notes),
        _commands(job, result.run_id, ["show", "verify"], result.chunks),
    )


def failed(job: Job, error: EtlError, run: Run | None, sealed: Sequence[ChunkResult]) -> str:
    """Of a run that failed, or that did not come to be (`run` is None then)."""
    facts, commands = _places(job), ""
    if run is not None:
        planned = "" if run.plan_json is None else f" of {len(run.plan.chunks):,}"
        facts = [
            ("ledger run", f"{code(run.run_id)}, {run.state}"),
            *facts,
            ("chunks", f"{len(sealed):,}{planned} are committed"),
            ("rows", _rows(sealed)),
        ]
        # A run is done when it fails of the check that follows it.
        commands = _commands(job, run.run_id, ["show", "verify" if run.state == "done" else "resume"], sealed)
    return _document(
        _title(job),
        f"**Failed** ({type(error).__name__}):",
        _quote(error.message),
        prose(error.state),
        prose(error.advice),
        _table(facts),
        commands,
    )


def code(text: str) -> str:
    """The text as it is, inside a line of markdown."""
    flat = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", flat)), default=0))
    space = " " if "`" in flat else ""
    return f"{fence}{space}{flat}{space}{fence}".replace("|", "\\|")


def prose(text: str) -> str:
    """The text with nothing of it taken for markdown but `code`."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:  # A lonely backtick is no code.
        return MARKDOWN.sub(r"\\\1", "'".join(parts))
    return "`".join(part if number % 2 else MARKDOWN.sub(r"\\\1", part) for number, part in enumerate(parts))


def _document(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(job: Job) -> str:
    return f"# {prose(f'{job.mode} {job.source_name} → {job.target_name}')}"


def _places(job: Job) -> list[tuple[str, str]]:
    source, target = _label(lambda: job.source_endpoint, job.source), _label(lambda: job.target_endpoint, job.target)
    return [
        ("from", f"{code(job.source_name)} in {code(source)}"),
        ("to", f"{code(str(job.target_name))} in {code(target)}"),
    ]


def _label(endpoint: Callable[[], Endpoint], reference: str) -> str:
    try:
        return endpoint().label
    except EtlError:  # It is what the run failed of.
        return redact(reference)


def _rows(chunks: Sequence[ChunkResult]) -> str:
    read, written = sum(chunk.rows_read for chunk in chunks), sum(chunk.rows_written for chunk in chunks)
    return f"{read:,} read, {written:,} written, {sum(chunk.rows_rejected for chunk in chunks):,} set aside"


def _table(facts: Sequence[tuple[str, str]]) -> str:
    heading, *lines = [f"| {name} | {value} |" for name, value in facts]
    return "\n".join([heading, "|---|---|", *lines])


def _image(png: bytes) -> str:
    return f"![rows a second, and seconds of each chunk](data:image/png;base64,{b64encode(png).decode('ascii')})"


def _notes(notes: Sequence[str]) -> str:
    return "\n".join(f"- {prose(note)}" for note in notes)


def _quote(text: str) -> str:
    """Not a block of code, whose lines would end at the page's edge."""
    return "\n>\n".join(f"> {prose(line)}" for line in text.splitlines() if line.strip())


def _commands(job: Job, run_id: str, names: Sequence[str], chunks: Sequence[ChunkResult]) -> str:
    """What to type to look further. The ledger keeps no passwords, so they come from the variables of who types it."""
    target = redact(job.target)
    hidden = is_redacted(target) or f"{kept.BLOCK}:" in target  # which only flows read
    known = hidden or target == f"env:{TARGET_VARIABLE}"
    option = "" if known else f" --target {shlex.quote(target)}"
    rejects = ["rejects"] if any(chunk.rows_rejected for chunk in chunks) else []
    lines = "\n".join(["```console", *(f"etl {name} {run_id}{option}" for name in (*names, *rejects)), "```"])
    return f"With the target's URL in `{TARGET_VARIABLE}`:\n\n{lines}" if hidden else lines
