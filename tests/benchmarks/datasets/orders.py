"""Twelve columns of the common types: numbers, decimals, dates, short text, one value in five NULL where a column allows it."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.types import Column
from tests.benchmarks.datasets import Dataset

if TYPE_CHECKING:
    import pandas as pd

SEED = 2013
_NAMES = ("Anna Schmidt", "José Álvarez", "Zoë van der Meer", "John Smith", "Łukasz Nowak", "李小龍", "Mary O'Neill")
_NULL_SHARE = 0.2
_FIRST_DAY = dt.date(2013, 1, 1)
_FIRST_MOMENT = dt.datetime(2013, 1, 1)

COLUMNS = (
    Column("id", "bigint", nullable=False),
    Column("quantity", "int", nullable=False),
    Column("shelf", "smallint"),
    Column("paid", "bit", nullable=False),
    Column("weight", "float", nullable=False),
    Column("amount", "decimal(12,2)", nullable=False),
    Column("tax", "money", nullable=False),
    Column("ordered", "date", nullable=False),
    Column("changed", "datetime2(6)", nullable=False),
    Column("customer", "nvarchar(40)", nullable=False),
    Column("comment", "varchar(20)"),
    Column("token", "uniqueidentifier", nullable=False),
)


def make(count: int) -> pa.Table:
    """So many rows."""
    arrays = [
        pa.array(values, kind)
        for values, kind in zip(zip(*_rows(count), strict=True), DATASET.schema.types, strict=True)
    ]
    return pa.table(arrays, schema=DATASET.schema)


def transform(orders: pd.DataFrame) -> pd.DataFrame:
    """One column of numbers and one of text made anew."""
    return orders.assign(weight=orders["weight"] * 1.1, customer=orders["customer"].str.upper())


def _rows(count: int) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(SEED)
    draw, whole = chance.random, chance.randrange
    for number in range(count):
        yield (
            number,
            whole(-1000, 100_000),
            None if draw() < _NULL_SHARE else whole(-30_000, 30_000),
            draw() < 0.5,
            draw() * 1000,
            Decimal(whole(-10_000_000, 1_000_000_000)).scaleb(-2),
            Decimal(whole(10_000_000)).scaleb(-4),
            _FIRST_DAY + dt.timedelta(days=whole(3650)),
            _FIRST_MOMENT + dt.timedelta(microseconds=whole(10**14)),
            f"{_NAMES[whole(len(_NAMES))]} {number}",
            None if draw() < _NULL_SHARE else f"comment {whole(10_000)}",
            str(uuid.UUID(int=chance.getrandbits(128))).upper(),
        )


DATASET = Dataset(
    name="orders",
    columns=COLUMNS,
    key=("id",),
    make=make,
    transform=f"{__name__}:{transform.__name__}",
    transformed={"weight": lambda weight: weight * 1.1, "customer": str.upper},
)
