"""The fast way of a plain INSERT … VALUES: every cell a parameter or a literal, no OUTPUT, no DEFAULT.

Loaders send this statement with thousands of cells, and FreeTDS declares each NULL as varchar(1), so that the declarations of
the same text are seldom the same twice. Here the text alone decides the plan, and values are converted to their columns' types
in Python where that is plain. Anything else goes the general way, which knows every rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import Parameter
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.cell_writers import NotPlain, Writer, column_writer
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.dml import insert_columns
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.types import storage
from etl.sandbox.translation.values_shape import Shape

Variables = Mapping[str, tuple[SqlType, Value]]

_LIMIT = 60_000
"""Cells in one PostgreSQL statement; its protocol counts parameters in 16 bits."""


@dataclass(frozen=True, slots=True)
class ValuesInsert:
    """A plan: PostgreSQL's text and, for each column, how a value becomes a parameter."""

    sql: str
    shape: Shape
    writers: tuple[Writer, ...]
    sequence: str | None

    def parameters(self, variables: Variables) -> list[Parameter] | None:
        """The statement's parameters, or None where a value needs the general way. Error 137 for an undeclared variable."""
        try:
            return self._written(variables)
        except NotPlain:
            return None

    def _written(self, variables: Variables) -> list[Parameter]:
        writers = self.writers
        width = len(writers)
        found: list[Parameter] = []
        for index, cell in enumerate(self.shape.cells):
            if isinstance(cell, str):
                held = variables.get(cell)
                if held is None:
                    raise SqlServerError(
                        137, f'Must declare the scalar variable "{cell}".', severity=15, ends_batch=True
                    )
                kind, value = held
            else:
                kind, value = cell
            found.append(None if value is None else writers[index % width](kind, value))
        return found


def plan_values_insert(context: Context, shape: Shape, identity_insert: str | None) -> ValuesInsert | None:
    """A plan for this shape, or None where the table or the columns need the general way (or its errors)."""
    table = context.try_table(shape.table)
    if table is None or table.kind != "U" or len(shape.cells) > _LIMIT:
        return None
    if identity_insert == table.full_name.lower():
        return None
    columns = insert_columns(table, shape.names, explicit=False)
    if len(columns) != shape.width or not columns:
        return None
    casts = [storage(column.type, column.collation) for column in columns]
    starts = range(1, len(shape.cells) + 1, shape.width)
    rows = ["(" + ", ".join(f"${start + i}::{cast}" for i, cast in enumerate(casts)) + ")" for start in starts]
    names = ", ".join(quote(column.physical) for column in columns)
    sql = f"INSERT INTO {table.qualified} ({names}) VALUES {', '.join(rows)}"
    sequence = table.identity.sequence if table.identity is not None else None
    return ValuesInsert(sql, shape, tuple(column_writer(column) for column in columns), sequence)
