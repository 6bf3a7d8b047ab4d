"""What a case is, and the cases that there are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.benchmarks import cases

Group = Literal["read", "load", "statements"]
GROUPS: tuple[Group, ...] = ("read", "load", "statements")


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


@dataclass(frozen=True, slots=True)
class Case:
    """One way to do what its group does."""

    group: Group
    name: str
    prepare: Callable[[Place], Callable[[], int]]
    """Imports, connects and makes what is not to be timed; gives the function that is, which returns what it has done.

    Raises `NotAvailableError`.
    """


def all_cases() -> dict[str, Case]:
    """Every case by the name of its module, in the order of their groups."""
    found: dict[str, Case] = {}
    for info in pkgutil.iter_modules(cases.__path__):
        found[info.name] = importlib.import_module(f"{cases.__name__}.{info.name}").CASE
    return dict(sorted(found.items(), key=lambda item: (GROUPS.index(item[1].group), item[0])))
