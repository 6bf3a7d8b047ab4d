"""A compiled expression, and the error for one that cannot be."""

from __future__ import annotations

from dataclasses import dataclass, replace

from etl.sandbox.sqltypes import SqlType


@dataclass(frozen=True, slots=True)
class Deduction:
    """The undeclared parameters of a statement, by lower-case name, and the types found for them so far."""

    names: frozenset[str]
    types: dict[str, SqlType]


@dataclass(frozen=True, slots=True)
class Expression:
    """PostgreSQL text of a T-SQL expression with its SQL Server type.

    The text always has the PostgreSQL type `types.storage(type, collation)`. char and nchar are held without trailing
    blanks (`operators.shown` pads them).
    """

    sql: str
    type: SqlType
    nullable: bool = True
    collation: str | None = None
    """The column's or COLLATE's collation of a text; None is the database's."""
    name: str = ""
    """What a result column is called when no alias is given."""
    identity: bool = False
    computed: bool = False
    literal: str | int | None = None
    """The value of a plain string or whole number in the text, for arguments that must be constants (styles, LIKE patterns)."""
    is_null: bool = False
    """The bare word NULL, which takes any type."""
    aggregate: bool = False
    variable: str = ""
    """The name of the variable when the expression is nothing else."""

    deduced: Deduction | None = None
    """Set on a NULL that stands for an undeclared parameter: whoever gives it a type tells it here."""

    def typed(self, kind: SqlType) -> None:
        """The value is taken as `kind`: known of a parameter that is not declared."""
        if self.deduced is not None:
            self.deduced.types.setdefault(self.variable, kind)

    def unnamed(self) -> Expression:
        """The same value as part of a larger expression."""
        variable = self.variable if self.deduced is not None else ""
        return replace(self, name="", identity=False, computed=False, variable=variable)


def quote(name: str) -> str:
    """A PostgreSQL identifier, quoted. The one place where the translation writes a name; `Link` refuses NUL in it."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A PostgreSQL string literal; backslashes mean themselves. NUL cannot be held by PostgreSQL and is refused."""
    if "\x00" in value:
        from etl.sandbox.errors import not_supported

        raise not_supported("a text with the character U+0000")
    return "'" + value.replace("'", "''") + "'"
