"""The user's function: found by name, called on a frame, its result cast to the run's fixed schema."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pyarrow as pa

from etl import frames
from etl.errors import JobError, TransformError
from etl.frame_dtypes import FrameDtypes
from etl.named import find_object, own_line

Transform = Callable[[pd.DataFrame], pd.DataFrame]


def find(reference: str) -> Transform:
    """The function named `module:function`. Raises JobError when there is none that can be called."""
    function = find_object(reference, "transform")
    if not callable(function):
        raise JobError(f"{reference} is {type(function).__name__}, not a function")
    found: Transform = function
    return found


def find_schema(reference: str) -> pa.Schema:
    """The pyarrow.Schema named `module:name`. Raises JobError when there is none."""
    schema = find_object(reference, "output schema")
    if not isinstance(schema, pa.Schema):
        raise JobError(f"{reference} is {type(schema).__name__}, not a pyarrow.Schema")
    return schema


def call(name: str, function: Transform, frame: pd.DataFrame) -> pd.DataFrame:
    """The function's result. Raises TransformError when it raises or returns something that is not a DataFrame.

    Decimals add and multiply exactly in it.
    """
    try:
        with frames.exact_decimals():
            result = function(frame)
    except Exception as error:
        raise TransformError(
            f"the transform {name} raised {type(error).__name__}: {error}{own_line(error)}",
            advice="Run it on a frame of the table's columns; `--workers 1 --debug` shows the whole traceback.",
        ) from error
    if not isinstance(result, pd.DataFrame):
        raise TransformError(
            f"the transform {name} returned {type(result).__name__}, not a DataFrame", advice="Return the frame."
        )
    return result


def apply(name: str, function: Transform, table: pa.Table, frame_dtypes: FrameDtypes, schema: pa.Schema) -> pa.Table:
    """The table after the function, in exactly `schema`.

    Raises TransformError as `call` does, SchemaError that names the column where the result does not fit the schema.
    """
    result = call(name, function, frames.to_pandas(table, frame_dtypes))
    return frames.to_arrow(result, schema)
