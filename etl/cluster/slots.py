"""Writers' slots where workers are on several machines: leases of the scheduler, which the dead give back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client, Semaphore


@dataclass(frozen=True, slots=True)
class LeasedSlots:
    """The slots of one run on one cluster."""

    name: str

    @contextmanager
    def one_of(self, count: int) -> Iterator[None]:
        """Wait for one of `count` slots and hold it.

        A worker that died holds its lease for Dask's `distributed.scheduler.locks.lease-timeout`, by default 30 s.
        """
        semaphore = _semaphore(f"{self.name}-{count}", count)
        semaphore.acquire()
        try:
            yield
        finally:
            semaphore.release()


@contextmanager
def opened(client: Client, most: int) -> Iterator[LeasedSlots]:
    """Slots for one execution of a run that writes at most so many chunks at once, and after deadlocks half of them, and so on.

    What is under way with more slots goes on with them: the number of leases of a semaphore is fixed.
    """
    from distributed import Semaphore

    slots = LeasedSlots(f"etl-writers-{secrets.token_hex(4)}")
    try:
        yield slots
    finally:
        while most and client.status == "running":
            # Of the scheduler's own, to forget the name; nothing happens where no chunk has asked for it.
            named = Semaphore(most, f"{slots.name}-{most}", scheduler_rpc=client.scheduler, loop=client.loop)
            named.close()
            most //= 2


@cache
def _semaphore(name: str, count: int) -> Semaphore:
    """A worker's own, which renews its leases as long as the worker lives."""
    from distributed import Semaphore

    return Semaphore(count, name)
