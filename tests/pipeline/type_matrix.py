"""Values of every SQL Server type as T-SQL literals, and how the server itself compares two tables cell by cell."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from etl.smoke.comparison import cell
from etl.smoke.samples import TYPES, UTF8, repeated
from tests.databases import Database


def bytes_of(*counts: int) -> list[str]:
    return [f"CONVERT(varbinary(max), REPLICATE(CAST('00ff' AS varchar(max)), {count // 2}) + '{'01' * (count % 2)}', 2)"
            for count in counts]  # fmt: skip


SHORT = TYPES
"""Values of few bytes at the edges of the types. NULL is added."""

EDGE_BYTES = (4_095, 4_096, 4_097)
LONG: dict[str, list[str]] = {
    "varchar(8000)": repeated("é", *EDGE_BYTES, 8_000),
    "varchar(max)": [*repeated("€", *EDGE_BYTES), *repeated("é", 1 << 20)],
    f"varchar(max) {UTF8}": [*repeated("日", 1_365, 1_366), *repeated("x", *EDGE_BYTES)],
    "nvarchar(4000)": [*repeated("日", 2_047, 2_048, 2_049, 4_000), *repeated("😀", 1_024, 2_000)],
    "nvarchar(max)": [*repeated("日", 2_047, 2_048, 2_049, 1 << 19), *repeated("😀", 1_024, 1_025)],
    "varbinary(8000)": bytes_of(*EDGE_BYTES, 8_000),
    "varbinary(max)": bytes_of(*EDGE_BYTES, 1 << 20),
    "text": repeated("é", *EDGE_BYTES, 1 << 20),
    "ntext": repeated("日", 2_047, 2_048, 2_049, 1 << 19),
    "image": bytes_of(*EDGE_BYTES, 1 << 20),
    "xml": repeated("日", 2_047, 2_048, 2_049, 1 << 19),
}
"""Around 4,096 bytes, where FreeTDS's buffers end, and a megabyte."""

STAGED = frozenset({"text", "ntext", "image", "xml", f"varchar(21) {UTF8}", f"varchar(max) {UTF8}"})
"""What bulk copy carries by way of a staging table only."""


def fill(database: Database, kinds: dict[str, list[str]], table: str = "orders") -> None:
    """Make the table with `id`, `c0`, `c1` …, one for each type, and its literals as rows, NULLs where a type has no more."""
    columns = ", ".join(f"c{number} {kind} NULL" for number, kind in enumerate(kinds))
    database.query(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, {columns})")
    for row, literals in enumerate(itertools.zip_longest(*kinds.values(), fillvalue="NULL")):
        database.query(f"INSERT INTO dbo.{table} VALUES ({row}, {', '.join(literals)})")
    database.query(f"INSERT INTO dbo.{table} (id) VALUES (1000)")


def differences(database: Database, kinds: Iterable[str], source: str = "orders", target: str = "copies") -> list[str]:
    """The types of which the server misses a cell of the source in the target, lengths compared; and differing row counts."""
    counts = [database.query(f"SELECT COUNT(*) FROM dbo.{table}")[0][0] for table in (source, target)]
    differing = [] if counts[0] == counts[1] else [f"{counts[0]} rows became {counts[1]}"]
    for number, kind in enumerate(kinds):
        shown, length = cell(kind, f"c{number}")
        cells = f"SELECT id, {shown} AS cell, {length} AS bytes FROM dbo."
        if database.query(f"SELECT COUNT(*) FROM ({cells}{source} EXCEPT {cells}{target}) AS missing") != [(0,)]:
            differing.append(kind)
    return differing
