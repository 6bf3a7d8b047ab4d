"""The command line: `etl copy`, `run`, `resume`, `runs`, `show`, `rejects`, `verify`, `undo`, `sandbox`.

Only the standard library and typer are imported before a command runs, so that `etl --help` answers at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from etl.environment import SANDBOX_PASSWORD_VARIABLE, SOURCE_VARIABLE, TARGET_VARIABLE

if TYPE_CHECKING:
    from etl.job import Job
    from etl.ledger import Run
    from etl.sandbox import Server

EPILOG = """
URLs: mssql+pyodbc://user:password@host:1433/database or sqlite:///file.db; env:NAME reads one from a variable.

Exit codes: 0 done · 2 the job is wrong · 3 no connection · 4 columns or types do not fit · 5 the transform failed ·
6 the server refused · 7 a chunk failed · 8 a worker died · 9 ledger · 10 source and target differ · 130 stopped.
"""

app = typer.Typer(
    help="Move tables between Microsoft SQL Server and pandas: fast, and never a row lost or doubled.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

SourceUrl = Annotated[str | None, typer.Option("--source", help=f"URL of the source; else {SOURCE_VARIABLE}.")]
TargetUrl = Annotated[str | None, typer.Option("--target", help=f"URL of the target; else {TARGET_VARIABLE}.")]
NewRun = Annotated[bool, typer.Option("--new-run", help="Start over even where the job's last run is unfinished.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes; default: one a core.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines for machines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Encryption = Literal["none", "optional", "required"]


@app.command()
def copy(  # noqa: PLR0913, PLR0917 - one parameter an option is typer's way
    source_table: Annotated[str, typer.Argument(help="Table to read, as schema.table.")],
    target_table: Annotated[str, typer.Argument(help="Table to write, as schema.table; made when it is not there.")],
    source: SourceUrl = None,
    target: TargetUrl = None,
    mode: Annotated[str, typer.Option(help="append adds rows; replace swaps in a new table.")] = "append",
    transform: Annotated[str | None, typer.Option(help="module:function, DataFrame → DataFrame.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Column whose ranges make the chunks; default: the primary key.")
    ] = None,
    chunk_rows: Annotated[int, typer.Option(min=1, help="Rows in a chunk, about.")] = 50_000,
    workers: Workers = None,
    new_run: NewRun = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Copy a table, in chunks, through an optional transform."""
    fields: dict[str, Any] = {
        "source": source,
        "target": target,
        "source_table": source_table,
        "target_table": target_table,
        "mode": mode,
        "transform": transform,
        "key": key,
        "chunk_rows": chunk_rows,
        "workers": workers,
    }
    from etl.job import make

    with _errors_told(as_json, debug):
        _run(make(**{name: value for name, value in fields.items() if value is not None}), new_run, as_json)


@app.command()
def run(
    job_file: Annotated[Path, typer.Argument(metavar="JOB.yaml", help="The job, one field a line.")],
    source: SourceUrl = None,
    target: TargetUrl = None,
    workers: Workers = None,
    new_run: NewRun = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Run the job in a file."""
    from etl.job import read_yaml

    with _errors_told(as_json, debug):
        _run(_with(read_yaml(job_file), source=source, target=target, workers=workers), new_run, as_json)


@app.command()
def resume(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, from `etl runs`.")],
    source: SourceUrl = None,
    target: TargetUrl = None,
    workers: Workers = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Go on with a run that was stopped."""
    with _errors_told(as_json, debug):
        from etl import pipeline

        found = _find_run(run_id, target)
        job = _stored_job(found, source=source, target=target, workers=workers)
        _finish(lambda listener: pipeline.resume(job, found, listener=listener), as_json)


@app.command()
def runs(target: TargetUrl = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List the runs in the target's ledger, latest first."""
    with _errors_told(as_json, debug):
        from etl import ledger, report

        with _target(target).connect() as connection:
            found = ledger.all_runs(connection) if ledger.exists(connection) else []
        report.print_runs(found, as_json=as_json)


@app.command()
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, from `etl runs`.")],
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a run: its job, its plan and its chunks."""
    with _errors_told(as_json, debug):
        from etl import ledger, report

        found = _find_run(run_id, target)
        with _target(target).connect() as connection:
            sealed = ledger.sealed_chunks(connection, run_id)
        report.print_run(found, sealed, as_json=as_json)


@app.command("rejects")
def rejects_command(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, from `etl runs`.")],
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the rows that a run set aside, with their reasons; --json has their values too."""
    with _errors_told(as_json, debug):
        from etl import report
        from etl.bad_rows import rejects

        found = _find_run(run_id, target)
        with _target(target).connect() as connection:
            aside = rejects.of_run(connection, found.run_id)
        report.print_rejects(found.run_id, aside, as_json=as_json)


@app.command()
def verify(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, from `etl runs`.")],
    source: SourceUrl = None,
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare source and target with what a run read and wrote."""
    with _errors_told(as_json, debug):
        from etl import check, report

        found = _find_run(run_id, target)
        job = _stored_job(found, source=source, target=target, workers=None)
        report.print_verified(check.verify(job, found), as_json=as_json)


@app.command()
def undo(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, from `etl runs`.")],
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Delete what a run appended, where its job asked for lineage columns."""
    with _errors_told(as_json, debug):
        from etl import report
        from etl import undo as undoing

        undone = undoing.undo(_target(target), _find_run(run_id, target))
        report.print_undone(undone, as_json=as_json)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 1433,
    data: Annotated[Path | None, typer.Option(help="Folder that keeps the data; default: a temporary one.")] = None,
    encryption: Annotated[
        Encryption, typer.Option(help="optional leaves it to the client; required refuses one that does not encrypt.")
    ] = "optional",
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file with the server's certificate; default: one made at start.")
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(help="PEM file with its key, where the certificate's has none.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Serve the SQL Server stand-in on loopback.

    Until it is interrupted. The login is sa; its password is that of ETL_SANDBOX_PASSWORD, else a random one.
    """
    with _errors_told(as_json=False, debug=debug):
        from etl.errors import ConnectError
        from etl.sandbox import run_forever
        from etl.sandbox.cluster import ClusterError
        from etl.sandbox.encryption import CertificateError

        options = {
            "port": port,
            "password": os.environ.get(SANDBOX_PASSWORD_VARIABLE),
            "encryption": encryption,
            "certificate": certificate,
            "certificate_key": certificate_key,
        }
        try:
            run_forever(_say_where, data, **options)
        except (ClusterError, CertificateError) as error:
            raise ConnectError(f"the sandbox cannot start: {error}") from error
        except OSError as error:
            raise ConnectError(
                f"cannot serve on port {port}: {error.strerror}",
                advice="Choose another one: --port 0 takes a free one.",
            ) from error


def _say_where(server: Server) -> None:
    typer.echo(f"Serving SQL Server's protocol at {server.host}:{server.port}. Stop with Ctrl-C.")
    if server.certificate_file is not None:
        typer.echo(f"Clients can check its certificate with {server.certificate_file}.")
    typer.echo(f"export {SOURCE_VARIABLE}='{server.url()}'")


@contextmanager
def _errors_told(as_json: bool, debug: bool) -> Iterator[None]:
    """The library's errors as one message and their exit code; --debug lets the traceback through."""
    from etl.errors import EtlError, told

    # The user's own modules stand in the folder where the command is given.
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if debug:
        yield
        return
    if not as_json:
        with told():
            yield
        return
    try:
        yield
    except EtlError as error:
        fields = {"event": "error", "kind": type(error).__name__, "message": error.message}
        typer.echo(json.dumps({**fields, "state": error.state, "advice": error.advice, "exit_code": error.exit_code}))
        raise typer.Exit(error.exit_code) from error


def _run(job: Job, new_run: bool, as_json: bool) -> None:
    from etl import pipeline

    _finish(lambda listener: pipeline.run(job, new_run=new_run, listener=listener), as_json)


def _finish(action: Any, as_json: bool) -> None:
    from etl import report

    # A scheduler's stop is taken like Ctrl-C: running chunks are rolled back and the run is marked.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with report.listener(as_json=as_json) as listener:
        result = action(listener)
    report.print_result(result, as_json=as_json)


def _with(job: Job, **changes: Any) -> Job:
    """The job with what the command line says otherwise."""
    from etl.job import make

    given = {name: value for name, value in changes.items() if value is not None}
    fields = {name: getattr(job, name) for name in job.model_fields_set}
    return make(**{**fields, **given})


def _target(target: str | None) -> Any:
    from etl.connect import Endpoint

    return Endpoint.of(target or f"env:{TARGET_VARIABLE}", "writer")


def _find_run(run_id: str, target: str | None) -> Run:
    from etl import ledger

    with _target(target).connect() as connection:
        return ledger.find_run(connection, run_id)


def _stored_job(run: Run, *, source: str | None, target: str | None, workers: int | None) -> Job:
    """The job of a run. The ledger keeps no passwords, so a URL that had one comes from the command line or environment."""
    from etl.connect import is_redacted
    from etl.job import make

    job = make(**json.loads(run.job))
    return _with(
        job,
        source=source or (f"env:{SOURCE_VARIABLE}" if is_redacted(job.source) else None),
        target=target or f"env:{TARGET_VARIABLE}",
        workers=workers,
    )


def main() -> None:
    """The `etl` command."""
    app()
