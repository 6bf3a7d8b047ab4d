"""Frames that hold what no table does, or that are none: see `tests.faults.survivors`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import etl
from etl.errors import DatabaseError, EtlError, JobError, SchemaError
from tests.faults.survivors import Ground, refused

Refusal = tuple[type[EtlError], str]


def column(values: Any, dtype: Any = object) -> Callable[[], pd.DataFrame]:
    return lambda: pd.DataFrame({"id": range(len(values)), "c": pd.Series(values, dtype=dtype)})


REFUSED: dict[str, tuple[str, Callable[[], pd.DataFrame], Refusal]] = {
    "infinity": ("float", column([1.0, float("inf")], float), (SchemaError, r"column c \(float\), row 1: inf")),
    "infinity in real": ("real", column([1.0, float("-inf")], "float32"), (SchemaError, r"c \(real\), row 1: -inf")),
    "too large for real": ("real", column([1.0, 1e300], float), (SchemaError, r"'c', row 1: 1e\+300")),
    "decimal overflow": (
        "decimal(5,2)",
        column([Decimal("1.1"), Decimal("1000")]),
        (SchemaError, r"'c', row 1: Decimal"),
    ),
    "decimal digits": (
        "decimal(5,2)",
        column([Decimal("1.1"), Decimal("0.001")]),
        (SchemaError, r"'c', row 1: Decimal"),
    ),
    "an infinite decimal": ("decimal(5,2)", column([Decimal("Infinity")]), (SchemaError, r"'c', row 0: Decimal\('Inf")),
    "money overflow": ("money", column([Decimal("922337203685477.5808")]), (SchemaError, "row 0: .*outside of money")),
    "integer overflow": ("tinyint", column([1, 256], "int64"), (SchemaError, r"'c', row 1: 256")),
    "a negative tinyint": ("tinyint", column([1, -1], "int64"), (SchemaError, r"'c', row 1: -1")),
    "an integer of 100 digits": ("bigint", column([1, 10**100]), (SchemaError, r"'c', row 1: 1000")),
    "a fraction in an int": ("int", column([1.0, 1.5], float), (SchemaError, r"'c', row 1: 1.5")),
    "a date before datetime": ("datetime", column([dt.datetime(1752, 12, 31)]), (SchemaError, "outside of datetime")),
    "a date after smalldatetime": (
        "smalldatetime",
        column([dt.datetime(2079, 6, 7)]),
        (SchemaError, "outside of smalldatetime"),
    ),
    "a year before 1": (
        "datetime2(6)",
        column(pd.array(pa.array([-(10**17)], pa.timestamp("us")), dtype=pd.ArrowDtype(pa.timestamp("us"))), None),
        (SchemaError, r"'c', row 0: .*years 0001 to 9999"),
    ),
    "an odd guid": (
        "uniqueidentifier",
        column(["6f9619ff-8b86-d011-b42d-00c04fc964f"]),
        (SchemaError, "no uniqueidentif"),
    ),
    "an empty guid": ("uniqueidentifier", column([""]), (SchemaError, "no uniqueidentifier")),
    "no datetimeoffset": (
        "datetimeoffset(3)",
        column(["2024-02-30 00:00:00 +00:00"]),
        (SchemaError, r"c \(datetimeoffset\(3\)\), row 0: 2024-02-30 00:00:00 is no day or time"),
    ),
    "an offset of 15 hours": (
        "datetimeoffset(3)",
        column(["2024-02-01 00:00:00 +15:00"]),
        (SchemaError, r"row 0: .*\+15:00 has an offset beyond 14 hours"),
    ),
    "U+0000": (
        "nvarchar(9)",
        column(["a", "a\0b"]),
        (SchemaError, r"c \(nvarchar\(9\)\), row 1: 'a\\x00b', with U\+0000"),
    ),
    "half a character": ("nvarchar(9)", column(["a", "\ud83d"]), (SchemaError, r"'c', row 1: '\\ud83d'")),
    "text beyond the code page": (
        "varchar(9)",
        column(["a", "日本"]),
        (SchemaError, r"c \(varchar\(9\), code page 1252\), row 1: '日本' has '日', which the code page lacks"),
    ),
    "a code page's gap": ("char(9)", column(["\x81"]), (SchemaError, r"code page 1252\), row 0: '\\x81' has '\\x81'")),
    "long text beyond the code page": (
        "varchar(max)",
        column(["é", "x" * 5_000 + "Ā"]),
        (SchemaError, r"code page 1252\), row 1: 'xxx.*has 'Ā', which"),
    ),
    "old text beyond the code page": ("text", column(["日本"]), (SchemaError, "code page 1252")),
    "text for a number": ("int", column(["1"]), (SchemaError, "'c', row 0: '1': it is text")),
    "bytes for text": ("nvarchar(9)", column([b"x"]), (SchemaError, "'c', row 0: b'x': it is binary")),
    "text for bytes": ("varbinary(9)", column(["x"]), (SchemaError, "'c', row 0: 'x': it is text")),
    "mixed types": ("nvarchar(9)", column(["x", 1]), (SchemaError, "'c', row 1: 1: it is integer in a column of text")),
    "lists": ("nvarchar(9)", column([[1, 2], [3]]), (SchemaError, r"'c', row 0: \[1, 2\]: it is a list")),
    "dictionaries": ("nvarchar(9)", column([{"a": 1}]), (SchemaError, r"'c', row 0: \{'a': 1\}: it is a dict")),
    "frames in a frame": ("nvarchar(9)", column([pd.DataFrame()]), (SchemaError, "'c', row 0: .*it is a DataFrame")),
    "arrow's lists": (
        "int",
        column(pd.array(pa.array([[1], None]), dtype=pd.ArrowDtype(pa.list_(pa.int64()))), None),
        (SchemaError, "'c', row 0: .*it is list<"),
    ),
    "complex numbers": ("float", column([1j], complex), (SchemaError, "'c': a column of dtype complex128")),
    "long doubles": ("float", column([1.5], np.longdouble), (SchemaError, "'c'")),
    "structures": ("int", column(np.zeros(1, "V8"), None), (SchemaError, "'c'")),
    "periods": ("date", column(pd.period_range("2024", periods=2, freq="M"), None), (SchemaError, "'c': .*period")),
    "intervals": ("int", column(pd.interval_range(0, 2), None), (SchemaError, "'c': a column of dtype interval")),
    "timedeltas": (
        "time(6)",
        column(pd.to_timedelta([1, 2], "s"), None),
        (SchemaError, "'c', row 0: .*it is duration"),
    ),
    "naive in datetimeoffset": (
        "datetimeoffset(3)",
        column([dt.datetime(2024, 1, 1)]),
        (SchemaError, "'c', row 0: .*it is timestamp"),
    ),
}


def a_value_without_a_place(ground: Ground, case: str) -> None:
    """Refused by name, with nothing written, whether the table is there or made for it."""
    sql_type, frame, (kind, pattern) = REFUSED[case]
    ground.table(f"id int NOT NULL, c {sql_type} NULL")
    with refused(kind, rf"(?s){pattern}"):
        etl.to_sql(frame(), "t", ground.engine, schema="dbo", if_exists="append", index=False)
    assert ground.rows("SELECT * FROM dbo.t") == []
    with refused(kind, rf"(?s){pattern}"):
        etl.to_sql(frame(), "t", ground.engine, schema="dbo", if_exists="replace", index=False, dtype={"c": sql_type})
    assert ground.rows("SELECT * FROM dbo.t") == []


SHAPES: dict[str, tuple[Callable[[], pd.DataFrame], Refusal | list[tuple[Any, ...]]]] = {
    "no rows, typed": (lambda: pd.DataFrame({"a": pd.array([], dtype="Int64")}), (SchemaError, "empty frame")),
    "no columns": (lambda: pd.DataFrame(index=range(3)), (SchemaError, "no columns")),
    "nothing": (pd.DataFrame, (SchemaError, "no columns")),
    "two columns of one name": (
        lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
        (SchemaError, "the frame has more than one column named 'a'"),
    ),
    "names that differ in case": (lambda: pd.DataFrame([[1, 2]], columns=["a", "A"]), (DatabaseError, r"\(error 2705\)")),
    "a name that is too long": (lambda: pd.DataFrame({"a" * 129: [1]}), (JobError, "128 characters|too long")),
    "an empty name": (lambda: pd.DataFrame({"": [1]}), (JobError, "'' is not an identifier")),
    "only missing values": (lambda: pd.DataFrame({"a": [None]}), (SchemaError, "'a' holds only missing values.*dtype=")),
    "numbers as names": (lambda: pd.DataFrame({0: [1], 1: [2]}), [(1, 2)]),
    "columns of two levels": (
        lambda: pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
        [(1, 2)],
    ),
    "categories": (
        lambda: pd.DataFrame({"a": pd.Categorical(["x", None, "y"], categories=["y", "x"])}),
        [(None,), ("x",), ("y",)],
    ),
    "categories of numbers": (lambda: pd.DataFrame({"a": pd.Categorical([3, 1])}), [(1,), (3,)]),
    "sparse": (lambda: pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 1.5, np.nan])}), [(None,), (0.0,), (1.5,)]),
    "arrow's NaN": (
        lambda: pd.DataFrame({"a": pd.array(pa.array([1.0, np.nan]), dtype=pd.ArrowDtype(pa.float64()))}),
        [(None,), (1.0,)],
    ),
    "NaN, NaT, NA, None": (
        lambda: pd.DataFrame(
            {
                "a": [1.5, np.nan],
                "b": [pd.Timestamp("2024-01-01"), pd.NaT],
                "c": pd.array([1, pd.NA], "Int8"),
                "d": ["x", None],
            }
        ),
        [(None, None, None, None), (1.5, dt.datetime(2024, 1, 1), 1, "x")],
    ),
    "arrow's decimals": (
        lambda: pd.DataFrame({"a": pd.array(pa.array([Decimal("1.25"), None]), dtype=pd.ArrowDtype(pa.decimal128(9, 2)))}),
        [(None,), (Decimal("1.25"),)],
    ),
    "arrow's dictionary": (
        lambda: pa.table({"a": pa.array(["x", None, "x"]).dictionary_encode()}).to_pandas(types_mapper=pd.ArrowDtype),
        [(None,), ("x",), ("x",)],
    ),
    "an index of two levels": (
        lambda: pd.DataFrame({"v": [1]}, index=pd.MultiIndex.from_tuples([("k", 2)], names=["a", "b"])).reset_index(),
        [("k", 2, 1)],
    ),
}  # fmt: skip


def a_frame_of_a_strange_shape(ground: Ground, case: str) -> None:
    frame, expected = SHAPES[case]
    ground.make("DROP TABLE IF EXISTS dbo.t")
    if isinstance(expected, tuple):
        with refused(expected[0], rf"(?s){expected[1]}"):
            etl.to_sql(frame(), "t", ground.engine, schema="dbo", index=False)
        assert ground.rows("SELECT OBJECT_ID('dbo.t')") == [(None,)]
        return
    assert etl.to_sql(frame(), "t", ground.engine, schema="dbo", index=False) == len(expected)
    assert sorted(ground.rows("SELECT * FROM dbo.t"), key=str) == sorted(expected, key=str)


def no_rows_for_a_table_that_is_there(ground: Ground) -> None:
    ground.table("id int NOT NULL, c nvarchar(9) NULL, d xml NULL")
    frame = pd.DataFrame({"id": pd.array([], dtype="int64"), "c": pd.array([], dtype=object)})
    assert etl.to_sql(frame, "t", ground.engine, schema="dbo", if_exists="append", index=False) == 0
    assert etl.to_sql(frame[["c"]], "t", ground.engine, schema="dbo", if_exists="append", index=False) == 0
    assert ground.rows("SELECT * FROM dbo.t") == []


def a_new_column_keeps_arrows_digits(ground: Ground) -> None:
    ground.make("DROP TABLE IF EXISTS dbo.t")
    values = pd.array(pa.array([Decimal("1.25"), None]), dtype=pd.ArrowDtype(pa.decimal128(9, 2)))
    etl.to_sql(pd.DataFrame({"a": values, "b": [Decimal("1.5"), None]}), "t", ground.engine, schema="dbo", index=False)
    columns = "SELECT name, precision, scale FROM sys.columns WHERE object_id = OBJECT_ID('dbo.t') ORDER BY column_id"
    assert ground.rows(columns) == [("a", 9, 2), ("b", 38, 1)]
