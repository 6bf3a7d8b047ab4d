"""What is installed only with an extra of the distribution: imported where it is used, and named where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from etl.errors import JobError


@contextmanager
def needed(package: str, what: str, extra: str) -> Iterator[None]:
    """Around the import of `package`, which `what` needs. Raises JobError that says what to install where it fails."""
    try:
        yield
    except ImportError as error:
        raise JobError(
            f"{what} needs {package}, which cannot be imported ({error})",
            advice=f"Install it: pip install 'tablehaul[{extra}]'.",
        ) from error
