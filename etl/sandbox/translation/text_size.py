"""SET TEXTSIZE: how many bytes of a large value a SELECT sends.

https://learn.microsoft.com/sql/t-sql/statements/set-textsize-transact-sql
"""

from __future__ import annotations

from dataclasses import replace

from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.plans import QueryPlan
from etl.sandbox.translation.types import is_wide

_LARGE = frozenset({"text", "ntext", "image"})
_MAX = frozenset({"varchar", "nvarchar", "varbinary"})


def within_text_size(plan: QueryPlan, size_bytes: int) -> QueryPlan:
    """The plan with its large columns cut; the same plan where it has none."""
    kinds = [column.type for column in plan.columns]
    if not any(_is_large(kind) for kind in kinds):
        return plan
    names = [f"c{position}" for position in range(1, len(kinds) + 1)]
    items = [_cut(name, kind, size_bytes) if _is_large(kind) else name for name, kind in zip(names, kinds, strict=True)]
    return replace(plan, sql=f"SELECT {', '.join(items)} FROM ({plan.sql}) whole({', '.join(names)})")


def _is_large(kind: SqlType) -> bool:
    return kind.name in _LARGE or (kind.name in _MAX and kind.length is None)


def _cut(name: str, kind: SqlType, size_bytes: int) -> str:
    if kind.name in {"varbinary", "image"}:
        return f"substr({name}, 1, {size_bytes})"
    if is_wide(kind):
        return f"sandbox.left_utf16({name}::text, {size_bytes // 2})::citext"
    return f"left({name}::text, {size_bytes})::citext"
