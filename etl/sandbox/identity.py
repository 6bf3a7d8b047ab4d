"""The identity value that a session made last: @@IDENTITY and SCOPE_IDENTITY()."""

from __future__ import annotations

from decimal import Decimal

from etl.sandbox.catalog import Table
from etl.sandbox.link import Link
from etl.sandbox.state import SessionState


class LastIdentity:
    """Remembers the sequence that was drawn from; its value is asked for only when a statement wants it."""

    def __init__(self, link: Link, state: SessionState) -> None:
        self._link = link
        self._state = state
        self._sequence: str | None = None

    def drawn_from(self, sequence: str) -> None:
        """An INSERT took its last value from here."""
        self._sequence = sequence

    def read(self) -> None:
        """Bring the session's identity value up to date."""
        if self._sequence is not None:
            row = self._link.run(f"SELECT currval('{self._sequence}')::numeric").rows[0]
            self._state.identity = Decimal(row[0])
            self._sequence = None

    def forget(self) -> None:
        """As in a new session."""
        self._state.identity = None
        self._sequence = None


def advance_identity(link: Link, table: Table) -> None:
    """An explicit identity value beyond the current one becomes the current one."""
    identity = table.identity
    assert identity is not None
    column = f'"{identity.physical}"'
    link.run(
        f"SELECT setval('{identity.sequence}', CASE WHEN c.increment > 0 THEN greatest(m.high, s.last_value) ELSE"
        f" least(m.low, s.last_value) END) FROM (SELECT max({column})::bigint AS high, min({column})::bigint AS low"
        f" FROM {table.qualified}) m, {identity.sequence} s, (SELECT increment FROM sandbox.columns WHERE object_id"
        f" = {table.object_id} AND is_identity) c WHERE m.high IS NOT NULL"
    )
