"""A pandera schema over the rows that a job writes: which of them it refuses, and why. pandera is optional."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from etl import extras, frames, named
from etl.errors import JobError, SchemaError


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that breaks one of the schema's rules."""

    row: int
    """From 0."""
    column: str | None
    reason: str


def find(reference: str) -> Any:
    """The DataFrameSchema, or that of the DataFrameModel, named `module:object`.

    Raises JobError when there is none or pandera is not installed.
    """
    with extras.needed("pandera", f"the schema {reference}", "schema"):
        pandera = importlib.import_module("pandera.pandas")
    found = named.find_object(reference, "schema")
    if isinstance(found, type) and issubclass(found, pandera.DataFrameModel):
        return cast(Any, found).to_schema()
    if not isinstance(found, pandera.DataFrameSchema):
        raise JobError(f"{reference} is {type(found).__name__}, neither a pandera DataFrameSchema nor a DataFrameModel")
    return found


def checked(name: str, schema: Any, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Broken]]:
    """The frame as the schema returns it (it may coerce), or as it was with the rows that break a rule.

    Raises SchemaError for a rule that is broken by no single row: a missing column, another dtype.
    """
    numbered = frame.set_axis(pd.RangeIndex(len(frame)), axis=0)
    try:
        validated: pd.DataFrame = schema.validate(numbered, lazy=True)
    except importlib.import_module("pandera.errors").SchemaErrors as error:
        return frame, list(_broken(name, error.failure_cases))
    return validated.set_axis(frame.index, axis=0), []


def _broken(name: str, failures: pd.DataFrame) -> Iterator[Broken]:
    """One for each row, with the first rule that it breaks."""
    whole = failures[failures["index"].isna()]
    if len(whole):
        first = whole.iloc[0]
        raise SchemaError(
            f"the schema {name} is not met: {first['check']} of {first['column']}: {first['failure_case']}",
            advice="It judges what the transform returns, in the dtypes of the job's frame_dtypes.",
        )
    for row, cases in failures.groupby("index", sort=True):
        case = cases.iloc[0]
        column = None if pd.isna(case["column"]) else str(case["column"])
        value = frames.shown(cases["failure_case"], 0)
        yield Broken(int(str(row)), column, f"{value} breaks {case['check']} of {name}")
