"""Rows that a target's keys and constraints will probably refuse, asked of the server before they are sent into the table.

It is a guess that saves time: suspects are inserted one by one, and the server's answer to each is what counts. A row that is
overlooked here (another program writes meanwhile, a trigger refuses it) is found by halving.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import connect, load, statements
from etl.bad_rows import transactions
from etl.bulk import copy, records, staging
from etl.errors import DatabaseError
from etl.failures import passing
from etl.statements import TableName, quote
from etl.types import Column

STAGE = TableName("#etl_suspects")
ROW = Column("etl_row", "int", nullable=False)
"""The number of a row in a staging table."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One key or constraint of the target: the columns that it looks at, and a query for the staged rows that break it."""

    columns: frozenset[str]
    """Casefolded."""
    query: str
    asks_table: bool = False
    """Whether it looks the rows up in the target itself, which takes the server long where that is large."""


def rules(connection: Connection, table: TableName, columns: Sequence[Column]) -> list[Rule]:
    """What can be asked of the rows of `columns` for a table of SQL Server's; empty where nothing restricts it."""
    name = {"table": table.quoted("mssql")}
    with connect.statement(f"reading the constraints of {table}"):
        keys = connection.execute(sa.text(statements.load("unique_keys_mssql")), name).all()
        foreign = connection.execute(sa.text(statements.load("foreign_keys_mssql")), name).all()
        checks = connection.execute(sa.text(statements.load("checks_mssql")), name).all()
    found = [*_unique(table, keys), *_foreign(foreign), *_checks(checks, columns)]
    # A type that bulk copy cannot carry waits as text, which a rule would judge otherwise.
    as_it_is = {column.name.casefold() for column in columns if records.carried_as(column) == column.sql_type}
    return [rule for rule in found if rule.columns <= as_it_is]


def search(connection: Connection, rows: pa.Table, columns: Sequence[Column], asked: Sequence[Rule]) -> list[int]:
    """The suspects among the rows, by place from 0, in order. Commits: what it leaves is a temporary table.

    `rows` has one column for each of `columns`, in order, and none that bulk copy cannot carry.
    """
    needed = frozenset().union(*(rule.columns for rule in asked))
    positions = [place for place, column in enumerate(columns) if column.name.casefold() in needed]
    numbers = pa.array(range(rows.num_rows), pa.int32())
    narrow = rows.select(positions).append_column(ROW.name, numbers)
    staged = [*(staging.staged(columns[place]) for place in positions), ROW]
    load.create_table(connection, STAGE, staged)
    places = range(1, len(staged) + 1)
    copy.copy_rows(
        connection, STAGE, narrow, staged, places, table_columns=len(staged), hints=("KEEP_NULLS", "TABLOCK")
    )
    connection.commit()
    found: set[int] = set()
    for rule in asked:
        try:
            with connect.statement("asking for rows that break a rule"):
                found.update(connection.exec_driver_sql(rule.query).scalars())
        except DatabaseError as error:
            if passing(error) is not None:
                raise
            # A definition that cannot be put as a question, for its rights or its errors, is left to the table itself.
            transactions.begin_again(connection)
    connection.commit()
    return sorted(found)


def _unique(table: TableName, keys: Sequence[sa.Row[Any]]) -> Iterator[Rule]:
    for parts in _grouped(keys):
        names = [part.column_name for part in parts]
        quoted = [quote("mssql", name) for name in names]
        places = {"stage": STAGE.quoted("mssql"), "table": table.quoted("mssql"), "key": ", ".join(quoted)}
        same = " AND ".join(f"there.{name} = staged.{name}" for name in quoted)
        looked_at = frozenset(name.casefold() for name in names)
        yield Rule(looked_at, statements.load("suspects_twice_mssql").format(**places))
        yield Rule(looked_at, statements.load("suspects_there_mssql").format(same=same, **places), asks_table=True)


def _foreign(keys: Sequence[sa.Row[Any]]) -> Iterator[Rule]:
    for parts in _grouped(keys):
        pairs = [(quote("mssql", part.own_column), quote("mssql", part.other_column)) for part in parts]
        query = statements.load("suspects_foreign_mssql").format(
            stage=STAGE.quoted("mssql"),
            table=TableName(parts[0].table_name, parts[0].schema_name).quoted("mssql"),
            given=" AND ".join(f"staged.{own} IS NOT NULL" for own, _ in pairs),
            same=" AND ".join(f"there.{other} = staged.{own}" for own, other in pairs),
        )
        yield Rule(frozenset(part.own_column.casefold() for part in parts), query)


def _checks(definitions: Sequence[sa.Row[Any]], columns: Sequence[Column]) -> Iterator[Rule]:
    for (definition,) in definitions:
        query = statements.load("suspects_check_mssql").format(stage=STAGE.quoted("mssql"), condition=definition)
        # Which columns it looks at is said by its text alone: none but those whose names occur in it.
        named = {column.name.casefold() for column in columns if column.name.casefold() in definition.casefold()}
        yield Rule(frozenset(named), query)


def _grouped(rows: Sequence[sa.Row[Any]]) -> list[list[sa.Row[Any]]]:
    """The rows by their first value."""
    groups: dict[Any, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    return list(groups.values())
