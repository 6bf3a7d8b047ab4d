"""The rows of a bulk load into their table: by COPY, or through a temporary table where values have to be converted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from etl.sandbox.bulk_columns import to_stored
from etl.sandbox.catalog import Column, Table
from etl.sandbox.columns import Array, ColumnBatch, Fixed
from etl.sandbox.copying import Batch, Destination, Writer, copy_all
from etl.sandbox.errors import SqlServerError
from etl.sandbox.link import Link
from etl.sandbox.loading import DEFAULT, NULL, copy_target, raw_writer, value_writer
from etl.sandbox.pgcopy import copy_encoder
from etl.sandbox.sqltypes import SIZED, SqlType, Value
from etl.sandbox.translation.expression import Expression, quote
from etl.sandbox.translation.storing import stored
from etl.sandbox.translation.types import family, holds_unicode, is_wide, storage

_STAGE = "pg_temp.bulk_rows"
_WHOLE_NUMBERS = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True, slots=True)
class Slot:
    """A value's place in a row, and where it goes."""

    at: int
    column: Column
    sent: SqlType
    """The type that it comes in."""
    declared: SqlType
    """The type that INSERT BULK has given it: no value may be longer."""


class Extremes:
    """The lowest and the highest value in one place of the rows that pass."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.found: tuple[int, int] | None = None

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches, unchanged."""
        for batch in batches:
            values = self._values(batch)
            if self.found is not None:
                values += self.found
            if values:
                self.found = min(values), max(values)
            yield batch

    def _values(self, batch: Batch) -> list[int]:
        if not isinstance(batch, ColumnBatch):
            return [int(value) for row in batch if isinstance(value := row[self._at], int | Decimal)]
        column = batch.columns[self._at]
        assert isinstance(column, Fixed)
        values = column.values if column.valid is None else column.values[column.valid]
        return [int(values.min()), int(values.max())] if len(values) else []


@dataclass(frozen=True, slots=True)
class Sent:
    """The rows that a client sends."""

    types: Sequence[SqlType]
    """Of all their columns."""
    batches: Iterable[Batch]
    in_one_statement: bool
    """Whether PostgreSQL has to see them as one COPY, because that is what fires triggers."""


def check_storable(sent: SqlType, column: Column, table: Table) -> None:
    """Refuse, as INSERT does, a type that no value of it can be converted to the column's (206 and its like)."""
    if not _fits_as_it_is(sent, column.type):
        stored(Expression("NULL", sent), column, table)


def store(link: Link, table: Table, slots: Sequence[Slot], sent: Sent, *, keep_nulls: bool) -> int:
    """Add rows to the table; returns their number. Raises `EngineError`, error 2628 and 4815, and what the batches raise."""
    if all(_fits_as_it_is(slot.sent, slot.column.type) for slot in slots):
        return _copy(link, table, slots, sent, keep_nulls=keep_nulls)
    return _convert(link, table, slots, sent, keep_nulls=keep_nulls)


def _fits_as_it_is(sent: SqlType, target: SqlType) -> bool:
    """Whether writing a value, with `loading`'s rounding and lengths, is all that the column's type asks for."""
    if sent == target:
        return True
    kinds = family(sent), family(target)
    if kinds == ("int", "int"):
        return _WHOLE_NUMBERS.index(sent.name) <= _WHOLE_NUMBERS.index(target.name)
    if kinds == ("text", "text"):
        return holds_unicode(target) or not holds_unicode(sent)
    if kinds == ("binary", "binary"):
        return True
    if kinds == ("decimal", "decimal"):
        sent_scale, scale = sent.scale or 0, target.scale or 0
        return sent_scale <= scale and (sent.precision or 0) - sent_scale <= (target.precision or 0) - scale
    # SQL Server rounds when digits get fewer, as `loading` does.
    return sent.name == target.name and sent.name in {"time", "datetime2", "datetimeoffset"}


def _copy(link: Link, table: Table, slots: Sequence[Slot], sent: Sent, *, keep_nulls: bool) -> int:
    writers, encoders = [], []
    defaults = False
    for slot in slots:
        null = NULL
        if slot.column.has_default and not keep_nulls:
            null, defaults = DEFAULT, True
        writers.append((slot.at, _limited(slot, value_writer(slot.column, table, slot.sent, null))))
        encoders.append((slot, slot.column.type, null == NULL))
    encode = None if sent.in_one_statement else _columns_encoder(encoders)
    target = copy_target(table, [slot.column for slot in slots])
    destination = Destination(target, f"(DEFAULT '{DEFAULT}')" if defaults else "", writers, encode)
    return copy_all(link, destination, sent.types, sent.batches)


def _columns_encoder(slots: Sequence[tuple[Slot, SqlType, bool]]) -> Callable[[ColumnBatch], Array]:
    """For each slot the type that it is stored as, and whether NULL stays NULL."""
    places = [(slot.at, to_stored(slot.declared, target, nulls_stay=stay)) for slot, target, stay in slots]
    # A decimal says itself what its scale is.
    encode = copy_encoder([slot.sent if family(target) == "decimal" else target for slot, target, _ in slots])

    def encode_stored(batch: ColumnBatch) -> Array:
        return encode(ColumnBatch(tuple(fit(batch.columns[at]) for at, fit in places), batch.rows))

    return encode_stored


def _convert(link: Link, table: Table, slots: Sequence[Slot], sent: Sent, *, keep_nulls: bool) -> int:
    columns = ", ".join(f"c{slot.at} {storage(slot.sent)}" for slot in slots)
    link.script(f"CREATE TEMP TABLE bulk_rows ({columns})")
    writers = [(slot.at, _limited(slot, raw_writer(slot.sent))) for slot in slots]
    encode = _columns_encoder([(slot, slot.sent, True) for slot in slots])
    copy_all(link, Destination(_STAGE, "", writers, encode), sent.types, sent.batches)
    defaults = {} if keep_nulls else _defaults(link, table)
    names = ", ".join(quote(slot.column.physical) for slot in slots)
    values = ", ".join(_converted(slot, table, defaults.get(slot.column.physical)) for slot in slots)
    count = link.run(f"INSERT INTO {table.qualified} ({names}) SELECT {values} FROM {_STAGE} sent").row_count
    link.script(f"DROP TABLE {_STAGE}")
    return count


def _converted(slot: Slot, table: Table, default: str | None) -> str:
    value = Expression(f"sent.c{slot.at}", slot.sent)
    sql = stored(value, slot.column, table)
    return sql if default is None else f"CASE WHEN {value.sql} IS NULL THEN {default} ELSE {sql} END"


def _defaults(link: Link, table: Table) -> dict[str, str]:
    """The DEFAULTs of the table's columns by physical name, in PostgreSQL's words. Identities are none."""
    rows = link.run(
        "SELECT a.attname::text, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid ="
        " d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = $1::regclass",
        (table.qualified,),
    ).rows
    named = {column.physical for column in table.columns if column.has_default}
    return {name: text for name, text in rows if name in named}


def _limited(slot: Slot, write: Writer) -> Writer:
    """`write`, with error 4815 for what is longer than INSERT BULK has declared."""
    declared, sent = slot.declared, slot.sent
    if declared.name not in SIZED or declared.length is None:
        return write
    if sent.length is not None and sent.length <= declared.length:
        return write
    most, wide = declared.length, is_wide(declared)

    def limited(value: Value) -> str:
        if isinstance(value, str):
            size = len(value.encode("utf-16-le")) // 2 if wide and not value.isascii() else len(value)
        else:
            size = len(value) if isinstance(value, bytes) else 0
        if size > most:
            raise SqlServerError(
                4815, f"Received an invalid column length from the bcp client for colid {slot.at + 1}."
            )
        return write(value)

    return limited
