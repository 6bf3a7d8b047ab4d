"""A small copy over FreeTDS to a sandbox with faults and a network that fails, and what must be true at its end."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from etl.job import Job
from etl.pipeline import Progress
from etl.sandbox import serve
from etl.sandbox.faults import Armed, Fault, Faults
from tests.databases import MssqlDatabase
from tests.pipeline.jobs import ORDERS, Recorder, job, make_orders
from tests.proxy import Direction, Proxy

COLUMNS = ", ".join(ORDERS)
WITH_DEFAULT = f"""
CREATE TABLE dbo.copies (
    {", ".join(f"{name} {kind}" for name, kind in ORDERS.items())},
    note nvarchar(20) NOT NULL DEFAULT N'from the target'
)"""
"""A target with a column that the rows lack: they go by a staging table."""
NEVER = 1 << 60


class Events(Faults):
    """A server's faults, with what its clients did since `forget`, and things to do at some of these events."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._counting = threading.Lock()
        self._deeds: dict[int, Callable[[], None]] = {}
        self._awaited: tuple[re.Pattern[str] | None, int, Callable[[], None]] | None = None
        self._looking_on = False

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """Nothing is counted and nothing goes wrong meanwhile."""
        self._looking_on = True
        try:
            yield
        finally:
            self._looking_on = False

    def forget(self) -> None:
        """Count from here, and do nothing."""
        self.do_at({})

    def do_at(self, deeds: Mapping[int, Callable[[], None]]) -> None:
        """Do it when the n-th event from here on (from 1) has arrived and before it is carried out."""
        with self._counting:
            self.seen, self._deeds, self._awaited = [], dict(deeds), None

    def do_after(self, sight: str, count: int, deed: Callable[[], None]) -> None:
        """Do it so many events after the first one that the pattern is found in. It takes the place of one that waits still."""
        with self._counting:
            self._awaited = re.compile(sight), count, deed

    def at(self, text: str) -> list[Armed]:
        """See `Faults`."""
        if self._looking_on:
            return []
        with self._counting:
            self.seen.append(text)
            deed = self._deeds.pop(len(self.seen), None) or self._due(text)
        if deed is not None:
            deed()
        return super().at(text)

    def _due(self, text: str) -> Callable[[], None] | None:
        if self._awaited is None:
            return None
        sight, left, deed = self._awaited
        if sight is not None and not sight.search(text):
            return None
        self._awaited = (None, left - 1, deed) if left else None
        return None if left else deed


@dataclass
class Stage:
    """A database on such a server, with rows to copy, and a proxy on the way to it."""

    database: MssqlDatabase
    events: Events
    proxy: Proxy
    port: int
    spool: Path
    rows: int = 0

    def fill(self, rows: int) -> None:
        """The source, anew."""
        self.clear()
        self.database.query("DROP TABLE IF EXISTS dbo.orders")
        make_orders(self.database, rows)
        self.rows = rows

    def clear(self, *, target: str | None = None) -> None:
        """Neither a run nor a target any more, unless one is to be made by this statement; no fault."""
        self.events.clear()
        self.events.forget()
        self.calm()
        left = [name for name in self.database.tables() if name != "orders"]
        for name in left:
            self.database.query(f"DROP TABLE {self.database.name(name)}")
        if target is not None:
            self.database.query(target)

    def calm(self) -> None:
        """A network without faults."""
        for direction in Direction:
            self.proxy.cut(direction, after_bytes=NEVER)

    def job(self, **fields: Any) -> Job:
        """A serial job over the proxy; with `stream` it reads a query."""
        url = self.database.url.replace(f":{self.port}/", f":{self.proxy.port}/")
        if fields.pop("stream", False):
            fields["query"] = f"SELECT {COLUMNS} FROM dbo.orders"
        return job(self.database, **{"source": url, "target": url, "spool_dir": self.spool, **fields})

    def assert_exactly_once(self, chunk_rows: int) -> None:
        """Every row is there once, each chunk has one sealed line in the ledger, the run is done and nothing else is left."""
        database = self.database
        assert database.rows("copies", COLUMNS) == database.rows("orders", COLUMNS)
        full, rest = divmod(self.rows, chunk_rows)
        sizes = [chunk_rows] * full + [rest] * bool(rest)
        assert database.ledger() == [(number, "done", size) for number, size in enumerate(sizes)]
        assert database.run_states() == ["done"]
        assert database.tables() == {"orders", "copies", "etl_run", "etl_chunk"} | (database.tables() & {"etl_reject"})


@contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage without rows."""
    events = Events()
    with (
        serve(faults=events, password="secret") as server,
        Proxy(server.host, server.port) as proxy,
        tempfile.TemporaryDirectory() as spool,
    ):
        database = MssqlDatabase(server.url())
        with database.connection:
            yield Stage(database, events, proxy, server.port, Path(spool))


@dataclass
class Sweep(Recorder):
    """Lets one event of a chunk after the other go wrong, each once and each in another chunk.

    A chunk that is to be tried again waits until the others are done, so it needs twice as many chunks as events, and one.
    """

    stage: Stage
    places: Sequence[int]
    """Which of a chunk's events are to go wrong, counted from 1."""
    fault: Callable[[int], Fault | Callable[[], None]]
    """What is to happen at such an event."""
    steps: list[str] = field(default_factory=list)
    """Each event that went wrong."""
    struck: list[int] = field(default_factory=list)
    """And how often it did."""

    def __post_init__(self) -> None:
        super().__init__()

    def chunk_done(self, progress: Progress) -> None:
        """The fault has struck, in this chunk or in one before it. The first chunk makes connections known, and has none."""
        super().chunk_done(progress)
        number, stage = len(self.steps), self.stage
        if progress.chunks_done == 1:
            self._arm()
            return
        if number == len(self.places):
            return
        self.steps.append(stage.events.seen[self.places[number] - 1])
        if stage.events.armed:
            self.struck.append(sum(armed.met for armed in stage.events.armed))
        stage.events.clear()
        stage.calm()
        if number + 1 < len(self.places):
            self._arm()

    def _arm(self) -> None:
        stage, nth = self.stage, self.places[len(self.steps)]
        fault = self.fault(nth)
        if isinstance(fault, Fault):
            stage.events.forget()
            stage.events.add(fault)
            return

        def deed() -> None:
            self.struck.append(1)
            fault()

        stage.events.do_at({nth: deed})
