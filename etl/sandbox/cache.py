"""A cache that forgets the least used and is bounded by the size of what it holds, not by a count of entries."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class SizedCache(Generic[Item]):
    """Keeps items of together at most `limit`, in the caller's unit. An item larger than a quarter of it is not kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[Hashable, tuple[Item, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Hashable) -> Item | None:
        """The item, now the most recently used; None when it is not held."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, item: Item, size: int) -> None:
        """Hold an item, and forget others until it fits."""
        if size * 4 > self._limit:
            return
        with self._lock:
            old = self._held.pop(key, None)
            self._size += size - (old[1] if old is not None else 0)
            self._held[key] = item, size
            while self._size > self._limit:
                _, (_, freed) = self._held.popitem(last=False)
                self._size -= freed
