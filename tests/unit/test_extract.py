"""What is selected so that no digit is lost on the way."""

from __future__ import annotations

import datetime as dt

import pytest

from etl import read_rows, types
from etl import selection as selections
from etl.errors import SchemaError
from etl.selection import Condition
from etl.statements import TableName
from etl.types import Column

MOMENTS = [Column("id", "int", False), Column("fine", "datetime2(7)", True), Column("coarse", "datetime2(6)", True)]


def test_only_a_seventh_digit_is_guarded() -> None:
    selection = selections.select_table("mssql", TableName("t", "dbo"), MOMENTS, Condition("[id] = ?", ("7",)))
    assert selection.sql == (
        "SELECT [id], [fine], [coarse], DATEPART(nanosecond, [fine]) % 1000 AS etl_guard_0 FROM [dbo].[t] WHERE [id] = ?"
    )
    assert [column.name for column in selection.guarded] == ["fine"]


def test_a_seventh_digit_that_the_driver_cut_stops_the_chunk() -> None:
    selection = selections.select_table("mssql", TableName("t", "dbo"), MOMENTS)
    moment = dt.datetime(2024, 1, 1, 12, 0, 0, 123_456)
    whole = read_rows._record_batch(
        [(1, moment, moment, 0), (2, None, None, None)], types.schema("mssql", MOMENTS), selection
    )
    assert whole.to_pylist() == [
        {"id": 1, "fine": moment, "coarse": moment},
        {"id": 2, "fine": None, "coarse": None},
    ]
    with pytest.raises(SchemaError, match=r"dbo\.t: column fine \(datetime2\(7\)\) holds a value with a seventh"):
        read_rows._record_batch([(1, moment, moment, 700)], types.schema("mssql", MOMENTS), selection)


def test_a_query_is_wrapped_only_where_it_must_be() -> None:
    plain = [Column("id", "int", False)]
    assert selections.select_query("mssql", "SELECT 1 AS id;", plain).sql == "SELECT 1 AS id;"
    xml = [Column("x", "xml", True)]
    assert selections.select_query("mssql", "SELECT x FROM t -- all\n;", xml).sql == (
        "SELECT CONVERT(nvarchar(max), [x]) AS [x] FROM (\nSELECT x FROM t -- all\n\n) AS etl_query"
    )
