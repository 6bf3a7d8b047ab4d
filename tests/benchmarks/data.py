"""The table that is read and filled: twelve columns of the common types, the same rows every time."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from decimal import Decimal

from etl.sandbox.sqltypes import Value

SEED = 2013
FULL_TABLE = "orders"
EMPTY_TABLE = "orders_copy"
"""Of the same columns; what loads rows empties it first."""

COLUMNS = (
    "id bigint NOT NULL PRIMARY KEY",
    "quantity int NOT NULL",
    "shelf smallint",
    "paid bit NOT NULL",
    "weight float NOT NULL",
    "amount decimal(12,2) NOT NULL",
    "tax money NOT NULL",
    "ordered date NOT NULL",
    "changed datetime2(6) NOT NULL",
    "customer nvarchar(40) NOT NULL",
    "comment varchar(20)",
    "token uniqueidentifier NOT NULL",
)
_NAMES = ("Anna Schmidt", "José Álvarez", "Zoë van der Meer", "John Smith", "Łukasz Nowak", "李小龍", "Mary O'Neill")
_NULL_SHARE = 0.2
_FIRST_DAY = dt.date(2013, 1, 1)
_FIRST_MOMENT = dt.datetime(2013, 1, 1)


def create_table(name: str) -> str:
    """CREATE TABLE of one of the two."""
    return f"CREATE TABLE {name} ({', '.join(COLUMNS)})"


def rows(count: int) -> Iterator[tuple[Value, ...]]:
    """`count` rows, one in five NULL where a column allows it."""
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
            uuid.UUID(int=chance.getrandbits(128)),
        )
