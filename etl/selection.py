"""What is selected of a table or query, so that every digit arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from etl import types
from etl.errors import SchemaError
from etl.keys import Bound
from etl.statements import TableName, quote
from etl.types import Column


@dataclass(frozen=True, slots=True)
class Condition:
    """What restricts a selection to some rows: SQL for WHERE, with a `?` for each of the bounds."""

    sql: str
    bounds: tuple[Bound, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        """Both."""
        if self == EVERY_ROW:
            return other
        return self if other == EVERY_ROW else Condition(f"{self.sql} AND {other.sql}", self.bounds + other.bounds)


EVERY_ROW = Condition("1 = 1")


@dataclass(frozen=True, slots=True)
class Selection:
    """A statement whose result is the columns in order, followed by one guard value for each guarded column."""

    sql: str
    columns: list[Column]
    guarded: list[Column]
    origin: str
    """What is read, for messages."""
    bounds: tuple[Bound, ...] = ()
    """The parameters of the statement, and of those below."""
    longest_sql: str | None = None
    """A statement for the bytes of the longest value of each unbounded column, in order; None where it cannot be asked for."""
    digits_sql: str | None = None
    """A statement for three numbers of each column that may have a seventh fractional digit, in order: that digit times 100
    where there is one, the first and the last year; None where there is no such column."""

    @property
    def unbounded(self) -> list[Column]:
        """The columns whose declaration does not say how long a value may be."""
        return [column for column in self.columns if types.is_unbounded(column.sql_type)]


def select_table(dialect: str, table: TableName, columns: list[Column], condition: Condition = EVERY_ROW) -> Selection:
    """SELECT of all columns of a table, of the rows that meet the condition."""
    where = "" if condition == EVERY_ROW else f" WHERE {condition.sql}"
    origin = f"FROM {table.quoted(dialect)}{where}"
    sql = f"SELECT {_select_list(dialect, columns)} {origin}"
    return Selection(
        sql,
        columns,
        _guarded(dialect, columns),
        str(table),
        condition.bounds,
        _longest(dialect, columns, origin),
        _digits(dialect, columns, origin),
    )


def select_query(dialect: str, query: str, columns: list[Column]) -> Selection:
    """The query as it is, or wrapped where a column must be read through an expression to arrive whole."""
    if not needs_expressions(dialect, columns):
        return Selection(query, columns, [], "the query")
    origin = f"FROM (\n{query.rstrip().rstrip(';')}\n) AS etl_query"
    sql = f"SELECT {_select_list(dialect, columns)} {origin}"
    digits = _digits(dialect, columns, origin)
    return Selection(sql, columns, _guarded(dialect, columns), "the query", digits_sql=digits)


def needs_expressions(dialect: str, columns: list[Column]) -> bool:
    """Whether a column must be read through an expression, or guarded, to arrive whole."""
    return bool(special(dialect, columns))


def special(dialect: str, columns: Sequence[Column]) -> list[Column]:
    """The columns that must be read through an expression, or guarded, to arrive whole."""
    if dialect != "mssql":
        return []
    return [column for column in columns if column.may_have_seventh or types.rule(column.sql_type).read != "{column}"]


def refuse_cut(selection: Selection, column: Column) -> NoReturn:
    """Raise SchemaError for a column whose guard has told of a value with a digit that it is read without."""
    raise SchemaError(
        f"{selection.origin}: column {column.name} ({column.sql_type}) holds a value with a seventh fractional digit, "
        "which it did not when the reading was planned",
        advice=f"Start anew, or read a query that casts it, e.g. CAST({column.name} AS "
        f"{types.base_name(column.sql_type)}(6)).",
    )


def _select_list(dialect: str, columns: list[Column]) -> str:
    if dialect != "mssql":
        return ", ".join(quote(dialect, column.name) for column in columns)
    expressions = []
    for column in columns:
        name = quote(dialect, column.name)
        read = _read(column)
        expressions.append(name if read == name else f"{read} AS {name}")
    guarded = _guarded(dialect, columns)
    expressions += [f"{_guard(column)} AS etl_guard_{number}" for number, column in enumerate(guarded)]
    return ", ".join(expressions)


def _longest(dialect: str, columns: list[Column], origin: str) -> str | None:
    unbounded = [column for column in columns if types.is_unbounded(column.sql_type)] if dialect == "mssql" else []
    lengths = [f"MAX(DATALENGTH({_read(column)}))" for column in unbounded]
    return f"SELECT {', '.join(lengths)} {origin}" if lengths else None


def _digits(dialect: str, columns: list[Column], origin: str) -> str | None:
    numbers = []
    for column in columns:
        if dialect == "mssql" and column.may_have_seventh:
            name = quote("mssql", column.name)
            # A time has no year (error 9810); as a datetime2 it is on a day of 1900.
            year = f"DATEPART(year, CAST({name} AS datetime2))"
            numbers += [f"MAX({_guard(column)})", f"MIN({year})", f"MAX({year})"]
    return f"SELECT {', '.join(numbers)} {origin}" if numbers else None


def _read(column: Column) -> str:
    rule = types.rule(column.sql_type)
    expression: str | None = rule.read
    if column.may_have_seventh:
        expression = rule.seven_digits if column.seventh else rule.six_digits
    assert expression is not None
    return expression.format(column=quote("mssql", column.name))


def _guard(column: Column) -> str:
    guard = types.rule(column.sql_type).guard
    assert guard is not None
    return guard.format(column=quote("mssql", column.name))


def _guarded(dialect: str, columns: list[Column]) -> list[Column]:
    """The columns that may have a seventh digit and are read without it."""
    return [column for column in columns if dialect == "mssql" and column.may_have_seventh and not column.seventh]
