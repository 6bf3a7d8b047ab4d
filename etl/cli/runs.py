"""Commands about runs: `etl runs`, `show`, `rejects`, `verify`, `undo`."""

from __future__ import annotations

import typer

from etl.cli.shared import (
    AsJson,
    Debug,
    RunId,
    SourceUrl,
    TargetUrl,
    errors_told,
    find_run,
    stored_job,
    target_endpoint,
)

commands = typer.Typer()


@commands.command()
def runs(target: TargetUrl = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List the runs in the target's ledger, latest first."""
    with errors_told(as_json, debug):
        from etl import ledger, report

        with target_endpoint(target).connect() as connection:
            found = ledger.all_runs(connection) if ledger.exists(connection) else []
        report.print_runs(found, as_json=as_json)


@commands.command()
def show(
    run_id: RunId,
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a run: its job, its plan and its chunks."""
    with errors_told(as_json, debug):
        from etl import ledger, report

        found = find_run(run_id, target)
        with target_endpoint(target).connect() as connection:
            sealed = ledger.sealed_chunks(connection, run_id)
        report.print_run(found, sealed, as_json=as_json)


@commands.command("rejects")
def rejects_command(
    run_id: RunId,
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the rows that a run set aside, with their reasons; --json has their values too."""
    with errors_told(as_json, debug):
        from etl import report
        from etl.bad_rows import rejects

        found = find_run(run_id, target)
        with target_endpoint(target).connect() as connection:
            aside = rejects.of_run(connection, found.run_id)
        report.print_rejects(found.run_id, aside, as_json=as_json)


@commands.command()
def verify(
    run_id: RunId,
    source: SourceUrl = None,
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare source and target with what a run read and wrote."""
    with errors_told(as_json, debug):
        from etl import check, report

        found = find_run(run_id, target)
        job = stored_job(found, source=source, target=target)
        report.print_verified(check.verify(job, found), as_json=as_json)


@commands.command()
def undo(
    run_id: RunId,
    target: TargetUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Delete what a run appended, where its job asked for lineage columns."""
    with errors_told(as_json, debug):
        from etl import report
        from etl import undo as undoing

        undone = undoing.undo(target_endpoint(target), find_run(run_id, target))
        report.print_undone(undone, as_json=as_json)
