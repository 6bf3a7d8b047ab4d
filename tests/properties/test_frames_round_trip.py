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

KINDS = {
    # U+0081 has a place in SQL Server's code page 1252 and none in FreeTDS's, which refuses it and says so.
    # The seventh digit of a time is not Python's: see tests/sandbox/test_seventh_digit.py.
    str(kind): cells.filter(lambda value: not seventh_of(value) and (not isinstance(value, str) or "\x81" not in value))
    for kind, cells in CELLS.items()
    if str(kind) not in {"rowversion", "sql_variant", "sysname"}
}


def as_arrow(sql_type: str, value: Any) -> Any:
    """A value of the sandbox's as Arrow takes it for the type."""
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        return value
    scale = int(sql_type[-2])
    fraction = f".{value.microsecond:06}0"[: scale + 1] if scale else ""
    offset = value.strftime("%z")
    return f"{value:%Y-%m-%d %H:%M:%S}".rjust(19, "0") + f"{fraction} {offset[:3]}:{offset[3:5]}"


@st.composite
def frames(draw: st.DrawFn) -> tuple[dict[str, str], pa.Table]:
    """Names with SQL types, and a table of rows; every column may hold NULL."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    rows = draw(st.integers(0, 5))
    declared = {f"c{number}": kind for number, kind in enumerate(kinds)}
    columns = {"id": pa.array(range(rows), pa.int32())}
    for name, kind in declared.items():
        values = draw(st.lists(st.none() | KINDS[kind], min_size=rows, max_size=rows))
        columns[name] = pa.array([as_arrow(kind, value) for value in values], types.arrow_type("mssql", kind))
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
    assert pa.Table.from_pandas(found, preserve_index=False).to_pydict() == table.to_pydict()
