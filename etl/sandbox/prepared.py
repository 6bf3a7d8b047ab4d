"""Prepared statements of one session, by handle."""

from __future__ import annotations

from dataclasses import dataclass

from etl.sandbox.errors import SqlServerError


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement's text and its parameter declarations."""

    text: str
    declarations: str


class PreparedStatements:
    """Handles count up from 1 and are never used again."""

    def __init__(self) -> None:
        self._statements: dict[int, Prepared] = {}
        self._last = 0

    def add(self, prepared: Prepared) -> int:
        """Keep a statement and give its handle."""
        self._last += 1
        self._statements[self._last] = prepared
        return self._last

    def __getitem__(self, handle: int) -> Prepared:
        """The statement of `handle`. Raises 8179 for a handle that is not there."""
        try:
            return self._statements[handle]
        except KeyError:
            raise _unknown(handle) from None

    def remove(self, handle: int) -> None:
        """Forget `handle`. Raises 8179 for a handle that is not there."""
        if self._statements.pop(handle, None) is None:
            raise _unknown(handle)

    def __contains__(self, handle: object) -> bool:
        return handle in self._statements

    def __len__(self) -> int:
        return len(self._statements)

    def clear(self) -> None:
        """Forget all, as RESETCONNECTION does."""
        self._statements.clear()


def _unknown(handle: int) -> SqlServerError:
    return SqlServerError(8179, f"Could not find prepared statement with handle {handle}.", ends_batch=True)
