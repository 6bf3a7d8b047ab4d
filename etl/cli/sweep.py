"""`etl sweep run`, `export` and `show`: a function on a list of inputs."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etl.cli.shared import AsJson, Cluster, Debug, Executor, Workers, errors_told, refuse_url

if TYPE_CHECKING:
    from etl.connect import Endpoint

commands = typer.Typer()
sweep = typer.Typer(
    help="Run a function on a list of inputs; every result is stored as it comes, and is not computed again.",
    no_args_is_help=True,
)
commands.add_typer(sweep, name="sweep")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The sweep's name; `etl sweep show` lists them.")]
Database = Annotated[
    str | None, typer.Option("--database", help="URL of the results' database, or env:NAME; else sqlite:///sweeps.db.")
]


@sweep.command()
def run(
    function: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="It takes one input and returns JSON.")],
    inputs: Annotated[
        str,
        typer.Argument(
            metavar="INPUTS", help="A .json, .jsonl, .csv or .yaml file, module:name of a list, or - for JSON lines."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="The sweep's name; default: the function's.")] = None,
    database: Database = None,
    executor: Executor = None,
    cluster: Cluster = None,
    workers: Workers = None,
    again: Annotated[
        bool, typer.Option("--again", help="Run inputs again whose results are of another version of the function.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Run the function on every input that has no result yet.

    Killed, stopped or failed in part, the same command goes on with the others.
    """
    with errors_told(as_json, debug):
        from etl.sweep import input_files, printing
        from etl.sweep.run import run_sweep
        from etl.sweep.sweep import Sweep

        refuse_url(function, "the name of a function", "Give it with --database.")
        given: dict[str, Any] = {"name": name, "database": database, "workers": workers}
        given |= {"executor": executor, "cluster": cluster}
        wanted = Sweep(
            function=function,
            inputs=input_files.read(inputs),
            again=again,
            **{field: value for field, value in given.items() if value is not None},
        )
        # A scheduler's stop is taken like Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with printing.listener(as_json=as_json) as listener:
            result = run_sweep(wanted, listener=listener)
        printing.print_result(result, as_json=as_json)


@sweep.command()
def export(
    name: Name,
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    database: Database = None,
    debug: Debug = False,
) -> None:
    """Write the results as a JSON array, sorted by input."""
    with errors_told(as_json=False, debug=debug):
        from etl.sweep import export as exporting
        from etl.sweep import printing

        refuse_url(name, "the sweep's name", "Give it with --database.")
        refuse_url(out, "a file", "Give it with --database.")
        if out is None:
            exported = exporting.write(_endpoint(database), name, sys.stdout)
        else:
            exported = exporting.export(_endpoint(database), name, out)
        typer.echo(printing.exported_line(exported), err=True)


@sweep.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A sweep; default: a list of all.")] = None,
    database: Database = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the sweeps; or a sweep's inputs that failed, with the reasons, and those that are under way."""
    with errors_told(as_json, debug):
        from etl.sweep import show as showing

        refuse_url(name, "the sweep's name", "Give it with --database.")
        if name is None:
            showing.print_sweeps(_endpoint(database), as_json=as_json)
        else:
            showing.print_sweep(_endpoint(database), name, as_json=as_json)


def _endpoint(database: str | None) -> Endpoint:
    from etl.connect import Endpoint
    from etl.sweep.sweep import DEFAULT_DATABASE

    return Endpoint.of(database or DEFAULT_DATABASE, "reader")
