"""The tables of sweeps, as an ORM model: a sweep, and one row for each of its inputs that was ever begun."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from etl.stored_types import MOMENT, NAME

State = Literal["running", "done", "failed"]


class LongText(sa.types.UserDefinedType[str]):
    """nvarchar(max), of any length over FreeTDS.

    pyodbc sends long text piece by piece, which FreeTDS refuses (HY090) for SQL_WVARCHAR, as SQLAlchemy declares it.
    """

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        """The type in CREATE TABLE."""
        return "NVARCHAR(max)"

    def get_dbapi_type(self, dbapi: Any) -> tuple[int, int, int]:
        """How parameters are declared, as `Cursor.setinputsizes` takes it."""
        return (dbapi.SQL_WLONGVARCHAR, 0, 0)


_long = sa.UnicodeText().with_variant(LongText(), "mssql")
_hash = sa.String(32)
"""Hexadecimal digits in lower case, which every collation compares alike."""


class Base(DeclarativeBase):
    """What the tables of sweeps have in common."""


class StoredSweep(Base):
    """A sweep: a function under a name."""

    __tablename__ = "etl_sweep"

    sweep_id: Mapped[str] = mapped_column(_hash, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    function: Mapped[str] = mapped_column(NAME)
    """As `module:function`."""
    started_at: Mapped[dt.datetime] = mapped_column(MOMENT)
    """UTC, as all moments here."""


class StoredInput(Base):
    """An input of a sweep and what became of it."""

    __tablename__ = "etl_sweep_input"

    sweep_id: Mapped[str] = mapped_column(_hash, primary_key=True)
    input_key: Mapped[str] = mapped_column(_hash, primary_key=True)
    input: Mapped[str] = mapped_column(_long)
    """Its canonical JSON."""
    state: Mapped[State] = mapped_column(sa.String(16))
    attempt: Mapped[int] = mapped_column(sa.Integer)
    """How often it was begun."""
    run_id: Mapped[str] = mapped_column(sa.String(16))
    """Of the execution that has begun it last; while it is `running`, no other may touch it as long as that lives."""
    function_hash: Mapped[str | None] = mapped_column(_hash)
    """Of the function's source when it was begun last; None where it has none."""
    worker: Mapped[str] = mapped_column(NAME)
    started_at: Mapped[dt.datetime] = mapped_column(MOMENT)
    ended_at: Mapped[dt.datetime | None] = mapped_column(MOMENT)
    seconds: Mapped[float | None] = mapped_column(sa.Float)
    """That the function took."""
    result: Mapped[str | None] = mapped_column(_long)
    """Its JSON; None unless `done`."""
    error_kind: Mapped[str | None] = mapped_column(NAME)
    """The name of the exception; None unless `failed`."""
    error: Mapped[str | None] = mapped_column(_long)


def sweep_id(name: str) -> str:
    """The key of the sweep of that name, exact to the letter in every collation."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
