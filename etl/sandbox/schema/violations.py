"""What is said when the data there is does not fit a new key, foreign key or check.

The names come from the definition: when PostgreSQL's error is put in SQL Server's words, the catalog's row for the new
constraint is rolled back already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from etl.sandbox.catalog import Table
from etl.sandbox.link import EngineError
from etl.sandbox.pgerrors import conflict, duplicate_in_new_index

_UNIQUE, _FOREIGN_KEY, _CHECK = "23505", "23503", "23514"


@contextmanager
def new_index(table: Table, name: str) -> Iterator[None]:
    """Around CREATE UNIQUE INDEX: error 1505."""
    try:
        yield
    except EngineError as error:
        if error.sqlstate != _UNIQUE:
            raise
        raise duplicate_in_new_index(f"{table.schema}.{table.name}", name, error.detail) from error


@contextmanager
def new_constraint(name: str, table: Table, column: str | None) -> Iterator[None]:
    """Around ADD CONSTRAINT FOREIGN KEY or CHECK: error 547. `table` and `column` are where the conflict is."""
    try:
        yield
    except EngineError as error:
        kind = {_FOREIGN_KEY: "FOREIGN KEY", _CHECK: "CHECK"}.get(error.sqlstate)
        if kind is None:
            raise
        raise conflict("ALTER TABLE", kind, name, table.database, f"{table.schema}.{table.name}", column) from error
