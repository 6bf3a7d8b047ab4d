"""`etl doctor`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from etl.cli.shared import AsJson, Debug, errors_told
from etl.environment import SOURCE_VARIABLE, TARGET_VARIABLE

commands = typer.Typer()


@commands.command()
def doctor(
    url: Annotated[
        str | None,
        typer.Argument(help=f"URL, or env:NAME; else that of {TARGET_VARIABLE}, else of {SOURCE_VARIABLE}."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help=f"A source: try no writing. So it is where {SOURCE_VARIABLE} is taken.")
    ] = False,
    probe_sec: Annotated[
        float, typer.Option(min=0, max=60, help="How long reading and writing speed are measured; 0: not at all.")
    ] = 2.0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Examine the way to a server, step by step: what is there, what it means, how to mend it.

    Nothing is left behind on the server. Exit codes: 0 all well, or warnings only · 2 the URL is wrong · 3 a step on
    the way to the database failed · 6 the server refused what a copy needs.
    """
    with errors_told(as_json, debug):
        from etl.doctor import findings, printing
        from etl.doctor.case import Case
        from etl.doctor.steps import examine

        reference, from_source = _reference(url)
        case = Case(reference, read_only or from_source, probe_sec)
        code = findings.exit_code(printing.tell(examine(case), as_json=as_json))
    raise typer.Exit(code)


def _reference(url: str | None) -> tuple[str | None, bool]:
    """Which URL is meant, and whether it is the source's by its variable."""
    if url is not None:
        return url, False
    for name in (TARGET_VARIABLE, SOURCE_VARIABLE):
        if os.environ.get(name):
            return f"env:{name}", name == SOURCE_VARIABLE
    return None, False
