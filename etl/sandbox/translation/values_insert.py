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
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.insert import insert_columns
from etl.sandbox.translation.types import FAMILY, family, storage
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
    binary: tuple[bool, ...]
    """Which columns are binary."""
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
        families: list[str] = [""] * width
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
            if value is not None:
                own = FAMILY[kind.name]
                if families[index % width] != own:
                    families[index % width] = _merged(families[index % width], own)
                found.append(writers[index % width](kind, value))
            elif self.binary[index % width] and family(kind) == "text":
                raise NotPlain  # error 257, for a NULL too
            else:
                found.append(None)
        return found


def _merged(family: str, other: str) -> str:
    """The family of a column's values so far and one more. Rows of other mixtures take a common type, which changes values."""
    merged = other if not family else _MIXTURES.get((family, other)) or _MIXTURES.get((other, family))
    if merged is None:
        raise NotPlain
    return merged


_MIXTURES = {
    ("bit", "int"): "int",
    ("bit", "decimal"): "decimal",
    ("int", "decimal"): "decimal",
    ("int", "money"): "money",
    ("int", "float"): "float",
}


def plan_values_insert(context: Context, shape: Shape, identity_insert: str | None) -> ValuesInsert | None:
    """A plan for this shape, or None where the table or the columns need the general way (or its errors)."""
    table = context.try_table(shape.table)
    if table is None or table.kind != "U" or "INSERT" in table.triggers or len(shape.cells) > _LIMIT:
        return None
    if identity_insert == table.full_name.lower():
        return None
    columns = insert_columns(table, shape.names, explicit=False)
    context.need("INSERT", table)
    if len(columns) != shape.width or not columns:
        return None
    casts = [storage(column.type, column.collation) for column in columns]
    starts = range(1, len(shape.cells) + 1, shape.width)
    rows = ["(" + ", ".join(f"${start + i}::{cast}" for i, cast in enumerate(casts)) + ")" for start in starts]
    names = ", ".join(quote(column.physical) for column in columns)
    sql = f"INSERT INTO {table.qualified} ({names}) VALUES {', '.join(rows)}"
    sequence = table.identity.sequence if table.identity is not None else None
    writers = tuple(column_writer(column) for column in columns)
    return ValuesInsert(sql, shape, writers, tuple(family(column.type) == "binary" for column in columns), sequence)
