"""`etl smoke`."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import Annotated

import typer

from etl.cli.shared import AsJson, Debug, errors_told, refuse_url
from etl.environment import TARGET_VARIABLE

commands = typer.Typer()


@commands.command()
def smoke(
    url: Annotated[
        str | None, typer.Option("--url", help=f"URL of a SQL Server, or env:NAME; else {TARGET_VARIABLE}.")
    ] = None,
    collation: Annotated[str | None, typer.Option(help="Collation that the database must have.")] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Text that varchar columns of the database must hold; may be repeated."),
    ] = None,
    wait_sec: Annotated[float, typer.Option(min=0, help="How long to wait for a server that is coming up.")] = 0.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the tables on the server, to look at them.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Prove a server: copy a small table of every type there and back, with a worker killed in the middle.

    Everything happens in a schema of its own, which is dropped at the end; so is the ledger where there was none before.
    Exit codes: 0 all well, else that of the first step that failed, as for every command (4 the collation, 6 the server
    refused, 10 values differ).
    """
    # A scheduler's stop is taken like Ctrl-C: what was made is dropped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with errors_told(as_json, debug):
        for given in (collation, *(text or ())):
            refuse_url(given, "a collation or a text", "Give it with --url.")
        from etl.doctor import findings, printing
        from etl.errors import Interrupted
        from etl.smoke.steps import opened, run

        wishes = {"collation": collation, "texts": text or (), "keep": keep, "wait_sec": wait_sec}
        try:
            # Closed, it drops what it has made.
            with opened(url or f"env:{TARGET_VARIABLE}", **wishes) as case, closing(run(case)) as found:
                code = findings.exit_code(printing.tell(found, as_json=as_json))
        except KeyboardInterrupt as error:
            raise Interrupted("the smoke test was stopped") from error
    raise typer.Exit(code)
