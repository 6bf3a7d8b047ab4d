"""Values at the edges of every SQL Server type that the project carries, as T-SQL literals, and the columns that hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from etl import code_pages, types

UTF8 = "COLLATE Latin1_General_100_CI_AS_SC_UTF8"


def repeated(letter: str, *counts: int) -> list[str]:
    """Texts of so many letters."""
    return [f"REPLICATE(CAST(N'{letter}' AS nvarchar(max)), {count})" for count in counts]


TYPES: dict[str, list[str]] = {
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
"""Minimum, maximum, zero, smallest step; empty, blanks at the end, more than the type's letters are wide."""

SEVEN_DIGITS: dict[str, list[str]] = {
    "time(7)": ["'00:00:00.0000001'", "'23:59:59.9999999'"],
    "datetime2(7)": ["'0001-01-01T00:00:00.0000001'", "'2024-02-29T12:34:56.1234567'", "'9999-12-31T23:59:59.9999999'"],
    "datetimeoffset(7)": ["'0001-01-01 14:00:00.0000001 +14:00'", "'9999-12-31 09:59:59.9999999 -14:00'"],
}
LARGE: dict[str, list[str]] = {
    "varchar(max)": repeated("x", 4_097),
    "nvarchar(max)": repeated("日", 4_097),
    "varbinary(max)": [f"CONVERT(varbinary(max), REPLICATE(CAST('00ff' AS varchar(max)), {1 << 15}), 2)"],
}
"""Beyond 4,096 bytes, where FreeTDS's buffers end."""

TEXT_CHARS = 400
TEXTS_TYPE = f"varchar({4 * TEXT_CHARS})"
"""Of the column that has the letters of the database's own code page, and the user's texts; in UTF-8 one takes four bytes."""
ROWVERSION = "rowversion"
KEY = "id"
UTF8_SINCE_MAJOR = 15
"""SQL Server 2019, the first with UTF-8 collations."""

MULTI_BYTE_LETTERS = {"cp932": "ｱﾝ日本語ソ能"}
"""Of the code pages whose upper half is no letters by itself; ソ and 能 have a backslash for their second byte."""
UNICODE_LETTERS = "Żółć ß Ω Ж 漢字 العربية 🚀"


@dataclass(frozen=True, slots=True)
class Sample:
    """A column of the sample table."""

    name: str
    sql_type: str
    """With its collation, where that is not the database's."""
    literals: tuple[str, ...]

    @property
    def plain_type(self) -> str:
        """Without its collation."""
        return self.sql_type.partition(" COLLATE")[0]

    @property
    def is_given(self) -> bool:
        """Whether an INSERT may name it."""
        return self.sql_type != ROWVERSION

    @property
    def of_copy(self) -> Sample:
        """The column of a table that takes the values over: the server makes those of a rowversion itself."""
        return self if self.is_given else replace(self, sql_type=types.stored_as("mssql", self.sql_type))

    def __str__(self) -> str:
        return f"{self.name} ({self.sql_type})"


def letters(collation: str) -> str:
    """What a varchar column under a collation must be able to hold; only ASCII where the code page is not known here."""
    if code_pages.is_utf8(collation):
        return UNICODE_LETTERS
    page = code_pages.codec(collation)
    if page is None:
        return "abc"
    return MULTI_BYTE_LETTERS.get(page) or bytes(range(0x80, 0x100)).decode(page, "ignore")


def columns(collation: str, major_version: int) -> list[Sample]:
    """The sample table's columns beside its key, for a database with that collation on a server of that version."""
    chosen = {**TYPES, **SEVEN_DIGITS, **LARGE, **_encoded(letters(collation)), TEXTS_TYPE: [], ROWVERSION: []}
    if major_version < UTF8_SINCE_MAJOR:
        chosen = {kind: literals for kind, literals in chosen.items() if UTF8 not in kind}
    return [Sample(_name(kind), kind, tuple(literals)) for kind, literals in chosen.items()]


def _encoded(held: str) -> dict[str, list[str]]:
    """Types in a code page, with letters that this one has: others would be something else before anything is copied."""
    few = _literal(held[:1])
    return {
        "char(5)": ["''", "'ab'", few, "'abcde'"],
        "varchar(20)": ["''", "' '", "'trailing  '", "'TRAILING'", _literal(held[:5]), *repeated("x", 20)],
        "text": ["''", "'a  '", few],
    }


def _literal(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"


def _name(kind: str) -> str:
    return re.sub(r"\W+", "_", kind.replace(UTF8, "utf8")).strip("_")
