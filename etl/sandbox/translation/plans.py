"""What compiling a statement gives: everything the interpreter needs to run it again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from etl.sandbox.catalog import Table
from etl.sandbox.outcomes import Column, Command
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Bind
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.types import under


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A SELECT. `assigns` names the variables that take the columns (SELECT @x = …); then no rows are sent."""

    sql: str
    binds: tuple[Bind, ...]
    columns: tuple[Column, ...]
    assigns: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    """The locks on tables that hints ask for, as PostgreSQL statements."""
    held: tuple[str, ...] = ()
    """Those that the levels REPEATABLE READ and SERIALIZABLE add."""


@dataclass(frozen=True, slots=True)
class WritePlan:
    """An INSERT, UPDATE, DELETE or TRUNCATE. `columns` are OUTPUT's."""

    sql: str
    binds: tuple[Bind, ...]
    command: Command
    table: Table
    columns: tuple[Column, ...] = ()
    sequence: str | None = None
    """The identity's sequence, when the statement draws from it or fills the column itself."""
    explicit_identity: bool = False
    returns_identity: bool = False
    """Whether the rows that come back are the identity values: a trigger may draw from the sequence after the statement."""
    assigned: tuple[int, ...] = ()
    """The ids of the columns that UPDATE's SET names."""
    locks: tuple[str, ...] = ()
    """The locks on tables that hints ask for, as PostgreSQL statements."""
    held: tuple[str, ...] = ()
    """Those that the levels REPEATABLE READ and SERIALIZABLE add."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a plain INSERT … VALUES: a parameter's name, or a constant with its type."""

    variable: str = ""
    constant: object = None
    type: SqlType | None = None


@dataclass(frozen=True, slots=True)
class IntoPlan:
    """SELECT … INTO: the new table's name and columns, and the query that fills it."""

    sql: str
    binds: tuple[Bind, ...]
    parts: tuple[str, ...]
    columns: tuple[Expression, ...]
    locks: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def _shown_type(item: Expression) -> SqlType:
    """The type for the client. What is computed from texts under a UTF-8 collation is wide enough for any character."""
    if item.collation is None or item.type.utf8 or not under(item.type, item.collation).utf8:
        return item.type
    length = None if item.type.length is None else min(4 * item.type.length, 8000)
    return replace(item.type, length=length, utf8=True)


def result_columns(expressions: Sequence[Expression]) -> tuple[Column, ...]:
    """Expressions as the columns of a result set. The bare NULL is int, as SQL Server has it."""
    return tuple(
        Column(
            item.name,
            _shown_type(item),
            nullable=item.nullable or item.is_null,
            identity=item.identity,
            computed=item.computed,
            collation=item.collation,
        )
        for item in expressions
    )
