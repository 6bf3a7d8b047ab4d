"""What this project promises of its speed, held against a run's medians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.benchmarks.table import Result

Named = dict[str, Result]
"""The results of one data set, without those that could not run, by name."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One figure. Its `needs` are the names of the results that it is made of."""

    text: str
    needs: tuple[str, ...]
    value: Callable[..., float]
    """Of those results."""
    at_most: float | None = None
    at_least: float | None = None
    elsewhere: float | None = None
    """At least so much on a server that does not share the client's cores, where that is more."""

    def limit(self, *, on_sandbox: bool) -> str:
        """What is promised, in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self._least(on_sandbox=on_sandbox):g}"

    def holds(self, value: float, *, on_sandbox: bool) -> bool:
        """Whether the value is what was promised."""
        if self.at_most is not None:
            return value <= self.at_most
        return value >= self._least(on_sandbox=on_sandbox)

    def _least(self, *, on_sandbox: bool) -> float:
        assert self.at_least is not None
        return self.at_least if on_sandbox or self.elsewhere is None else self.elsewhere


def _speed_ratio(ours: Result, theirs: Result) -> float:
    return ours.speed / theirs.speed


def _cpu_ratio(ours: Result, theirs: Result) -> float:
    return _cpu(ours) / _cpu(theirs)


def _cpu(result: Result) -> float:
    seconds = result.per_million("client_cpu_sec")
    assert seconds is not None
    return seconds


def _peak_ratio(whose: str) -> Callable[[Result, Result], float]:
    def ratio(ours: Result, theirs: Result) -> float:
        mine, other = ours.peak_mb(whose), theirs.peak_mb(whose)
        assert mine is not None
        assert other is not None
        return mine / other

    return ratio


_READ, _LOAD, _ONE, _TWO = "etl.read_sql", "etl.to_sql", "etl.run, one worker", "etl.run, two workers"
_SERIAL, _BARE = "etl.run, serial", "etl.run, serial, without ledger and checks"

PROMISES = (
    Promise("read: speed, to arrow-odbc into a frame", (_READ, "arrow-odbc into a frame"), _speed_ratio, at_least=0.9),
    Promise("read: speed, to pandas.read_sql", (_READ, "pandas.read_sql"), _speed_ratio, at_least=2.0, elsewhere=4.5),
    Promise("read: client CPU, to pandas.read_sql", (_READ, "pandas.read_sql"), _cpu_ratio, at_most=0.25),
    Promise(
        "read: peak of the process, to pandas.read_sql", (_READ, "pandas.read_sql"), _peak_ratio("client"), at_most=0.5
    ),
    Promise(
        "read: memory that it adds, to pandas.read_sql", (_READ, "pandas.read_sql"), _peak_ratio("added"), at_most=0.5
    ),
    Promise("load: client CPU seconds for a million", (_LOAD,), _cpu, at_most=4.0),
    Promise("load: speed, to pymssql bulk_copy", (_LOAD, "pymssql bulk_copy"), _speed_ratio, at_least=2.0),
    Promise("load: speed, to python-tds copy_to", (_LOAD, "python-tds copy_to"), _speed_ratio, at_least=4.0),
    Promise("load: speed, to freebcp", (_LOAD, "freebcp from text"), _speed_ratio, at_least=0.85),
    Promise(
        "load: speed, to DataFrame.to_sql", (_LOAD, "DataFrame.to_sql"), _speed_ratio, at_least=10.0, elsewhere=60.0
    ),
    Promise("copy: speed, to pandas", (_ONE, "pandas: read_sql, to_sql"), _speed_ratio, at_least=8.0, elsewhere=50.0),
    Promise("copy: speed, with ledger and checks to without", (_SERIAL, _BARE), _speed_ratio, at_least=0.95),
    Promise("copy: speed, two workers to one", (_TWO, _ONE), _speed_ratio, at_least=1.0),
)
"""For hundreds of thousands of rows of the table of twelve common columns."""


def kept(results: Sequence[Result]) -> list[tuple[Promise, float]]:
    """The promises that the results tell something of, with their figures."""
    named = {result.name: result for result in results if result.data == "orders" and not result.not_available}
    return [
        (promise, promise.value(*(named[name] for name in promise.needs)))
        for promise in PROMISES
        if all(name in named for name in promise.needs)
    ]


def print_promises(results: Sequence[Result], *, on_sandbox: bool) -> None:
    """A table on standard output, where there is something to say."""
    found = kept(results)
    if not found:
        return
    table = Table(title="what is promised of orders", title_justify="left")
    for heading in ("", "found", "promised", ""):
        table.add_column(heading)
    for promise, value in found:
        verdict = "holds" if promise.holds(value, on_sandbox=on_sandbox) else "does not hold"
        table.add_row(promise.text, f"{value:.2f}", promise.limit(on_sandbox=on_sandbox), verdict)
    Console(width=120).print(table)
