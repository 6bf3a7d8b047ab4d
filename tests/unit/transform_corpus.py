"""Ordinary transforms as data engineers write them, what each is meant to give, and what pandas makes of it.

Every transform gets the columns it `uses` of TABLE and adds a column `out`, declared as `gives`; `expected` is what its author
means, NULL for NULL. Per frame dtypes the outcome is recorded: `ok`, `wrong` (other values, no error), or the name of the
exception. `on_empty` says where an empty chunk fares otherwise than `ok`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

Transform = Callable[[pd.DataFrame], pd.DataFrame]

TABLE = pa.table(
    {
        "big": pa.array([1, None, 2**53 + 1, -(2**63), 2**63 - 1], pa.int64()),
        "qty": pa.array([250, None, 7, -3, 0], pa.int64()),
        "line": pa.array([1, 2, 3, 4, 2_000_000_000], pa.int32()),
        "tiny": pa.array([1, 200, 255, 0, 7], pa.uint8()),
        "price": pa.array(
            [
                Decimal("1.1"),
                None,
                Decimal("1234567890123456789012345678.0123456789"),
                Decimal("-0.0000000001"),
                Decimal(0),
            ],
            pa.decimal128(38, 10),
        ),
        "fee": pa.array([Decimal("1.10"), None, Decimal("20.25"), Decimal("-3.00"), Decimal(0)], pa.decimal128(10, 2)),
        "ratio": pa.array([1.5, None, 0.0, -2.25, 1e10], pa.float64()),
        "flag": pa.array([True, None, False, True, False], pa.bool_()),
        "name": pa.array(["ab", None, "", "😀é", "Zz"], pa.string()),
        "at": pa.array(
            [
                dt.datetime(1, 1, 1),
                None,
                dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
                dt.datetime(2013, 3, 10, 2, 30, 0, 1),
                dt.datetime(1582, 10, 10),
            ],
            pa.timestamp("us"),
        ),
        "day": pa.array(
            [dt.date(1, 1, 1), None, dt.date(9999, 12, 31), dt.date(2013, 3, 10), dt.date(1582, 10, 10)], pa.date32()
        ),
        "clock": pa.array(
            [dt.time(0), None, dt.time(23, 59, 59, 999999), dt.time(12, 30), dt.time(1)], pa.time64("us")
        ),
        "blob": pa.array([b"", None, b"\x00\xff", b"a", b"bc"], pa.binary()),
    }
)

LOOKUP = pd.DataFrame({"name": ["ab", "Zz"], "score": [10, 20]})
DAYS = pd.DataFrame({"day": pd.to_datetime(["2013-03-10"]), "season": ["spring"]})


@dataclass(frozen=True)
class Case:
    """One transform, what it is meant to give, and its recorded outcome per frame dtypes."""

    transform: Transform
    uses: tuple[str, ...]
    gives: pa.DataType
    expected: Sequence[Any]
    outcomes: dict[str, str]
    on_empty: dict[str, str] = field(default_factory=dict)


CASES: dict[str, Case] = {}


def case(
    uses: str,
    gives: pa.DataType,
    expected: Sequence[Any],
    outcomes: tuple[str, str, str] = ("ok", "ok", "ok"),
    on_empty: tuple[str, str, str] = ("ok", "ok", "ok"),
) -> Callable[[Transform], Transform]:
    """Register a transform. Outcomes are for numpy_nullable, pyarrow, numpy, in this order."""

    def register(transform: Transform) -> Transform:
        dtypes = ("numpy_nullable", "pyarrow", "numpy")
        CASES[transform.__name__] = Case(
            transform,
            tuple(uses.split()),
            gives,
            expected,
            dict(zip(dtypes, outcomes, strict=True)),
            dict(zip(dtypes, on_empty, strict=True)),
        )
        return transform

    return register


# Integers


@case("big", pa.int64(), [1, None, 2**53 + 1, -(2**63), 2**63 - 1], outcomes=("ok", "ok", "SchemaError"))
def pass_big_integers_on(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["big"])


@case(
    "qty",
    pa.int64(),
    [50, None, 7, 97, 0],
    outcomes=("ok", "NotImplementedError", "ok"),
    on_empty=("ok", "NotImplementedError", "ok"),
)
def modulo(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"] % 100)


@case("qty", pa.int64(), [25, None, 0, -1, 0])
def integer_division(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"] // 10)


@case("qty", pa.float64(), [2.5, None, 0.07, -0.03, 0.0])
def true_division(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"] / 100)


@case("qty ratio", pa.float64(), [250 / 1.5, None, None, 3 / 2.25, 0.0])
def division_where_the_divisor_is_not_zero(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].div(frame["ratio"]).where(frame["ratio"] != 0))


@case("tiny", pa.int32(), [2, 400, 510, 0, 14], outcomes=("ok", "ok", "wrong"))
def double_a_tinyint(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["tiny"] * 2)


@case("line", pa.int64(), [2, 4, 6, 8, 4_000_000_000], outcomes=("ok", "ok", "wrong"))
def double_an_int(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["line"] * 2)


@case(
    "big",
    pa.decimal128(38, 0),
    [2, None, 2**54 + 2, -(2**64), 2**64 - 2],
    outcomes=("wrong", "ArrowInvalid", "SchemaError"),
)
def double_a_bigint_past_64_bits(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["big"] * 2)


@case("qty", pa.int64(), [254, 254, 254, 254, 254])
def sum_of_a_nullable_integer(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].sum())


@case("big", pa.int64(), [-(2**53) - 1, None, -1, -(2**63), 2**63 - 1], outcomes=("ok", "ArrowInvalid", "SchemaError"))
def big_integers_compared(frame: pd.DataFrame) -> pd.DataFrame:
    limit = 2**53
    return frame.assign(out=frame["big"].where(~frame["big"].between(-limit, limit + 1), frame["big"] - limit - 2))


@case("qty", pa.float64(), [63.5] * 5)
def mean(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].mean())


@case("qty", pa.int64(), [250, None, 257, 254, 254])
def cumulative_sum(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].cumsum())


@case("qty", pa.int64(), [None, None, None, -10, 3])
def difference_to_the_row_before(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].diff())


@case("qty", pa.int64(), [None, 250, None, 7, -3])
def shift(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].shift())


@case("qty", pa.int64(), [100, None, 7, 0, 0])
def clip(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].clip(0, 100))


@case("qty", pa.int64(), [4, None, 3, 1, 2])
def rank(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].rank())


@case("qty", pa.int64(), [250, -1, 7, -3, 0])
def fill_missing_and_make_int64(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].fillna(-1).astype("int64"))


@case("qty", pa.string(), ["large", "unknown", "small", "negative", "small"])
def cut_into_classes(frame: pd.DataFrame) -> pd.DataFrame:
    classes = pd.cut(frame["qty"], [-np.inf, -1, 100, np.inf], labels=["negative", "small", "large"])
    return frame.assign(out=classes.cat.add_categories("unknown").fillna("unknown"))


@case("qty", pa.int64(), [1, None, 2, 2, 2], outcomes=("TypeError", "TypeError", "ok"))
def np_where_over_missing_values(frame: pd.DataFrame) -> pd.DataFrame:
    size = np.where(frame["qty"] > 100, 1, 2)
    return frame.assign(out=pd.Series(size, index=frame.index).where(frame["qty"].notna()))


@case("qty", pa.string(), ["large", "other", "other", "other", "other"])
def np_where_with_a_filled_mask(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=np.where((frame["qty"] > 100).fillna(False).astype(bool), "large", "other"))


@case("qty", pa.string(), ["large", "other", "other", "negative", "other"], outcomes=("TypeError", "TypeError", "ok"))
def np_select(frame: pd.DataFrame) -> pd.DataFrame:
    conditions = [frame["qty"] > 100, frame["qty"] < 0]
    return frame.assign(out=np.select(conditions, ["large", "negative"], default="other"))


@case("line", pa.float64(), [0.0, np.log(2), np.log(3), np.log(4), np.log(2e9)])
def np_function(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=np.log(frame["line"]))


@case("qty", pa.string(), ["250", None, "7", "-3", "0"], outcomes=("ok", "ok", "wrong"))
def integer_to_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].astype("string"))


@case(
    "qty",
    pa.timestamp("us"),
    [
        dt.datetime(1970, 1, 1, 0, 4, 10),
        None,
        dt.datetime(1970, 1, 1, 0, 0, 7),
        dt.datetime(1969, 12, 31, 23, 59, 57),
        dt.datetime(1970, 1, 1),
    ],
)
def seconds_to_datetime(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=pd.to_datetime(frame["qty"], unit="s"))


# Functions over values and rows


@case("qty", pa.int64(), [251, None, 8, -2, 1])
def apply_to_each_value(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].apply(lambda value: value + 1))


@case("qty", pa.string(), ["pos", None, "pos", None, None])
def apply_that_returns_none(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].apply(lambda value: "pos" if pd.notna(value) and value > 0 else None))


@case("qty", pa.string(), [None] * 5)
def apply_that_returns_nothing_but_none(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].apply(lambda _: None))


@case("qty line", pa.int64(), [251, None, 10, 1, 2_000_000_000])
def apply_to_each_row(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame.apply(lambda row: row["qty"] + row["line"], axis=1))


@case("name", pa.int64(), [10, None, None, None, 20])
def map_through_a_dict(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].map({"ab": 10, "Zz": 20}))


# Booleans


@case("flag", pa.bool_(), [False, None, True, False, True], outcomes=("ok", "ok", "TypeError"))
def negate_a_flag(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=~frame["flag"])


@case("flag qty", pa.bool_(), [True, None, False, False, False], outcomes=("ok", "ok", "wrong"))
def flag_and_comparison(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["flag"] & (frame["qty"] > 0))


@case("flag name", pa.string(), ["ab", "😀é"], outcomes=("ok", "ok", "ValueError"))
def filter_by_a_flag_with_nulls(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["flag"]].assign(out=lambda kept: kept["name"])


@case("qty name", pa.string(), ["ab", ""])
def filter_by_comparison(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["qty"] > 0].assign(out=lambda kept: kept["name"])


@case("flag", pa.int64(), [2, 2, 2, 2, 2])
def count_flags(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["flag"].sum())


# Decimals


@case(
    "price",
    pa.decimal128(38, 10),
    [Decimal("2.2"), None, Decimal("2469135780246913578024691356.0246913578"), None, Decimal(0)],
    outcomes=("ok", "ArrowInvalid", "ok"),
    on_empty=("ok", "ArrowInvalid", "ok"),
)
def decimal_plus_decimal(frame: pd.DataFrame) -> pd.DataFrame:
    total = frame["price"] + frame["price"]
    return frame.assign(out=total.where(frame["price"] >= 0))


@case("fee", pa.decimal128(20, 4), [Decimal("1.21"), None, Decimal("410.0625"), Decimal(9), Decimal(0)])
def small_decimal_times_itself(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"] * frame["fee"])


@case(
    "price fee",
    pa.decimal128(38, 12),
    [Decimal("1.21"), None, None, Decimal("0.0000000003"), Decimal(0)],
    outcomes=("ok", "ArrowInvalid", "ok"),
    on_empty=("ok", "ArrowInvalid", "ok"),
)
def decimal_times_decimal(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=(frame["price"] * frame["fee"]).where(frame["price"] < 1000))


@case(
    "fee qty",
    pa.decimal128(38, 2),
    [Decimal(275), None, Decimal("141.75"), Decimal(9), Decimal(0)],
    outcomes=("ok", "ok", "TypeError"),
)
def decimal_times_integer(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"] * frame["qty"])


@case("fee", pa.float64(), [1.1 * 1.19, None, 20.25 * 1.19, -3 * 1.19, 0.0], outcomes=("TypeError", "ok", "TypeError"))
def decimal_times_float(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"] * 1.19)


@case("fee", pa.decimal128(20, 4), [Decimal("1.309"), None, Decimal("24.0975"), Decimal("-3.57"), Decimal(0)])
def decimal_times_decimal_constant(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"] * Decimal("1.19"))


@case("price", pa.decimal128(38, 10), [Decimal("1234567890123456789012345679.1123456788")] * 5)
def decimal_sum(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["price"].sum())


@case(
    "fee",
    pa.decimal128(10, 1),
    [Decimal("1.1"), None, Decimal("20.2"), Decimal(-3), Decimal(0)],
    outcomes=("ok", "ok", "TypeError"),
)
def decimal_round(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"].round(1))


@case("fee", pa.decimal128(10, 2), [Decimal("1.10"), Decimal(0), Decimal("20.25"), Decimal(-3), Decimal(0)])
def decimal_fillna(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"].fillna(0))


@case(
    "fee",
    pa.decimal128(10, 2),
    [Decimal("1.10"), None, Decimal("20.25"), Decimal(3), Decimal(0)],
    outcomes=("ok", "ok", "TypeError"),
)
def decimal_abs(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"].abs())


@case("fee", pa.float64(), [1.1, None, 20.25, -3.0, 0.0])
def decimal_to_float(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["fee"].astype("float64"))


@case("fee flag", pa.decimal128(10, 2), [Decimal("-1.90"), Decimal("20.25"), Decimal("-1.90"), Decimal("20.25")])
def decimal_sum_by_group(frame: pd.DataFrame) -> pd.DataFrame:
    known = frame[frame["flag"].notna()]
    return known.assign(out=known.groupby("flag")["fee"].transform("sum"))


# Text


@case("name", pa.string(), ["AB", None, "", "😀É", "ZZ"])
def upper_case(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].str.upper())


@case("name", pa.int64(), [2, None, 0, 2, 2])
def text_length(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].str.len())


@case("name", pa.string(), ["a", None, "", "😀", "Z"])
def first_character(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].str[:1])


@case("name", pa.string(), ["<ab>", None, "<>", "<😀é>", "<Zz>"])
def text_concatenation(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out="<" + frame["name"] + ">")


@case("name", pa.bool_(), [True, False, False, False, False])
def contains(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].str.contains("a", na=False))


@case("name", pa.string(), ["b", None, None, None, "z"])
def extract_with_a_pattern(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].str.extract(r"([a-z])$", expand=False))


@case("name", pa.bool_(), [True, False, True, False, False])
def is_in(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].isin(["ab", ""]))


@case("name", pa.string(), ["ab", "?", "?", "😀é", "Zz"])
def replace_empty_and_missing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].replace("", None).fillna("?"))


@case("name", pa.string(), ["ab", None, None, "😀é", "Zz"])
def mask_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["name"].mask(frame["name"] == ""))


# Dates and times


@case("at", pa.int32(), [1, None, 9999, 2013, 1582])
def year_of_a_datetime(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["at"].dt.year)


@case(
    "day",
    pa.int32(),
    [1, None, 9999, 2013, 1582],
    outcomes=("ok", "ok", "AttributeError"),
    on_empty=("ok", "ok", "AttributeError"),
)
def year_of_a_date(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["day"].dt.year)


@case(
    "at",
    pa.timestamp("us"),
    [dt.datetime(1, 1, 1, 1, 30), None, None, dt.datetime(2013, 3, 10, 4, 0, 0, 1), dt.datetime(1582, 10, 10, 1, 30)],
)
def add_a_timedelta(frame: pd.DataFrame) -> pd.DataFrame:
    moved = frame["at"].where(frame["at"] < pd.Timestamp(9000, 1, 1)) + pd.Timedelta(minutes=90)
    return frame.assign(out=moved)


@case("at day", pa.int64(), [0, None, 86_399_999_999, 9_000_000_001, 0])
def microseconds_since_midnight(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=(frame["at"] - pd.to_datetime(frame["day"])) // pd.Timedelta(microseconds=1))


@case("at", pa.date32(), [dt.date(1, 1, 1), None, dt.date(9999, 12, 31), dt.date(2013, 3, 10), dt.date(1582, 10, 10)])
def day_of_a_datetime(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["at"].dt.normalize())


@case("at", pa.string(), ["0001-01-01", None, "9999-12-31", "2013-03-10", "1582-10-10"])
def format_a_datetime(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["at"].dt.strftime("%Y-%m-%d"))


@case(
    "at",
    pa.bool_(),
    [False, False, True, True, False],
    outcomes=("ok", "TypeError", "ok"),
    on_empty=("ok", "TypeError", "ok"),
)
def compare_a_datetime_with_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=(frame["at"] >= "2013-01-01").fillna(False))


@case(
    "day",
    pa.bool_(),
    [False, False, True, True, False],
    outcomes=("ok", "TypeError", "TypeError"),
    on_empty=("ok", "TypeError", "ok"),
)
def compare_a_date_with_a_timestamp(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=(frame["day"] >= pd.Timestamp(2013, 1, 1)).fillna(False))


@case("day", pa.bool_(), [False, False, False, True, False], outcomes=("ok", "wrong", "wrong"))
def compare_a_date_with_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=(frame["day"] == "2013-03-10").fillna(False))


@case("day", pa.bool_(), [False, False, False, True, False], outcomes=("wrong", "ok", "ok"))
def compare_a_date_with_a_python_date(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=(frame["day"] == dt.date(2013, 3, 10)).fillna(False))


@case(
    "day",
    pa.date32(),
    [dt.date(1, 1, 31), None, dt.date(9999, 12, 31), dt.date(2013, 3, 31), dt.date(1582, 10, 31)],
    outcomes=("ok", "ok", "TypeError"),
)
def end_of_month(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["day"] + pd.offsets.MonthEnd(0))


@case(
    "day",
    pa.date32(),
    [dt.date(1, 1, 1), dt.date(2000, 1, 1), dt.date(9999, 12, 31), dt.date(2013, 3, 10), dt.date(1582, 10, 10)],
)
def fill_missing_dates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["day"].fillna(pd.Timestamp(2000, 1, 1)))


@case("clock", pa.int64(), [0, None, 23, 12, 1])
def hour_of_a_time(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["clock"].map(lambda time: time.hour, na_action="ignore"))


@case("blob", pa.int64(), [0, None, 2, 1, 2])
def length_of_binary(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["blob"].map(len, na_action="ignore"))


# Whole frames


@case("flag qty", pa.int64(), [247, 7, 247, 7])
def sum_by_group(frame: pd.DataFrame) -> pd.DataFrame:
    known = frame[frame["flag"].notna()]
    return known.assign(out=known.groupby("flag")["qty"].transform("sum"))


@case("name qty", pa.int64(), [10, None, None, None, 20])
def merge_with_a_lookup(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.merge(LOOKUP, on="name", how="left").rename(columns={"score": "out"})


@case("day", pa.string(), [None, None, None, "spring", None], outcomes=("ok", "ValueError", "ValueError"))
def merge_on_a_date(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.merge(DAYS, on="day", how="left").rename(columns={"season": "out"})


@case("big", pa.int64(), [1, None, 2**53 + 1, -(2**63), 2**63 - 1] * 2, outcomes=("ok", "ok", "SchemaError"))
def concatenate(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame], ignore_index=True).rename(columns={"big": "out"})


@case("qty", pa.int64(), [-3, 0, 7, 250, None])
def sort(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("qty", ignore_index=True).assign(out=lambda sorted_: sorted_["qty"])


@case("flag line", pa.int64(), [1, 2, 3])
def drop_duplicates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop_duplicates("flag").assign(out=lambda kept: kept["line"])


@case("qty name", pa.int64(), [250, 0, 7, -3, 0])
def fill_missing_in_two_columns(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.fillna({"qty": 0, "name": ""}).assign(out=lambda filled: filled["qty"])


@case("qty line", pa.int64(), [250, 2, 7, -3, 0])
def coalesce(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(out=frame["qty"].combine_first(frame["line"]))


@case("qty", pa.int64(), [250, None, 7, 1, 0])
def write_with_loc(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(out=frame["qty"])
    frame.loc[frame["qty"] < 0, "out"] = 1
    return frame
