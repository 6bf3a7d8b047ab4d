"""Takes tables with bad names through every way that rows go: `python -m tests.soak names --count 10000 --seed 1`.

The names are those of `tests.properties.identifiers`, some dozens to a table. What is wrong: that names or rows come back
otherwise, or that anything fails.
"""

from __future__ import annotations

import os
import tempfile
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from etl.sandbox import serve
from tests.databases import MssqlDatabase, fresh_database
from tests.properties.identifiers import Named, check, named

COLUMNS = (20, 60)
MOST_WRONG = 20
"""After so many the rest would tell nothing new."""
_REPORT_SEC = 15.0


def soak(count: int, first: int) -> list[str]:
    """Try so many names; returns what was wrong. `first` seeds the drawing."""
    with (
        tempfile.TemporaryDirectory() as cache,
        serve() as server,
        fresh_database(server.url()) as database,
    ):
        os.environ["XDG_CACHE_HOME"] = cache
        return _Trial(database, count).run(first)


class _Trial:
    def __init__(self, database: MssqlDatabase, count: int) -> None:
        self.database = database
        self.count = count
        self.tried = 0
        self.cases = 0
        self.wrong: list[str] = []
        self.begun = self.said_at = time.monotonic()

    def run(self, first: int) -> list[str]:
        """Until the count is reached, each time from the next seed."""
        while self._goes_on():
            self._some(first + self.cases)
        self._say()
        return self.wrong

    def _goes_on(self) -> bool:
        return self.tried < self.count and len(self.wrong) < MOST_WRONG

    def _some(self, number: int) -> None:
        @seed(number)
        @settings(
            max_examples=50,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        )
        @given(named(COLUMNS))
        def cases(names: Named) -> None:
            if self._goes_on():
                self._one(names)

        cases()

    def _one(self, names: Named) -> None:
        self.cases += 1
        self.tried += names.count
        try:
            check(self.database, names)
        except Exception as error:  # noqa: BLE001 - whatever fails is what is looked for, and the next case goes on
            self.wrong.append(f"{type(error).__name__}: {ascii(str(error))[:1_000]} with {names!r}")
        if time.monotonic() > self.said_at + _REPORT_SEC:
            self._say()

    def _say(self) -> None:
        self.said_at = time.monotonic()
        seconds = self.said_at - self.begun
        print(
            f"{self.tried} of {self.count} names in {self.cases} tables, {seconds:.0f} s, {len(self.wrong)} wrong",
            flush=True,
        )
