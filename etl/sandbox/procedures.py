"""EXEC: the procedures that clients call, by name and in any schema's name, and EXEC of a string."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from etl.sandbox.applocks import ApplicationLocks, Granted, Resource
from etl.sandbox.catalog_procedures import run_catalog_procedure
from etl.sandbox.datatypes import datatype_info
from etl.sandbox.description_procedures import describe_first_result_set, describe_undeclared_parameters
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.outcomes import Argument, Column, Command, Outcome, OutputValue, Parameterized, StatementDone
from etl.sandbox.procedure_call import Call, Given
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState
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

    def batch(self, request: Parameterized, *, database: str = "") -> Iterator[Outcome]:
        """Run a batch inside the current one: its own variables, the same session; in another database if one is named."""
        ...

    def describe(self, text: str, declarations: str) -> tuple[Column, ...]:
        """The columns of the first result set of a batch. Raises what compiling it raises."""
        ...

    def undeclared(self, text: str, declarations: str) -> list[tuple[str, SqlType]]:
        """The parameters of a statement that are not declared, with the types that fit. Raises what compiling it raises."""
        ...

    def set_variable(self, name: str, value: Value) -> None:
        """An OUTPUT argument of EXEC, or its return status, comes back."""
        ...

    @property
    def application_locks(self) -> ApplicationLocks:
        """The session's locks by sp_getapplock."""
        ...


def run_call(call: Call, caller: Caller) -> Iterator[Outcome]:
    """Run a procedure. Error 2812 for one that is not here."""
    handler = _PROCEDURES.get(call.name, run_catalog_procedure)
    try:
        yield from handler(call, caller)
    finally:
        if call.status_variable:
            caller.set_variable(call.status_variable, call.status)


def run_text(text: str, caller: Caller) -> Iterator[Outcome]:
    """EXEC ('…'): a batch without parameters."""
    return caller.batch(Parameterized(text))


def _rename(call: Call, caller: Caller) -> Iterator[Outcome]:
    kind = str(call.argument(2, "@objtype") or "OBJECT").upper()
    if kind not in {"OBJECT", "COLUMN", "INDEX"}:
        raise not_supported(f"sp_rename of a {kind}")
    caller.define(Rename(str(call.argument(0, "@objname")), str(call.argument(1, "@newname")), kind))
    yield StatementDone(Command.OTHER, None)


def _executesql(call: Call, caller: Caller) -> Iterator[Outcome]:
    """sp_executesql @stmt, @params, arguments. Error 214 for a statement that is no Unicode text."""
    given = list(call.given)
    text, declarations = _taken(given, ("@stmt", "@statement")), _taken(given, ("@params",))
    if text is None or text.type.name not in {"nvarchar", "nchar", "ntext"}:
        message = "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'."
        raise SqlServerError(214, message, state=2, ends_batch=True)
    declared = "" if declarations is None else str(declarations.value or "")
    arguments = [Argument(item.value, item.type, item.name, bool(item.variable)) for item in given]
    given_back: list[OutputValue] = []
    for outcome in caller.batch(Parameterized(str(text.value or ""), declared, arguments)):
        if isinstance(outcome, OutputValue):
            given_back.append(outcome)
        else:
            yield outcome
    wanted = [item for item in given if item.variable]
    for item, outcome in zip(_in_order(wanted, given_back), given_back, strict=True):
        caller.set_variable(item.variable, outcome.value)


def _taken(given: list[Given], names: Sequence[str]) -> Given | None:
    """Take the parameter of one of these names out of the arguments, or the first that stands without a name."""
    for item in given:
        if item.name in names or not item.name:
            given.remove(item)
            return item
    return None


def _in_order(wanted: Sequence[Given], outcomes: Sequence[OutputValue]) -> Iterator[Given]:
    """The OUTPUT arguments in the order in which their values come: by name, else by position."""
    by_name = {item.name: item for item in wanted if item.name}
    positional = iter(item for item in wanted if not item.name)
    for outcome in outcomes:
        yield by_name[outcome.name] if outcome.name in by_name else next(positional)


def _datatype_info(call: Call, caller: Caller) -> Iterator[Outcome]:
    wanted = call.argument(0, "@data_type", 0)
    try:
        number = int(str(wanted or 0))
    except ValueError:
        raise SqlServerError(8114, "Error converting data type varchar to int.", state=5, ends_batch=True) from None
    yield from datatype_info(number, caller.state)


def _get_application_lock(call: Call, caller: Caller) -> Iterator[Outcome]:
    """sp_getapplock @Resource, @LockMode, @LockOwner, @LockTimeout, @DbPrincipal; its outcome is the return status."""
    timeout = call.argument(3, "@locktimeout", caller.state.options.lock_timeout_ms)
    call.status = int(Granted.WRONG_CALL)
    if not isinstance(timeout, int) or timeout < -1:
        raise SqlServerError(1227, "An invalid application lock time-out was passed to sp_getapplock.")
    mode = str(call.argument(1, "@lockmode") or "")
    resource = _locked_resource(call, caller, call.argument(2, "@lockowner", "Transaction"), 4)
    call.status = int(caller.application_locks.get(resource, mode, timeout))
    yield StatementDone(Command.OTHER, None)


def _release_application_lock(call: Call, caller: Caller) -> Iterator[Outcome]:
    """sp_releaseapplock @Resource, @LockOwner, @DbPrincipal. Error 1223 where nothing is held."""
    call.status = int(Granted.WRONG_CALL)
    resource = _locked_resource(call, caller, call.argument(1, "@lockowner", "Transaction"), 2)
    caller.application_locks.release(resource)
    call.status = 0
    yield StatementDone(Command.OTHER, None)


def _locked_resource(call: Call, caller: Caller, owner: Value, principal_at: int) -> Resource:
    name, principal = call.argument(0, "@resource"), str(call.argument(principal_at, "@dbprincipal", "public"))
    procedure = call.name
    if name is None:
        raise SqlServerError(1224, f"An invalid application lock resource was passed to {procedure}.")
    if str(owner).lower() not in {"transaction", "session"}:
        raise SqlServerError(1226, f"An invalid application lock owner was passed to {procedure}.")
    database = call.database or caller.state.database
    return Resource(database, principal, str(name)[:255], str(owner).lower() == "transaction")


_PROCEDURES: dict[str, Callable[[Call, Caller], Iterator[Outcome]]] = {
    "sp_rename": _rename,
    "sp_executesql": _executesql,
    "sp_datatype_info_100": _datatype_info,
    "sp_datatype_info": _datatype_info,
    "sp_describe_first_result_set": describe_first_result_set,
    "sp_describe_undeclared_parameters": describe_undeclared_parameters,
    "sp_getapplock": _get_application_lock,
    "sp_releaseapplock": _release_application_lock,
}
