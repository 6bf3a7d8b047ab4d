"""sp_describe_first_result_set and sp_describe_undeclared_parameters: what drivers ask before they run a statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from etl.sandbox.errors import not_supported
from etl.sandbox.outcomes import Column, Command, Outcome, ResultSet, StatementDone
from etl.sandbox.procedure_call import Call
from etl.sandbox.sqltypes import SqlType, Value
from etl.sandbox.state import SessionState
from etl.sandbox.translation.described import COLUMNS, described_row, type_facts
from etl.sandbox.translation.types import BIT, INT, SMALLINT, SYSNAME, TINYINT


class Caller(Protocol):
    """What these procedures ask of the batch that calls them."""

    @property
    def state(self) -> SessionState:
        """The session's values."""
        ...

    def describe(self, text: str, declarations: str) -> tuple[Column, ...]:
        """The columns of the first result set of a batch. Raises what compiling it raises."""
        ...

    def undeclared(self, text: str, declarations: str) -> list[tuple[str, SqlType]]:
        """The parameters of a statement that are not declared, with the types that fit. Raises what compiling it raises."""
        ...


_NOT_NULL = frozenset(
    [
        *("is_hidden", "column_ordinal", "is_nullable", "system_type_id", "max_length", "precision", "scale"),
        *("is_xml_document", "is_case_sensitive", "is_fixed_length_clr_type", "tds_type_id", "tds_length"),
    ]
)
# https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-describe-first-result-set-transact-sql
_RESULT = tuple(
    Column(name, COLUMNS[name], nullable=name not in _NOT_NULL)
    for name in (
        *[name for name in COLUMNS if not name.startswith(("error_", "tds_", "order_by_"))],
        *("order_by_list_length", "order_by_is_descending"),
        *("tds_type_id", "tds_length", "tds_collation_id", "tds_collation_sort_id"),
    )
)
_TEXT = SqlType("nvarchar", length=4000)
# https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-describe-undeclared-parameters-transact-sql
_PARAMETERS = (
    Column("parameter_ordinal", INT, nullable=False),
    Column("name", SYSNAME, nullable=False),
    Column("suggested_system_type_id", INT, nullable=False),
    Column("suggested_system_type_name", SqlType("nvarchar", length=256)),
    Column("suggested_max_length", SMALLINT, nullable=False),
    Column("suggested_precision", TINYINT, nullable=False),
    Column("suggested_scale", TINYINT, nullable=False),
    Column("suggested_user_type_id", INT),
    *(Column(f"suggested_user_type_{part}", SYSNAME) for part in ("database", "schema", "name")),
    Column("suggested_assembly_qualified_type_name", _TEXT),
    Column("suggested_xml_collection_id", INT),
    *(Column(f"suggested_xml_collection_{part}", SYSNAME) for part in ("database", "schema", "name")),
    *(Column(f"suggested_is_{what}", BIT, nullable=False) for what in ("xml_document", "case_sensitive")),
    Column("suggested_is_fixed_length_clr_type", BIT, nullable=False),
    *(Column(f"suggested_is_{way}", BIT, nullable=False) for way in ("input", "output")),
    Column("formal_parameter_name", SYSNAME),
    Column("suggested_tds_type_id", INT, nullable=False),
    Column("suggested_tds_length", INT, nullable=False),
)


def describe_first_result_set(call: Call, caller: Caller) -> Iterator[Outcome]:
    """sp_describe_first_result_set @tsql, @params, @browse_information_mode. Raises what is wrong with the batch."""
    mode = call.argument(2, "@browse_information_mode", 0)
    if mode not in {0, None}:
        raise not_supported(f"browse_information_mode {mode!r}")
    columns = caller.describe(_text(call, 0, "@tsql"), _text(call, 1, "@params"))
    rows: list[tuple[Value, ...]] = []
    for ordinal, column in enumerate(columns, 1):
        facts = described_row(ordinal, column)
        rows.append(tuple(facts.get(name.name) for name in _RESULT))
    yield from _rows(_RESULT, rows, caller)


def describe_undeclared_parameters(call: Call, caller: Caller) -> Iterator[Outcome]:
    """sp_describe_undeclared_parameters @tsql, @params. Raises what is wrong with the statement."""
    rows: list[tuple[Value, ...]] = []
    for ordinal, (name, kind) in enumerate(caller.undeclared(_text(call, 0, "@tsql"), _text(call, 1, "@params")), 1):
        facts = {f"suggested_{fact}": held for fact, held in type_facts(kind).items()} | {
            "parameter_ordinal": ordinal,
            "name": name,
            **dict.fromkeys(("suggested_is_xml_document", "suggested_is_case_sensitive"), False),
            **dict.fromkeys(("suggested_is_fixed_length_clr_type", "suggested_is_output"), False),
            "suggested_is_input": True,
        }
        rows.append(tuple(facts.get(column.name) for column in _PARAMETERS))
    yield from _rows(_PARAMETERS, rows, caller)


def _text(call: Call, position: int, name: str) -> str:
    held = call.argument(position, name)
    return held if isinstance(held, str) else ""


def _rows(columns: tuple[Column, ...], rows: Sequence[tuple[Value, ...]], caller: Caller) -> Iterator[Outcome]:
    caller.state.row_count = len(rows)
    yield ResultSet(columns, iter([rows] if rows else []))
    yield StatementDone(Command.SELECT, len(rows))
