"""Types of columns in tables of our own, on every database that they may stand in."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

MOMENT = sa.DateTime().with_variant(mssql.DATETIME2(precision=6), "mssql")  # type: ignore[no-untyped-call]
NAME = sa.Unicode(400)
LONG_TEXT = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
