"""What a conversion rule is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.expression import text_literal


@dataclass(frozen=True, slots=True)
class Request:
    """From which type to which, with CONVERT's style."""

    source: SqlType
    target: SqlType
    style: int | None
    strict: str
    """`true`, or `false` for TRY_CAST."""

    @property
    def source_name(self) -> str:
        """The source type's name as a PostgreSQL literal, for messages."""
        return text_literal(self.source.name)
