"""What no text in a job may be, wherever it stands: what no database takes, and a password that would be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from etl.cluster.description import is_address
from etl.misplaced import is_connection

HIDDEN_FIELDS = frozenset({"source", "target"})
"""Those whose passwords no message and no ledger shows."""


def refuse_texts(name: str, value: Any) -> None:
    """Raise PydanticCustomError, which names the field, where a text in the field's value is none for a job."""
    for text in _texts(value):
        _refuse_text(name, text)


def _texts(value: Any) -> Iterator[str]:
    """All text in a field's value."""
    if isinstance(value, str | Path):
        yield str(value)
    elif isinstance(value, Mapping):
        for part in (*value.keys(), *value.values()):
            yield from _texts(part)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _texts(part)


def _refuse_text(name: str, text: str) -> None:
    if "\0" in text or not _encodes(text):
        raise PydanticCustomError(
            "text", "{field} has a character that no text has: a NUL or half of a pair", {"field": name}
        )
    if name == "cluster" and is_address(text):
        return
    if name not in HIDDEN_FIELDS and is_connection(text):
        raise PydanticCustomError(
            "misplaced", "{field} is a database URL, which belongs in source or target", {"field": name}
        )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
