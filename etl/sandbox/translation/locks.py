"""What a statement locks besides the rows it changes: table hints and isolation levels in PostgreSQL's table and row locks.

| T-SQL                                   | here                                                                           |
|-----------------------------------------|--------------------------------------------------------------------------------|
| UPDLOCK, XLOCK, REPEATABLEREAD          | the rows that are read (FOR NO KEY UPDATE, FOR UPDATE, FOR SHARE), to the end  |
| … where rows cannot be told (DISTINCT)  | the table                                                                      |
| HOLDLOCK, SERIALIZABLE                  | the table, as a key range has no lock of its own here: more than asked for     |
| TABLOCK, TABLOCKX                       | the table, to the end                                                          |
| READPAST                                | SKIP LOCKED for a read that locks rows; a plain read passes by anyway          |
| levels REPEATABLE READ and SERIALIZABLE | the tables that are read, as HOLDLOCK on each; what is changed, as UPDLOCK too |

U locks are FOR NO KEY UPDATE because, as in SQL Server, a foreign key's look at the row passes them.
https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from etl.sandbox.catalog import Table
from etl.sandbox.errors import not_supported
from etl.sandbox.translation.expression import Expression

INTENT, SHARE, UPDATE, EXCLUSIVE = "ROW EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE"
"""PostgreSQL's table locks for IX, S, U and X. Plain reads pass them all."""
_STRENGTH = {INTENT: 0, SHARE: 1, UPDATE: 2, EXCLUSIVE: 3}
_SHARED = "FOR SHARE"


@dataclass(frozen=True, slots=True)
class RowLock:
    """Rows of one table in FROM that are to be locked as they are read."""

    table: Table
    physical: str
    strength: str
    """`FOR …`."""
    table_mode: str
    """The lock on the table where rows cannot be told."""
    skip: bool


class TableLocks:
    """Locks on tables, the strongest asked for each."""

    def __init__(self) -> None:
        self._modes: dict[str, str] = {}

    def add(self, table: Table, mode: str) -> None:
        """Ask for a lock. A #table is its session's own."""
        held = self._modes.get(table.qualified)
        if {held, mode} == {INTENT, SHARE}:
            mode = UPDATE  # the weakest that excludes what both exclude
        if not table.name.startswith("#") and (held is None or _STRENGTH[mode] > _STRENGTH[held]):
            self._modes[table.qualified] = mode

    def statements(self) -> tuple[str, ...]:
        """The locks as PostgreSQL statements, in one order for all."""
        return tuple(f"LOCK TABLE {table} IN {mode} MODE" for table, mode in sorted(self._modes.items()))


def read_lock(table: Table, words: set[str], physical: str, locks: TableLocks) -> RowLock | None:
    """Note the table lock that hints on a table in FROM ask for, or give the row lock."""
    ranges = bool(words & {"HOLDLOCK", "SERIALIZABLE"})
    if "TABLOCKX" in words or {"TABLOCK", "XLOCK"} <= words:
        locks.add(table, EXCLUSIVE)
    elif words & {"UPDLOCK", "XLOCK"} and (ranges or "TABLOCK" in words):
        locks.add(table, EXCLUSIVE if "XLOCK" in words else UPDATE)
    elif ranges or "TABLOCK" in words:
        locks.add(table, SHARE)
    else:
        return _row_lock(table, words, physical)
    if "READPAST" in words:
        raise not_supported("the table hint READPAST with a lock on the table")
    return None


def _row_lock(table: Table, words: set[str], physical: str) -> RowLock | None:
    skip = "READPAST" in words
    if "XLOCK" in words:
        return RowLock(table, physical, "FOR UPDATE", EXCLUSIVE, skip)
    if "UPDLOCK" in words:
        return RowLock(table, physical, "FOR NO KEY UPDATE", UPDATE, skip)
    if "REPEATABLEREAD" in words:
        return RowLock(table, physical, _SHARED, SHARE, skip)
    return None


def lock_rows(wanted: list[RowLock], locks: TableLocks, *, told: bool) -> str:
    """` FOR …` behind a SELECT whose rows can be told; for another one the tables are locked."""
    if told:
        for lock in wanted:
            if lock.strength != _SHARED:
                # As in SQL Server, a U or X lock on a row goes with an IX lock on its table, which an S lock there excludes.
                locks.add(lock.table, INTENT)
        return "".join(_clauses(wanted))
    for lock in wanted:
        if lock.skip:
            raise not_supported(
                "the table hint READPAST in a query with grouping, DISTINCT, windows, UNION or WITH TIES"
            )
        locks.add(lock.table, lock.table_mode)
    return ""


def tells_rows(node: exp.Expr, items: list[Expression]) -> bool:
    """Whether each row of a SELECT is one row of each of its tables."""
    if node.args.get("group") or node.args.get("having") or node.args.get("distinct"):
        return False
    return not any(item.aggregate for item in items) and not any(
        projection.find(exp.Window) for projection in node.expressions
    )


def _clauses(wanted: list[RowLock]) -> Iterator[str]:
    for lock in wanted:
        yield f" {lock.strength} OF {lock.physical}{' SKIP LOCKED' if lock.skip else ''}"
