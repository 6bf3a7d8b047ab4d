"""A chunk's rows into the target where some may be refused: all at once, else by a way that tells the bad ones apart.

The ways, each on a connection of its own, since one whose bulk load has failed is thrown away:

1. all at once, as if no row were bad (`etl.append`);
2. with the suspects apart: rows that keys and constraints will probably refuse wait in a temporary table; all others go at
   once, then the suspects one by one (SQL Server only);
3. in slices: all rows wait, and what fails is halved down to single rows.

A worker that has once needed the second does not try the first again: its next chunks are of the same source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import pyarrow as pa
from sqlalchemy.engine import Connection

from etl.append import append, collated
from etl.bad_rows import refusals, suspects, transactions, unfit
from etl.bad_rows.slices import Bound, Inserter, Staged
from etl.bad_rows.suspects import Rule
from etl.bad_rows.tally import Refused, Tally
from etl.bulk import lengths
from etl.connect import Endpoint
from etl.errors import DatabaseError, SchemaError
from etl.route import Route
from etl.statements import TableName
from etl.types import Column

Result = TypeVar("Result")
Claim = Callable[[], None]

PLACE = "etl_place"
"""A column with each row's place in what is to be written, from 0, while rows are parted."""


class Way(Protocol):
    """One try to write a chunk's rows."""

    def prepare(self, connection: Connection) -> None:
        """What comes before the chunk's transaction."""

    def write(self, connection: Connection, claim: Claim) -> int:
        """Claim the chunk first of all, write its rows and return how many."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go."""

    table: TableName
    columns: list[Column]
    route: Route


@dataclass(frozen=True, slots=True)
class AtOnce:
    """The rows as if none were bad."""

    target: Target
    rows: pa.Table

    def prepare(self, connection: Connection) -> None:
        """Nothing."""

    def write(self, connection: Connection, claim: Claim) -> int:
        """Raises what `append` raises."""
        claim()
        rows = self.rows.drop_columns([PLACE])
        return append(connection, self.target.table, rows, self.target.columns, self.target.route)


class SuspectsApart:
    """Those that the target's rules will probably refuse one by one, after all others."""

    def __init__(self, target: Target, rows: pa.Table, rules: Sequence[Rule], tally: Tally) -> None:
        self._target = target
        self._rows = rows
        self._rules = rules
        self._tally = tally

    def prepare(self, connection: Connection) -> None:
        """Ask for the suspects, and let them wait."""
        target = self._target
        parted = lengths.split(self._rows, target.columns)
        is_suspect = np.zeros(parted.small.num_rows, bool)
        found = suspects.search(connection, parted.small.drop_columns([PLACE]), target.columns, self._rules)
        is_suspect[found] = True
        others = parted.small.filter(pa.array(~is_suspect))
        self._others = AtOnce(target, pa.concat_tables([others, parted.large]))
        self._apart = parted.small.filter(pa.array(is_suspect))
        self._waiting = Staged(target.table, self._apart.drop_columns([PLACE]), target.columns)
        self._waiting.stage(connection)

    def write(self, connection: Connection, claim: Claim) -> int:
        """Raises DatabaseError where a row is refused that was no suspect."""

        def begin() -> None:
            transactions.forgive_no_more(connection)
            self._others.write(connection, claim)
            transactions.forgive(connection)

        begin()
        inserter = Inserter(connection, begin)
        written = inserter.insert(self._waiting, _refusing(self._target, self._apart, self._tally), piece=1)
        transactions.forgive_no_more(connection)
        return int(self._others.rows.num_rows) + written


class InSlices:
    """All rows in slices, which are halved where the server refuses them."""

    def __init__(self, target: Target, rows: pa.Table, tally: Tally, *, by_bulk_copy: bool) -> None:
        self._target = target
        self._tally = tally
        parted = lengths.split(rows, target.columns) if by_bulk_copy else lengths.Split(rows.slice(0, 0), rows)
        self._small, self._large = parted.small, parted.large
        self._waiting = Staged(target.table, self._small.drop_columns([PLACE]), target.columns)

    def prepare(self, connection: Connection) -> None:
        """Let the rows wait that bulk copy can carry."""
        self._waiting.stage(connection)

    def write(self, connection: Connection, claim: Claim) -> int:
        """Raises DatabaseError for what is no row's doing."""
        claim()
        transactions.forgive(connection)
        inserter = Inserter(connection, claim)
        written = inserter.insert(self._waiting, _refusing(self._target, self._small, self._tally))
        bound = Bound(self._target.table, self._large.drop_columns([PLACE]), self._target.columns)
        written += inserter.insert(bound, _refusing(self._target, self._large, self._tally))
        transactions.forgive_no_more(connection)
        return written


class Placer:
    """Places the chunks of one worker."""

    def __init__(self, endpoint: Endpoint, target: Target) -> None:
        self._endpoint = endpoint
        self._target = target
        self._found_unfit = False
        self._met_refusals = False
        self._asks_table = False

    def place(self, rows: pa.Table, tally: Tally, transact: Callable[[Way], Result]) -> Result:
        """Write the rows by the first way that comes to its end, and return what `transact` returns for it.

        `transact` tries a way on a connection of its own, in the chunk's transaction. Rows that are refused go to the tally.
        Raises what the tally raises, SchemaError and DatabaseError for what is no single row's doing.
        """
        numbered = rows.append_column(PLACE, pa.array(np.arange(rows.num_rows)))
        judged = self._found_unfit or self._met_refusals
        if judged:
            numbered = self._fitting(numbered, tally)
        while not self._met_refusals:
            try:
                return transact(AtOnce(self._target, numbered))
            except SchemaError:
                before = numbered.num_rows
                numbered = numbered if judged else self._fitting(numbered, tally)
                if numbered.num_rows == before:
                    raise
                self._found_unfit = judged = True
            except DatabaseError as error:
                if self._target.route.disarmed or not refusals.is_a_rows(error):
                    raise
                self._met_refusals = True
        return self._carefully(numbered if judged else self._fitting(numbered, tally), tally, transact)

    def _carefully(self, rows: pa.Table, tally: Tally, transact: Callable[[Way], Result]) -> Result:
        by_bulk_copy = self._target.route.way != "insert"
        before = len(tally)
        while by_bulk_copy and (asked := self._asked):
            try:
                return transact(SuspectsApart(self._known, rows, asked, tally))
            except DatabaseError as error:
                if error is tally.last_straw or not refusals.is_a_rows(error):
                    raise
                tally.back_to(before)
                if self._asks_table or error.number not in refusals.DUPLICATES:
                    break
                self._asks_table = True
        return transact(InSlices(self._known, rows, tally, by_bulk_copy=by_bulk_copy))

    @cached_property
    def _known(self) -> Target:
        """The target with the collations that its table has."""
        if self._endpoint.dialect != "mssql":
            return self._target
        with self._endpoint.connect() as connection:
            columns = collated(connection, self._target.table, self._target.columns)
        return replace(self._target, columns=columns)

    @property
    def _asked(self) -> list[Rule]:
        """What is asked of the rows; whether the target has their keys already only once that has been met."""
        return [rule for rule in self._rules if self._asks_table or not rule.asks_table]

    @cached_property
    def _rules(self) -> list[Rule]:
        with self._endpoint.connect() as connection:
            return suspects.rules(connection, self._target.table, self._known.columns)

    def _fitting(self, rows: pa.Table, tally: Tally) -> pa.Table:
        """The rows whose values their columns can hold."""
        if self._endpoint.dialect != "mssql":
            return rows
        bad: set[int] = set()
        for found in unfit.search(rows, self._known.columns, self._target.route.way):
            if found.row not in bad:
                bad.add(found.row)
                place = _place(rows, found.row)
                tally.add(Refused("cast", found.reason, None, column=found.column.name, place=place), found.error)
        return rows.filter(pa.array(~np.isin(np.arange(rows.num_rows), list(bad)))) if bad else rows


def _refusing(target: Target, rows: pa.Table, tally: Tally) -> Callable[[int, DatabaseError], None]:
    """What is done with a row, given by its place in `rows`, that the server refuses."""

    def refuse(row: int, error: DatabaseError) -> None:
        reason = error.message.removeprefix(f"appending to {target.table}: ")
        tally.add(Refused("server", reason, None, error.number, place=_place(rows, row)), error)

    return refuse


def _place(rows: pa.Table, row: int) -> int:
    return int(rows.column(PLACE)[row].as_py())
