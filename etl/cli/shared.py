"""What the commands share: their options, errors as messages with an exit code, and how a run is found and shown."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from etl.environment import SOURCE_VARIABLE, TARGET_VARIABLE
from etl.misplaced import is_connection

if TYPE_CHECKING:
    from etl.connect import Endpoint
    from etl.job import Job
    from etl.ledger import Run
    from etl.pipeline import Listener
    from etl.result import RunResult

SourceUrl = Annotated[str | None, typer.Option("--source", help=f"URL of the source; else {SOURCE_VARIABLE}.")]
TargetUrl = Annotated[str | None, typer.Option("--target", help=f"URL of the target; else {TARGET_VARIABLE}.")]
NewRun = Annotated[bool, typer.Option("--new-run", help="Start over even where the job's last run is unfinished.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes; default: one a core.")]
Executor = Annotated[
    Literal["process", "serial", "dask"] | None,
    typer.Option("--executor", help="Where the work is done: in a pool of processes (default), in this one, on Dask."),
]
Cluster = Annotated[
    str | None, typer.Option("--cluster", help="With dask: local, a scheduler's tcp:// address or its .json file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines for machines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
JobFile = Annotated[Path, typer.Argument(metavar="JOB.yaml", help="The job, one field a line.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, from `etl runs`.")]


@contextmanager
def errors_told(as_json: bool, debug: bool) -> Iterator[None]:
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


def finish(action: Callable[[Listener], RunResult], as_json: bool) -> None:
    """Let the action move its rows, show how it goes on, and what came of it."""
    from etl import report

    # A scheduler's stop is taken like Ctrl-C: running chunks are rolled back and the run is marked.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with report.listener(as_json=as_json) as listener:
        result = action(listener)
    report.print_result(result, as_json=as_json)


def _changed(job: Job, **changes: Any) -> Job:
    from etl.job import make

    given = {name: value for name, value in changes.items() if value is not None}
    fields = {name: getattr(job, name) for name in job.model_fields_set}
    if given.get("executor", "dask") != "dask":
        fields.pop("cluster", None)
    return make(**{**fields, **given})


def job_in(job_file: Path, **changes: Any) -> Job:
    """The job in a file, with what the command line says otherwise."""
    from etl.job import read_yaml

    return _changed(read_yaml(job_file), **changes)


def target_endpoint(target: str | None) -> Endpoint:
    """The target that the option names, else the environment."""
    from etl.connect import Endpoint

    return Endpoint.of(target or f"env:{TARGET_VARIABLE}", "writer")


def refuse_url(given: object, what: str, advice: str = "Give it with --source or --target.") -> None:
    """Raise JobError where a database URL, which may hold a password, is given for `what`, and would be repeated."""
    from etl.errors import JobError

    if given is not None and is_connection(str(given)):
        raise JobError(f"a database URL stands where {what} belongs", advice=advice)


def find_run(run_id: str, target: str | None) -> Run:
    """A run of the target's ledger. Raises LedgerError for one that is not there."""
    from etl import ledger

    refuse_url(run_id, "the id of the run")
    with target_endpoint(target).connect() as connection:
        return ledger.find_run(connection, run_id)


def stored_job(run: Run, *, source: str | None, target: str | None, **changes: Any) -> Job:
    """The job of a run, with what the command line says otherwise.

    The ledger keeps no passwords, so a URL that had one comes from the command line or environment. So does one that a flow
    had from a Prefect block.
    """
    from etl.job import make
    from etl.kept import is_in_block
    from etl.references import is_redacted

    job = make(**json.loads(run.job))
    is_elsewhere = is_redacted(job.source) or is_in_block(job.source)
    return _changed(
        job,
        source=source or (f"env:{SOURCE_VARIABLE}" if is_elsewhere else None),
        target=target or f"env:{TARGET_VARIABLE}",
        **changes,
    )
