"""Database URLs and connection strings that stand where they do not belong: no message may repeat their password."""

from __future__ import annotations

import re

CONNECTION = re.compile(
    r"\s*(?:[a-z][a-z0-9+.-]+:/|(?:[\w ]+=[^;]*;)*\s*(?:pwd|password)\s*=)",
    re.IGNORECASE,
)
"""How a URL (a path made of it has lost its second slash) and an ODBC connection string with a password begin."""

HIDDEN = "(a database URL)"


def is_connection(text: str) -> bool:
    """Whether the text reads as a database URL or an ODBC connection string, and may hold a password."""
    return CONNECTION.match(text) is not None


def hidden(text: str) -> str:
    """The text as a message may repeat it: itself, or what it is where that may hold a password."""
    return HIDDEN if is_connection(text) else text
