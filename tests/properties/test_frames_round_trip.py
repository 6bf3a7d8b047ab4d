"""Whatever the columns' types and the values in them, a frame comes back from the server as it was sent."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import etl
from etl import types
from etl.sandbox.moments import seventh_of
from tests.sandbox.typed_rows import CELLS


def can_travel(value: Any) -> bool:
    """Whether it is none of the values that are refused by name."""
    if isinstance(value, str):
        # U+0081 has a place in SQL Server's code page 1252 and none in FreeTDS's.
        return "\x81" not in value
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        return True
    try:
        value.replace(microsecond=0).astimezone(dt.UTC)
    except OverflowError:  # Its instant lies outside of the years 0001 to 9999.
        return False
    return True


KINDS = {
    str(kind): cells.filter(can_travel)
    for kind, cells in CELLS.items()
    if str(kind) not in {"rowversion", "sql_variant", "sysname"}
}


NANOSECONDS = {"time(7)": pa.time64("ns"), "datetime2(7)": pa.timestamp("ns")}


def as_text(sql_type: str, value: Any) -> str:
    """A moment with as many digits as the type has, as the server writes it."""
    scale = types.fraction_digits(sql_type)
    fraction = f".{value.microsecond:06}{seventh_of(value)}"[: scale + 1] if scale else ""
    if isinstance(value, dt.time):
        return f"1970-01-01 {value:%H:%M:%S}{fraction}"
    zone = value.strftime("%z")
    offset = f" {zone[:3]}:{zone[3:5]}" if zone else ""
    return f"{value:%Y-%m-%d %H:%M:%S}".rjust(19, "0") + fraction + offset


def as_column(sql_type: str, values: list[Any]) -> pa.Array:
    """Values of the sandbox's as Arrow has a column of the type: one with 100 ns in nanoseconds, or text beyond those."""
    if sql_type.startswith("datetimeoffset"):
        return pa.array([None if value is None else as_text(sql_type, value) for value in values], pa.string())
    if sql_type in NANOSECONDS and any(seventh_of(value) for value in values if value is not None):
        texts = pa.array([None if value is None else as_text(sql_type, value) for value in values], pa.string())
        years = [value.year for value in values if isinstance(value, dt.datetime)]
        reached = all(1678 <= year <= 2261 for year in years)
        return texts.cast(pa.timestamp("ns")).cast(NANOSECONDS[sql_type]) if reached else texts
    plain = [str(value).upper() if isinstance(value, uuid.UUID) else value for value in values]
    return pa.array(plain, types.arrow_type("mssql", sql_type))


@st.composite
def frames(draw: st.DrawFn) -> tuple[dict[str, str], pa.Table]:
    """Names with SQL types, and a table of rows; every column may hold NULL."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    rows = draw(st.integers(0, 5))
    declared = {f"c{number}": kind for number, kind in enumerate(kinds)}
    columns = {"id": pa.array(range(rows), pa.int32())}
    for name, kind in declared.items():
        values = draw(st.lists(st.none() | KINDS[kind], min_size=rows, max_size=rows))
        columns[name] = as_column(kind, values)
    return declared, pa.table(columns)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=frames())
def test_a_frame_comes_back_as_it_was_sent(server_url: str, drawn: tuple[dict[str, str], pa.Table]) -> None:
    declared, table = drawn
    engine = sa.create_engine(server_url, poolclass=sa.NullPool)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    kinds = {"id": "int", **declared}
    written = etl.to_sql(frame, "frames_round_trip", engine, if_exists="replace", index=False, dtype=kinds)
    assert written == table.num_rows
    found = etl.read_sql("frames_round_trip", engine).sort_values("id")
    assert pa.Table.from_pandas(found, preserve_index=False, schema=table.schema).equals(table)
