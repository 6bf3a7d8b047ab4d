"""The catalog procedures that ODBC drivers call (SQLTables, SQLColumns …): T-SQL over the sys views.

Each is a file `system_procedures/<name>.sql` as CREATE PROCEDURE would have it; results, types and order are those of
https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/catalog-stored-procedures-transact-sql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from etl.sandbox.errors import SqlServerError
from etl.sandbox.outcomes import Argument, Outcome, Parameterized
from etl.sandbox.procedure_call import Call
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState

_FOLDER = Path(__file__).parent / "system_procedures"
_HEADER = re.compile(r"^CREATE PROCEDURE (\w+)\n(.*?)^AS\n(.*)\Z", re.DOTALL | re.MULTILINE)
_PARAMETER = re.compile(r"(@\w+) (\w+(?:\([^)]*\))?)(?: = (NULL|\d+|'[^']*'))?")
_SAME_BODY = {
    "sp_statistics_100": "sp_statistics",
    "sp_special_columns_100": "sp_special_columns",
    "sp_special_columns_90": "sp_special_columns",
    "sp_columns_90": "sp_columns_100",
    "sp_sproc_columns_100": "sp_sproc_columns",
    "sp_tablecollations_90": "sp_tablecollations_100",
}
"""Procedures of later protocol versions that answer the same here: what sets them apart are date types or sparse columns."""


class Caller(Protocol):
    """What a catalog procedure asks of the batch that calls it."""

    @property
    def state(self) -> SessionState:
        """The session's values."""
        ...

    def batch(self, request: Parameterized, *, database: str = "") -> Iterator[Outcome]:
        """Run a batch inside the current one; in another database if one is named."""
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; one without a default must be given."""

    name: str
    type: str
    required: bool
    default: Value


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure's parameters and its T-SQL."""

    name: str
    parameters: tuple[Parameter, ...]
    body: str

    @property
    def declarations(self) -> str:
        """The parameters as sp_executesql declares them."""
        return ", ".join(f"{parameter.name} {parameter.type}" for parameter in self.parameters)


def run_catalog_procedure(call: Call, caller: Caller) -> Iterator[Outcome]:
    """Run one of these procedures.

    Errors 2812 for another one, 201, 8144 and 8145 for wrong arguments, 15250 for another database than the current one.
    """
    procedure = find_procedure(call.name)
    if procedure is None:
        raise SqlServerError(2812, f"Could not find stored procedure '{call.written}'.", state=62)
    values = _arguments(procedure, call)
    _check_database(values, call.database or caller.state.database)
    arguments = [Argument(value, _type_of(value), name) for name, value in values.items()]
    yield from caller.batch(
        Parameterized(procedure.body, procedure.declarations, arguments),
        database=call.database,
    )


@cache
def find_procedure(name: str) -> Procedure | None:
    """The procedure of that name in lower case, read from its file."""
    file = _FOLDER / f"{_SAME_BODY.get(name, name)}.sql"
    if not re.fullmatch(r"sp_\w+", name) or not file.exists():
        return None
    header = _HEADER.search(file.read_text())
    assert header is not None, file
    parameters = tuple(
        Parameter(found[1].lower(), found[2], found[3] is None, _constant(found[3] or "NULL"))
        for found in _PARAMETER.finditer(header[2])
    )
    return Procedure(name, parameters, header[3])


def _constant(text: str) -> Value:
    if text == "NULL":
        return None
    return int(text) if text.isdigit() else text.strip("'")


def _arguments(procedure: Procedure, call: Call) -> dict[str, Value]:
    values = {parameter.name: parameter.default for parameter in procedure.parameters}
    missing = {parameter.name for parameter in procedure.parameters if parameter.required}
    if len(call.given) > len(procedure.parameters):
        message = f"Procedure or function {procedure.name} has too many arguments specified."
        raise SqlServerError(8144, message, state=2)
    for position, item in enumerate(call.given):
        name = item.name or procedure.parameters[position].name
        if name not in values:
            raise SqlServerError(8145, f"{name} is not a parameter for procedure {procedure.name}.", state=2)
        values[name] = item.value
        missing.discard(name)
    for parameter in procedure.parameters:
        if parameter.name in missing:
            message = f"Procedure or function '{procedure.name}' expects parameter '{parameter.name}', which was not supplied."
            raise SqlServerError(201, message, state=4)
    return values


def _check_database(values: dict[str, Value], database: str) -> None:
    """A qualifier other than the current database is refused; a blank one and % mean something to sp_tables."""
    for name, value in values.items():
        if name.endswith("qualifier") and value not in {None, "", "%"} and str(value).lower() != database.lower():
            raise SqlServerError(
                15250,
                "The database name component of the object qualifier must be the name of the current database.",
            )


def _type_of(value: Value) -> SqlType:
    return SqlType("int") if isinstance(value, int) else SqlType("nvarchar")
