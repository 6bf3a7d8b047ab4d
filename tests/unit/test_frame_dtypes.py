"""What each choice of `frame_dtypes` makes of ordinary transforms, and that frames reach Arrow again exactly or not at all."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from etl.errors import SchemaError
from etl.frames import FrameDtypes, cast_table, exact_decimals, infer_schema, to_arrow, to_pandas
from tests.unit.transform_corpus import CASES, TABLE, Case

EVERY_CHOICE: tuple[FrameDtypes, ...] = ("numpy_nullable", "pyarrow", "numpy")
MILLENNIUM = dt.datetime(2000, 1, 1)


def outcome_of(case: Case, table: pa.Table, frame_dtypes: FrameDtypes, expected: list[Any]) -> str:
    """`ok`, `wrong` or the exception's name, of the whole way: Arrow → frame → transform → Arrow."""
    try:
        with exact_decimals():
            frame = case.transform(to_pandas(table.select(case.uses), frame_dtypes))
            result = to_arrow(frame[["out"]], pa.schema([("out", case.gives)]))
    except Exception as error:  # noqa: BLE001 - which exception it is, is what the corpus records
        return type(error).__name__
    return "ok" if result["out"].to_pylist() == expected else "wrong"


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
@pytest.mark.parametrize("name", CASES)
def test_transform_fares_as_recorded(name: str, frame_dtypes: FrameDtypes) -> None:
    case = CASES[name]
    assert outcome_of(case, TABLE, frame_dtypes, list(case.expected)) == case.outcomes[frame_dtypes]


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
@pytest.mark.parametrize("name", CASES)
def test_transform_of_an_empty_chunk_fares_as_recorded(name: str, frame_dtypes: FrameDtypes) -> None:
    case = CASES[name]
    assert outcome_of(case, TABLE.slice(0, 0), frame_dtypes, []) == case.on_empty[frame_dtypes]


def test_the_default_fails_least_often() -> None:
    failures = {choice: sum(case.outcomes[choice] != "ok" for case in CASES.values()) for choice in EVERY_CHOICE}
    assert len(CASES) == 78
    assert failures == {"numpy_nullable": 5, "pyarrow": 11, "numpy": 19}


def test_silently_wrong_values_are_these() -> None:
    wrong = {
        choice: [name for name, case in CASES.items() if case.outcomes[choice] == "wrong"] for choice in EVERY_CHOICE
    }
    assert wrong == {
        "numpy_nullable": ["double_a_bigint_past_64_bits", "compare_a_date_with_a_python_date"],
        "pyarrow": ["compare_a_date_with_text"],
        "numpy": [
            "double_a_tinyint",
            "double_an_int",
            "integer_to_text",
            "flag_and_comparison",
            "compare_a_date_with_text",
        ],
    }


@pytest.mark.parametrize("frame_dtypes", ["numpy_nullable", "pyarrow"])
def test_every_value_comes_back_exactly(frame_dtypes: FrameDtypes) -> None:
    assert to_arrow(to_pandas(TABLE, frame_dtypes), TABLE.schema).equals(TABLE)


def test_every_value_comes_back_exactly_through_numpy_but_for_what_it_refuses() -> None:
    table = TABLE.drop_columns(["big"])
    assert to_arrow(to_pandas(table, "numpy"), table.schema).equals(table)
    with pytest.raises(
        SchemaError, match=r"'big' holds NULL and -9223372036854775808: .*changes integers above 2\*\*53"
    ):
        to_pandas(TABLE, "numpy")


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
def test_an_empty_table_keeps_its_schema(frame_dtypes: FrameDtypes) -> None:
    empty = TABLE.slice(0, 0)
    assert to_arrow(to_pandas(empty, frame_dtypes), TABLE.schema).equals(empty)


def test_nullable_dtypes_are_these() -> None:
    assert to_pandas(TABLE, "numpy_nullable").dtypes.astype(str).to_dict() == {
        "big": "Int64",
        "qty": "Int64",
        "line": "Int64",
        "tiny": "Int64",
        "price": "object",
        "fee": "object",
        "ratio": "Float64",
        "flag": "boolean",
        "name": "string",
        "at": "datetime64[us]",
        "day": "datetime64[us]",
        "clock": "object",
        "blob": "object",
    }


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(SchemaError, match="the source has more than one column named 'a'"):
        to_pandas(table, "numpy_nullable")


def test_decimals_add_up_exactly_only_inside_exact_decimals() -> None:
    frame = to_pandas(pa.table({"d": pa.array([Decimal("12345678901234567890.0123456789")] * 2)}), "numpy_nullable")
    with exact_decimals():
        assert frame["d"].sum() == Decimal("24691357802469135780.0246913578")
    assert frame["d"].sum() == Decimal("24691357802469135780.02469136")


EXACT: dict[str, tuple[Any, pa.DataType, list[Any]]] = {
    "whole floats to integers": ([1.0, np.nan, -7.0], pa.int64(), [1, None, -7]),
    "floats to decimals by their shortest form": (
        [0.1, np.nan, 1e-5], pa.decimal128(10, 5), [Decimal("0.1"), None, Decimal("0.00001")],
    ),
    "integers to decimals": ([1, 2], pa.decimal128(5, 2), [Decimal(1), Decimal(2)]),
    "Decimals and integers": ([Decimal("1.5"), 0, None], pa.decimal128(5, 2), [Decimal("1.5"), Decimal(0), None]),
    "Decimals to integers": ([Decimal("3.00"), None], pa.int32(), [3, None]),
    "Decimals to floats": ([Decimal("0.1"), Decimal("2.50")], pa.float64(), [0.1, 2.5]),
    "integers to booleans": ([0, 1], pa.bool_(), [False, True]),
    "booleans with None": ([True, None, np.bool_(False)], pa.bool_(), [True, None, False]),
    "booleans to integers": ([True, False], pa.uint8(), [1, 0]),
    "missing values of every sort": ([None, np.nan, pd.NA, pd.NaT, Decimal("NaN")], pa.int32(), [None] * 5),
    "midnights to dates": ([pd.Timestamp(2013, 3, 10), pd.NaT], pa.date32(), [dt.date(2013, 3, 10), None]),
    "dates to datetimes": (
        [dt.date(1, 1, 1), dt.date(9999, 12, 31)], pa.timestamp("us"), [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)],
    ),
    "dates and datetimes": ([dt.date(2013, 3, 10), MILLENNIUM], pa.date32(), [dt.date(2013, 3, 10), dt.date(2000, 1, 1)]),
    "nanoseconds that are microseconds": (
        pd.Series([1000], dtype="datetime64[ns]"), pa.timestamp("us"), [dt.datetime(1970, 1, 1, 0, 0, 0, 1)],
    ),
    "aware datetimes of several offsets": (
        [dt.datetime(2013, 3, 10, 12, tzinfo=ZoneInfo("Asia/Kolkata")), dt.datetime(2013, 3, 10, 12, tzinfo=dt.UTC)],
        pa.timestamp("us", tz="UTC"),
        [dt.datetime(2013, 3, 10, 6, 30, tzinfo=dt.UTC), dt.datetime(2013, 3, 10, 12, tzinfo=dt.UTC)],
    ),
    "categories": (pd.Series(["a", None, "b", "a"], dtype="category"), pa.string(), ["a", None, "b", "a"]),
    "sparse values": (pd.Series([0, 5, 0], dtype="Sparse[int64]"), pa.int16(), [0, 5, 0]),
    "UUIDs": ([uuid.UUID(int=255)], pa.string(), ["00000000-0000-0000-0000-0000000000ff"]),
    "integers beyond 64 bits": ([2**70, 1], pa.decimal128(38, 0), [Decimal(2**70), Decimal(1)]),
    "NaN as NULL": (pd.Series([0.0, 1.0], dtype="double[pyarrow]") / 0 * 0, pa.float64(), [None, None]),
    "bytearrays": ([bytearray(b"ab"), memoryview(b"")], pa.binary(), [b"ab", b""]),
}  # fmt: skip


@pytest.mark.parametrize("title", EXACT)
def test_casts_that_lose_nothing(title: str) -> None:
    values, target, expected = EXACT[title]
    series = (
        values
        if isinstance(values, pd.Series)
        else pd.Series(values, dtype=object if isinstance(values, list) else None)
    )
    assert to_arrow(series.to_frame("x"), pa.schema([("x", target)]))["x"].to_pylist() == expected


LOSSY: dict[str, tuple[Any, pa.DataType, str]] = {
    "fractions as integers": ([1.0, 1.5], pa.int64(), "row 1: 1.5: it is not a whole number"),
    "floats above 2**53 as integers": ([1.0, None, 2.0**60], pa.int64(), r"row 2: 1.15\d+e\+18: .*which integer it was"),
    "overflow": ([1, 40_000], pa.int16(), "row 1: 40000: it does not fit int16"),
    "negative tinyint": ([0, -1], pa.uint8(), "row 1: -1: it does not fit uint8"),
    "big integers as floats": ([2**53 + 1], pa.float64(), "row 0: 9007199254740993: it does not fit double"),
    "doubles as real": ([0.5, 0.1], pa.float32(), "row 1: 0.1: it loses digits as float"),
    "too many digits": ([Decimal("1.5"), Decimal("1.005")], pa.decimal128(10, 2), r"row 1: Decimal\('1.005'\): .*\nQuantize"),
    "float with too many digits": ([0.1 + 0.2], pa.decimal128(10, 2), "row 0: 0.30000000000000004: .*\nRound it to 2"),
    "too wide for decimal": ([Decimal(1), Decimal(10**9)], pa.decimal128(10, 2), r"row 1: Decimal\('1000000000'\)"),
    "infinity as decimal": ([1.0, np.inf], pa.decimal128(10, 2), "row 1: inf: infinity"),
    "infinite Decimal": ([Decimal(1), Decimal("Infinity")], pa.decimal128(10, 2), r"row 1: Decimal\('Infinity'\)"),
    "decimals as floats": ([Decimal("0.12345678901234567890")], pa.float64(), "row 0: .*loses digits as double"),
    "fractions of Decimals as integers": ([Decimal("1.5")], pa.int32(), r"row 0: Decimal\('1.5'\)"),
    "numbers as text": ([1, 2], pa.string(), "row 0: 1: it is integer, the column is declared string"),
    "text as numbers": (["007"], pa.int32(), "row 0: '007': it is text, the column is declared int32\nParse it"),
    "bytes as text": ([b"ab"], pa.string(), "row 0: b'ab': it is binary"),
    "text as bytes": (["ab"], pa.binary(), "row 0: 'ab': it is text"),
    "integers as datetimes": ([1], pa.timestamp("us"), "row 0: 1: it is integer"),
    "two as boolean": ([0, 2], pa.bool_(), "row 1: 2: only 0 and 1 are boolean"),
    "time of day in a date": ([MILLENNIUM, MILLENNIUM.replace(hour=5)], pa.date32(), "row 1: .*it has a time of day"),
    "datetime as time": ([MILLENNIUM], pa.time64("us"), "row 0: .*it is timestamp, the column is declared time64"),
    "zone lost": ([MILLENNIUM.replace(tzinfo=dt.UTC)], pa.timestamp("us"), "row 0: .*it has a time zone"),
    "zone invented": ([MILLENNIUM], pa.timestamp("us", tz="UTC"), "row 0: .*it has no time zone"),
    "nanoseconds": (pd.Series([0, 1], dtype="datetime64[ns]"), pa.timestamp("us"), "row 1: Timestamp.*would lose data"),
    "nanoseconds in objects": ([pd.Timestamp(1)], pa.timestamp("us"), "row 0: Timestamp.*nanoseconds"),
    "year 10000": (pd.Series(np.array(["10000-01-01"], dtype="datetime64[us]")), pa.timestamp("us"), "row 0: .*0001 to 9999"),
    "timedelta": ([dt.timedelta(1)], pa.int64(), "row 0: .*it is duration"),
    "text among numbers": ([1, "x"], pa.int64(), "row 1: 'x': it is text in a column of integer values"),
    "lists": ([None, [1]], pa.string(), r"row 1: \[1\]: it is a list, which no column can hold"),
    "naive and aware": ([MILLENNIUM, MILLENNIUM.replace(tzinfo=dt.UTC)], pa.timestamp("us"), "with and without a time zone"),
    "lone surrogate": (["ok", "\ud800"], pa.string(), "row 1: '.ud800': .*surrogates not allowed"),
    "wrong width": ([b"ab", b"abc"], pa.binary(2), "row 1: b'abc'"),
    "periods": (pd.Series(pd.period_range("2013", periods=2, freq="M")), pa.string(), r"'x': a column of dtype period\[M\]"),
    "complex numbers": (pd.Series([1j]), pa.float64(), "'x': a column of dtype complex128"),
}  # fmt: skip


@pytest.mark.parametrize("title", LOSSY)
def test_casts_that_would_lose_something_name_column_row_and_value(title: str) -> None:
    values, target, message = LOSSY[title]
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    with pytest.raises(SchemaError, match=message) as caught:
        to_arrow(series.to_frame("x"), pa.schema([("x", target)]))
    assert "'x'" in str(caught.value)


def test_a_table_is_cast_by_the_same_rules() -> None:
    table = pa.table({"x": pa.chunked_array([[1, 2], [3, None]], pa.int64())})
    assert cast_table(table, pa.schema([("x", pa.uint8())]))["x"].to_pylist() == [1, 2, 3, None]
    with pytest.raises(SchemaError, match="column 'x', row 3: 256: it does not fit uint8"):
        cast_table(pa.table({"x": pa.chunked_array([[1, 2], [3, 256]])}), pa.schema([("x", pa.uint8())]))


def test_the_row_is_found_among_many() -> None:
    values = pd.Series(range(50_000), dtype="Int64")
    values[[31_337, 40_000]] = 2**40
    with pytest.raises(SchemaError, match="column 'x', row 31337: 1099511627776: it does not fit int32"):
        to_arrow(values.to_frame("x"), pa.schema([("x", pa.int32())]))


def test_null_where_the_column_is_declared_not_null() -> None:
    schema = pa.schema([pa.field("x", pa.int32(), nullable=False)])
    with pytest.raises(SchemaError, match="column 'x', row 1: NULL, and the column is declared NOT NULL"):
        to_arrow(pd.DataFrame({"x": pd.array([1, None], dtype="Int64")}), schema)


def test_columns_are_found_by_name_and_must_be_those_declared() -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    swapped = pd.DataFrame({"b": ["x"], "a": [1]}, index=[7])
    assert to_arrow(swapped, schema).to_pylist() == [{"a": 1, "b": "x"}]
    with pytest.raises(SchemaError, match=r"declared \(a, b\): the frame lacks 'b' and has 'c' beyond them"):
        to_arrow(pd.DataFrame({"a": [1], "c": [2]}), schema)


def test_columns_left_in_the_index_are_pointed_out() -> None:
    grouped = pd.DataFrame({"a": [1, 1], "b": ["x", "y"]}).groupby("a").agg({"b": "first"})
    with pytest.raises(SchemaError, match=r"lacks 'a'\nColumns in the index are not seen: call reset_index\(\) for a"):
        to_arrow(grouped, pa.schema([("a", pa.int64()), ("b", pa.string())]))


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
def test_what_a_transform_passes_on_keeps_its_source_type(frame_dtypes: FrameDtypes) -> None:
    table = TABLE.drop_columns(["big"])
    assert infer_schema(to_pandas(table, frame_dtypes), table.schema) == table.schema


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
def test_a_chunk_of_nothing_but_nulls_keeps_its_source_types(frame_dtypes: FrameDtypes) -> None:
    nulls = pa.table([pa.nulls(3, field.type) for field in TABLE.schema], schema=TABLE.schema)
    assert infer_schema(to_pandas(nulls, frame_dtypes), TABLE.schema) == TABLE.schema


def test_new_columns_get_types_that_sql_server_has() -> None:
    frame = pd.DataFrame(
        {
            "wide": pd.Series([1], dtype="Int64"),
            "narrow": pd.Series([1], dtype="int8"),
            "week": pd.Series([1], dtype="UInt32"),
            "huge": pd.Series([2**64 - 1], dtype="uint64"),
            "price": [Decimal("1.25")],
            "text": ["x"],
            "class": pd.Series(["x"], dtype="category"),
            "at": pd.Series(pd.to_datetime(["2013-01-01"])).astype("datetime64[ns]"),
            "aware": pd.to_datetime(["2013-01-01"], utc=True),
            "day": [dt.date(2013, 1, 1)],
            "small": pd.Series([0.5], dtype="float32"),
            "ok": pd.Series([True], dtype="boolean"),
        }
    )
    assert dict(zip((schema := infer_schema(frame)).names, map(str, schema.types), strict=True)) == {
        "wide": "int64",
        "narrow": "int16",
        "week": "int64",
        "huge": "decimal128(20, 0)",
        "price": "decimal128(38, 2)",
        "text": "string",
        "class": "string",
        "at": "timestamp[us]",
        "aware": "timestamp[us, tz=UTC]",
        "day": "date32[day]",
        "small": "float",
        "ok": "bool",
    }


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.Series([None, None], dtype=object), "column 'x' holds only missing values: no column type"),
        (pd.Series([None], dtype=pd.ArrowDtype(pa.null())), "column 'x' holds only missing values"),
        (pd.Series([pd.Timedelta(1, "s")]), r"column 'x' holds duration\[us\] values"),
        (pd.Series([{"a": 1}]), "column 'x', row 0: {'a': 1}: it is a dict"),
        (pd.Series([], dtype="int64"), "cannot be inferred from an empty frame"),
    ],
)
def test_types_that_cannot_be_told_are_asked_for(column: "pd.Series[Any]", message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        infer_schema(column.to_frame("x"))


def test_a_source_type_that_the_values_have_outgrown_is_not_kept() -> None:
    source = pa.schema([("fee", pa.decimal128(10, 2)), ("n", pa.uint8())])
    frame = pd.DataFrame({"fee": [Decimal("1.2345")], "n": pd.array([300], dtype="Int64")})
    assert infer_schema(frame, source) == pa.schema([("fee", pa.decimal128(38, 4)), ("n", pa.int64())])


def test_a_variable_that_other_packages_set_moves_no_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")  # as importing pandera does
    moment = dt.datetime(2024, 2, 29, 12, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    schema = pa.schema([("x", pa.timestamp("us", tz="UTC"))])
    arrow = to_arrow(pd.DataFrame({"x": pd.Series([moment], dtype=object)}), schema)
    assert arrow.column("x").cast(pa.int64()).to_pylist() == [int(moment.timestamp()) * 1_000_000]
