"""Queries that must be read through a SELECT around them, so that every digit arrives."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from etl import catalog, selection
from etl.errors import JobError
from etl.types import Column


def require_wrappable(connection: Connection, query: str, columns: list[Column]) -> None:
    """Raise JobError for a query that must be wrapped, to read a column whole, and cannot be."""
    dialect = connection.dialect.name
    if not selection.needs_expressions(dialect, columns):
        return
    try:
        catalog.query_columns(connection, selection.select_query(dialect, query, columns).sql)
    except JobError as error:
        guarded = ", ".join(f"{column.name} ({column.sql_type})" for column in selection.special(dialect, columns))
        raise JobError(
            f"the query cannot be read as it is: {guarded} must be read through an expression around it ({error.message})",
            advice="Put the query into a view and copy that, leave out its WITH and ORDER BY, or cast the columns in it.",
        ) from error
