"""A sweep's progress as a bar on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from etl.sweep.events import SweepListener, SweepProgress, SweepStart
from etl.sweep.printing import Lines


@contextmanager
def shown() -> Iterator[SweepListener]:
    """What moves the bar; it stays where it is at the end."""
    bar = _Bar()
    try:
        yield bar
    finally:
        bar.progress.stop()


class _Bar(Lines):
    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(*columns, TextColumn("{task.fields[failed]}"), TimeRemainingColumn())
        self.task: TaskID | None = None

        def said(text: str) -> None:
            self.progress.console.print(text, markup=False, highlight=False)

        super().__init__(said, lambda text: said(f"warning: {text}"))

    def started(self, start: SweepStart) -> None:
        super().started(start)
        self.progress.start()
        self.task = self.progress.add_task(start.name, total=start.inputs, completed=start.done, failed="")

    def progressed(self, progress: SweepProgress) -> None:
        assert self.task is not None
        failed = f"{progress.failed:,} failed" if progress.failed else ""
        self.progress.update(self.task, completed=progress.done + progress.failed, failed=failed)
