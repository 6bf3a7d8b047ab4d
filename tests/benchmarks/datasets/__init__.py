"""The tables that the cases move, a module each: `orders`, `lineitem`, `nasty`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pyarrow as pa

from etl import types
from etl.types import Column

NAMES = ("orders", "lineitem", "nasty")


class MissingToolError(Exception):
    """A data set cannot be made; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table: how it is declared, what is in it, and what a copy does to it on the way."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """The primary key, in whose order the rows are made."""
    make: Callable[[int], pa.Table]
    """So many rows of `schema`, the same ones every time. Raises `MissingToolError`."""
    transform: str
    """`module:function` of what a whole copy does to its frames."""
    transformed: Mapping[str, Callable[[Any], Any]]
    """The same, for one value of each column that it changes."""
    row_share: float = 1.0
    """Of the rows that a run takes: wide ones are fewer."""
    options: Mapping[str, int] = field(default_factory=dict)
    """What arrow-odbc has to be told to read the table."""

    @property
    def schema(self) -> pa.Schema:
        """The columns' types in Arrow, as this project reads them: datetimeoffset and uniqueidentifier are text."""
        return types.schema("mssql", list(self.columns))

    def create_table(self, table: str) -> str:
        """CREATE TABLE under another name."""
        declared = [f"{c.name} {c.sql_type} {'NULL' if c.nullable else 'NOT NULL'}" for c in self.columns]
        return f"CREATE TABLE {table} ({', '.join(declared)}, PRIMARY KEY ({', '.join(self.key)}))"

    def with_types(self, *names: str) -> list[str]:
        """The columns whose types have these names."""
        return [column.name for column in self.columns if types.base_name(column.sql_type) in names]


def dataset(name: str) -> Dataset:
    """The data set of that name."""
    found: Dataset = import_module(f"{__name__}.{name}").DATASET
    return found
