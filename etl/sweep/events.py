"""What a sweep tells while it runs, and at its end."""

from __future__ import annotations

from dataclasses import dataclass

from etl.sweep.function import Failed
from etl.sweep.inputs import Input


@dataclass(frozen=True, slots=True)
class SweepStart:
    """What is told before the first input is begun."""

    name: str
    function: str
    database: str
    """Without secrets."""
    inputs: int
    done: int
    """Of them, that have a result already."""
    failed: int
    """Of them, that failed before and are tried again."""
    stale: int
    """Of those with a result, that another version of the function gave it."""
    again: bool
    """Whether these are run again."""


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """Where a sweep stands."""

    inputs: int
    done: int
    failed: int
    ran: int
    """Calls of the function by this execution."""
    seconds: float


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What came of a sweep whose inputs all have a result."""

    name: str
    inputs: int
    ran: int
    """Calls of the function by this execution; the other results were there already, or came from others."""
    seconds: float


class SweepListener:
    """What a sweep tells while it goes on; override what is wanted."""

    def started(self, start: SweepStart) -> None:
        """It is known what there is to do."""

    def progressed(self, progress: SweepProgress) -> None:
        """Some inputs have ended."""

    def failed(self, failed_input: Input, failed: Failed) -> None:
        """The function failed on an input; the others go on."""

    def warned(self, message: str) -> None:
        """A worker died, or another execution is waited for."""
