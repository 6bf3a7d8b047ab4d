"""What the reading and the working thread of one connection tell each other."""

from __future__ import annotations

import threading
from collections.abc import Callable

CANCEL_AGAIN_SEC = 0.1
"""A cancel that arrives just before its statement reaches the engine is lost there, so it is repeated."""


class Activity:
    """Which requests are under way, whether the client has asked to stop them, and whether it is still there.

    `cancel` is called on the reader's thread, and only while a request is under way: a cancel never hits the request after.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._changed = threading.Condition()
        self._requests = 0
        self._attention = False
        self._gone = False
        self._worker_gone = False

    @property
    def stopped(self) -> bool:
        """Whether the worker should stop what it is doing. A plain read, cheap enough between any two steps."""
        return self._attention or self._gone

    @property
    def requests(self) -> int:
        """Requests that have arrived and are not answered."""
        return self._requests

    @property
    def attention(self) -> bool:
        """Whether an ATTENTION waits for the running request to end."""
        return self._attention

    def request_arrived(self) -> None:
        """Reader: a request will be queued."""
        with self._changed:
            self._requests += 1

    def attention_arrived(self) -> bool:
        """Reader: stop the running request, and say whether there was one."""
        with self._changed:
            if not self._requests:
                return False
            self._attention = True
            self._cancel()
            return True

    def cancel_again(self) -> None:
        """Reader: the running request has not ended yet."""
        with self._changed:
            if self._attention and self._requests:
                self._cancel()

    def request_ended(self) -> bool:
        """Worker: a request's work is done. Says whether the client had asked to stop it."""
        with self._changed:
            self._requests -= 1
            attention, self._attention = self._attention, False
            return attention

    def client_left(self) -> None:
        """Reader: stop what runs, and wait until it has stopped."""
        with self._changed:
            self._gone = True
            # What arrives after the worker has left is counted, and never answered.
            while self._requests and not self._worker_gone:
                self._cancel()
                self._changed.wait(CANCEL_AGAIN_SEC)

    def worker_left(self) -> None:
        """Worker: nothing runs and nothing will."""
        with self._changed:
            self._gone = self._worker_gone = True
            self._changed.notify_all()
