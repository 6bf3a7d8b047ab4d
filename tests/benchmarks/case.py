"""What a case is, and the cases that there are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from tests.benchmarks import cases

Group = Literal["read", "load", "copy", "statements"]
GROUPS: tuple[Group, ...] = ("read", "load", "copy", "statements")


class NotAvailableError(Exception):
    """What a case needs is not installed; the message says what."""


@dataclass(frozen=True, slots=True)
class Place:
    """The server that a case talks to, and how much it has to do there."""

    host: str
    port: int
    user: str
    password: str
    database: str
    count: int
    """Rows of the full table, rows to load, or statements to send."""

    def odbc(self, **options: str) -> str:
        """A connection string for ODBC over FreeTDS."""
        settings = {
            "DRIVER": "FreeTDS",
            "SERVER": self.host,
            "PORT": str(self.port),
            "UID": self.user,
            "PWD": self.password,
            "DATABASE": self.database,
            "TDS_Version": "7.4",
            "ClientCharset": "UTF-8",
            **options,
        }
        return ";".join(f"{name}={value}" for name, value in settings.items())

    def url(self) -> str:
        """The URL for SQLAlchemy and for this project."""
        query = {"driver": "FreeTDS", "TDS_Version": "7.4", "ClientCharset": "UTF-8"}
        return sa.URL.create(
            "mssql+pyodbc", self.user, self.password, self.host, self.port, self.database, query
        ).render_as_string(hide_password=False)

    def microsoft(self) -> str:
        """A connection string for Microsoft's own drivers."""
        return (
            f"Server={self.host},{self.port};Database={self.database};UID={self.user};PWD={self.password};"
            "Encrypt=no;TrustServerCertificate=yes"
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One way to do what its group does."""

    group: Group
    name: str
    prepare: Callable[[Place], Callable[[], int]]
    """Imports, connects and makes what is not to be timed; gives the function that is, which returns what it has done.

    Raises `NotAvailableError`.
    """
    share: float = 1.0
    """Of the rows of its group: what takes a hundred times as long does with a few of them."""


def all_cases() -> dict[str, Case]:
    """Every case by the name of its module, in the order of their groups."""
    found: dict[str, Case] = {}
    for info in pkgutil.iter_modules(cases.__path__):
        found[info.name] = importlib.import_module(f"{cases.__name__}.{info.name}").CASE
    return dict(sorted(found.items(), key=lambda item: (GROUPS.index(item[1].group), item[0])))
