"""Comparing texts: trailing blanks do not count, also those that are stored.

https://learn.microsoft.com/sql/t-sql/language-elements/string-comparison-assignment#remarks
char and nchar are held without blanks, and constants lose theirs here. What a varchar column holds is compared without them
too, beside a condition on the bare column that an index can serve: whatever differs from `a` by blanks only lies from `a` up
to, but not including, `a!`, the next character after the blank.
"""

from __future__ import annotations

from etl.sandbox.translation.expression import Expression, text_literal
from etl.sandbox.translation.types import is_fixed_text, storage

_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare_texts(left: Expression, operator: str, right: Expression, kind: str) -> str:
    """The condition `left operator right` with both sides as `kind`, citext or text."""
    if _is_constant(left) and not _is_constant(right):
        left, operator, right = right, _FLIPPED[operator], left
    column = bool(left.name) and not _is_constant(left)
    if not column or not _is_constant(right) or is_fixed_text(left.type):
        return f"({without_blanks(left, kind)} {operator} {without_blanks(right, kind)})"
    held, plain, constant = _as(left, kind), without_blanks(left, kind), without_blanks(right, kind)
    above = _just_above(right, kind)
    if operator == "=":
        return f"({held} >= {constant} AND {held} < {above} AND {plain} = {constant})"
    if operator == ">":
        return f"({held} > {constant} AND {plain} <> {constant})"
    if operator == "<=":
        return f"({held} < {above} AND ({held} <= {constant} OR {plain} = {constant}))"
    return f"({plain if operator == '<>' else held} {operator} {constant})"


def without_blanks(value: Expression, kind: str) -> str:
    """A text as `kind` without trailing blanks."""
    if isinstance(value.literal, str):
        return f"{text_literal(value.literal.rstrip(' '))}::{kind}"
    return _as(value, kind) if is_fixed_text(value.type) else f"rtrim(({value.sql})::text, ' ')::{kind}"


def _is_constant(value: Expression) -> bool:
    return isinstance(value.literal, str) or bool(value.variable)


def _as(value: Expression, kind: str) -> str:
    return value.sql if storage(value.type, value.collation) == kind else f"({value.sql})::{kind}"


def _just_above(value: Expression, kind: str) -> str:
    if isinstance(value.literal, str):
        return f"{text_literal(value.literal.rstrip(' ') + '!')}::{kind}"
    return f"(rtrim(({value.sql})::text, ' ') || '!')::{kind}"
