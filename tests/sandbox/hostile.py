"""Text that a client may send and PostgreSQL might misread."""

from __future__ import annotations

NAMES = [
    "plain",
    "a'b",
    "a''); DROP TABLE canary; --",
    'a"b',
    'a"; DROP SCHEMA sandbox CASCADE; --',
    "a]b",
    "back\\slash\\'",
    "$$dollar$$ $1 $body$",
    "a.b",
    "%s %I {0} :x ?",
    "/* a */ -- b",
    "new\nline\ttab",
    " leading blank",
    "E'\\x41' U&\"\\0041\"",
    "pg_catalog",
    "ctid",
    "current_user",
    "é漢😀",
    "n" * 128,
    "漢" * 128,
]
"""Names that are legal in brackets, each with something that PostgreSQL reads in another way."""

TEXTS = [*NAMES, "", "'", "''", "\\", "\\'", "a\\nb", "x" * 300, "[%_]^%", "\x01\x7f\u2028\ufeff"]


def bracket(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


def literal(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"
