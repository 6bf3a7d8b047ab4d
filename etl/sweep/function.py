"""The function of a sweep: found by its name, known by its source, called on one input."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from etl import named
from etl.errors import JobError
from etl.sweep import exact

Function = Callable[[Any], Any]
URL_PASSWORD = re.compile(r"(\w://[^\s:/@]*):[^\s/]*@")
NAMED_PASSWORD = re.compile(r"((?:pwd|password)\s*=\s*)(\{[^}]*\}|[^\s;,'\"]+)", re.IGNORECASE)
MAX_SAID_CHARS = 10_000
MAX_KIND_CHARS = 400


@dataclass(frozen=True, slots=True)
class Failed:
    """How the function failed on an input."""

    kind: str
    """The exception's name."""
    message: str


def find(function: str | Function) -> Function:
    """The function itself. Raises JobError where `module:function` names none."""
    if not isinstance(function, str):
        return function
    found = named.find_object(function, "function")
    if not callable(found):
        raise JobError(f"{function} is {type(found).__name__}, not a function")
    called: Function = found
    return called


def reference(function: str | Function) -> str:
    """`module:function`, by which a sweep knows its function."""
    if isinstance(function, str):
        return function
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', None) or '__main__'}:{name}"


def source_hash(function: Function) -> str | None:
    """Hash of the function's own source, without comments and layout; None for one that has none to be read.

    What it calls is not looked at.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # SyntaxError where a lambda's lines are a part of a statement
        return None
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:32]


def call(function: Function, value: Any) -> str | Failed:
    """The function's result as JSON, or how it failed: what it raised, or returned that JSON has no form for."""
    try:
        result = function(value)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - stored with the input; sys.exit() would end the worker
        return Failed(type(error).__name__[:MAX_KIND_CHARS], _told(f"{error}{named.own_line(error)}"))
    try:
        return exact.text(result)
    except exact.NotJson as error:
        return Failed(type(error).__name__, f"what the function returned cannot be stored: {error}")


def _told(message: str) -> str:
    """The user's own message as it may be stored: without the passwords of URLs and connection strings."""
    message = URL_PASSWORD.sub(r"\1:***@", message)
    message = NAMED_PASSWORD.sub(r"\1***", message)
    # NUL and halves of surrogate pairs are what no database takes.
    shown = message[:MAX_SAID_CHARS].replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return shown if len(message) <= MAX_SAID_CHARS else f"{shown}…"
