"""The fast way of a plain INSERT … VALUES: every cell a parameter or a literal, no OUTPUT, no DEFAULT.

Loaders send this statement with thousands of cells, and FreeTDS declares each NULL as varchar(1), so that the declarations of
the same text are seldom the same twice. Here the text alone decides the plan, and values are converted to their columns' types
in Python where that is plain. Anything else goes the general way, which knows every rule.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.arguments import encode, shuffle_guid
from etl.sandbox.catalog import Column, Table
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import Parameter
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.batch import Statement, word
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.dml import insert_columns
from etl.sandbox.translation.expression import quote
from etl.sandbox.translation.types import FLOAT, INT, family, is_wide, storage

Variables = Mapping[str, tuple[SqlType, Value]]
Cell = str | tuple[SqlType, Value]
"""A variable's name, or a literal."""

_LIMIT = 60_000
"""Cells in one PostgreSQL statement; its protocol counts parameters in 16 bits."""


class NotPlain(Exception):
    """A value needs a conversion that only the general way knows."""


@dataclass(frozen=True, slots=True)
class Shape:
    """INSERT INTO table (names) VALUES rows."""

    table: tuple[str, ...]
    names: tuple[str, ...] | None
    width: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ValuesInsert:
    """A plan: PostgreSQL's text and, for each column, how a value becomes a parameter."""

    sql: str
    shape: Shape
    writers: tuple[Callable[[SqlType, Value], Parameter], ...]
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


def read_shape(statement: Statement) -> Shape | None:
    """The statement's shape, or None when it is not as plain as that."""
    if "shape" not in statement.cache:
        statement.cache["shape"] = _Reader(statement.tokens).shape()
    return statement.cache["shape"]  # type: ignore[return-value]


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
    return ValuesInsert(sql, shape, tuple(_writer(table, column) for column in columns), sequence)


class _Reader:
    """Reads the tokens of an INSERT; None from any step means that it is not plain."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def shape(self) -> Shape | None:
        if not self._word("INSERT"):
            return None
        self._word("INTO")
        table = self._name()
        names = self._names() if self._is(TokenType.L_PAREN) else None
        if table is None or (names is not None and not names) or not self._word("VALUES"):
            return None
        cells: list[Cell] = []
        width = 0
        while True:
            row = self._row()
            if row is None or (width and len(row) != width):
                return None
            width = len(row)
            cells += row
            if self._at == len(self._tokens):
                return Shape(table, names, width, tuple(cells))
            if not self._take(TokenType.COMMA):
                return None

    def _is(self, kind: TokenType) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].token_type == kind

    def _take(self, kind: TokenType) -> bool:
        if self._is(kind):
            self._at += 1
            return True
        return False

    def _word(self, wanted: str) -> bool:
        if self._at < len(self._tokens) and word(self._tokens[self._at]) == wanted:
            self._at += 1
            return True
        return False

    def _identifier(self) -> str | None:
        mark = "#" if self._take(TokenType.HASH) else ""
        if self._at >= len(self._tokens) or self._tokens[self._at].token_type in _NO_NAMES:
            return None
        self._at += 1
        return mark + self._tokens[self._at - 1].text

    def _name(self) -> tuple[str, ...] | None:
        parts = []
        while True:
            part = self._identifier()
            if part is None:
                return None
            parts.append(part)
            if not self._take(TokenType.DOT):
                return tuple(parts)

    def _names(self) -> tuple[str, ...]:
        names = []
        self._take(TokenType.L_PAREN)
        while True:
            name = self._identifier()
            if name is None:
                return ()
            names.append(name)
            if self._take(TokenType.R_PAREN):
                return tuple(names)
            if not self._take(TokenType.COMMA):
                return ()

    def _row(self) -> list[Cell] | None:
        if not self._take(TokenType.L_PAREN):
            return None
        cells: list[Cell] = []
        while True:
            cell = self._cell()
            if cell is None:
                return None
            cells.append(cell)
            if self._take(TokenType.R_PAREN):
                return cells
            if not self._take(TokenType.COMMA):
                return None

    def _cell(self) -> Cell | None:
        if self._at + 1 >= len(self._tokens):
            return None
        token = self._tokens[self._at]
        self._at += 1
        kind = token.token_type
        if kind == TokenType.PARAMETER:
            return self._variable()
        if kind == TokenType.DASH and self._is(TokenType.NUMBER):
            self._at += 1
            return _number("-" + self._tokens[self._at - 1].text)
        reader = _LITERALS.get(kind)
        return None if reader is None else reader(token.text)

    def _variable(self) -> Cell | None:
        name = self._tokens[self._at]
        if name.token_type == TokenType.PARAMETER:  # @@ROWCOUNT and its like
            return None
        self._at += 1
        return "@" + name.text.lower()


_NO_NAMES = {
    TokenType.STRING,
    TokenType.NUMBER,
    TokenType.L_PAREN,
    TokenType.R_PAREN,
    TokenType.COMMA,
    TokenType.PARAMETER,
    TokenType.DOT,
}


def _number(text: str) -> Cell | None:
    if "e" in text.lower():
        return FLOAT, float(text)
    if "." in text:
        value = Decimal(text)
        digits = value.as_tuple()
        scale = max(-int(digits.exponent), 0)
        return SqlType("decimal", precision=max(len(digits.digits), scale, 1), scale=scale), value
    number = int(text)
    return (
        (INT, number)
        if abs(number) < 2**31
        else (SqlType("decimal", precision=min(len(text), 38), scale=0), Decimal(number))
    )


def _text(text: str, name: str) -> Cell:
    if name == "varchar" and not text.isascii():
        text = text.encode("cp1252", "replace").decode("cp1252", "replace")
    return SqlType(name, length=max(len(text), 1)), text


def _binary(text: str) -> Cell:
    data = bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)
    return SqlType("varbinary", length=max(len(data), 1)), data


def _empty_binary(text: str) -> Cell | None:
    """sqlglot takes 0x, the empty binary constant, for a name."""
    return (SqlType("varbinary", length=1), b"") if text.lower() == "0x" else None


_LITERALS: dict[TokenType, Callable[[str], Cell | None]] = {
    TokenType.NUMBER: _number,
    TokenType.STRING: lambda text: _text(text, "varchar"),
    TokenType.NATIONAL_STRING: lambda text: _text(text, "nvarchar"),
    TokenType.HEX_STRING: _binary,
    TokenType.IDENTIFIER: _empty_binary,
    TokenType.NULL: lambda _: (INT, None),
}


# One writer a column


def _writer(table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    return _WRITERS.get(family(column.type), _never)(table, column)


def _never(_table: Table, _column: Column) -> Callable[[SqlType, Value], Parameter]:
    def write(_kind: SqlType, _value: Value) -> Parameter:
        raise NotPlain

    return write


def _text_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    length, wide, fixed = column.type.length, is_wide(column.type), column.type.name in {"char", "nchar"}

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is not str:
            raise NotPlain
        if fixed:
            value = value.rstrip(" ")
        if not value.isascii():
            if not wide:
                raise NotPlain
            if length is not None and len(value.encode("utf-16-le")) // 2 > length:
                raise NotPlain
        if length is not None and len(value) > length:
            raise NotPlain  # 2628, or trailing blanks that are cut
        return encode(value, column.type)

    return write


_RANGES = {
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}


def _int_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    low, high = _RANGES[column.type.name]

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is int and low <= value <= high:
            return repr(value)
        if type(value) is bool:
            return "1" if value else "0"
        raise NotPlain

    return write


def _bit_writer(_table: Table, _column: Column) -> Callable[[SqlType, Value], Parameter]:
    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is bool or type(value) is int:
            return "t" if value else "f"
        raise NotPlain

    return write


def _float_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    double = column.type.name == "float"

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is float and double:
            return repr(value)
        if type(value) is int and abs(value) < 2**53:
            return repr(value)
        raise NotPlain

    return write


def _decimal_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    precision, scale = column.type.precision or 0, column.type.scale or 0
    limit = Decimal(10) ** (precision - scale)

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is int and abs(value) < limit:
            return repr(value)
        if type(value) is Decimal and -int(value.as_tuple().exponent) <= scale and abs(value) < limit:
            return format(value, "f")
        raise NotPlain

    return write


def _money_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    limit = 900_000_000_000_000 if column.type.name == "money" else 200_000

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is int and abs(value) < limit:
            return repr(value)
        if type(value) is Decimal and abs(value) < limit and -int(value.as_tuple().exponent) <= 4:
            return format(value, "f")
        raise NotPlain

    return write


_ISO_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_ISO_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?$")


def _date_writer(_table: Table, _column: Column) -> Callable[[SqlType, Value], Parameter]:
    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is dt.date:
            return value.isoformat()
        if type(value) is dt.datetime and value.tzinfo is None:
            return value.date().isoformat()
        if type(value) is str and _ISO_DATE.match(value):
            return _iso(value).date().isoformat()
        raise NotPlain

    return write


def _iso(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise NotPlain from None


def _stamp_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    name, scale = column.type.name, column.type.scale or 0
    if name == "smalldatetime":
        return _never(_table, column)
    step = 1 if scale >= 6 else 10 ** (6 - scale)

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is str and (_ISO_DATE.match(value) or _ISO_STAMP.match(value)):
            if name == "datetime" and len(value.partition(".")[2]) > 3:
                raise NotPlain
            value = _iso(value)
        elif type(value) is dt.date:
            value = dt.datetime(value.year, value.month, value.day)
        if type(value) is not dt.datetime or value.tzinfo is not None:
            raise NotPlain
        if name == "datetime":
            if value.year < 1753 or value.year == 9999:
                raise NotPlain
            return round_datetime(value).isoformat(" ")
        if value.microsecond % step:
            raise NotPlain
        return value.isoformat(" ")

    return write


def round_datetime(value: dt.datetime) -> dt.datetime:
    """A value as datetime holds it: 1/300 s, shown in milliseconds."""
    ticks = (value.microsecond * 3 + 5000) // 10000
    milliseconds = (ticks * 10 + 1) // 3
    return value.replace(microsecond=0) + dt.timedelta(milliseconds=milliseconds)


def _time_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    step = 1 if (column.type.scale or 0) >= 6 else 10 ** (6 - (column.type.scale or 0))

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is dt.time and value.microsecond % step == 0:
            return value.isoformat()
        raise NotPlain

    return write


def _offset_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    step = 1 if (column.type.scale or 0) >= 6 else 10 ** (6 - (column.type.scale or 0))
    kind = column.type

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is dt.datetime and value.tzinfo is not None and value.microsecond % step == 0:
            return encode(value, kind)
        raise NotPlain

    return write


def _binary_writer(_table: Table, column: Column) -> Callable[[SqlType, Value], Parameter]:
    length, fixed = column.type.length, column.type.name == "binary"

    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is not bytes or (length is not None and len(value) > length):
            raise NotPlain
        return value.ljust(length, b"\0") if fixed and length is not None else value

    return write


_GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def _guid_writer(_table: Table, _column: Column) -> Callable[[SqlType, Value], Parameter]:
    def write(_kind: SqlType, value: Value) -> Parameter:
        if type(value) is uuid.UUID:
            return shuffle_guid(value)
        if type(value) is str and _GUID.match(value):
            return shuffle_guid(uuid.UUID(value))
        raise NotPlain

    return write


_WRITERS: dict[str, Callable[[Table, Column], Callable[[SqlType, Value], Parameter]]] = {
    "text": _text_writer,
    "int": _int_writer,
    "bit": _bit_writer,
    "float": _float_writer,
    "decimal": _decimal_writer,
    "money": _money_writer,
    "date": _date_writer,
    "stamp": _stamp_writer,
    "time": _time_writer,
    "offset": _offset_writer,
    "binary": _binary_writer,
    "guid": _guid_writer,
}
