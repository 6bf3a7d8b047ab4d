"""What a case is, and the cases that there are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import sqlalchemy as sa

from etl.odbc.connection_string import DEFAULTS
from tests.benchmarks import cases
from tests.benchmarks.datasets import Dataset, dataset
from tests.benchmarks.stored import first_rows

Group = Literal["read", "load", "copy", "statements"]
GROUPS: tuple[Group, ...] = ("read", "load", "copy", "statements")

TABLE_PREFIX = "tablehaul_bench_"
"""Of every table that is made, so that on a server of others nobody takes them for theirs."""
DLT_SCHEMA = f"{TABLE_PREFIX}dlt"
_DEFAULT_PORT = 1433


class NotAvailableError(Exception):
    """What a case needs is not installed; the message says what."""


@dataclass(frozen=True, slots=True)
class Place:
    """The server that a case talks to, and how much it has to do there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    data: str
    """The data set's name."""
    file: str
    """Where its rows are stored."""
    count: int
    """Rows of the full table, rows to load, or statements to send."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further options of the connection over FreeTDS."""
    schema: str = ""
    """Of the table that is filled; empty for the login's own."""

    @classmethod
    def of(cls, url: sa.URL, data: str, file: Path, count: int) -> Place:
        """The server that a URL names. Raises `ValueError` for one without host, user, password and database."""
        if not (url.host and url.username and url.password and url.database):
            raise ValueError("the URL needs a user, a password, a host and a database")
        options = {name: value for name, value in url.query.items() if isinstance(value, str)}
        port = url.port or _DEFAULT_PORT
        return cls(url.host, port, url.username, url.password, url.database, data, str(file), count, options)

    @property
    def dataset(self) -> Dataset:
        """What is moved."""
        return dataset(self.data)

    @property
    def full_table(self) -> str:
        """The table that is read. Of another's rows it has more than a copy of a few takes."""
        return f"{TABLE_PREFIX}{self.data}"

    @property
    def empty_table(self) -> str:
        """The table of the same columns that is filled."""
        name = f"{TABLE_PREFIX}{self.data}_copy"
        return f"{self.schema}.{name}" if self.schema else name

    @property
    def first_rows(self) -> str:
        """A query for the `count` first rows of the full table."""
        return f"SELECT TOP ({self.count}) * FROM {self.full_table} ORDER BY {', '.join(self.dataset.key)}"

    def table(self) -> pa.Table:
        """The data set's `count` first rows."""
        return first_rows(Path(self.file), self.count)

    def odbc(self, **options: str) -> str:
        """A connection string for ODBC over FreeTDS."""
        settings = {
            "SERVER": self.host,
            "PORT": str(self.port),
            "UID": self.user,
            "PWD": self.password,
            "DATABASE": self.database,
            **DEFAULTS,
            **self.options,
            **options,
        }
        return ";".join(f"{name}={_enclosed(value)}" for name, value in settings.items())

    def url(self) -> str:
        """The URL for SQLAlchemy and for this project."""
        query = {**DEFAULTS, **self.options}
        return sa.URL.create(
            "mssql+pyodbc", self.user, self.password, self.host, self.port, self.database, query
        ).render_as_string(hide_password=False)

    def microsoft(self) -> str:
        """A connection string for Microsoft's own drivers."""
        return (
            f"Server={self.host},{self.port};Database={self.database};UID={self.user};PWD={_enclosed(self.password)};"
            "Encrypt=no;TrustServerCertificate=yes"
        )


def _enclosed(value: str) -> str:
    """A value that a connection string takes for one, whatever is in it ([MS-ODBCSTR] 2.1.2)."""
    return "{" + value.replace("}", "}}") + "}" if set(value) & set(";{}= ") else value


Done = int | Sized
"""What a run has done: so many, or what it has read, which is then held against what was there."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way to do what its group does."""

    group: Group
    name: str
    prepare: Callable[[Place], Callable[[], Done]]
    """Imports, connects and makes what is not to be timed; gives the function that is.

    Raises `NotAvailableError`.
    """
    share: float = 1.0
    """Of the rows of its group: what takes a hundred times as long does with a few of them."""
    schema: str = ""
    """Of the table that it fills; empty for the one that is made for all."""
    only: str = ""
    """The one data set that it is for: measurements of the server itself, with rows made for the purpose."""


def all_cases() -> dict[str, Case]:
    """Every case by the name of its module, in the order of their groups."""
    found = {info.name: case_of(info.name) for info in pkgutil.iter_modules(cases.__path__)}
    return dict(sorted(found.items(), key=lambda item: (GROUPS.index(item[1].group), item[0])))


def case_of(module: str) -> Case:
    """The case of that module's name. No other is imported: what it brings along would count as this one's memory."""
    found: Case = importlib.import_module(f"{cases.__name__}.{module}").CASE
    return found


def installed(module: str) -> Any:
    """The module. Raises `NotAvailableError` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NotAvailableError(f"{module.partition('.')[0]} is not installed ({error})") from error
