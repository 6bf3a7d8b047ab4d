"""Rows into a table slice by slice: what is refused is halved down to single rows, and the transaction goes on without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa
from sqlalchemy.engine import Connection

from etl import connect, insert, load, statements
from etl.bad_rows import halving, refusals, transactions
from etl.bulk import copy, staging
from etl.errors import DatabaseError
from etl.statements import TableName, quote
from etl.types import Column

PIECE_ROWS = 1_024
"""Rows of the first slices: with a bad row in each thousand, most of them go in at the first attempt."""
STAGE = TableName("#etl_waiting")
ROW = Column("etl_row", "int", nullable=False)
"""The number of a row in a staging table, from 0."""


class Waiting(Protocol):
    """Rows that wait to be inserted."""

    rows: int

    def insert(self, connection: Connection, start: int, stop: int) -> None:
        """Set a savepoint and insert the rows of [start, stop). Raises DatabaseError."""


class Staged:
    """Rows in a temporary table of a connection to SQL Server, which has no constraint that refuses them."""

    def __init__(self, table: TableName, rows: pa.Table, columns: Sequence[Column]) -> None:
        self.table = table
        self.rows = rows.num_rows
        self._values = rows
        self._columns = columns
        names = ", ".join(quote("mssql", column.name) for column in columns)
        self._sql = insert.counted(
            f"{transactions.SAVE['mssql']}; "
            + statements.load("insert_staged_mssql").format(
                table=table.quoted("mssql"), columns=names, stage=STAGE.quoted("mssql")
            )
        )

    def stage(self, connection: Connection) -> None:
        """Bring them there. Commits: the temporary table outlives what becomes of the transaction after it."""
        if not self.rows:
            return
        waiting = [*map(staging.staged, self._columns), ROW]
        load.create_table(connection, STAGE, waiting)
        with connect.statement("numbering staged rows"):
            connection.exec_driver_sql(statements.load("index_staged_mssql").format(stage=STAGE.quoted("mssql")))
        numbered = self._values.append_column(ROW.name, pa.array(np.arange(self.rows, dtype=np.int32)))
        places = range(1, len(waiting) + 1)
        hints = ("KEEP_NULLS", "TABLOCK", f"ORDER({ROW.name} ASC)")
        copy.copy_rows(connection, STAGE, numbered, waiting, places, table_columns=len(waiting), hints=hints)
        with connect.statement("staging rows"):
            connection.commit()

    def insert(self, connection: Connection, start: int, stop: int) -> None:
        """Set a savepoint and insert the rows of [start, stop). Raises DatabaseError."""
        with (
            connect.statement(f"appending to {self.table}"),
            insert.identity_insert(connection, self.table, self._columns),
            connect.cursor(connection) as cursor,
        ):
            arrived = cursor.execute(self._sql, (start, stop - 1)).fetchval()
        if arrived != stop - start:
            raise DatabaseError(f"appending to {self.table}: {stop - start} rows were staged and {arrived} arrived")


class Bound:
    """Rows that go as parameters of INSERT statements."""

    def __init__(self, table: TableName, rows: pa.Table, columns: Sequence[Column]) -> None:
        self.table = table
        self.rows = rows.num_rows
        self._values = rows
        self._columns = list(columns)

    def insert(self, connection: Connection, start: int, stop: int) -> None:
        """Set a savepoint and insert the rows of [start, stop). Raises DatabaseError."""
        transactions.save(connection)
        insert.append_rows(connection, self.table, self._values.slice(start, stop - start), self._columns)


class Inserter:
    """Inserts what waits, in one transaction of a connection, and tells of each row that is refused."""

    def __init__(self, connection: Connection, claim: Callable[[], None]) -> None:
        """`claim` begins the chunk's transaction; it is called again where the server has taken one back."""
        self._connection = connection
        self._claim = claim
        self._done: list[tuple[Waiting, int, int]] = []

    def insert(self, waiting: Waiting, refuse: Callable[[int, DatabaseError], None], *, piece: int = PIECE_ROWS) -> int:
        """Insert the rows that the server takes and return how many; `refuse` is told of each other one and its error.

        Raises DatabaseError for what is no row's doing, and for rows whose refusal takes the transaction back without that
        one of them does so alone.
        """
        refused = 0

        def attempt(start: int, stop: int) -> DatabaseError | None:
            nonlocal refused
            error = self._trouble(waiting, start, stop)
            if error is None:
                self._done.append((waiting, start, stop))
            elif not transactions.back(self._connection):
                for row, own in self._without_refused(waiting, start, stop, error):
                    refused += 1
                    refuse(row, own)
                return None
            return error

        for row, error in halving.search(0, waiting.rows, attempt, piece=piece):
            refused += 1
            refuse(row, error)
        return waiting.rows - refused

    def _trouble(self, waiting: Waiting, start: int, stop: int) -> DatabaseError | None:
        try:
            waiting.insert(self._connection, start, stop)
        except DatabaseError as error:
            if not refusals.is_a_rows(error):
                raise
            return error
        return None

    def _without_refused(
        self, waiting: Waiting, start: int, stop: int, error: DatabaseError
    ) -> list[tuple[int, DatabaseError]]:
        """Where a refusal takes back everything (a trigger's, a failed conversion): the refused rows of [start, stop).

        They are looked for in transactions that are taken back too. Then all rows that were in go in again, and the others
        of the slice.
        """

        def rehearse(first: int, last: int) -> DatabaseError | None:
            transactions.begin_again(self._connection)
            return self._trouble(waiting, first, last)

        found = list(halving.search(start, stop, rehearse, piece=stop - start))
        if not found:
            raise error
        transactions.begin_again(self._connection)
        self._claim()
        bounds = [start - 1, *(row for row, _ in found), stop]
        good = [(waiting, after + 1, before) for after, before in pairwise(bounds)]
        self._done += [run for run in good if run[1] < run[2]]
        for done, first, last in self._done:
            done.insert(self._connection, first, last)
        return found
