"""Values of every SQL Server type as T-SQL literals, and how the server itself compares two tables cell by cell."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from tests.databases import Database

UTF8 = "COLLATE Latin1_General_100_CI_AS_SC_UTF8"


def repeated(letter: str, *counts: int) -> list[str]:
    return [f"REPLICATE(CAST(N'{letter}' AS nvarchar(max)), {count})" for count in counts]


def bytes_of(*counts: int) -> list[str]:
    return [f"CONVERT(varbinary(max), REPLICATE(CAST('00ff' AS varchar(max)), {count // 2}) + '{'01' * (count % 2)}', 2)"
            for count in counts]  # fmt: skip


SHORT: dict[str, list[str]] = {
    "bit": ["0", "1"],
    "tinyint": ["0", "1", "255"],
    "smallint": ["-32768", "-1", "0", "32767"],
    "int": ["-2147483648", "-1", "0", "2147483647"],
    "bigint": ["-9223372036854775808", "-1", "0", "9007199254740993", "9223372036854775807"],
    "real": ["-3.4028234663852886e38", "1.1754943508222875e-38", "0e0", "0.1e0"],
    "float": ["-1.7976931348623157e308", "2.2250738585072014e-308", "0e0", "0.1e0", "9007199254740993e0"],
    "decimal(1,1)": ["-0.9", "0.0", "0.1", "0.9"],
    "decimal(5,2)": ["-999.99", "0.00", "0.01", "999.99"],
    "numeric(18,4)": ["-99999999999999.9999", "0.0001"],
    "decimal(38,0)": ["-" + "9" * 38, "0", "1", "9" * 38],
    "decimal(38,10)": ["-" + "9" * 28 + "." + "9" * 10, "0.0000000001"],
    "decimal(38,38)": ["-0." + "9" * 38, "0." + "0" * 37 + "1"],
    "money": ["-922337203685477.5808", "-0.0001", "0", "922337203685477.5807"],
    "smallmoney": ["-214748.3648", "0.0001", "214748.3647"],
    "date": ["'0001-01-01'", "'1582-10-10'", "'1600-02-28'", "'1600-02-29'", "'2024-02-29'", "'9999-12-31'"],
    "time(0)": ["'00:00:00'", "'23:59:59'"],
    "time(3)": ["'00:00:00.001'", "'23:59:59.999'"],
    "time(6)": ["'00:00:00.000001'", "'23:59:59.999999'"],
    "smalldatetime": ["'1900-01-01T00:00:00'", "'2079-06-06T23:59:00'"],
    "datetime": ["'1753-01-01T00:00:00'", "'2000-01-01T00:00:00.003'", "'9999-12-31T23:59:59.997'"],
    "datetime2(0)": ["'0001-01-01T00:00:00'", "'1600-02-28T23:59:59'", "'9999-12-31T23:59:59'"],
    "datetime2(3)": ["'0001-01-01T00:00:00.001'", "'1600-02-28T23:59:59.999'", "'9999-12-31T23:59:59.999'"],
    "datetime2(6)": ["'0001-01-01T00:00:00.000001'", "'1600-02-28T23:59:59.999999'", "'9999-12-31T23:59:59.999999'"],
    "datetimeoffset(0)": ["'0001-01-01 14:00:00 +14:00'", "'2024-02-29 12:00:00 +05:30'", "'9999-12-31 09:59:59 -14:00'"],
    "datetimeoffset(6)": [
        "'0001-01-01 00:00:00.000001 +00:00'",
        "'1600-02-28 23:59:59.999999 -14:00'",
        "'9999-12-31 23:59:59.999999 +14:00'",
    ],
    "char(5)": ["''", "'ab'", "N'€éß'", "'abcde'"],
    "varchar(20)": ["''", "' '", "'trailing  '", "'TRAILING'", "N'€éßÿ'", *repeated("€", 20)],
    f"varchar(21) {UTF8}": ["''", "N'日本  '", "N'é😀'", *repeated("日", 7)],
    "nchar(4)": ["N''", "N'日本'", "N'😀a'", "N'abcd'"],
    "nvarchar(20)": ["N''", "N' '", "N'trailing  '", "N'日本 😀'", "N'O''Brien \"x\"; --'", *repeated("😀", 10)],
    "varbinary(20)": ["CAST('' AS varbinary(1))", "0x00", "0x0000", "0x" + "ff" * 20],
    "binary(4)": ["0x00000000", "0x01", "0xff00ff00"],
    "uniqueidentifier": [
        "'00000000-0000-0000-0000-000000000000'",
        "'01234567-89AB-CDEF-0123-456789ABCDEF'",
        "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'",
    ],
    "text": ["''", "'a  '", "N'€éß'"],
    "ntext": ["N''", "N'a  '", "N'日本 😀'"],
    "image": ["CAST('' AS varbinary(1))", "0x00ff00"],
    "xml": ["N''", "N'<a b=\"1\">é😀</a>'", "N'text only'"],
}  # fmt: skip
"""Minimum, maximum, zero, smallest step; empty, blanks at the end, more than the type's letters are wide. NULL is added."""

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

TEXTS = ("char", "varchar", "nchar", "nvarchar", "text", "ntext", "xml")
SHOWN = {
    # Other collations take no notice of case, and all of blanks at the end: those are in the length.
    **dict.fromkeys(TEXTS, "CONVERT(nvarchar(max), {c}) COLLATE Latin1_General_BIN2"),
    "image": "CONVERT(varbinary(max), {c})",
    # An instant equals itself under any offset.
    "datetimeoffset": "CONVERT(varchar(34), {c}, 121)",
}


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
        name = kind.partition("(")[0]
        shown = SHOWN.get(name, "{c}").format(c=f"c{number}")
        has_length = name in TEXTS or name == "image" or "binary" in name
        length = f"DATALENGTH({shown.partition(' COLLATE')[0]})" if has_length else "0"
        cells = f"SELECT id, {shown} AS cell, {length} AS bytes FROM dbo."
        if database.query(f"SELECT COUNT(*) FROM ({cells}{source} EXCEPT {cells}{target}) AS missing") != [(0,)]:
            differing.append(kind)
    return differing
