"""Remote procedure calls: prepared statements here, every other procedure as an EXEC for the interpreter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Argument, Interpreter, Outcome, OutputValue, Parameterized, ProcedureEnded
from etl.sandbox.prepared import Prepared, PreparedStatements
from etl.sandbox.response import Response
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.wire.rpc import PROCEDURES, Call

_INT = SqlType("int")
_SYSTEM_PREFIX = re.compile(r"^(?:(?:\[?master\]?)?\.)?(?:(?:\[?(?:sys|dbo)\]?)?\.)?", re.IGNORECASE)


class Calls:
    """Runs calls for one session. Statements go to the interpreter, handles stay here."""

    def __init__(self, interpreter: Interpreter, prepared: PreparedStatements) -> None:
        self._interpreter = interpreter
        self._prepared = prepared
        self._special: dict[str, Callable[[Call, Response], None]] = {
            "sp_executesql": self._execute_sql,
            "sp_prepare": self._prepare,
            "sp_execute": self._execute,
            "sp_prepexec": self._prepare_and_execute,
            "sp_unprepare": self._unprepare,
        }

    def run(self, call: Call, response: Response) -> None:
        """Run one call, up to its DONEPROC unless an error is raised. Raises `SqlServerError`."""
        name = _SYSTEM_PREFIX.sub("", call.procedure, count=1).strip("[]").lower()
        response.begin_procedure()
        if name in self._special:
            self._special[name](call, response)
        elif name in PROCEDURES.values():
            raise not_supported(f"the procedure {name}")
        else:
            self._named(call, response)
        response.end_procedure()

    def _execute_sql(self, call: Call, response: Response) -> None:
        text = _text(call, 0, "@statement")
        declarations = _optional_text(call, 1, "@params")
        self._play(Prepared(text, declarations), call.arguments[2:], response)

    def _prepare(self, call: Call, response: Response) -> None:
        declarations = _optional_text(call, 1, "@params")
        handle = self._prepared.add(Prepared(_text(call, 2, "@stmt"), declarations))
        response.output(OutputValue(call.arguments[0].name, _INT, handle))

    def _execute(self, call: Call, response: Response) -> None:
        self._play(self._prepared[_handle(call)], call.arguments[1:], response)

    def _prepare_and_execute(self, call: Call, response: Response) -> None:
        prepared = Prepared(_text(call, 2, "@stmt"), _optional_text(call, 1, "@params"))
        if call.arguments[0].value in self._prepared:
            self._prepared.remove(_handle(call))
        # The handle is valid even where running the statement fails: the client will run or release it.
        handle = self._prepared.add(prepared)
        response.output(OutputValue(call.arguments[0].name, _INT, handle))
        self._play(prepared, call.arguments[3:], response)

    def _unprepare(self, call: Call, _: Response) -> None:
        self._prepared.remove(_handle(call))

    def _play(self, prepared: Prepared, arguments: tuple[Argument, ...], response: Response) -> None:
        response.play(self._interpreter.run(Parameterized(prepared.text, prepared.declarations, arguments)))

    def _named(self, call: Call, response: Response) -> None:
        """Any other procedure is the interpreter's: the call becomes an EXEC statement with parameters."""
        given, declared, arguments = [], [], []
        for ordinal, argument in enumerate(call.arguments, start=1):
            parameter, output = f"@P{ordinal}", " OUTPUT" if argument.output else ""
            given.append(f"{argument.name} = {parameter}{output}" if argument.name else parameter + output)
            declared.append(f"{parameter} {argument.type}{output}")
            arguments.append(replace(argument, name=parameter))
        text = f"EXEC {call.procedure} {', '.join(given)}".rstrip()
        names = {argument.name: original.name for argument, original in zip(arguments, call.arguments, strict=True)}
        outcomes = self._interpreter.run(Parameterized(text, ", ".join(declared), arguments))
        response.play(_of_the_call(outcomes, names, response))


def _of_the_call(outcomes: Iterator[Outcome], names: dict[str, str], response: Response) -> Iterator[Outcome]:
    """What an EXEC gives as what a call gives: its own names for OUTPUT parameters, its status at the end."""
    for outcome in outcomes:
        if isinstance(outcome, ProcedureEnded):
            response.returned = outcome.status
        elif isinstance(outcome, OutputValue):
            yield replace(outcome, name=names.get(outcome.name, outcome.name))
        else:
            yield outcome


def _text(call: Call, index: int, parameter: str) -> str:
    value = call.arguments[index].value if index < len(call.arguments) else None
    if not isinstance(value, str):
        message = f"Procedure expects parameter '{parameter}' of type 'ntext/nchar/nvarchar'."
        raise SqlServerError(214, message, ends_batch=True)
    return value


def _optional_text(call: Call, index: int, parameter: str) -> str:
    if index >= len(call.arguments) or call.arguments[index].value is None:
        return ""
    return _text(call, index, parameter)


def _handle(call: Call) -> int:
    value = call.arguments[0].value if call.arguments else None
    if not isinstance(value, int):
        raise SqlServerError(214, "Procedure expects parameter '@handle' of type 'int'.", ends_batch=True)
    return value
