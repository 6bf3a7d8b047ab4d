"""What the client knows of its transaction: the descriptor that ENVCHANGE hands it (MS-TDS 2.2.7.9, types 8 to 10)."""

from __future__ import annotations

from collections.abc import Callable

from etl.sandbox.outcomes import TransactionEvent
from etl.sandbox.wire import tokens


class TransactionState:
    """The client's view of the outermost transaction, brought in line with the engine's by tokens."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._descriptor = b""
        self._issued = 0

    @property
    def open(self) -> bool:
        """Whether the client has been told of an open transaction."""
        return bool(self._descriptor)

    def changed(self, event: TransactionEvent) -> bytes:
        """The token that tells of `event`; empty where the client knows already."""
        begun = event is TransactionEvent.BEGUN
        if begun == self.open:
            return b""
        old, self._descriptor = self._descriptor, self._next() if begun else b""
        return tokens.env_bytes(event.value, self._descriptor, old)

    def synchronize(self) -> bytes:
        """The token for a change that no outcome told of; empty where there is none."""
        if bool(self._count()) == self.open:
            return b""
        return self.changed(TransactionEvent.ROLLED_BACK if self.open else TransactionEvent.BEGUN)

    def _next(self) -> bytes:
        self._issued += 1
        return self._issued.to_bytes(8, "little")
