"""Results are stored beside the function's next calls, each as soon as it is there."""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Self

from etl.sweep.claims import Claims
from etl.sweep.inputs import Input
from etl.sweep.store import Ended

MOST_UNSTORED = 50
"""Results that wait for their transaction, and that one has, before the next call waits too: what a kill may cost."""
LOOK_SEC = 0.1
"""How often one that waits looks whether storing still works."""


class Storing:
    """A thread that stores what it is given, in one transaction whatever has come while it was storing before.

    So a slow function's result waits for nothing, and quick ones share the cost of a transaction. Leaving the context waits
    until all is stored, and raises what went wrong with it.
    """

    def __init__(self, claims: Claims) -> None:
        self.lost: list[Input] = []
        """Those that were not ours any more when they ended."""
        self._claims = claims
        self._given: queue.Queue[Ended | None] = queue.Queue(MOST_UNSTORED)
        self._ended = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._store_all, name="sweep-storing")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    @property
    def works(self) -> bool:
        """Whether nothing has gone wrong so far."""
        return self._error is None

    def add(self, ended: Ended) -> None:
        """Store this, soon."""
        self._put(ended)

    def _put(self, ended: Ended | None) -> None:
        while self.works:
            try:
                self._given.put(ended, timeout=LOOK_SEC)
            except queue.Full:
                continue
            return

    def _store_all(self) -> None:
        try:
            while not self._ended:
                self.lost.extend(self._claims.finish(self._next()))
        except Exception as error:  # noqa: BLE001 - raised where the context is left
            self._error = error

    def _next(self) -> list[Ended]:
        """What is there, once there is something."""
        some: list[Ended] = []
        while not some or (len(some) < MOST_UNSTORED and not self._given.empty()):
            one = self._given.get()
            if one is None:
                self._ended = True
                break
            some.append(one)
        return some
