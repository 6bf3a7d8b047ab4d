"""The type matrix: for each SQL Server type, what is written and what has to come back."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyodbc

UTF8 = "Latin1_General_100_CI_AS_SC_UTF8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. `literal` is its T-SQL; `value` is what pyodbc reads, and what it writes unless `parameter` says otherwise."""

    literal: str
    value: Any
    parameter: Any = None


@dataclass(frozen=True, slots=True)
class TypeCase:
    """A type and its samples. NULL is added by the tests."""

    declaration: str
    samples: Sequence[Sample]
    placeholder: str = "?"
    """How a parameter stands in the statement: FreeTDS writes dates before 1600 wrong, so dates go as text."""
    shown: str = "v"
    """The column as it is read: pyodbc over FreeTDS cannot fetch datetimeoffset."""
    collation: str = ""

    @property
    def null(self) -> Any:
        """NULL as a parameter: pyodbc declares None as varchar, which does not become binary by itself (error 257)."""
        return pyodbc.BinaryNull if self.declaration == "image" or "binary" in self.declaration else None

    @property
    def column(self) -> str:
        """The declaration of a column."""
        return f"{self.declaration} {f'COLLATE {self.collation} ' if self.collation else ''}NULL"

    def typed(self, sample: Sample) -> str:
        """The literal as an expression of the type."""
        collate = f" COLLATE {self.collation}" if self.collation else ""
        return f"CAST({sample.literal}{collate} AS {self.declaration})"

    def __str__(self) -> str:
        return self.declaration + (" utf8" if self.collation else "")


def number(literal: str, value: Any) -> Sample:
    return Sample(literal, value)


def integers(low: int, high: int) -> list[Sample]:
    return [Sample(str(value), value) for value in sorted({low, low + 1, 0, 1, high - 1, high})]


def decimals(*texts: str) -> list[Sample]:
    return [Sample(text, Decimal(text)) for text in texts]


def text(value: str) -> Sample:
    return Sample("N'" + value.replace("'", "''") + "'", value)


def binary(value: bytes) -> Sample:
    return Sample(f"CONVERT(varbinary(max), '{value.hex()}', 2)", value)


def moment(literal: str, value: Any) -> Sample:
    return Sample(f"'{literal}'", value, literal)


def date(literal: str) -> Sample:
    return moment(literal, dt.date.fromisoformat(literal))


def clock(literal: str) -> Sample:
    return moment(literal, dt.time.fromisoformat(literal))


def stamp(literal: str, read: str | None = None) -> Sample:
    return moment(literal, dt.datetime.fromisoformat(read or literal))


def padded(value: str, width: int) -> Sample:
    """A char value: read with the blanks that fill it up."""
    return Sample("N'" + value.replace("'", "''") + "'", value + " " * (width - len(value)), value)


EURO = "€ŠšŽžŸ“”…ßàüÿ"
"""All in code page 1252; the first ones not in Latin-1."""
SUPPLEMENTARY = "𝄞 a😀b 𠜎"
LONG = "0123456789" * 800

INTEGERS = [
    TypeCase("bit", [Sample("0", False), Sample("1", True)]),
    TypeCase("tinyint", integers(0, 255)),
    TypeCase("smallint", integers(-(2**15), 2**15 - 1)),
    TypeCase("int", integers(-(2**31), 2**31 - 1)),
    TypeCase("bigint", integers(-(2**63), 2**63 - 1)),
]

FLOATS = [
    TypeCase(
        "real",
        [
            number("0e0", 0.0),
            number("1.5e0", 1.5),
            number("-3.4028234663852886e38", -3.4028234663852886e38),
            number("3.4028234663852886e38", 3.4028234663852886e38),
            number("1.1754943508222875e-38", 1.1754943508222875e-38),
            number("0.10000000149011612e0", 0.10000000149011612),
        ],
    ),
    TypeCase(
        "float",
        [
            number("0e0", 0.0),
            number("0.1e0", 0.1),
            number("1e-5", 1e-5),
            number("1.7976931348623157E+308", 1.7976931348623157e308),
            number("-1.7976931348623157E+308", -1.7976931348623157e308),
            number("2.2250738585072014E-308", 2.2250738585072014e-308),
            number("9007199254740993e0", 9007199254740992.0),
            number("-123456789.12345679e0", -123456789.12345679),
        ],
    ),
    TypeCase("float(24)", [number("16777216e0", 16777216.0), number("0.5e0", 0.5)]),
    TypeCase("float(25)", [number("0.30000000000000004e0", 0.30000000000000004)]),
]

DECIMALS = [
    TypeCase("decimal(1,0)", decimals("0", "-9", "9")),
    TypeCase("decimal(9,2)", decimals("0.00", "-9999999.99", "9999999.99", "0.01")),
    TypeCase("decimal(10,2)", decimals("-99999999.99", "99999999.99", "1.10")),
    TypeCase("decimal(18,0)", decimals("999999999999999999", "-999999999999999999")),
    TypeCase("decimal(19,4)", decimals("999999999999999.9999", "-0.0001")),
    TypeCase("decimal(28,28)", decimals("0.9999999999999999999999999999")),
    TypeCase("decimal(29,0)", decimals("99999999999999999999999999999")),
    TypeCase("decimal(38,0)", decimals("9" * 38, "-" + "9" * 38, "0", "-1")),
    TypeCase("decimal(38,10)", decimals("9" * 28 + "." + "9" * 10, "-" + "9" * 28 + "." + "9" * 10, "0.0000000001")),
    TypeCase("decimal(38,38)", decimals("0." + "9" * 38, "-0." + "9" * 38, "0." + "0" * 37 + "1")),
    TypeCase("numeric(12,3)", decimals("123456789.123")),
    TypeCase("money", decimals("-922337203685477.5808", "922337203685477.5807", "0.0000", "0.0001", "-1.2345")),
    TypeCase("smallmoney", decimals("-214748.3648", "214748.3647", "0.0000", "1.2345")),
]

DATES = [
    TypeCase(
        "date",
        [date(day) for day in ("0001-01-01", "1582-10-15", "1599-12-31", "1600-01-01", "2024-02-29", "9999-12-31")],
        "CONVERT(date, ?, 126)",
    ),
    *(
        TypeCase(
            f"time({scale})",
            [
                clock("00:00:00"),
                clock("12:34:56" + (".123456"[: scale + 1] if scale else "")),
                clock("23:59:59" + (".999999"[: scale + 1] if scale else "")),
            ],
            f"CONVERT(time({scale}), ?)",
        )
        for scale in range(8)
    ),
    *(
        TypeCase(
            f"datetime2({scale})",
            [
                stamp("0001-01-01T00:00:00"),
                stamp("1582-10-04T12:34:56" + (".123456"[: scale + 1] if scale else "")),
                stamp("1970-01-01T00:00:00" + (".000001"[: scale + 1] if scale else "")),
                stamp("9999-12-31T23:59:59" + (".999999"[: scale + 1] if scale else "")),
            ],
            f"CONVERT(datetime2({scale}), ?, 126)",
        )
        for scale in range(8)
    ),
    *(
        TypeCase(
            f"datetimeoffset({scale})",
            [
                moment(f"{local}{fraction} {offset}", f"{local}{fraction} {offset}")
                for fraction in ["." + "1234567"[:scale] if scale else ""]
                for local, offset in (
                    ("0001-01-01 00:00:00", "+00:00"),
                    ("0001-01-01 14:00:00", "+14:00"),
                    ("2024-02-29 12:34:56", "+05:30"),
                    ("2024-02-29 12:34:56", "-08:00"),
                    ("9999-12-31 23:59:58", "+00:00"),
                    ("9999-12-31 09:59:58", "-14:00"),
                )
            ],
            f"CONVERT(datetimeoffset({scale}), ?)",
            "CONVERT(varchar(40), v, 121) AS v",
        )
        for scale in range(8)
    ),
    # Without a scale it is 7. pyodbc reads microseconds, so all digits are read as text.
    TypeCase(
        "time",
        [moment(text, text) for text in ("00:00:00.0000001", "12:34:56.1234567", "23:59:59.9999999")],
        "CONVERT(time, ?)",
        "CONVERT(varchar(16), v, 121) AS v",
    ),
    TypeCase(
        "datetime2",
        [
            moment(text, text)
            for text in (
                "0001-01-01 00:00:00.0000001",
                "1582-10-04 12:34:56.1234567",
                "1969-12-31 23:59:59.9999999",
                "2024-02-29 00:00:00.0000009",
                "9999-12-31 23:59:59.9999999",
            )
        ],
        "CONVERT(datetime2, ?, 121)",
        "CONVERT(varchar(27), v, 121) AS v",
    ),
    TypeCase(
        "datetimeoffset",
        [
            moment(text, text)
            for text in (
                "0001-01-01 14:00:00.0000001 +14:00",
                "2024-02-29 12:34:56.7654321 -08:00",
                "9999-12-31 09:59:59.9999999 -14:00",
            )
        ],
        "CONVERT(datetimeoffset, ?)",
        "CONVERT(varchar(34), v, 121) AS v",
    ),
    # https://learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql: rounded to .000, .003 or .007 seconds.
    TypeCase(
        "datetime",
        [
            stamp("1753-01-01T00:00:00"),
            stamp("9999-12-31T23:59:59.997"),
            stamp("1998-01-01T23:59:59.999", "1998-01-02T00:00:00"),
            stamp("1998-01-01T23:59:59.998", "1998-01-01T23:59:59.997"),
            stamp("1998-01-01T23:59:59.997", "1998-01-01T23:59:59.997"),
            stamp("1998-01-01T23:59:59.996", "1998-01-01T23:59:59.997"),
            stamp("1998-01-01T23:59:59.995", "1998-01-01T23:59:59.997"),
            stamp("1998-01-01T23:59:59.994", "1998-01-01T23:59:59.993"),
            stamp("1998-01-01T23:59:59.993", "1998-01-01T23:59:59.993"),
            stamp("1998-01-01T23:59:59.992", "1998-01-01T23:59:59.993"),
            stamp("1998-01-01T23:59:59.991", "1998-01-01T23:59:59.990"),
            stamp("1998-01-01T23:59:59.990", "1998-01-01T23:59:59.990"),
        ],
        "CONVERT(datetime, ?, 126)",
    ),
    # https://learn.microsoft.com/sql/t-sql/data-types/smalldatetime-transact-sql: 29.998 seconds go down, 29.999 up.
    TypeCase(
        "smalldatetime",
        [
            stamp("1900-01-01T00:00:00"),
            stamp("2079-06-06T23:59:00"),
            stamp("2007-05-09T12:35:29", "2007-05-09T12:35:00"),
            stamp("2007-05-09T12:35:29.998", "2007-05-09T12:35:00"),
            stamp("2007-05-09T12:35:29.999", "2007-05-09T12:36:00"),
            stamp("2007-05-09T12:35:30", "2007-05-09T12:36:00"),
            stamp("2007-05-09T12:59:59.999", "2007-05-09T13:00:00"),
        ],
        "CONVERT(smalldatetime, ?, 126)",
    ),
]

TEXTS = [
    TypeCase("varchar(8000)", [text(""), text(EURO), text("a b  "), text("'\t\r\n"), text(LONG)]),
    TypeCase("varchar(max)", [text(""), text(EURO), text(LONG + "x")]),
    TypeCase("char(5)", [padded("", 5), padded("ab", 5), padded("€ÿ", 5), padded("abcde", 5)]),
    TypeCase("varchar(20)", [text(""), text("é€😀𠜎"), text("日本語にほ"), text("aé€")], collation=UTF8),
    TypeCase("varchar(max)", [text(""), text("日本語" * 3000), text(SUPPLEMENTARY)], collation=UTF8),
    TypeCase("nvarchar(4000)", [text(""), text(SUPPLEMENTARY), text("日本語 "), text("é"), text(LONG[:4000])]),
    TypeCase("nvarchar(max)", [text(""), text(SUPPLEMENTARY), text("日本語" * 3000), text(LONG + "x")]),
    TypeCase("nchar(4)", [padded("", 4), padded("é", 4), Sample("N'😀a'", "😀a ", "😀a"), padded("日本語x", 4)]),
]

BINARIES = [
    TypeCase("varbinary(8000)", [binary(b""), binary(b"\0"), binary(bytes(range(256))), binary(b"\xff" * 8000)]),
    TypeCase("varbinary(max)", [binary(b""), binary(b"\0\0"), binary(bytes(range(256)) * 40)]),
    TypeCase("binary(4)", [Sample("0x", bytes(4), b""), Sample("0x01", b"\1\0\0\0", b"\1"), binary(b"\xff\0\xff\0")]),
]

OTHERS = [
    TypeCase(
        "uniqueidentifier",
        [
            Sample(f"'{value}'", str(uuid.UUID(value)).upper())
            for value in (
                "00000000-0000-0000-0000-000000000000",
                "01234567-89AB-CDEF-0123-456789ABCDEF",
                "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            )
        ],
    ),
    TypeCase("xml", [text(""), text("<a/>"), text('<a b="1">é😀</a>'), text("text only")]),
]

LEGACY = [
    TypeCase("text", [text(""), text(EURO), text(LONG + "x")]),
    TypeCase("ntext", [text(""), text(SUPPLEMENTARY), text("日本語" * 3000)]),
    TypeCase("image", [binary(b""), binary(b"\0\1\2"), binary(bytes(range(256)) * 40)]),
]

CASES = [*INTEGERS, *FLOATS, *DECIMALS, *DATES, *TEXTS, *BINARIES, *LEGACY, *OTHERS]
