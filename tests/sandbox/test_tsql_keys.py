"""The key in the message of a duplicate, as SQL Server writes values of each type."""

from __future__ import annotations

import pytest

from tests.sandbox.tsql import Session

KEYS = [
    ("int", "-7", "-7"),
    ("bit", "1", "1"),
    ("decimal(6,2)", "1.5", "1.50"),
    ("money", "1.5", "1.50"),
    ("date", "'2020-01-02'", "2020-01-02"),
    ("datetime", "'2020-01-02 00:05:00'", "Jan  2 2020 12:05AM"),
    ("smalldatetime", "'2020-11-12 13:05:00'", "Nov 12 2020  1:05PM"),
    ("datetime2(7)", "'2020-01-02 03:04:05.1'", "2020-01-02 03:04:05.1000000"),
    ("datetime2(0)", "'2020-01-02 03:04:05'", "2020-01-02 03:04:05"),
    ("time(3)", "'03:04:05.5'", "03:04:05.500"),
    ("datetimeoffset(3)", "'2020-01-02 03:04:05 -05:30'", "2020-01-02 03:04:05.000 -05:30"),
    ("uniqueidentifier", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
    ("varbinary(4)", "0x0aFF", "0x0AFF"),
    ("nvarchar(20)", "N'a, (b) null'", "a, (b) null"),
]


@pytest.mark.parametrize(("kind", "literal", "shown"), KEYS, ids=[case[0] for case in KEYS])
def test_a_key_of_each_type(session: Session, kind: str, literal: str, shown: str) -> None:
    session.run(f"CREATE TABLE t (k {kind} NOT NULL CONSTRAINT pk PRIMARY KEY, x int)")
    error = session.error(f"INSERT INTO t VALUES ({literal}, 1), ({literal}, 2)")
    assert error.number == 2627
    assert error.message.endswith(f"The duplicate key value is ({shown}).")


def test_a_key_of_several_columns(session: Session) -> None:
    session.run(
        "CREATE TABLE t (a nvarchar(9), b datetimeoffset(0), c bit, d varchar(9)); CREATE UNIQUE INDEX i ON t (a, b, c, d)"
    )
    row = "INSERT INTO t VALUES (N'x, 1', '2020-01-02 03:04:05 +02:00', 1, NULL)"
    session.run(row)
    error = session.error(row)
    assert error.number == 2601
    assert error.message.endswith("The duplicate key value is (x, 1, 2020-01-02 03:04:05 +02:00, 1, <NULL>).")
