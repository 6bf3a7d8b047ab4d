"""Rows of VALUES take one type a column, as UNION ALL has it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from tests.sandbox.tsql import Session, argument

MIXED = [
    ("varchar(20)", "(1), ('2')", [("1",), ("2",)]),
    ("varchar(20)", "('01'), (2)", [("1",), ("2",)]),
    ("varchar(20)", "(1), (2.50)", [("1.00",), ("2.50",)]),
    ("varchar(20)", "(0x41), ('b')", [("A",), ("b",)]),
    ("decimal(30,20)", "(1), (2.5), (NULL)", [(Decimal("1"),), (Decimal("2.5"),), (None,)]),
    ("decimal(20,18)", "(0.1), (1e0)", [(Decimal("0.1"),), (Decimal("1"),)]),
    ("varchar(30)", "(CAST('2020-01-02' AS date)), ('2020-01-03')", [("2020-01-02",), ("2020-01-03",)]),
    ("varchar(20)", "(1), (DEFAULT), ('3')", [("1",), ("d",), ("3",)]),
    ("nvarchar(20)", "('a'), (N'ß')", [("a",), ("ß",)]),
]


@pytest.mark.parametrize(("kind", "rows", "expected"), MIXED, ids=[f"{case[0]} {case[1]}" for case in MIXED])
def test_mixed_rows(session: Session, kind: str, rows: str, expected: object) -> None:
    default = " DEFAULT 'd'" if kind == "varchar(20)" else ""
    session.run(f"CREATE TABLE t (k int IDENTITY, a {kind}{default})")
    session.run(f"INSERT INTO t (a) VALUES {rows}")
    assert session.rows("SELECT a FROM t ORDER BY k") == expected


ERRORS = [
    (
        "INSERT INTO t (a) VALUES (1), ('x')",
        245,
        "Conversion failed when converting the varchar value 'x' to data type int.",
    ),
    ("INSERT INTO t (b) VALUES (0x01), ('x')", 257, ""),
    ("INSERT INTO t (a) VALUES (1), (1, 2)", 110, ""),
]


@pytest.mark.parametrize(("text", "number", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_rows_that_have_no_common_type(session: Session, text: str, number: int, message: str) -> None:
    session.run("CREATE TABLE t (a varchar(20), b varbinary(20))")
    error = session.error(text)
    assert error.number == number
    assert error.message == message or not message


def test_parameters_of_several_types_mix_too(session: Session) -> None:
    session.run("CREATE TABLE t (a varchar(20), b datetime2(3))")
    session.run(
        "INSERT INTO t VALUES (@P1, @P2), (@P3, @P4)",
        "@P1 int, @P2 datetime2(3), @P3 nvarchar(10), @P4 varchar(1)",
        [
            argument(5, "int"),
            argument(dt.datetime(2020, 1, 2), "datetime2", scale=3),
            argument("007", "nvarchar", 10),
            argument(None, "varchar", 1),
        ],
    )
    assert session.rows("SELECT * FROM t ORDER BY a") == [("5", dt.datetime(2020, 1, 2)), ("7", None)]
