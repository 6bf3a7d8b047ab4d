"""JSON paths: `$.a."b c"[0]`, with lax or strict before it.

https://learn.microsoft.com/sql/relational-databases/json/json-path-expressions-sql-server
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.translation.expression import text_literal

_STEP = re.compile(r'\.(?:"((?:[^"\\]|\\.)*)"|([A-Za-z_$][\w$]*))|\[(\d+)\]')
_MODE = re.compile(r"\s*(lax|strict)\s*(?=\$)")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """The keys and positions from the root. Strict paths must lead somewhere; lax ones to NULL."""

    steps: tuple[str, ...]
    strict: bool

    def from_root(self, document: str) -> str:
        """PostgreSQL text of what the path leads to in a json value, NULL where it leads nowhere."""
        return self._from(document, self.steps)

    def below_first(self, value: str) -> str:
        """The same from what the first step leads to."""
        return self._from(value, self.steps[1:])

    @staticmethod
    def _from(value: str, steps: tuple[str, ...]) -> str:
        if not steps:
            return value
        keys = ", ".join(text_literal(step) for step in steps)
        return f"({value} #> ARRAY[{keys}])"


def parse_path(text: str) -> JsonPath:
    """Error 13607 for what is no path."""
    mode = _MODE.match(text)
    at = mode.end() if mode else 0
    if text[at : at + 1] != "$":
        raise _malformed(text, at)
    at += 1
    steps = []
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise _malformed(text, at)
        steps.append(next(part for part in step.groups() if part is not None).replace('\\"', '"'))
        at = step.end()
    return JsonPath(tuple(steps), strict=bool(mode and mode[1] == "strict"))


def path_argument(node: exp.Expr | None, default: str = "$") -> JsonPath:
    """The path that an argument gives as a literal."""
    if node is None:
        return parse_path(default)
    if isinstance(node, exp.National) or (isinstance(node, exp.Literal) and node.args["is_string"]):
        return parse_path(node.name)
    raise not_supported("a JSON path that is no literal")


def _malformed(text: str, at: int) -> SqlServerError:
    found = text[at : at + 1] or "."
    message = f"JSON path is not properly formatted. Unexpected character '{found}' is found at position {at}."
    return SqlServerError(13607, message, state=4)
