"""The shape of a plain INSERT … VALUES, read from its tokens: the table, its columns, and the cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.codepage import only_1252
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.batch import Once, Statement, word
from etl.sandbox.translation.types import FLOAT, INT

Cell = str | tuple[SqlType, Value]
"""A variable's name, or a literal."""


@dataclass(frozen=True, slots=True)
class Shape:
    """INSERT INTO table (names) VALUES rows."""

    table: tuple[str, ...]
    names: tuple[str, ...] | None
    width: int
    cells: tuple[Cell, ...]


_SHAPE = Once[Shape | None]()


def read_shape(statement: Statement) -> Shape | None:
    """The statement's shape, or None when it is not as plain as that."""
    return _SHAPE.of(statement, lambda: _Reader(statement.tokens).shape())


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
    if name == "varchar":
        text = only_1252(text)
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
