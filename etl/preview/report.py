"""What `etl plan` prints: tables for people, one JSON object for machines."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from etl import report
from etl.bulk.records import MAX_VALUE_BYTES
from etl.plan import Chunk
from etl.preview import Preview
from etl.preview.estimate import Estimate

SHOWN_CHUNKS = 12
"""Of more chunks the first and the last ones are shown; --json has all."""


def print_preview(preview: Preview, *, as_json: bool) -> None:
    """What `etl run` would do."""
    if as_json:
        print(json.dumps(as_dict(preview), default=str))
        return
    console = report.console()
    print(_headline(preview))
    console.print(_facts(preview))
    console.print()
    console.print(_columns(preview))
    if any(column.remarks for column in preview.columns):
        console.print()
        console.print(_remarks(preview))
    if preview.ddl is not None:
        print(f"\n{preview.ddl}")
    if preview.prepared.missing:
        console.print()
        console.print(_chunks(preview))


def as_dict(preview: Preview) -> dict[str, Any]:
    """The whole preview as plain data."""
    prepared, run_plan = preview.prepared, preview.prepared.plan
    job, route = prepared.job, run_plan.route
    resumes = {"run_id": prepared.run_id, "chunks_done": len(prepared.sealed), "chunks_planned": len(run_plan.chunks)}
    return {
        "event": "plan",
        "source": job.source_endpoint.label,
        "source_table": job.source_table,
        "query": job.query,
        "target": job.target_endpoint.label,
        "target_table": job.target_table,
        "mode": job.mode,
        "resumes": resumes if prepared.resumed else None,
        "rows": preview.rows,
        "chunks_left": preview.chunks,
        "spooled_first": preview.is_spooled_first,
        "spool": run_plan.spool,
        "key": run_plan.key,
        "notes": run_plan.notes,
        "transform": job.transform,
        "route": {"way": route.way, "why": route.why, "hints": list(route.hints)},
        "by_parameters": preview.by_parameters,
        "workers": job.workers,
        "writers": prepared.writers,
        "locks": preview.locks,
        "estimate": None if preview.estimate is None else asdict(preview.estimate),
        "frame_dtypes": job.frame_dtypes,
        "columns": [asdict(column) for column in preview.columns],
        "ddl": preview.ddl,
        "replaces": preview.replaces,
        "chunks": None if preview.chunks is None or preview.is_spooled_first else _chunk_dicts(prepared.missing),
    }


def _chunk_dicts(chunks: list[Chunk]) -> list[dict[str, Any]]:
    names = ("number", "kind", "lower", "upper", "upper_closed", "rows_planned")
    return [{name: getattr(chunk, name) for name in names} for chunk in chunks]


def _headline(preview: Preview) -> str:
    prepared = preview.prepared
    what = f"{prepared.job.mode} {prepared.job.source_name} → {prepared.job.target_name}"
    if not prepared.resumed:
        return f"`etl run` would start a new run ({what}). Nothing has been changed."
    done = f"{len(prepared.sealed)} of {len(prepared.plan.chunks)} chunks are committed"
    return f"`etl run` would resume run {prepared.run_id} ({what}): {done}. Nothing has been changed."


def _facts(preview: Preview) -> Table:
    prepared = preview.prepared
    job, run_plan = prepared.job, prepared.plan
    key_note, *notes = run_plan.notes
    facts = [
        ("source", f"{job.source_name} in {job.source_endpoint.label}"),
        ("target", f"{_target(preview)} in {job.target_endpoint.label}"),
        ("rows", f"{_rows(preview)}; {key_note}"),
        *(() if run_plan.spool is None else [("spool", run_plan.spool)]),
        *(("note", note) for note in notes if not note.startswith("written by ")),
        ("transform", _transform(preview)),
        ("written by", _written_by(preview)),
        ("workers", f"{job.workers}, of which {prepared.writers} may write at once"),
        ("locked", preview.locks),
        ("bad rows", _bad_rows(preview)),
        ("time", _time(preview.estimate)),
    ]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(name, Text(text))
    return table


def _target(preview: Preview) -> str:
    prepared = preview.prepared
    name = prepared.job.target_name
    if preview.replaces:
        return f"{prepared.table}, swapped in for {name} at the end: its indexes, keys, triggers and grants go;"
    if prepared.job.mode == "replace":
        return f"{prepared.table}, renamed to {name} at the end,"
    return f"{name}, which is made" if preview.ddl is not None else f"{name}, which is there,"


def _rows(preview: Preview) -> str:
    job = preview.prepared.job
    if preview.rows is None or preview.chunks is None:
        return f"unknown until they are spooled, in chunks of {job.chunk_rows:,}"
    left = " left" if preview.prepared.resumed else ""
    return f"{preview.rows:,}{left} in {preview.chunks:,} chunk{'' if preview.chunks == 1 else 's'}"


def _transform(preview: Preview) -> str:
    job = preview.prepared.job
    if job.transform is None and job.row_schema is None:
        return "none: rows stay in Arrow; the pandas dtypes are those that one would see"
    schema = "" if job.row_schema is None else f"rows must meet {job.row_schema}"
    if job.transform is None:
        return f"none; {schema}"
    types = f"declared by {job.output_schema}" if job.output_schema else "those that the first rows give"
    return "; ".join(filter(None, (f"{job.transform}; the types of its output are {types}", schema)))


def _written_by(preview: Preview) -> str:
    way = str(preview.prepared.plan.route)
    if not preview.by_parameters:
        return way
    return f"{way}; rows with more than {MAX_VALUE_BYTES:,} bytes in {', '.join(preview.by_parameters)} by parameters"


def _bad_rows(preview: Preview) -> str:
    job = preview.prepared.job
    if job.on_bad_row == "reject":
        return f"set aside, up to {job.max_rejects}; more of them fail the run"
    return "a row that is refused fails its chunk, and with it the run"


def _time(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not known yet: no run of this job has read rows"
    workers = f"{estimate.workers} worker{'' if estimate.workers == 1 else 's'}"
    pace = f"the {estimate.rows_per_sec:,.0f} rows/s of run {estimate.run_id} with {workers}"
    if estimate.seconds is None:
        return f"not known, as the number of rows is not; at {pace}"
    return f"about {_duration(estimate.seconds)} at {pace}; planning, spooling and the start of workers come on top"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _columns(preview: Preview) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("column", "source", "pandas", "target"):
        table.add_column(heading, overflow="fold")
    is_unknown = not preview.prepared.plan.target_columns
    for column in preview.columns:
        target = column.target_type
        if target is None:
            target = "not known yet" if is_unknown else "(dropped)"
        elif not column.target_nullable:
            target += " NOT NULL"
        table.add_row(*map(Text, (column.name, column.source_type or "", column.pandas or "", target)))
    return table


def _remarks(preview: Preview) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("column", overflow="fold")
    table.add_column("refused, changed, left out", overflow="fold")
    for column in preview.columns:
        for number, remark in enumerate(column.remarks):
            table.add_row(Text("" if number else column.name), Text(remark))
    return table


def _chunks(preview: Preview) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("chunk", justify="right")
    table.add_column(_range_heading(preview), overflow="fold")
    table.add_column("rows, about" if preview.prepared.plan.key else "rows", justify="right")
    chunks = preview.prepared.missing
    head, tail = chunks[: SHOWN_CHUNKS - 2], chunks[-1:]
    if len(chunks) <= SHOWN_CHUNKS:
        head, tail = chunks, []
    for chunk in head:
        table.add_row(*map(Text, _chunk(chunk)))
    if tail:
        table.add_row("…", f"{len(chunks) - len(head) - len(tail):,} more", "")
    for chunk in tail:
        table.add_row(*map(Text, _chunk(chunk)))
    return table


def _range_heading(preview: Preview) -> str:
    key = preview.prepared.plan.key
    return "spooled as" if key is None else f"range of {key}"


def _chunk(chunk: Chunk) -> tuple[str, str, str]:
    return str(chunk.number), chunk.extent, f"{chunk.rows_planned:,}"
