"""Take back what a run appended: chunk by chunk, its rows and its ledger line in one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from etl import connect, ledger, lineage, statements
from etl.connect import Endpoint
from etl.errors import LedgerError
from etl.insert import counted
from etl.ledger import Run
from etl.result import ChunkResult
from etl.statements import TableName, quote


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back."""

    run_id: str
    chunks: int
    rows_deleted: int
    rows_written: int
    """By these chunks, once. More than were deleted where something else has deleted some of them since."""


def undo(target: Endpoint, run: Run) -> Undone:
    """Delete a run's rows from its target, and mark its chunks and itself as undone.

    May be stopped at any moment and done again: it goes on with the chunks that are left. Raises LedgerError for a run
    whose rows cannot be told from others', DatabaseError when the server refuses.
    """
    _require_lineage(run)
    with target.connect() as connection:
        ledger.set_state(connection, run.run_id, "undoing")
        connection.commit()
        chunks = ledger.sealed_chunks(connection, run.run_id)
        connection.rollback()
        deleted = sum(_undo_chunk(connection, run, chunk) for chunk in chunks)
        ledger.set_state(connection, run.run_id, "undone")
        connection.commit()
    return Undone(run.run_id, len(chunks), deleted, sum(chunk.rows_written for chunk in chunks))


def _require_lineage(run: Run) -> None:
    if run.mode != "append":
        raise LedgerError(
            f"run {run.run_id} replaced {run.target_table}: the rows it took the place of are gone",
            advice="Restore them from a backup, or run the job again.",
        )
    if not json.loads(run.job).get("lineage"):
        raise LedgerError(
            f"run {run.run_id} cannot be undone: its rows in {run.target_table} bear no mark of it",
            state="Nothing was deleted.",
            advice="Ask for it beforehand: `lineage: true` in the job adds etl_run_id and etl_chunk_id.",
        )


def _undo_chunk(connection: Connection, run: Run, chunk: ChunkResult) -> int:
    dialect = connection.dialect.name
    table = TableName.parse(run.target_table)
    delete = statements.load("delete_chunk").format(
        table=table.quoted(dialect), run=quote(dialect, lineage.RUN), chunk=quote(dialect, lineage.CHUNK)
    )
    doing = f"deleting chunk {chunk.chunk_no} of run {run.run_id} from {table}"
    with connect.statement(doing, state="The chunks before it are undone; do it again for the others."):
        ledger.unseal(connection, run.run_id, chunk.chunk_no)
        parameters = (run.run_id, chunk.chunk_no)
        if dialect == "mssql":
            deleted = connection.exec_driver_sql(counted(delete), parameters).scalar_one()
        else:
            deleted = connection.exec_driver_sql(delete, parameters).rowcount
        connection.commit()
    return int(deleted)
