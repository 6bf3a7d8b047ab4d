"""Binary constants, comparisons and conversions."""

from __future__ import annotations

import pytest

from tests.sandbox.tsql import Session

VALUES = [
    ("0x", "varbinary(1)", b""),
    ("0xabc", "varbinary(2)", b"\x0a\xbc"),
    ("CONVERT(varbinary(8), 'abc')", "varbinary(8)", b"abc"),
    ("CONVERT(varbinary(8), N'ab')", "varbinary(8)", b"a\0b\0"),
    ("CONVERT(varbinary(8), '0x0102', 1)", "varbinary(8)", b"\x01\x02"),
    ("CONVERT(varbinary(1), '0102', 2)", "varbinary(1)", b"\x01"),
    ("CONVERT(binary(3), '0102', 2)", "binary(3)", b"\x01\x02\0"),
    ("CONVERT(varchar(10), 0x0a0B, 1)", "varchar(10)", "0x0A0B"),
    ("CONVERT(varchar(10), 0x0a0B, 2)", "varchar(10)", "0A0B"),
    ("CONVERT(varchar(10), 0x616280)", "varchar(10)", "ab€"),
    ("CONVERT(nvarchar(10), 0x61003DD800DE)", "nvarchar(10)", "a\U0001f600"),
    ("CAST(0x6162 AS char(4))", "char(4)", "ab  "),
    ("CAST(258 AS binary(3))", "binary(3)", b"\0\x01\x02"),
    ("CAST(258 AS varbinary(1))", "varbinary(1)", b"\x02"),
    ("CAST(0x0102 AS int)", "int", 258),
    ("CAST(0x0100 AS bit)", "bit", True),
    ("CAST(CAST(1 AS bit) AS varbinary(4))", "varbinary(4)", b"\x01"),
    ("0x01 + 0x02", "varbinary(2)", b"\x01\x02"),
    ("TRY_CONVERT(varbinary(4), '0xZZ', 1)", "varbinary(4)", None),
]


@pytest.mark.parametrize(("expression", "kind", "value"), VALUES, ids=[case[0] for case in VALUES])
def test_a_value(shared: Session, expression: str, kind: str, value: object) -> None:
    assert shared.typed(expression) == (kind, value)


@pytest.mark.parametrize(
    "condition",
    [
        "0x = 0x00",
        "0x01 = 0x0100",
        "0x02 > 0x01FF",
        "0x01 < 0x0101",
        "NOT (0x01 < 0x0100)",
        "0x6162 = 'ab'",
        "0x01 IN (0x02, 0x0100)",
    ],
)
def test_trailing_zeros_do_not_count(shared: Session, condition: str) -> None:
    assert shared.rows(f"SELECT 1 WHERE {condition}") == [(1,)]


def test_constants_are_stored_and_found(session: Session) -> None:
    session.run("CREATE TABLE t (a varbinary(4), b binary(3), v rowversion)")
    session.run("INSERT INTO t (a, b) VALUES (0x, 0x01), (0xAB, 0xABCDEF); INSERT INTO t (a, b) SELECT 0xAC, 0x")
    assert session.rows("SELECT a, b FROM t ORDER BY v") == [
        (b"", b"\x01\0\0"),
        (b"\xab", b"\xab\xcd\xef"),
        (b"\xac", b"\0\0\0"),
    ]
    assert session.rows("SELECT a FROM t WHERE b = 0x01") == [(b"",)]
    assert session.rows("SELECT a FROM t WHERE a > 0xAB") == [(b"\xac",)]
    assert session.rows("SELECT COUNT(*) FROM t WHERE v > 0x") == [(3,)]
    error = session.error("INSERT INTO t (a) VALUES (0x0102030405)")
    assert error.number == 2628


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SELECT CONVERT(varbinary(4), '0x012', 1)", 8114),
        ("DECLARE @b varbinary(4) = 'ab'", 257),
        ("SELECT CAST(0x00 AS varchar(4))", 40517),
        ("SELECT CAST(1.5 AS varbinary(8))", 40517),
    ],
)
def test_what_does_not_convert(shared: Session, text: str, number: int) -> None:
    assert shared.error(text).number == number
