"""The command line: one module for each kind of command.

Only the standard library and typer are imported before a command runs, so that `etl --help` answers at once.
"""

from __future__ import annotations

import typer

from etl.cli import doctor, odbc, planning, running, runs, serving, smoke, sweep
from etl.cli.usage import Commands

EPILOG = """
URLs: mssql+pyodbc://user:password@host:1433/database or sqlite:///file.db;
env:NAME, file:PATH and keyring:SERVICE/USER name where one is kept.

Exit codes: 0 done · 2 the job is wrong · 3 no connection · 4 columns or types do not fit · 5 the transform failed ·
6 the server refused · 7 a chunk or inputs failed · 8 a worker died · 9 ledger · 10 source and target differ · 130 stopped.
"""

app = typer.Typer(
    cls=Commands,
    help="Move tables between Microsoft SQL Server and pandas: fast, and never a row lost or doubled.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _module in (running, planning, runs, serving, odbc, doctor, smoke, sweep):
    app.add_typer(_module.commands)


def main() -> None:
    """The `etl` command."""
    app()
