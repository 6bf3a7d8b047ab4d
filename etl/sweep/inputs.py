"""What a sweep runs over: JSON values, each with the key by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from etl.errors import JobError
from etl.sweep import exact


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a sweep."""

    key: str
    """Hash of its text."""
    text: str
    """Its canonical JSON."""

    @property
    def value(self) -> Any:
        """What the function gets: made of the text, so that it is the same from a file, from Python and after a restart."""
        return json.loads(self.text)

    def __str__(self) -> str:
        return f"input {self.text if len(self.text) <= 80 else self.text[:80] + '…'}"


def of(value: Any) -> Input:
    """The input that a value is. Raises `exact.NotJson`."""
    text = exact.canonical(value)
    return Input(hashlib.sha256(text.encode()).hexdigest()[:32], text)


def unique(values: Iterable[Any]) -> list[Input]:
    """The inputs in their order, each once. Raises JobError for a value, named by its number from 1, that is not JSON."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise JobError(
            f"the inputs are a {type(values).__name__}, not a list of inputs", advice="Give a list of JSON values."
        )
    found: dict[str, Input] = {}
    for number, value in enumerate(values, 1):
        try:
            one = of(value)
        except exact.NotJson as error:
            raise JobError(f"input {number}: {error}", advice="Inputs are numbers, text, lists, mappings.") from None
        found.setdefault(one.key, one)
    return list(found.values())
