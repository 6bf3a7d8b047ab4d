"""Commands that move rows: `etl copy`, `run`, `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from etl.cli.shared import (
    AsJson,
    Cluster,
    Debug,
    Executor,
    JobFile,
    NewRun,
    RunId,
    SourceUrl,
    TargetUrl,
    Workers,
    errors_told,
    find_run,
    finish,
    job_in,
    stored_job,
)

if TYPE_CHECKING:
    from etl.job import Job

commands = typer.Typer()


@commands.command()
def copy(
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
    executor: Executor = None,
    cluster: Cluster = None,
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
        "executor": executor,
        "cluster": cluster,
    }
    from etl.job import make

    with errors_told(as_json, debug):
        _run(make(**{name: value for name, value in fields.items() if value is not None}), new_run, as_json)


@commands.command()
def run(
    job_file: JobFile,
    source: SourceUrl = None,
    target: TargetUrl = None,
    workers: Workers = None,
    executor: Executor = None,
    cluster: Cluster = None,
    new_run: NewRun = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Run the job in a file."""
    with errors_told(as_json, debug):
        changed = {"workers": workers, "executor": executor, "cluster": cluster}
        _run(job_in(job_file, source=source, target=target, **changed), new_run, as_json)


@commands.command()
def resume(
    run_id: RunId,
    source: SourceUrl = None,
    target: TargetUrl = None,
    workers: Workers = None,
    executor: Executor = None,
    cluster: Cluster = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Go on with a run that was stopped."""
    with errors_told(as_json, debug):
        from etl import pipeline

        found = find_run(run_id, target)
        changed = {"workers": workers, "executor": executor, "cluster": cluster}
        job = stored_job(found, source=source, target=target, **changed)
        finish(lambda listener: pipeline.resume(job, found, listener=listener), as_json)


def _run(job: Job, new_run: bool, as_json: bool) -> None:
    from etl import pipeline

    finish(lambda listener: pipeline.run(job, new_run=new_run, listener=listener), as_json)
