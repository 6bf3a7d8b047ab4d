"""Bad rows found by halving: what fails as a whole is tried as two halves, down to single rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

Trouble = TypeVar("Trouble")


def search(
    start: int, stop: int, attempt: Callable[[int, int], Trouble | None], *, piece: int
) -> Iterator[tuple[int, Trouble]]:
    """Yield, in order, each row of [start, stop) that fails alone, with its trouble.

    `attempt(start, stop)` does what is to be done with these rows, or says what is wrong and leaves nothing of it done. It is
    called so that in the end every row but those yielded has been part of one call that was not in trouble. The rows are
    taken `piece` by piece at first: where bad ones are known to be among them, few long attempts are made in vain.
    """
    for first in range(start, stop, piece):
        yield from _halves(first, min(first + piece, stop), attempt, is_bad=False)


def _halves(
    start: int, stop: int, attempt: Callable[[int, int], Trouble | None], *, is_bad: bool
) -> Iterator[tuple[int, Trouble]]:
    """`is_bad`: it is known that a row of these fails."""
    if stop - start == 1 or not is_bad:
        trouble = attempt(start, stop)
        if trouble is None:
            return
        if stop - start == 1:
            yield start, trouble
            return
    middle = (start + stop) // 2
    left_is_good = True
    for found in _halves(start, middle, attempt, is_bad=False):
        left_is_good = False
        yield found
    yield from _halves(middle, stop, attempt, is_bad=left_is_good)
