"""pandas over SQLAlchemy: to_sql with every method, read_sql, and types that arrive as they were sent."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

FRAME = pd.DataFrame(
    {
        "number": pd.array([1, 2, None], dtype="Int64"),
        "text": ["x", "Ω😀", None],
        "moment": [dt.datetime(2020, 1, 1, 10, 11, 12, 123456), dt.datetime(1999, 12, 31), None],
        "share": [1.5, None, -0.1],
    }
)
MOMENT = mssql.DATETIME2(6)  # type: ignore[no-untyped-call]
DTYPES = {"number": sa.BigInteger(), "text": sa.Unicode(20), "moment": MOMENT, "share": sa.Float(53)}


@pytest.mark.parametrize("method", [None, "multi"])
def test_a_frame_comes_back_as_it_was_written(server: sa.Engine, method: Literal["multi"] | None) -> None:
    FRAME.to_sql("frame", server, index=False, method=method, dtype=DTYPES)
    back = pd.read_sql("SELECT * FROM frame", server, dtype={"number": "Int64"})
    pd.testing.assert_frame_equal(back, FRAME, check_dtype=False)


def test_replace_and_append(server: sa.Engine) -> None:
    for mode in ("replace", "replace", "append"):
        FRAME.to_sql("frame", server, index=False, if_exists=mode, dtype=DTYPES)
    assert len(pd.read_sql_table("frame", server)) == 6


def test_parameters_of_read_sql(server: sa.Engine) -> None:
    FRAME.to_sql("frame", server, index=False, dtype=DTYPES)
    query = sa.text("SELECT number FROM frame WHERE text = :text AND moment < :moment")
    found = pd.read_sql(query, server, params={"text": "ω😀", "moment": dt.datetime(2000, 1, 1)})
    assert found["number"].tolist() == [2]


def test_thousands_of_parameters(server: sa.Engine) -> None:
    wide = pd.DataFrame({f"c{i}": [None if (i + row) % 7 == 0 else row for row in range(330)] for i in range(19)})
    wide.to_sql("wide", server, index=False, method="multi", chunksize=110, dtype=dict.fromkeys(wide, sa.Integer()))
    back = pd.read_sql("SELECT * FROM wide", server)
    assert back.isna().sum().tolist() == wide.isna().sum().tolist()
    assert back["c1"].sum() == wide["c1"].sum()
