"""The SQL Server types as the sandbox passes them between wire, session, translation and engine."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal

Value = None | bool | int | float | Decimal | str | bytes | dt.date | dt.time | dt.datetime | uuid.UUID
"""What a cell is on its way through the sandbox.

bit → bool · tinyint, smallint, int, bigint → int · real, float → float · decimal, numeric, money, smallmoney → Decimal at
the type's scale · date → date · time → time · smalldatetime, datetime, datetime2 → naive datetime · datetimeoffset → aware
datetime · all text and xml → str · binary, varbinary, rowversion → bytes · uniqueidentifier → UUID · NULL → None. A time
whose seventh digit is not 0 is a `moments.FineTime` or `moments.FineStamp`.
"""


@dataclass(frozen=True, slots=True)
class SqlType:
    """One SQL Server type with its arguments.

    `name` is the lower-case system type name; synonyms are resolved before (`numeric` is `decimal`, `timestamp` is
    `rowversion`, `integer` is `int`, `float(24)` is `real`).
    """

    name: str
    length: int | None = None
    """Characters of n/char, n/varchar, bytes of binary, varbinary; None there means (max). None for every other type."""
    precision: int | None = None
    """Total digits of decimal."""
    scale: int | None = None
    """Fractional digits of decimal, time, datetime2, datetimeoffset."""
    utf8: bool = False
    """char, varchar and text under a UTF-8 collation: any character, and `length` counts bytes of UTF-8."""

    def __str__(self) -> str:
        """The type as T-SQL writes it: `nvarchar(max)`, `decimal(10,2)`, `datetime2(7)`."""
        if self.name in SIZED:
            return f"{self.name}({'max' if self.length is None else self.length})"
        if self.name == "decimal":
            return f"decimal({self.precision},{self.scale})"
        if self.name in {"time", "datetime2", "datetimeoffset"}:
            return f"{self.name}({self.scale})"
        return self.name


SIZED = frozenset({"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"})
"""The types whose `length` means something."""

NAMES = SIZED | frozenset(
    {
        *("bit", "tinyint", "smallint", "int", "bigint", "real", "float", "decimal", "money", "smallmoney"),
        *("date", "time", "smalldatetime", "datetime", "datetime2", "datetimeoffset"),
        *("text", "ntext", "image", "uniqueidentifier", "xml", "rowversion", "sql_variant", "sysname"),
    }
)
"""Every name that a `SqlType` can carry. `sysname` is nvarchar(128) NOT NULL in declarations."""


def is_large(sql: SqlType) -> bool:
    """Whether a value of the type may be longer than a page: (max), text, ntext, image, xml."""
    return sql.name in {"text", "ntext", "image", "xml"} or (sql.name in SIZED and sql.length is None)
