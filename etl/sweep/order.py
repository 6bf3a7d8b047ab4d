"""The order of inputs: one for all values of JSON, which no database's collation has a say in."""

from __future__ import annotations

from typing import Any

from etl.sweep import exact


def place(value: Any) -> tuple[Any, ...]:
    """What sorts values of JSON: null, false, true, numbers, text, lists, mappings.

    Numbers by what they are worth, exactly; 1 and 1.0, which are worth the same, by their JSON. Text by code point. Lists
    part by part; mappings key by key, in the order of their keys, first by the key, then by its value.
    """
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, int | float):
        return (2, value, exact.canonical(value))
    if isinstance(value, str):
        return (3, value)
    if isinstance(value, list):
        return (4, tuple(place(part) for part in value))
    return (5, tuple((key, place(value[key])) for key in sorted(value)))
