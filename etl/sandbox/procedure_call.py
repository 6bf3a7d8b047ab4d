"""EXEC read from its tokens: which procedure or which text, with which arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.errors import SqlServerError
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.translation.batch import Statement, split_commas, word
from etl.sandbox.translation.cursor import Cursor

Variables = Mapping[str, tuple[SqlType, Value]]
Evaluate = Callable[[list[Token]], Value]
_CONSTANTS = {TokenType.STRING, TokenType.NATIONAL_STRING, TokenType.NUMBER, TokenType.HEX_STRING, TokenType.NULL}


@dataclass(frozen=True, slots=True)
class Given:
    """One argument. `name` is its parameter (`@objname`), empty for one by position."""

    name: str
    value: Value
    type: SqlType
    variable: str = ""
    """The variable that takes the OUTPUT parameter's value."""


@dataclass(slots=True)
class Call:
    """A call with its arguments in the order in which they stand."""

    name: str
    """In lower case."""
    written: str
    """The whole name as it was written."""
    database: str = ""
    """The database that the procedure's name names."""
    given: list[Given] = field(default_factory=list)
    status_variable: str = ""
    """EXEC @variable = …"""
    status: int = 0
    """What the procedure returns."""

    def argument(self, position: int, name: str, default: Value = None) -> Value:
        """An argument by name or position."""
        for index, item in enumerate(self.given):
            if item.name == name or (not item.name and index == position):
                return item.value
        return default


def parse_call(statement: Statement, variables: Variables, evaluate: Evaluate) -> Call | str:
    """`EXEC [@status =] [[database.]schema.]name arguments`, or the text of `EXEC (text)`. Errors 137 and 119."""
    cursor = Cursor(statement.tokens, statement.text)
    if statement.verb != "CALL":
        cursor.at += 1
    if cursor.comes(TokenType.L_PAREN):
        inner = cursor.group()[1:-1]
        cursor.finish()
        return str(evaluate(inner) or "")
    status = _status(cursor, variables)
    parts = cursor.name()
    call = Call(parts[-1].lower(), ".".join(parts), parts[-3] if len(parts) >= 3 else "", status_variable=status)
    rest = statement.tokens[cursor.at :]
    for part in split_commas(rest) if rest else []:
        if not part:
            raise cursor.error()
        item = _argument(part, variables, evaluate)
        if call.given and call.given[-1].name and not item.name:
            raise SqlServerError(
                119,
                f"Must pass parameter number {len(call.given) + 1} and subsequent parameters as '@name = value'. After the"
                " form '@name = value' has been used, all subsequent parameters must be passed in the form '@name ="
                " value'.",
                severity=15,
                ends_batch=True,
            )
        call.given.append(item)
    return call


def _status(cursor: Cursor, variables: Variables) -> str:
    if not cursor.comes(TokenType.PARAMETER):
        return ""
    cursor.at += 1
    name = "@" + cursor.identifier()
    if name.lower() not in variables:
        raise _undeclared(name)
    if not cursor.accept_kind(TokenType.EQ):
        raise cursor.error()
    return name.lower()


def _undeclared(name: str) -> SqlServerError:
    return SqlServerError(137, f'Must declare the scalar variable "{name}".', severity=15, ends_batch=True)


def _argument(tokens: list[Token], variables: Variables, evaluate: Evaluate) -> Given:
    name = variable = ""
    if len(tokens) > 3 and tokens[0].text == "@" and tokens[2].token_type == TokenType.EQ:
        name, tokens = "@" + tokens[1].text.lower(), tokens[3:]
    if len(tokens) == 3 and word(tokens[-1]) in {"OUTPUT", "OUT"}:
        tokens = tokens[:-1]
        variable = "@" + tokens[1].text.lower()
    value, kind = _value(tokens, variables, evaluate)
    return Given(name, value, kind, variable)


def _value(tokens: list[Token], variables: Variables, evaluate: Evaluate) -> tuple[Value, SqlType]:
    """A constant, a variable, or a bare word that stands for its own text."""
    first = tokens[0]
    if first.text == "@" and len(tokens) == 2:
        held = variables.get("@" + tokens[1].text.lower())
        if held is None:
            raise _undeclared("@" + tokens[1].text)
        return held[1], held[0]
    if len(tokens) == 1 and first.token_type not in _CONSTANTS:
        return first.text, SqlType("nvarchar", length=max(len(first.text), 1))
    plain = len(tokens) == 1 and first.token_type in {TokenType.STRING, TokenType.NATIONAL_STRING}
    value = first.text if plain else evaluate(tokens)
    return value, _type_of(value, wide=first.token_type == TokenType.NATIONAL_STRING)


def _type_of(value: Value, *, wide: bool) -> SqlType:
    if isinstance(value, int) and not isinstance(value, bool):
        return SqlType("int")
    if isinstance(value, bytes):
        return SqlType("varbinary", length=max(len(value), 1))
    if isinstance(value, float):
        return SqlType("float")
    if isinstance(value, str) or value is None:
        return SqlType("nvarchar" if wide else "varchar")
    return SqlType("decimal", precision=38, scale=10)
