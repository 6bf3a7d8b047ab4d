"""What a person or a machine sees of a sweep while it runs, and at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from etl.json_lines import print_event
from etl.sweep.events import SweepListener, SweepProgress, SweepResult, SweepStart
from etl.sweep.export import Exported
from etl.sweep.function import Failed
from etl.sweep.inputs import Input

LINE_SEC = 5.0
"""Between two lines of progress: a sweep of quick inputs would write thousands."""
MOST_FAILURES = 10
"""That are told one by one; the others are counted."""


def describe(start: SweepStart) -> str:
    """A sweep's first line: what is run, what is there already, where results go."""
    left = start.inputs - start.done
    what = f"sweep {start.name}" + (f" ({start.function})" if start.name != start.function else "")
    failed = f", {start.failed:,} of which failed before" if start.failed else ""
    there = f"{start.done:,} of {start.inputs:,} inputs have a result, " if start.done else ""
    return f"{what}: {there}{left:,} to run{failed}; results go to {start.database}"


def stale_line(start: SweepStart) -> str | None:
    """The warning that results are of another version of the function, where some are."""
    if not start.stale:
        return None
    which = f"{start.stale:,} results are of another version of {start.function}"
    return f"{which} and are run again" if start.again else f"{which}; they are kept (--again runs them again)"


def progress_line(progress: SweepProgress) -> str:
    """How far a sweep is, how fast, how long it may still take."""
    ended = progress.done + progress.failed
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    rate = progress.ran / progress.seconds if progress.seconds else 0.0
    left = f", {(progress.inputs - ended) / rate:,.0f} s left" if rate else ""
    return f"{ended:,}/{progress.inputs:,} inputs{failed}, {rate:,.1f} inputs/s{left}"


def result_line(result: SweepResult) -> str:
    """A sweep's result in a sentence."""
    return (
        f"sweep {result.name} is done: {result.inputs:,} inputs have a result, "
        f"{result.ran:,} of them from this run, in {result.seconds:.1f} s"
    )


class Lines(SweepListener):
    """Lines of text, each given to `say`; warnings to `warn`."""

    def __init__(self, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
        self._say = say
        self._warn = warn
        self._said_at: float | None = None
        self._failures = 0

    def started(self, start: SweepStart) -> None:
        """As in `SweepListener`."""
        self._say(describe(start))
        stale = stale_line(start)
        if stale is not None:
            self._warn(stale)

    def progressed(self, progress: SweepProgress) -> None:
        """As in `SweepListener`."""
        now = time.monotonic()
        if self._said_at is None:
            self._said_at = now  # the workers have only just begun: nothing is known of their speed
        if now - self._said_at >= LINE_SEC or progress.done + progress.failed == progress.inputs:
            self._said_at = now
            self._say(progress_line(progress))

    def failed(self, failed_input: Input, failed: Failed) -> None:
        """As in `SweepListener`."""
        self._failures += 1
        if self._failures <= MOST_FAILURES:
            self._warn(f"{failed_input} failed: {failed.kind}: {failed.message}")
        if self._failures == MOST_FAILURES:
            self._warn("further failures are counted only")

    def warned(self, message: str) -> None:
        """As in `SweepListener`."""
        self._warn(message)


class _JsonLines(SweepListener):
    def started(self, start: SweepStart) -> None:
        print_event("started", **asdict(start))

    def progressed(self, progress: SweepProgress) -> None:
        print_event("progress", **asdict(progress))

    def failed(self, failed_input: Input, failed: Failed) -> None:
        print_event("failed", input=failed_input.value, kind=failed.kind, message=failed.message)

    def warned(self, message: str) -> None:
        print_event("warning", message=message)


@contextmanager
def listener(*, as_json: bool) -> Iterator[SweepListener]:
    """A live bar on a terminal, plain lines elsewhere, JSON lines for machines."""
    if as_json:
        yield _JsonLines()
    elif sys.stdout.isatty():
        from etl.sweep.bar import shown  # what draws on terminals is slow to import

        with shown() as bar:
            yield bar
    else:
        yield Lines(lambda text: print(text, flush=True), lambda text: print(f"warning: {text}", flush=True))


def print_result(result: SweepResult, *, as_json: bool) -> None:
    """The sweep's last words."""
    if as_json:
        print_event("done", **asdict(result))
        return
    print(result_line(result))


def exported_line(exported: Exported) -> str:
    """What an export holds, and what it does not."""
    without = [f"{exported.failed:,} failed"] * bool(exported.failed)
    without += [f"{exported.running:,} not ended"] * bool(exported.running)
    missing = f"; without a result: {', '.join(without)}" if without else ""
    return f"{exported.results:,} results of the sweep {exported.name}{missing}"
