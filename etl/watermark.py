"""Only what is new: a column that says which rows a run has not seen yet, and the bounds of those, fixed at planning.

The next run begins where the last *completed* one ended. What makes a bound safe differs:

- A rowversion is bounded by MIN_ACTIVE_ROWVERSION(): every change of a transaction that is still open lies above it, so
  nothing can appear below it later. Rows that were changed come again.
- A moment is bounded by the server's clock less a lag: a transaction must end within it.
- A growing key is bounded by its highest value. A transaction that took a lower one and commits later is missed: where
  programs insert at the same time, take a rowversion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from etl import connect, statements, types
from etl.errors import JobError
from etl.keys import Bound, bound_text, bound_value, is_keyable, is_rowversion
from etl.selection import Condition
from etl.statements import TableName, quote
from etl.types import Column

if TYPE_CHECKING:
    from etl.job import Job

CLOCKS = {
    "date": "SYSDATETIME()",
    "smalldatetime": "SYSDATETIME()",
    "datetime": "SYSDATETIME()",
    "datetime2": "SYSDATETIME()",
    "datetimeoffset": "SYSDATETIMEOFFSET()",
}
"""The server's clock for each type of moment; a job may say that its column is in UTC."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows that are new. Plain data: it is stored in the plan."""

    column: str
    lower: Bound | None
    """None for the first run."""
    upper: Bound | None
    """None where there is no row yet."""
    upper_closed: bool
    """Whether rows at the upper bound belong to it; if not, rows at the next window's lower bound do."""

    def __str__(self) -> str:
        after = ">" if self.upper_closed else ">="
        below = "<=" if self.upper_closed else "<"
        lower = "" if self.lower is None else f"{after} {self.lower} and "
        return f"{self.column} {lower}{below} {self.upper}"


def find(columns: list[Column], job: Job) -> Column:
    """The job's watermark column. Raises JobError for one that is not there or has no order."""
    assert job.watermark is not None
    column = next((column for column in columns if column.name.casefold() == job.watermark.casefold()), None)
    if column is None:
        raise JobError(
            f"{job.source_table} has no column {job.watermark}",
            advice=f"Its columns: {', '.join(column.name for column in columns)}.",
        )
    dialect = job.source_endpoint.dialect
    if not (is_rowversion(dialect, column) or is_keyable(dialect, column)):
        raise JobError(
            f"{job.source_table}.{column.name} is {column.sql_type}, which cannot be a watermark",
            advice="Take a rowversion, a date or datetime, or a growing key.",
        )
    if job.watermark_lag_sec and not _is_moment(dialect, column):
        raise JobError(f"watermark_lag_sec is for dates and datetimes; {column.name} is {column.sql_type}")
    return column


def window(connection: Connection, job: Job, column: Column, lower: Bound | None) -> Window:
    """The window from the last completed run's upper bound to what is safe to read now."""
    assert job.source_table is not None
    dialect = connection.dialect.name
    closed = not (is_rowversion(dialect, column) or _is_moment(dialect, column))
    if closed:
        name, sql = quote(dialect, column.name), statements.load("watermark_highest")
        table = TableName.parse(job.source_table).quoted(dialect)
        sql = sql.format(bound=bound_text(dialect, column, "highest.value"), column=name, table=table)
        parameters: tuple[int, ...] = ()
    elif is_rowversion(dialect, column):
        sql = statements.load("watermark_rowversion").format(
            bound=bound_text(dialect, column, "MIN_ACTIVE_ROWVERSION()")
        )
        parameters = ()
    else:
        clock = "SYSUTCDATETIME()" if job.watermark_utc else CLOCKS[types.base_name(column.sql_type)]
        moment = f"CAST(DATEADD(second, -?, {clock}) AS {column.sql_type})"
        sql = statements.load("watermark_clock").format(bound=bound_text(dialect, column, moment))
        parameters = (job.watermark_lag_sec,)
    with connect.statement(f"reading the watermark {column.name} of {job.source_table}"):
        upper = connection.exec_driver_sql(sql, parameters).scalar_one()
    return Window(column.name, lower, lower if upper is None else upper, closed)


def condition(dialect: str, column: Column, found: Window) -> Condition:
    """Which rows lie in the window; none where it has no upper bound, and never one whose watermark is NULL."""
    if found.upper is None:
        return Condition("1 = 0")
    name, bound = quote(dialect, column.name), bound_value(dialect, column)
    upper = Condition(f"{name} {'<=' if found.upper_closed else '<'} {bound}", (found.upper,))
    if found.lower is None:
        return upper
    return Condition(f"{name} {'>' if found.upper_closed else '>='} {bound}", (found.lower,)) & upper


def _is_moment(dialect: str, column: Column) -> bool:
    return dialect == "mssql" and types.base_name(column.sql_type) in CLOCKS
