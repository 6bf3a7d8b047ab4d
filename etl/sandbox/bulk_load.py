"""Bulk load on the engine: INSERT BULK announces it, the rows come with the next message.

https://learn.microsoft.com/sql/tools/bcp-utility, https://learn.microsoft.com/sql/t-sql/statements/bulk-insert-transact-sql and
[MS-TDS] 2.2.6.1 say what it does otherwise than INSERT does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from etl.sandbox.bulk_lock import lock_for_bulk_load
from etl.sandbox.bulk_statement import BulkStatement, parse_bulk_statement
from etl.sandbox.bulk_store import Extremes, Sent, Slot, check_storable, store
from etl.sandbox.catalog import Catalog, Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.evaluation import Evaluator
from etl.sandbox.firing import announce, fires, told
from etl.sandbox.identity import LastIdentity, advance_identity, advance_identity_to
from etl.sandbox.link import EngineError, Link
from etl.sandbox.outcomes import BulkRows, Command, Outcome, StatementDone
from etl.sandbox.outcomes import Column as SentColumn
from etl.sandbox.pgerrors import server_error
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.state import SessionState
from etl.sandbox.transactions import Transaction
from etl.sandbox.translation.batch import Statement
from etl.sandbox.translation.targets import refuse_unwritable


@dataclass(frozen=True, slots=True)
class BulkTarget:
    """What an INSERT BULK has announced."""

    table: Table
    statement: BulkStatement
    columns: tuple[Column, ...]
    """The table's columns, in the order of the statement's list. An identity column among them takes the values as they come:
    clients that do not want that leave it out, and SET IDENTITY_INSERT plays no part."""


class BulkLoader:
    """The bulk loads of one session."""

    def __init__(
        self,
        link: Link,
        catalog: Catalog,
        state: SessionState,
        transaction: Transaction,
        identity: LastIdentity,
        evaluator: Evaluator,
    ) -> None:
        self._link = link
        self._catalog = catalog
        self._state = state
        self._transaction = transaction
        self._identity = identity
        self._evaluator = evaluator
        self._announced: BulkTarget | None = None

    @property
    def table(self) -> str:
        """The full name of the table whose rows are expected, or empty."""
        return self._announced.table.full_name if self._announced is not None else ""

    def forget(self) -> None:
        """Another request has come between INSERT BULK and its rows."""
        self._announced = None

    def announce(self, statement: Statement) -> Iterator[Outcome]:
        """INSERT BULK: from here on the rows may come. Errors 208, 207, 264, 271, 273, 229, 206, 102 and not supported."""
        self._announced = None
        parsed = parse_bulk_statement(statement)
        context = self._evaluator.context()
        table = context.find_table(parsed.table)
        if table.kind != "U":
            raise not_supported(f"a bulk load into the view {table.name}")
        columns = tuple(_column(table, column.name) for column in parsed.columns)
        _refuse_repeated(columns)
        for column, declared in zip(columns, parsed.columns, strict=True):
            check_storable(declared.type, column, table)
        explicit = any(column.identity for column in columns)
        self._catalog.rights.require_bulk_insert(table, alters=self._alters(table, parsed, explicit))
        if not self._state.options.format_only:
            self._announced = BulkTarget(table, parsed, columns)
        yield StatementDone(Command.OTHER, None)

    def load(self, rows: BulkRows) -> Iterator[Outcome]:
        """Store the rows of the message that follows INSERT BULK. Errors as INSERT's, 4815, 4816, and what `rows` raises."""
        target, self._announced = self._announced, None
        if target is None:
            raise SqlServerError(
                4002,
                "The incoming tabular data stream (TDS) protocol stream is incorrect: a bulk load without INSERT BULK.",
                severity=20,
                ends_batch=True,
            )
        slots = _slots(target, rows.columns)
        options = target.statement.options
        fired = options.fire_triggers and fires(target.table, Command.INSERT)
        if fired:
            announce(self._link, self._state, target.table)
        try:
            with self._transaction.statement(whole=True):
                count = self._store(target, slots, rows, fired=fired)
        except EngineError as error:
            yield from told(self._link)
            raise server_error(error, Command.INSERT, self._link) from error
        yield from told(self._link)
        self._state.row_count = count
        identity = target.table.identity
        if count and identity is not None and identity.sequence is not None:
            self._identity.drawn_from(identity.sequence)
        yield StatementDone(Command.INSERT, count)

    def _store(self, target: BulkTarget, slots: Sequence[Slot], rows: BulkRows, *, fired: bool) -> int:
        options, table = target.statement.options, target.table
        shares = options.tablock and lock_for_bulk_load(self._link, table)
        settings = (options.check_constraints, options.fire_triggers, shares)
        self._link.run(
            "SELECT sandbox.bulk_load_begins($1::bool, $2::bool, $3::bool)", ["t" if on else "f" for on in settings]
        )
        explicit = next((slot for slot in slots if slot.column.identity), None)
        extremes = Extremes(explicit.at) if explicit is not None else None
        batches = extremes.watch(rows.batches) if extremes is not None else rows.batches
        sent = Sent([column.type for column in rows.columns], batches, in_one_statement=fired)
        count = store(self._link, table, slots, sent, keep_nulls=options.keep_nulls)
        self._link.run("SELECT sandbox.bulk_load_ends()")
        if extremes is not None and extremes.found is not None:
            advance_identity_to(self._link, table, *extremes.found)
        elif extremes is not None and count:
            advance_identity(self._link, table)
        if not options.check_constraints:
            self._distrust(table)
        return count

    def _distrust(self, table: Table) -> None:
        """Constraints that were not checked are not trusted from here on."""
        self._link.run(
            "INSERT INTO sandbox.untrusted_constraints SELECT object_id FROM sandbox.objects o WHERE parent_object_id ="
            " $1::int AND type IN ('C', 'F') AND NOT sandbox.is_untrusted(o.object_id)",
            (str(table.object_id),),
        )

    def _alters(self, table: Table, statement: BulkStatement, explicit: bool) -> bool:
        if self._catalog.rights.unrestricted:
            return False
        options = statement.options
        constrained = self._link.run(
            "SELECT FROM sandbox.objects WHERE parent_object_id = $1::int AND type IN ('C', 'F') LIMIT 1",
            (str(table.object_id),),
        ).row_count
        silenced = bool(table.triggers) and not options.fire_triggers
        return explicit or silenced or (bool(constrained) and not options.check_constraints)


def _column(table: Table, name: str) -> Column:
    column = table.by_name.get(name.lower())
    if column is None:
        raise SqlServerError(207, f"Invalid column name '{name}'.", ends_batch=True)
    refuse_unwritable(column)
    return column


def _refuse_repeated(columns: Sequence[Column]) -> None:
    seen: set[int] = set()
    for column in columns:
        if column.id in seen:
            raise SqlServerError(
                264,
                f"The column name '{column.name}' is specified more than once in the SET clause or column list of an"
                " INSERT. A column cannot be assigned more than one value in the same clause.",
                ends_batch=True,
            )
        seen.add(column.id)


def _slots(target: BulkTarget, sent: Sequence[SentColumn]) -> list[Slot]:
    """The columns to fill. Error 4816 where the rows' types are not those of INSERT BULK."""
    declared = target.statement.columns
    if len(sent) != len(declared):
        raise _invalid_type(min(len(sent), len(declared)) + 1)
    slots = []
    for at, (column, wanted, found) in enumerate(zip(target.columns, declared, sent, strict=True)):
        if not _same_kind(wanted.type, found.type):
            raise _invalid_type(at + 1)
        slots.append(Slot(at, column, found.type, wanted.type))
    return slots


def _same_kind(declared: SqlType, sent: SqlType) -> bool:
    # xml comes as nvarchar, a user-defined type as varbinary (MS-TDS 2.2.6.1).
    return declared.name == sent.name or (declared.name == "xml" and sent.name == "nvarchar")


def _invalid_type(ordinal: int) -> SqlServerError:
    return SqlServerError(4816, f"Invalid column type from bcp client for colid {ordinal}.")
