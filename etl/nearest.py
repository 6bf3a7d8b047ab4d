"""The known name that was probably meant by one that is not known, and the words to offer it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MIN_LIKENESS = 0.6
"""Of difflib's ratio, twice the matching characters over all characters; below it an offer reads like a guess."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like `name`, or None where none is. Neither case nor `-` for `_` counts."""
    by_form: dict[str, str] = {}
    for one in known:
        by_form.setdefault(_form(one), one)
    # A longer text is no slip of the pen, and comparing it takes the square of its length.
    found = difflib.get_close_matches(_form(name[:100]), by_form, n=1, cutoff=MIN_LIKENESS)
    return by_form[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean chunk_rows?` to end a sentence about an unknown name with, or an empty text where nothing is like it."""
    found = nearest(name, known)
    return "" if found is None else f"; did you mean {found}?"


def listed(names: Iterable[str]) -> str:
    """Names as a sentence offers them for choice: `append`, `append or replace`, `a, b or c`."""
    *rest, last = names
    return f"{', '.join(rest)} or {last}" if rest else last


def _form(name: str) -> str:
    return name.strip().casefold().replace("-", "_")
