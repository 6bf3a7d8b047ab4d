"""Whether the source changed while a run read it: what was read is then no single moment of it, and a row whose key moved from
one range to another may have been read twice or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from etl import connect, load, statements
from etl.keys import bound_text, bound_value, is_rowversion
from etl.selection import Condition
from etl.statements import TableName, quote
from etl.types import Column


def version(connection: Connection, columns: Sequence[Column]) -> str | None:
    """The mark that changes from now on lie above, for a table with a rowversion column; else None."""
    column = _rowversion(connection, columns)
    if column is None:
        return None
    sql = statements.load("watermark_rowversion").format(
        bound=bound_text(connection.dialect.name, column, "MIN_ACTIVE_ROWVERSION()")
    )
    with connect.statement("reading the source's row version"):
        return str(connection.exec_driver_sql(sql).scalar_one())


def told(
    connection: Connection,
    table: TableName,
    columns: Sequence[Column],
    new_rows: Condition,
    *,
    rows_read: int,
    rows_now: int,
    version: str | None,
) -> list[str]:
    """What a user should know: how many rows changed since `version`, or that their number is another than was read."""
    notes = []
    if rows_now != rows_read:
        notes.append(f"the source changed during the run: {rows_read:,} rows were read and it has {rows_now:,} now")
    column = _rowversion(connection, columns)
    if version is not None and column is not None:
        dialect = connection.dialect.name
        changed = Condition(f"{quote(dialect, column.name)} >= {bound_value(dialect, column)}", (version,))
        rows = load.count(connection, table, new_rows & changed)
        if rows:
            notes.append(
                f"{rows:,} rows of {table} were changed or added during the run: each chunk has them as they were when it "
                "was read; a row whose key changed may be there twice or not at all"
            )
    return notes


def _rowversion(connection: Connection, columns: Sequence[Column]) -> Column | None:
    return next((column for column in columns if is_rowversion(connection.dialect.name, column)), None)
