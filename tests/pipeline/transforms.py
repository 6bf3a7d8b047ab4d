"""Transforms that the jobs of these tests name."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa

FAIL_VARIABLE = "ETL_TEST_FAIL"
"""While the file that it names exists, `fail_at_25` raises on the chunk with row 25, though not on the sample of all rows."""
CHUNK_ROWS = 10


def with_total(frame: pd.DataFrame) -> pd.DataFrame:
    frame["total"] = frame["amount"] * 2
    return frame


def unpaid_only(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["paid"] == False]  # noqa: E712 - the column may hold NA


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame])


def fail_at_25(frame: pd.DataFrame) -> pd.DataFrame:
    if Path(os.environ[FAIL_VARIABLE]).exists() and (frame["id"] == 25).any() and len(frame) <= CHUNK_ROWS:
        raise ValueError("25 is not to be had")
    return frame


def fail_quietly(frame: pd.DataFrame) -> pd.DataFrame:
    return 1 / 0  # type: ignore[return-value]


def no_frame(frame: pd.DataFrame) -> pd.DataFrame:
    return frame["id"].tolist()  # type: ignore[return-value]


def moody_columns(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"customer": "client"}) if (frame["id"] > 20).all() else frame


def moody_types(frame: pd.DataFrame) -> pd.DataFrame:
    if (frame["id"] > 20).all():
        frame["amount"] = "a lot"
    return frame


def id_only(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["id"]]


def first_of_group(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(half=frame["id"] / 2)


def empty(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[:0]


ID_AND_DAY = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("day", pa.date32())])


def id_and_day(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["day", "id"]]


NOT_A_FUNCTION = 7


def unchanged(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def reshape(frame: pd.DataFrame) -> pd.DataFrame:
    """A column less, and another one more."""
    return frame.assign(half=frame["id"] / 2).drop(columns=["paid"])
