"""Whatever the columns' types and the values in them, they come back the same over FreeTDS: by parameters and by bulk copy."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyodbc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.bulk_copy import Value, bulk_copy
from tests.contract.lab import Session, open_lab

FEW = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NARROW = st.text(st.sampled_from("aZ 0é€ßÿ\xa0'%\t\n"), max_size=20)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


@dataclass(frozen=True, slots=True)
class Kind:
    """A type: how its values are drawn, and how bulk copy binds them."""

    declaration: str
    cells: st.SearchStrategy[Any]
    bound: str = "text"

    @property
    def placeholder(self) -> str:
        """Moments go as text: the driver writes early dates wrong and cuts a time's fraction."""
        return f"CONVERT({self.declaration}, ?, 121)" if self.bound == "moment" else "?"

    def parameter(self, value: Any) -> Any:
        """A value as the placeholder takes it. pyodbc declares None as varchar, which does not become binary by itself."""
        if value is None and self.bound == "bytes":
            return pyodbc.BinaryNull
        return self.shown(value) if self.bound == "moment" and value is not None else value

    def column(self, name: str) -> str:
        """The column as it is read: pyodbc over FreeTDS cannot fetch datetimeoffset."""
        return f"CONVERT(varchar(40), {name}, 121)" if "offset" in self.declaration else name

    def read(self, value: Any) -> Any:
        """A value as pyodbc reads it, with a float's bits in its place."""
        if value is None:
            return None
        if isinstance(value, float):
            return struct.pack("<d", value)
        if isinstance(value, uuid.UUID):
            return str(value).upper()
        return self.shown(value) if "offset" in self.declaration else value

    def shown(self, value: Any) -> str:
        """A moment in ODBC's canonical form, with all digits of the type."""
        scale = int(self.declaration[-2]) if self.declaration.endswith(")") else 3
        if self.declaration in {"date", "smalldatetime"}:
            return str(value)
        local = f"{value.replace(tzinfo=None).isoformat(' ') if isinstance(value, dt.datetime) else value}"
        whole, _, fraction = local.partition(".")
        digits = f".{fraction.ljust(7, '0')[:scale]}" if scale else ""
        offset = value.isoformat()[-6:] if "offset" in self.declaration else ""
        return f"{whole}{digits}{' ' if offset else ''}{offset}"


def whole(low: int, high: int) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from([0, low, high]), st.integers(low, high))


def decimals(precision: int, scale: int) -> Kind:
    limit = 10**precision - 1
    cells = whole(-limit, limit).map(lambda units: Decimal(f"{units}E-{scale}"))
    return Kind(f"decimal({precision},{scale})", cells)


def moments(first: int, last: int, step: int) -> st.SearchStrategy[dt.datetime]:
    """Between the beginnings of two years, at multiples of `step` microseconds."""
    begin = dt.datetime(first, 1, 1)
    count = (dt.datetime(last, 12, 31, 23, 59, 59) - begin) // dt.timedelta(microseconds=step)
    return whole(0, count).map(lambda steps: begin + dt.timedelta(microseconds=steps * step))


def at_offset(moment: dt.datetime, zone: dt.timezone) -> dt.datetime:
    # The instant in UTC must lie in the years 1 to 9999.
    return moment.replace(tzinfo=zone if 1 < moment.year < 9999 else dt.UTC)


def scaled(scale: int) -> list[Kind]:
    step = 10 ** max(0, 6 - scale)
    cells = moments(1, 9999, step)
    return [
        Kind(f"datetime2({scale})", cells, "moment"),
        Kind(f"time({scale})", cells.map(lambda moment: moment.time()), "moment"),
        Kind(f"datetimeoffset({scale})", st.builds(at_offset, cells, OFFSETS), "moment"),
    ]


def cut(units: int) -> Any:
    """To a number of UTF-16 units."""
    return lambda text: text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")


def padded(width: int) -> Any:
    return lambda text: text + " " * (width - len(text.encode("utf-16-le")) // 2)


KINDS = [
    Kind("bit", st.booleans()),
    Kind("tinyint", whole(0, 255)),
    Kind("smallint", whole(-(2**15), 2**15 - 1)),
    Kind("int", whole(-(2**31), 2**31 - 1)),
    Kind("bigint", whole(-(2**63), 2**63 - 1)),
    Kind("real", st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)),
    Kind("float", st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)),
    Kind("money", whole(-(2**63), 2**63 - 1).map(lambda units: Decimal(f"{units}E-4"))),
    Kind("smallmoney", whole(-(2**31), 2**31 - 1).map(lambda units: Decimal(f"{units}E-4"))),
    *(decimals(*digits) for digits in ((1, 0), (9, 9), (18, 2), (19, 4), (28, 10), (38, 0), (38, 38))),
    Kind("date", moments(1, 9999, 86_400_000_000).map(lambda moment: moment.date()), "moment"),
    Kind("smalldatetime", moments(1900, 2078, 60_000_000), "moment"),
    Kind("datetime", moments(1753, 9999, 10_000), "moment"),
    *(kind for scale in range(8) for kind in scaled(scale)),
    Kind("uniqueidentifier", st.uuids()),
    Kind("char(12)", NARROW.map(lambda text: text[:12].ljust(12))),
    Kind("varchar(20)", NARROW),
    Kind("varchar(max)", st.one_of(NARROW, st.just("é€ab" * 500))),
    Kind("nchar(12)", TEXT.map(cut(12)).map(padded(12))),
    Kind("nvarchar(20)", TEXT.map(cut(20))),
    Kind("nvarchar(max)", st.one_of(TEXT, st.just("😀漢é" * 450))),
    Kind("binary(6)", st.binary(min_size=6, max_size=6), "bytes"),
    Kind("varbinary(20)", st.binary(max_size=20), "bytes"),
    Kind("varbinary(max)", st.one_of(st.binary(max_size=20), st.just(bytes(range(256)) * 15)), "bytes"),
]

Table = tuple[Sequence[Kind], Sequence[Sequence[Value]]]


def rows_of(kinds: Sequence[Kind]) -> st.SearchStrategy[Table]:
    cells = [st.one_of(kind.cells, st.none(), kind.cells) for kind in kinds]
    return st.tuples(st.just(kinds), st.lists(st.tuples(*cells), min_size=1, max_size=8))


TABLES = st.lists(st.sampled_from(KINDS), min_size=1, max_size=8).flatmap(rows_of)


def draw_one_of_each() -> Table:
    """A table of all types with NULL alone, so that each is in at least one example."""
    return KINDS, [[None] * len(KINDS)]


@pytest.fixture(scope="module")
def session(server_url: str) -> Iterator[Session]:
    with open_lab(server_url) as lab:
        yield lab.open()


def make(session: Session, kinds: Sequence[Kind]) -> None:
    columns = ", ".join(f"c{i} {kind.declaration} NULL" for i, kind in enumerate(kinds))
    session.run(f"DROP TABLE IF EXISTS t; CREATE TABLE t (n int NOT NULL PRIMARY KEY, {columns})")


def assert_stored(session: Session, kinds: Sequence[Kind], rows: Sequence[Sequence[Value]]) -> None:
    columns = ", ".join(kind.column(f"c{i}") for i, kind in enumerate(kinds))
    found = [tuple(map(bits, row)) for row in session.rows(f"SELECT {columns} FROM t ORDER BY n")]
    assert found == [tuple(kind.read(value) for kind, value in zip(kinds, row, strict=True)) for row in rows]


def bits(value: Any) -> Any:
    return struct.pack("<d", value) if isinstance(value, float) else value


@FEW
@given(TABLES)
@example(draw_one_of_each())
def test_rows_by_parameters(session: Session, table: Table) -> None:
    kinds, rows = table
    make(session, kinds)
    places = ", ".join(kind.placeholder for kind in kinds)
    for number, row in enumerate(rows):
        parameters = [kind.parameter(value) for kind, value in zip(kinds, row, strict=True)]
        session.run(f"INSERT INTO t VALUES (?, {places})", number, *parameters)
    assert_stored(session, kinds, rows)


@FEW
@given(TABLES)
@example(draw_one_of_each())
def test_rows_by_bulk_copy(session: Session, table: Table) -> None:
    kinds, rows = table
    make(session, kinds)
    numbered = [(number, *row) for number, row in enumerate(rows)]
    assert bulk_copy(session.connection, "t", ["text", *(kind.bound for kind in kinds)], numbered) == len(rows)
    assert_stored(session, kinds, rows)
