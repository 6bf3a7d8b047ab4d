"""A cluster of this machine's own: worker processes with one thread each, which end with the run whatever happens to it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from etl import extras
from etl.cluster import interrupts
from etl.main_module import without_main_module

with extras.needed("distributed", "a local cluster", "dask"):
    import dask
    from distributed import LocalCluster, Nanny, Security

PRIVATE: dict[str, list[str]] = {"distributed.scheduler.http-routes": [], "distributed.worker.http-routes": []}
"""Dask's web pages, which show logs and tasks to everybody on the machine: none."""
FOLDER_PREFIX = "etl-dask-"
END_SEC = 1.0
"""How long a worker has to end by itself."""


class SpawningNanny(Nanny):
    """Starts its worker as the pool starts its own: without the program's main module, also when it starts one again."""

    async def instantiate(self) -> Any:
        """Start the worker's process."""
        with without_main_module():
            return await super().instantiate()

    async def close(self, timeout: float | None = None, reason: str = "nanny-close") -> Any:
        """End the worker's process: whoever ends a cluster that still works wants it to stop."""
        return await super().close(END_SEC if timeout is None else min(timeout, END_SEC), reason)


@contextmanager
def started(workers: int) -> Iterator[LocalCluster]:
    """A cluster of so many worker processes, with a certificate of its own: other users of the machine may not send it work.

    Its workers end with this process, even when that is killed (`distributed.process`, _immediate_exit_when_closed).
    """
    with (
        tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as folder,
        dask.config.set(
            {**PRIVATE, "distributed.worker.multiprocessing-method": "spawn", "temporary-directory": folder}
        ),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            worker_class=SpawningNanny,
            processes=True,
            host="127.0.0.1",
            security=Security.temporary(),
            # What a worker ends of is told by the run.
            silence_logs=logging.CRITICAL,
            # A task whose worker dies is tried again by who gave it, who counts.
            scheduler_kwargs={"allowed_failures": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
            # Nothing is kept on the workers; one that is paused for its memory would keep its task for ever.
            memory_limit=0,
            preload=[interrupts.__name__],
            # What a worker that is killed leaves lying about goes with the folder.
            env={"TMPDIR": folder},
        ) as cluster,
    ):
        yield cluster
