"""Orders with bad rows planted among them, a target that refuses these, and what must become of each."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd
import pyarrow as pa

import etl
from etl.bad_rows.rejects import Reject
from tests.databases import Database

TRANSFORM = "tests.pipeline.bad_rows:with_quantity"
KINDS = ("wrong type", "too long", "duplicate key", "NULL", "constraint")
MAX_NOTE_CHARS = 20

SOURCE = {
    "id": "int NOT NULL",
    "code": "nvarchar(40) NOT NULL",
    "quantity": "nvarchar(20) NOT NULL",
    "amount": "decimal(10,2) NULL",
    "note": "nvarchar(60) NULL",
}
TARGET = {
    "id": "int NOT NULL",
    "code": "nvarchar(40) NOT NULL UNIQUE",
    "quantity": "int NULL CHECK(quantity>0)",
    "amount": "decimal(10,2) NOT NULL",
    "note": f"nvarchar({MAX_NOTE_CHARS}) NULL",
}
SQLITE_NOTE = f"nvarchar({MAX_NOTE_CHARS}) CHECK(length(note)<={MAX_NOTE_CHARS})"
"""SQLite knows no lengths."""


Why = tuple[str, int | None, str | None]
"""Stage, SQL Server's number, column."""
BY_BULK_COPY: dict[str, Why] = {
    "wrong type": ("transform", None, None),
    "too long": ("cast", None, "note"),
    "duplicate key": ("server", 2627, None),
    "NULL": ("cast", None, "amount"),
    "constraint": ("server", 547, None),
}
BY_INSERT: dict[str, Why] = {**BY_BULK_COPY, "too long": ("server", 2628, None)}
BY_SQLITE: dict[str, Why] = {
    "wrong type": ("transform", None, None),
    **dict.fromkeys(("too long", "duplicate key", "NULL", "constraint"), ("server", None, None)),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """The orders and which of them are bad."""

    frame: pd.DataFrame
    kinds: dict[int, str]
    """By id."""

    @property
    def good(self) -> pd.DataFrame:
        """The others, as the transform returns them."""
        return with_quantity(self.frame[~self.frame["id"].isin(list(self.kinds))])


def with_quantity(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.assign(quantity=pd.to_numeric(orders["quantity"]))


def reindexed(orders: pd.DataFrame) -> pd.DataFrame:
    """The same without each tenth order, by a transform that hides where its rows come from."""
    return with_quantity(orders[~is_tenth(orders)]).reset_index(drop=True)


def is_tenth(orders: pd.DataFrame) -> pd.Series[bool]:
    """Which of the orders have a 0 at the end of their id."""
    return orders["id"].astype("int64") % 10 == 0


def as_number(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.assign(text=pd.to_numeric(orders["text"]))


OUTPUT = pa.schema(
    {
        "id": pa.int32(),
        "code": pa.string(),
        "quantity": pa.int64(),
        "amount": pa.decimal128(10, 2),
        "note": pa.string(),
    }
)


def plant(rows: int, bad_of_a_kind: int, seed: int = 1) -> Planted:
    """So many orders, ids from 1, with bad ones of every kind at random places, no two side by side."""
    chosen = random.Random(seed).sample(range(2, rows, 2), bad_of_a_kind * len(KINDS))
    kinds = {number: KINDS[place % len(KINDS)] for place, number in enumerate(chosen)}
    numbers = pd.Series(range(1, rows + 1))
    kind = numbers.map(kinds).fillna("")
    code = numbers.where(kind != "duplicate key", numbers - 1)
    quantity = (numbers % 90 + 1).where(kind != "constraint", -5).astype(str)
    frame = pd.DataFrame(
        {
            "id": numbers.astype("int32[pyarrow]"),
            "code": ("code " + code.astype(str)).astype("string[pyarrow]"),
            "quantity": quantity.where(kind != "wrong type", "x12").astype("string[pyarrow]"),
            "amount": [
                None if kinds.get(number) == "NULL" else Decimal(number % 1000) / 4 for number in range(1, rows + 1)
            ],
            "note": ("note " + numbers.astype(str)).where(kind != "too long", "n" * 30).astype("string[pyarrow]"),
        }
    )
    return Planted(frame, kinds)


def make(database: Database, planted: Planted, *, primary_key: str | None = "id", extra: bool = False) -> None:
    """The tables `orders`, filled, and `copies`, which refuses the bad rows; with `extra` one column has a default."""
    orders = database.make("orders", SOURCE, primary_key=primary_key)
    target = {**TARGET, "note": SQLITE_NOTE} if database.dialect == "sqlite" else TARGET
    if extra:
        target = {**target, "loaded_by": "nvarchar(20) DEFAULT 'etl'"}
    database.make("copies", target, primary_key="id")
    schema, _, name = orders.rpartition(".")
    etl.to_sql(planted.frame, name.strip("[]"), database.url, schema=schema or None, if_exists="append", index=False)


def expected_target(planted: Planted) -> Counter[tuple[object, ...]]:
    """(id, code, quantity, note) of the good rows, as a multiset."""
    good = planted.good[["id", "code", "quantity", "note"]]
    return Counter(good.itertuples(index=False, name=None))


def in_target(database: Database) -> Counter[tuple[object, ...]]:
    """The same of the rows that are there."""
    return database.rows("copies", "id, code, quantity, note")


def check_reasons(found: list[Reject], planted: Planted, *, expected: Mapping[str, Why] = BY_BULK_COPY) -> None:
    """Each planted row, and no other, is set aside for the reason of its kind."""
    told = {
        int(json.loads(one.row_values or "{}")["id"]): (one.stage, one.error_number, one.column_name) for one in found
    }
    assert len(told) == len(found)
    assert told == {number: expected[kind] for number, kind in planted.kinds.items()}
