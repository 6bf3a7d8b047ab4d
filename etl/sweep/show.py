"""What `etl sweep show` says of the sweeps in a database."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from rich.table import Table

from etl import connect, report
from etl.connect import Endpoint
from etl.json_lines import print_event
from etl.sweep import export, store
from etl.sweep.model import StoredInput, sweep_id


def print_sweeps(database: Endpoint, *, as_json: bool) -> None:
    """The list of `etl sweep show`: every sweep with how many inputs are in which state."""
    found = store.sweeps(database)
    rows = []
    for sweep in found:
        with store.reading(database) as opened:
            counts = export.count(opened, sweep.name)
        states = {state: counts.get(state, 0) for state in ("done", "failed", "running")}
        rows.append((sweep, states))
    if as_json:
        for sweep, states in rows:
            print_event("sweep", name=sweep.name, function=sweep.function, started_at=sweep.started_at, **states)
        return
    table = Table(box=None, header_style="bold")
    for heading in ("sweep", "function", "started (UTC)", "done", "failed", "running"):
        table.add_column(heading, justify="right" if heading in {"done", "failed", "running"} else "left")
    for sweep, states in rows:
        numbers = (f"{number:,}" for number in states.values())
        table.add_row(sweep.name, sweep.function, f"{sweep.started_at:%Y-%m-%d %H:%M:%S}", *numbers)
    report.console().print(table if rows else "no sweeps yet")


def print_sweep(database: Endpoint, name: str, *, as_json: bool) -> None:
    """What `etl sweep show NAME` says: how many inputs are in which state, and those that failed or are under way."""
    sweep = store.find(database, name)
    with store.reading(database) as opened:
        counts = export.count(opened, name)
        others = (
            sa.select(StoredInput)
            .where(StoredInput.sweep_id == sweep_id(name), StoredInput.state != "done")
            .order_by(StoredInput.started_at)
        )
        with connect.statement(f"reading the inputs of the sweep {name}"):
            found = list(opened.scalars(others))
    if as_json:
        print_event("sweep", name=name, function=sweep.function, started_at=sweep.started_at, **counts)
        for one in found:
            print_event(one.state, **_fields(one))
        return
    states = ", ".join(f"{number:,} {state}" for state, number in sorted(counts.items())) or "no inputs yet"
    print(f"sweep {name} ({sweep.function}), begun {sweep.started_at:%Y-%m-%d %H:%M:%S} UTC: {states}")
    for one in found:
        why = f"{one.error_kind}: {one.error}" if one.state == "failed" else f"since {one.started_at:%H:%M:%S} UTC"
        print(f"{one.state} (attempt {one.attempt}, {one.worker}): input {one.input}: {why}")


def _fields(one: StoredInput) -> dict[str, Any]:
    return {
        "input": json.loads(one.input),
        "attempt": one.attempt,
        "worker": one.worker,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "seconds": one.seconds,
        "error_kind": one.error_kind,
        "error": one.error,
    }
