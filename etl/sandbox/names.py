"""When two names are one: SQL Server compares them as text, for which neither case nor blanks at the end count.

"Delimited identifiers" in its documentation: a name is stored with the blanks at its end, and they are ignored in comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Value = TypeVar("Value")


def fold(name: str) -> str:
    """What is equal for names that are one."""
    return name.lower().rstrip(" ")


class ByName(dict[str, Value]):
    """Values by names, which are looked up as SQL Server compares them."""

    def __init__(self, items: Iterable[tuple[str, Value]]) -> None:
        super().__init__((fold(name), value) for name, value in items)

    def __getitem__(self, name: str) -> Value:
        return super().__getitem__(fold(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(fold(name))

    def get(self, name: str, default: Value | None = None) -> Value | None:  # type: ignore[override]  # one of dict's overloads
        """The value of that name."""
        return super().get(fold(name), default)
