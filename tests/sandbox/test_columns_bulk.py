"""A bulk load of columns stores, and refuses, what a bulk load of single values does."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest

from etl.sandbox.columns import ColumnBatch
from etl.sandbox.engine import PostgresEngine
from etl.sandbox.errors import SqlServerError
from etl.sandbox.moments import END, stamp_of, time_of
from etl.sandbox.outcomes import BulkRows
from etl.sandbox.sqltypes import SqlType, Value
from tests.sandbox.bulk_sessions import described, take
from tests.sandbox.column_values import to_batch
from tests.sandbox.conftest import LOGIN
from tests.sandbox.tsql import Answer, Session
from tests.sandbox.typed_rows import TYPES, draw_rows

STORABLE = [sql for sql in TYPES if sql.name not in {"rowversion", "sysname", "xml"}]
Rows = Sequence[Sequence[Value]]


@pytest.fixture(scope="module")
def database(postgres: PostgresEngine) -> Iterator[Session]:
    session = Session(postgres.login(*LOGIN, ""))
    yield session
    session.interpreter.close()


def load(session: Session, kinds: str, sent: str, rows: Rows, *, by_column: bool, options: str = "") -> Answer:
    """Into a new table t of these columns, all rows as one batch."""
    session.run("DROP TABLE IF EXISTS bulk_target")
    session.run(f"CREATE TABLE bulk_target (id int IDENTITY PRIMARY KEY, {kinds})")
    session.run(f"INSERT BULK bulk_target ({sent}) {f'WITH ({options})' if options else ''}")
    columns = described(sent)
    plain = [tuple(row) for row in rows]
    batch: Sequence[tuple[Value, ...]] | ColumnBatch = plain
    if by_column:
        batch = to_batch([column.type for column in columns], plain)
    answer = Answer()
    try:
        for outcome in session.interpreter.bulk_load(BulkRows(columns, iter([batch]))):
            take(outcome, answer)
    except SqlServerError as error:
        answer.errors.append(error)
    return answer


def loaded(session: Session, kinds: str, sent: str, rows: Rows, *, by_column: bool, options: str = "") -> object:
    """The rows that were stored, or the error."""
    answer = load(session, kinds, sent, rows, by_column=by_column, options=options)
    if answer.errors:
        return [str(error) for error in answer.errors]
    assert answer.counts == [len(rows)]
    return session.rows("SELECT * FROM bulk_target ORDER BY id")


def same_both_ways(session: Session, kinds: str, rows: Rows, sent: str = "", options: str = "") -> object:
    one_by_one = loaded(session, kinds, sent or kinds, rows, by_column=False, options=options)
    assert loaded(session, kinds, sent or kinds, rows, by_column=True, options=options) == one_by_one
    return one_by_one


@pytest.mark.parametrize("null_share", [0, 0.3, 1], ids=["full", "some-null", "all-null"])
def test_every_type_is_stored_by_column_as_by_value(null_share: float, database: Session) -> None:
    chance = random.Random(2)
    rows = [tuple(None if chance.random() < null_share else cell for cell in row) for row in draw_rows(STORABLE, 40, 2)]
    kinds = ", ".join(f"c{i} {sql}" for i, sql in enumerate(STORABLE))
    stored = same_both_ways(database, kinds, rows)
    assert isinstance(stored, list)
    assert len(stored) == 40


MOMENT = dt.datetime(1999, 12, 31, 23, 59, 59, 999_999)
CASES: list[tuple[str, str, Sequence[Value]]] = [
    ("a datetime2(3)", "a datetime2(7)", [MOMENT, dt.datetime(2000, 1, 1, 1, 1, 1, 500), dt.datetime(1, 1, 1)]),
    ("a datetime2(0)", "a datetime2(7)", [dt.datetime(9999, 12, 31, 23, 59, 59, 600_000)]),
    ("a datetime2(6)", "a datetime2(7)", [stamp_of(864_000_000_004), stamp_of(864_000_000_005), stamp_of(END - 6)]),
    ("a datetime2(6)", "a datetime2(7)", [stamp_of(END - 5)]),
    ("a time(6)", "a time(7)", [time_of(864_000_000_000 - 5), time_of(14)]),
    ("a datetimeoffset(6)", "a datetimeoffset(7)", [stamp_of(864_000_000_005, -840), stamp_of(END - 6, 840)]),
    ("a datetime2", "a datetime2(7)", [stamp_of(END - 1), stamp_of(1)]),
    ("a datetime2(3)", "a datetime", [dt.datetime(2000, 1, 1, 0, 0, 0, 7_000)]),
    ("a datetime2", "a datetime", [dt.datetime(2000, 1, 1, 0, 0, 0, 7_000), dt.datetime(2000, 1, 1, 0, 0, 0, 3_000)]),
    ("a datetime", "a datetime", [dt.datetime(2000, 1, 1, 0, 0, 0, 997_000), MOMENT.replace(microsecond=990_000)]),
    ("a time(2)", "a time(7)", [dt.time(23, 59, 59, 999_999), dt.time(1, 2, 3, 4_999)]),
    ("a datetimeoffset(0)", "a datetimeoffset(7)", [MOMENT.replace(tzinfo=dt.timezone(dt.timedelta(hours=5.5)))]),
    ("a decimal(10,4)", "a decimal(8,2)", [Decimal("-123456.78"), Decimal("0.01"), Decimal("999999.99")]),
    ("a decimal(38,10)", "a decimal(38,10)", [Decimal("9" * 28 + ".0123456789"), Decimal("-1E-10")]),
    ("a bigint", "a tinyint", [0, 255, None]),
    ("a int", "a bigint", [1, None, 2**31]),
    ("a varchar(3)", "a varchar(5)", ["abc", "ab   ", ""]),
    ("a varchar(3)", "a varchar(5)", ["abcd"]),
    ("a nvarchar(3)", "a nvarchar(5)", ["a😀", "äöü"]),
    ("a nvarchar(3)", "a nvarchar(5)", ["aa😀"]),
    ("a nvarchar(5)", "a varchar(5)", ["äöü€", None]),
    ("a varchar(5)", "a nvarchar(5)", ["äΩ", None]),
    ("a char(4)", "a char(4)", ["a   ", "    ", "", " b c", None]),
    ("a nchar(4)", "a nchar(4)", ["a   ", "😀  ", None]),
    ("a nvarchar(9)", "a nvarchar(9)", ["a\0b"]),
    ("a varbinary(3)", "a varbinary(5)", [b"abc", b"", None]),
    ("a varbinary(3)", "a varbinary(5)", [b"abcd"]),
    ("a binary(4)", "a varbinary(4)", [b"a", b"abcd"]),
    ("a int NOT NULL", "a int", [1, None]),
    ("a int DEFAULT 7", "a int", [1, None, 2]),
    ("a int DEFAULT 7", "a int", [1, 2]),
    ("a nvarchar(9) DEFAULT N'x'", "a nvarchar(9)", [None, "y"]),
    ("a smallint", "a int", [1, 70000]),
    ("a int CONSTRAINT only_once UNIQUE", "a int", [1, 2, 1]),
    ("a int CONSTRAINT above_one CHECK (a > 1)", "a int", [1, 2]),
    ("a real", "a real", [1.5, -0.0]),
    ("a date, b AS (DATEADD(day, 1, a))", "a date", [dt.date(2000, 2, 28)]),
]


@pytest.mark.parametrize(("kinds", "sent", "values"), CASES, ids=[f"{case[0]}-{case[2]}"[:60] for case in CASES])
@pytest.mark.parametrize("options", ["", "KEEP_NULLS, CHECK_CONSTRAINTS"])
def test_what_is_rounded_cut_defaulted_or_refused_is_so_in_columns_too(
    kinds: str, sent: str, values: Sequence[Value], options: str, database: Session
) -> None:
    same_both_ways(database, kinds, [(value,) for value in values], sent, options)


def test_batches_of_both_kinds_follow_each_other(database: Session) -> None:
    database.run("DROP TABLE IF EXISTS bulk_target")
    database.run("CREATE TABLE bulk_target (a int PRIMARY KEY, b nvarchar(5) DEFAULT N'none')")
    database.run("INSERT BULK bulk_target (a int, b nvarchar(5))")
    types = [SqlType("int"), SqlType("nvarchar", length=5)]
    batches: list[Sequence[tuple[Value, ...]] | ColumnBatch] = [
        to_batch(types, [(1, "one"), (2, "two")]),
        [(3, "three")],
        to_batch(types, [(4, "four")]),
        to_batch(types, [(5, "five"), (6, None)]),
        to_batch(types, [(7, "😀")]),
    ]
    answer = Answer()
    for outcome in database.interpreter.bulk_load(BulkRows(described("a int, b nvarchar(5)"), iter(batches))):
        take(outcome, answer)
    assert answer.counts == [7]
    texts = ["one", "two", "three", "four", "five", "none", "😀"]
    assert database.rows("SELECT a, b FROM bulk_target ORDER BY a") == list(enumerate(texts, 1))
