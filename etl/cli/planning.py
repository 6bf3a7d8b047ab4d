"""`etl plan`: what `etl run` would do."""

from __future__ import annotations

import typer

from etl.cli.shared import AsJson, Debug, JobFile, SourceUrl, TargetUrl, Workers, errors_told, job_in

commands = typer.Typer()


@commands.command()
def plan(
    job_file: JobFile,
    source: SourceUrl = None,
    target: TargetUrl = None,
    workers: Workers = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what `etl run` would do, and change nothing.

    Columns and what becomes of them, what would be refused or changed, chunks, the way of writing, locks, time. The
    transform is tried on the first rows. Ends with the error and exit code of `etl run` where the job cannot run.
    """
    with errors_told(as_json, debug):
        from etl import preview
        from etl.preview import report

        job = job_in(job_file, source=source, target=target, workers=workers)
        report.print_preview(preview.preview(job), as_json=as_json)
