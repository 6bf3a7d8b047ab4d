"""100 ns on their way through types, frames, bulk copy and parameters."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from etl import frames, insert, types
from etl.bulk import moments
from etl.errors import SchemaError
from etl.python_values import UnfitError
from etl.selection import select_table
from etl.seventh_digit import parsed
from etl.statements import TableName
from etl.types import Column

FINE = Column("fine", "datetime2(7)", seventh="ns")
CLOCK = Column("clock", "time(7)", seventh="ns")
ENDLESS = Column("endless", "datetime2(7)", seventh="text")
STAMPS = pa.array(["2262-04-11 23:47:16.8547758", "1678-01-01 00:00:00.0000001", None]).cast(pa.timestamp("ns"))


def decoded(packed: np.ndarray) -> list[tuple[int, int]]:
    """Days since 1900-01-01 and ticks of each value."""
    return [(int(value["days"]), int(value["ticks"])) for value in packed.reshape(-1).view(moments.LAYOUT)]


def test_nanoseconds_and_text_are_the_same_ticks_in_bulk_copy() -> None:
    texts = pa.array(["2262-04-11 23:47:16.8547758", "1678-01-01 00:00:00.0000001", None])
    expected = [((dt.date(2262, 4, 11) - dt.date(1900, 1, 1)).days, 856_368_547_758), (-81_083, 1)]
    assert decoded(moments.encode(STAMPS, 7))[:2] == expected
    assert decoded(moments.encode(texts, 7))[:2] == expected


def test_text_reaches_every_year() -> None:
    ends = pa.array(["9999-12-31 23:59:59.9999999", "0001-01-01 00:00:00.0000001"])
    assert decoded(moments.encode(ends, 7)) == [(2_958_463, 863_999_999_999), (-693_595, 1)]


def test_a_time_in_nanoseconds_is_ticks_of_the_day() -> None:
    last = pa.array([86_399_999_999_900], pa.time64("ns"))
    assert decoded(moments.encode(last, 7)) == [(0, 863_999_999_999)]


@pytest.mark.parametrize("text", ["2020-01-01", "2020-01-01 00:00:00.12345678", "2020-01-01 00:00:00 +01:00", "x"])
def test_other_text_is_no_datetime2(text: str) -> None:
    with pytest.raises(UnfitError, match=r".* is not a datetime2"):
        moments.encode(pa.array([None, text]), 7)


def test_a_new_column_has_as_many_digits_as_its_values() -> None:
    assert types.declare("mssql", "c", pa.timestamp("ns")) == "datetime2(7)"
    assert types.declare("mssql", "c", pa.timestamp("ns", tz="UTC")) == "datetimeoffset(7)"
    assert types.declare("mssql", "c", pa.time64("ns")) == "time(7)"
    assert types.declare("sqlite", "c", pa.timestamp("ns")) == "TEXT"


@pytest.mark.parametrize(
    ("arrow", "sql_type", "landing"),
    [
        (pa.timestamp("ns"), "datetime2(7)", pa.timestamp("ns")),
        (pa.timestamp("ns"), "datetime2", pa.timestamp("ns")),
        (pa.timestamp("ns"), "datetime2(6)", pa.timestamp("us")),
        (pa.timestamp("ns"), "datetime", pa.timestamp("ms")),
        (pa.string(), "datetime2(7)", pa.string()),
        (pa.string(), "datetime2(6)", pa.timestamp("us")),
        (pa.string(), "time(7)", pa.time64("us")),
        (pa.time64("ns"), "time(7)", pa.time64("ns")),
        (pa.timestamp("ns", tz="UTC"), "datetimeoffset(7)", pa.timestamp("ns", tz="UTC")),
        (pa.timestamp("ns", tz="UTC"), "datetime2(7)", pa.timestamp("us")),
    ],
)
def test_only_a_type_of_seven_digits_takes_them(arrow: pa.DataType, sql_type: str, landing: pa.DataType) -> None:
    assert types.landing_type("mssql", arrow, Column("c", sql_type)) == landing


def test_parameters_have_seven_digits_at_most() -> None:
    stamps = pa.chunked_array([STAMPS])
    bound = insert.bound_values("mssql", stamps, FINE)
    assert bound == ["2262-04-11T23:47:16.8547758", "1678-01-01T00:00:00.0000001", None]
    clock = pa.chunked_array([pa.array([86_399_999_999_900], pa.time64("ns"))])
    assert insert.bound_values("mssql", clock, CLOCK) == ["23:59:59.9999999"]
    instants = stamps.cast(pa.timestamp("ns", tz="UTC"))
    assert insert.bound_values("mssql", instants, Column("c", "datetimeoffset(7)")) == [
        "2262-04-11 23:47:16.8547758 +00:00",
        "1678-01-01 00:00:00.0000001 +00:00",
        None,
    ]


def test_a_frame_s_nanoseconds_are_kept_and_only_where_there_are_some() -> None:
    frame = pd.DataFrame(
        {
            "fine": pd.to_datetime(pd.Series(["2024-05-05 12:00:00.1234567", None])).astype("datetime64[ns]"),
            "coarse": pd.to_datetime(pd.Series(["2024-05-05 12:00:00.123456", None])).astype("datetime64[ns]"),
        }
    )
    inferred = frames.infer_schema(frame)
    assert inferred.types == [pa.timestamp("ns"), pa.timestamp("us")]
    assert frames.to_arrow(frame, inferred).column("fine").cast(pa.int64()).to_pylist() == [1714910400123456700, None]


def test_what_is_finer_than_100_ns_is_refused() -> None:
    frame = pd.DataFrame({"fine": pd.to_datetime(["2024-05-05 12:00:00.12345678"])})
    with pytest.raises(SchemaError, match=r"column 'fine', row 0: .*: it has digits beyond 100 ns"):
        frames.to_arrow(frame, pa.schema([("fine", pa.timestamp("ns"))]))


@pytest.mark.parametrize("backend", ["numpy_nullable", "numpy", "pyarrow"])
def test_a_time_of_day_keeps_its_digits_in_every_frame(backend: frames.FrameDtypes) -> None:
    schema = pa.schema([("clock", pa.time64("ns"))])
    table = pa.table([pa.array([86_399_999_999_900, None], pa.time64("ns"))], schema=schema)
    assert frames.to_arrow(frames.to_pandas(table, backend), schema) == table


def test_values_are_read_as_text_and_parsed() -> None:
    selection = select_table("mssql", TableName("t", "dbo"), [FINE, CLOCK, ENDLESS])
    assert selection.sql == (
        "SELECT CONVERT(varchar(27), [fine], 121) AS [fine], "
        "'1970-01-01 ' + CONVERT(varchar(16), [clock], 121) AS [clock], "
        "CONVERT(varchar(27), [endless], 121) AS [endless] FROM [dbo].[t]"
    )
    batch = pa.record_batch(
        [["2024-05-05 12:00:00.1234567"], ["1970-01-01 23:59:59.9999999"], ["9999-12-31 23:59:59.9999999"]],
        schema=types.driver_schema("mssql", selection.columns),
    )
    found = parsed(batch, selection)
    assert found.schema == types.schema("mssql", selection.columns)
    assert found.column(0).cast(pa.int64()).to_pylist() == [1714910400123456700]
    assert found.column(1).cast(pa.int64()).to_pylist() == [86_399_999_999_900]
    assert found.column(2).to_pylist() == ["9999-12-31 23:59:59.9999999"]


def test_a_year_that_came_up_meanwhile_stops_the_chunk() -> None:
    selection = select_table("mssql", TableName("t", "dbo"), [FINE])
    batch = pa.record_batch([["9999-12-31 00:00:00.0000000"]], schema=types.driver_schema("mssql", selection.columns))
    with pytest.raises(SchemaError, match=r"dbo\.t: column fine \(datetime2\(7\)\) holds a year that nanoseconds"):
        parsed(batch, selection)
