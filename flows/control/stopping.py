"""How a flow run is stopped before its end: because it takes too long, or because it is cancelled.

Prefect raises exceptions of its own in the main thread then, for a cancellation after a SIGTERM to the process and its
workers. On its way out, `pipeline.execute` ends the workers, whose transactions are rolled back, and marks the ledger run as
failed, so that it can be resumed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.utilities.timeout import timeout


class Overdue(TimeoutError):
    """The flow run took longer than it may."""


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Raise Overdue in what is inside when it takes longer: Prefect calls the run TimedOut then. None is for ever."""
    try:
        with timeout(seconds):
            yield
    except TimeoutError as error:
        raise Overdue(f"the run took longer than its timeout_sec, {seconds:g} s") from error
