"""`etl plan` and `etl run` of a job in a file, through the front door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.pipeline.command import etl_here

Write = Callable[..., str]
"""Writes the YAML of a job with these fields; gives its path."""


def planned(file: str, *arguments: str) -> dict[str, Any]:
    """The one JSON object of `etl plan`."""
    done = etl_here("plan", file, "--json", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    (event,) = done.events
    assert event["event"] == "plan"
    return event


def run_of(file: str) -> list[dict[str, Any]]:
    done = etl_here("run", file, "--json")
    assert done.exit_code == 0, done.said
    return done.events


def said(file: str) -> list[str]:
    """The lines of `etl plan`, without the blanks at their ends."""
    done = etl_here("plan", file)
    assert (done.exit_code, done.stderr) == (0, "")
    return [line.rstrip() for line in done.stdout.splitlines()]
