"""The table that a statement changes: found, checked, and locked as its hints say."""

from __future__ import annotations

from sqlglot import exp

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation import locks
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.sources import hints, table_name


def target_table(context: Context, node: exp.Expr) -> Table:
    """The table that a statement changes. Views and system views are refused."""
    table = context.find_table(table_name(node))
    if table.kind == "S":
        raise SqlServerError(259, "Ad hoc updates to system catalogs are not allowed.", ends_batch=True)
    if table.kind == "V":
        raise not_supported(f"a change of the view {table.name}")
    _lock(context, table, hints(node))
    return table


def _lock(context: Context, table: Table, words: set[str]) -> None:
    if "READPAST" in words:
        context.scope.passing.add("")
    if words & {"TABLOCK", "TABLOCKX"}:
        context.locks.add(table, locks.EXCLUSIVE)
    elif words & {"HOLDLOCK", "SERIALIZABLE"}:
        context.locks.add(table, locks.UPDATE)


def check_changeable(table: Table) -> None:
    """Refuse a view."""
    if table.kind != "U":
        raise not_supported(f"a change of the view {table.name}")


def refuse_unwritable(column: Column) -> None:
    """Errors 271 and 273 for a column that no INSERT may name: computed, rowversion."""
    if column.computed:
        raise SqlServerError(
            271,
            f'The column "{column.name}" cannot be modified because it is either a computed column or is the result of'
            " a UNION operator.",
            ends_batch=True,
        )
    if column.type.name == "rowversion":
        raise SqlServerError(
            273,
            "Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the"
            " timestamp column, or insert a DEFAULT into the timestamp column.",
            ends_batch=True,
        )
