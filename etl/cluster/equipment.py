"""What a worker of a cluster holds for a run: the function, which travels once to each worker and not with every task.

These functions run on the workers. They raise nothing and take bytes: what Dask catches it writes into the worker's log, with
the arguments, and keeps in the scheduler.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from etl.cluster.luggage import Luggage
from etl.pool import run_packed

DONE = "done"
"""With the packed outcome."""
NOT_EQUIPPED = "not equipped"
"""With the address of a worker that has joined, or been started again, since the others got the function."""
NOT_BEGUN = "not begun"
"""Of a task whose turn came after no more were to begin."""


@dataclass(slots=True)
class Equipment:
    """For one run on one worker."""

    function: Callable[[Any], Any]
    under_way: int = 0
    stopped: bool = False


_held: dict[tuple[str, str], Equipment] = {}
"""By run and worker: a process may have several workers."""
_changing = threading.Lock()
_one_at_a_time = threading.Lock()
"""A worker of somebody else's cluster may have many threads; a transform, and what it imports, need not stand that."""


async def equip(run: str, luggage: Luggage, dask_worker: Any) -> str:
    """Take the function for a run. Returns why that could not be, or an empty text."""
    try:
        # In a thread: imports take their time, and the worker has to go on telling that it lives.
        function = await asyncio.to_thread(luggage.unpacked)
    except Exception as error:  # noqa: BLE001 - unpickling imports code of the user's own
        return f"{type(error).__name__}: {error}"
    with _changing:
        _held[run, dask_worker.address] = Equipment(function)
    return ""


def take_away(run: str, dask_worker: Any) -> None:
    """Forget the run's function."""
    with _changing:
        _held.pop((run, dask_worker.address), None)


def stop(run: str, dask_worker: Any) -> int:
    """Begin no more tasks of the run. Returns how many are under way."""
    with _changing:
        equipment = _held.get((run, dask_worker.address))
        if equipment is None:
            return 0
        equipment.stopped = True
        return equipment.under_way


def call(run: str, task: bytes) -> tuple[str, bytes]:
    """A task: run the function on it. Returns what became of it, DONE, NOT_EQUIPPED or NOT_BEGUN, and what goes with that."""
    from distributed import get_worker

    place = (run, get_worker().address)
    with _one_at_a_time:
        with _changing:
            equipment = _held.get(place)
            if equipment is None:
                return NOT_EQUIPPED, place[1].encode()
            if equipment.stopped:
                return NOT_BEGUN, b""
            equipment.under_way += 1
        try:
            return DONE, run_packed(equipment.function, task)
        finally:
            with _changing:
                equipment.under_way -= 1
