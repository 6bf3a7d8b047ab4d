"""The identity value that a session made last: @@IDENTITY and SCOPE_IDENTITY()."""

from __future__ import annotations

from decimal import Decimal

from etl.sandbox.catalog import Table
from etl.sandbox.link import Link
from etl.sandbox.state import SessionState
from etl.sandbox.translation.expression import quote, text_literal


class LastIdentity:
    """Remembers the sequence that was drawn from; its value is asked for only when a statement wants it."""

    def __init__(self, link: Link, state: SessionState) -> None:
        self._link = link
        self._state = state
        self._sequence: str | None = None

    def drawn_from(self, sequence: str) -> None:
        """An INSERT took its last value from here."""
        self._sequence = sequence
        self._state.trigger_identity = None

    def drawn(self, value: Decimal) -> None:
        """An INSERT took this last value; its triggers may have drawn from the same sequence since."""
        self._sequence = None
        self._state.identity, self._state.trigger_identity = value, None

    def drawn_by_trigger(self, value: Decimal) -> None:
        """A trigger took this value after that."""
        self._state.trigger_identity = value

    def read(self) -> None:
        """Bring the session's identity value up to date."""
        if self._sequence is not None:
            row = self._link.run(f"SELECT currval({text_literal(self._sequence)})::numeric").rows[0]
            self._state.identity = Decimal(row[0])
            self._sequence = None

    def forget(self) -> None:
        """As in a new session."""
        self._state.identity = self._state.trigger_identity = None
        self._sequence = None


def advance_identity(link: Link, table: Table) -> None:
    """An explicit identity value beyond the current one becomes the current one."""
    identity = table.identity
    assert identity is not None
    column, sequence = quote(identity.physical), text_literal(str(identity.sequence))
    link.run(
        f"SELECT setval({sequence}, CASE WHEN c.increment > 0 THEN greatest(m.high, s.last_value) ELSE"
        f" least(m.low, s.last_value) END) FROM (SELECT max({column})::bigint AS high, min({column})::bigint AS low"
        f" FROM {table.qualified}) m, {identity.sequence} s, (SELECT increment FROM sandbox.columns WHERE object_id"
        f" = {table.object_id} AND is_identity) c WHERE m.high IS NOT NULL"
    )


def advance_identity_to(link: Link, table: Table, low: int, high: int) -> None:
    """As `advance_identity`, for explicit values of which the lowest and the highest are known."""
    identity = table.identity
    assert identity is not None
    link.run(
        f"SELECT sandbox.advance_identity({text_literal(str(identity.sequence))}::regclass, $1::bigint, $2::bigint)",
        (str(low), str(high)),
    )
