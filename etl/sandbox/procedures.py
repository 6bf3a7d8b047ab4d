"""EXEC: the procedures that clients call, by name and in any schema's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sqlglot.tokenizer_core import Token, TokenType

from etl.sandbox.datatypes import datatype_info
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Argument, Command, Outcome, OutputValue, Parameterized, StatementDone
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState
from etl.sandbox.translation.batch import Statement, split_commas
from etl.sandbox.translation.cursor import Cursor
from etl.sandbox.translation.definitions import Definition, Rename


class Caller(Protocol):
    """The running batch that calls: what a procedure can ask of it."""

    @property
    def state(self) -> SessionState:
        """The session's values."""
        ...

    def define(self, definition: Definition) -> None:
        """Carry a definition out as one statement."""
        ...

    def batch(self, request: Parameterized) -> Iterator[Outcome]:
        """Run a batch inside the current one: its own variables, the same session."""
        ...

    def set_variable(self, name: str, value: Value) -> None:
        """An OUTPUT argument of EXEC comes back."""
        ...


@dataclass(slots=True)
class Call:
    """A call with its arguments: by position, then by name (`@objname`)."""

    name: str
    positional: list[Value] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    """Parameter (its name, or its position as `#2`) → the variable that takes its value."""
    types: list[SqlType] = field(default_factory=list)

    def argument(self, position: int, name: str, default: Value = None) -> Value:
        """An argument by name or position."""
        if name in self.named:
            return self.named[name]
        return self.positional[position] if position < len(self.positional) else default


def parse_call(
    statement: Statement, variables: dict[str, tuple[SqlType, Value]], evaluate: Callable[[list[Token]], Value]
) -> Call:
    """`EXEC [schema.]name arguments`."""
    cursor = Cursor(statement.tokens, statement.text)
    if statement.verb != "CALL":
        cursor.at += 1
    token = cursor.peek()
    if token is not None and token.token_type == TokenType.L_PAREN:
        raise not_supported("EXEC of a string", line=statement.line)
    if token is not None and token.text == "@":
        raise not_supported("EXEC with a return status", line=statement.line)
    call = Call(cursor.name()[-1].lower())
    rest = statement.tokens[cursor.at :]
    for position, part in enumerate(split_commas(rest) if rest else []):
        _argument(call, position, part, variables, evaluate)
    return call


def _argument(
    call: Call,
    position: int,
    tokens: list[Token],
    variables: dict[str, tuple[SqlType, Value]],
    evaluate: Callable[[list[Token]], Value],
) -> None:
    name = ""
    if len(tokens) > 3 and tokens[0].text == "@" and tokens[2].token_type == TokenType.EQ:
        name, tokens = "@" + tokens[1].text.lower(), tokens[3:]
    output = tokens[-1].text.upper() in {"OUTPUT", "OUT"} and len(tokens) == 3
    if output:
        tokens = tokens[:-1]
        call.outputs[name or f"#{position}"] = "@" + tokens[1].text.lower()
    bare = len(tokens) == 1 and tokens[0].token_type not in {
        TokenType.STRING,
        TokenType.NATIONAL_STRING,
        TokenType.NUMBER,
        TokenType.NULL,
    }
    value: Value = tokens[0].text if bare else evaluate(tokens)
    kind = SqlType("nvarchar")
    if tokens[0].text == "@" and "@" + tokens[1].text.lower() in variables:
        kind = variables["@" + tokens[1].text.lower()][0]
    elif isinstance(value, int) and not isinstance(value, bool):
        kind = SqlType("int")
    if name:
        call.named[name] = value
    else:
        call.positional.append(value)
    call.types.append(kind)


def run_call(call: Call, caller: Caller) -> Iterator[Outcome]:
    """Run a procedure. Error 2812 for one that is not here."""
    handler = _PROCEDURES.get(call.name)
    if handler is None:
        raise SqlServerError(2812, f"Could not find stored procedure '{call.name}'.", state=62)
    yield from handler(call, caller)


def _rename(call: Call, caller: Caller) -> Iterator[Outcome]:
    kind = str(call.argument(2, "@objtype") or "OBJECT").upper()
    if kind not in {"OBJECT", "COLUMN", "INDEX"}:
        raise not_supported(f"sp_rename of a {kind}")
    caller.define(Rename(str(call.argument(0, "@objname")), str(call.argument(1, "@newname")), kind))
    yield StatementDone(Command.OTHER, None)


def _executesql(call: Call, caller: Caller) -> Iterator[Outcome]:
    text = call.argument(0, "@stmt") or call.named.get("@statement")
    declarations = call.argument(1, "@params") or ""
    named = [item for item in call.named.items() if item[0] not in {"@stmt", "@statement", "@params"}]
    arguments = [
        Argument(value, kind, output=f"#{position}" in call.outputs)
        for position, (value, kind) in enumerate(zip(call.positional, call.types, strict=False))
        if position >= 2
    ]
    arguments += [Argument(value, _type_of(value), name, name in call.outputs) for name, value in named]
    given_back: dict[str, Value] = {}
    for outcome in caller.batch(Parameterized(str(text), str(declarations), arguments)):
        if isinstance(outcome, OutputValue):
            given_back[outcome.name] = outcome.value
        else:
            yield outcome
    for name, variable in call.outputs.items():
        if name in given_back:
            caller.set_variable(variable, given_back[name])


def _type_of(value: Value) -> SqlType:
    if isinstance(value, bool):
        return SqlType("bit")
    if isinstance(value, int):
        return SqlType("bigint")
    return SqlType("nvarchar")


def _datatype_info(call: Call, caller: Caller) -> Iterator[Outcome]:
    wanted = call.argument(0, "@data_type", 0)
    yield from datatype_info(int(str(wanted or 0)), caller.state)


_PROCEDURES: dict[str, Callable[[Call, Caller], Iterator[Outcome]]] = {
    "sp_rename": _rename,
    "sp_executesql": _executesql,
    "sp_datatype_info_100": _datatype_info,
    "sp_datatype_info": _datatype_info,
}
