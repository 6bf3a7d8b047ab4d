"""A message that is worked on while it still arrives: a bulk load may be larger than memory."""

from __future__ import annotations

import threading
from collections import deque

STREAM_BYTES = 4 * 1024 * 1024
"""How much may have arrived that nobody has worked on yet; beyond it the client has to wait."""


class StreamCutError(Exception):
    """The message will not be finished: the client stopped it, went away, or sent nonsense."""


class PayloadStream:
    """The payload of one message, from the thread that reads packets to the thread that works on them."""

    def __init__(self, room_bytes: int = STREAM_BYTES) -> None:
        self._room_bytes = room_bytes
        self._changed = threading.Condition()
        self._parts: deque[bytes] = deque()
        self._held_bytes = 0
        self._ended = False
        self._cut = False
        self._discarding = False

    # Reader's side

    def put(self, data: bytes) -> None:
        """Add a packet's payload. Never waits: see `wait_for_room`."""
        with self._changed:
            # A packet may be empty; for `read` that would be the end.
            if self._discarding or self._cut or not data:
                return
            self._parts.append(data)
            self._held_bytes += len(data)
            self._changed.notify_all()

    def wait_for_room(self, timeout_sec: float) -> bool:
        """Whether more may be read from the client, after waiting for at most `timeout_sec` until it may."""
        with self._changed:
            return self._changed.wait_for(self._has_room, timeout_sec)

    def _has_room(self) -> bool:
        return self._held_bytes < self._room_bytes or self._cut

    def end(self) -> None:
        """The message's last packet has come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def cut(self) -> None:
        """The message will never be whole. What is left of it is dropped."""
        with self._changed:
            if self._ended:
                return
            self._cut = True
            self._drop()

    # Worker's side

    @property
    def was_cut(self) -> bool:
        """Whether the message will never be whole."""
        return self._cut

    def read(self) -> bytes:
        """What has arrived since the last call, waiting for it; empty at the message's end. Raises `StreamCutError`."""
        with self._changed:
            self._changed.wait_for(lambda: self._parts or self._ended or self._cut)
            if self._cut:
                raise StreamCutError
            data = b"".join(self._parts)
            self._drop()
            return data

    def discard(self) -> None:
        """Drop what has arrived and what will, and wait for the message's end."""
        with self._changed:
            self._discarding = True
            self._drop()
            self._changed.wait_for(lambda: self._ended or self._cut)

    def _drop(self) -> None:
        self._parts.clear()
        self._held_bytes = 0
        self._changed.notify_all()
