"""The rows of INSERT … VALUES."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.nodes import value
from etl.sandbox.translation.storing import stored
from etl.sandbox.translation.types import common_type

_Cell = Expression | None
"""A value, or None for DEFAULT."""


def compile_rows(context: Context, source: exp.Expr, table: Table, columns: Sequence[Column]) -> str:
    """`VALUES (…), (…)`. Errors 109 and 110 for rows that are shorter or longer than the list of columns."""
    rows = [_cells(context, row, len(columns)) for row in source.expressions]
    if len(rows) > 1:
        rows = [list(row) for row in zip(*(_alike(list(cells)) for cells in zip(*rows, strict=True)), strict=True)]
    return "VALUES " + ", ".join(_row(row, table, columns) for row in rows)


def _cells(context: Context, row: exp.Expr, wanted: int) -> list[_Cell]:
    nodes = row.expressions if isinstance(row, exp.Tuple) else [row.args["this"]]
    if len(nodes) != wanted:
        number, given = (109, "more") if wanted > len(nodes) else (110, "fewer")
        message = (
            f"There are {given} columns in the INSERT statement than values specified in the VALUES clause. The number"
            " of values in the VALUES clause must match the number of columns specified in the INSERT statement."
        )
        raise SqlServerError(number, message, severity=15, ends_batch=True)
    return [None if is_default(node) else value(context, node) for node in nodes]


def _alike(cells: list[_Cell]) -> list[_Cell]:
    """A column's values in one type, as UNION ALL has it: (1), ('a') is a failed conversion, whatever the column is.

    https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql#data-types
    """
    kinds = [cell.type for cell in cells if cell is not None and not cell.is_null]
    if len({kind.name for kind in kinds}) < 2:
        return cells
    kind = common_type(kinds)
    return [cell if cell is None or cell.is_null else convert(cell, kind) for cell in cells]


def _row(row: Sequence[_Cell], table: Table, columns: Sequence[Column]) -> str:
    return f"({', '.join(_stored(cell, column, table) for cell, column in zip(row, columns, strict=True))})"


def _stored(cell: _Cell, column: Column, table: Table) -> str:
    if column.identity and (cell is None or cell.is_null):
        raise SqlServerError(339, "DEFAULT or NULL are not allowed as explicit identity values.", ends_batch=True)
    return "DEFAULT" if cell is None else stored(cell, column, table)


def is_default(node: exp.Expr) -> bool:
    """Whether a cell or an assigned value is the word DEFAULT."""
    if isinstance(node, exp.Var):
        return node.name.upper() == "DEFAULT"
    return (
        isinstance(node, exp.Column)
        and isinstance(node.this, exp.Identifier)
        and not node.this.args.get("quoted")
        and node.name.upper() == "DEFAULT"
    )
