"""The user's function: found by name, called on a frame, its result cast to the run's fixed schema."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa

from etl import frames
from etl.errors import JobError, TransformError
from etl.frame_dtypes import FrameDtypes
from etl.nearest import did_you_mean

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
            f"the transform {name} raised {type(error).__name__}: {error}{_where(error)}",
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


def find_object(reference: str, what: str) -> Any:
    """What `module:name` names, whatever it is. Raises JobError, which says that a `what` was looked for."""
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise JobError(f"{reference!r} does not name a {what}", advice="Write module:name, e.g. cleaning:clean_orders.")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise JobError(
            f"the module {module_name} of the {what} {reference} cannot be imported: {error}{_similar_module(module_name)}",
            advice="Start in the folder that holds it, or install it in the same environment.",
        ) from error
    except (Exception, SystemExit) as error:  # a script that is not meant to be imported ends the process
        raise JobError(
            f"importing {module_name} for the {what} {reference} raised {type(error).__name__}: {error}{_where(error)}"
        ) from error
    if not hasattr(module, attribute):
        functions = [name for name in vars(module) if not name.startswith("_")]
        raise JobError(
            f"the module {module_name} has no {attribute}{did_you_mean(attribute, functions)}",
            advice=f"It has: {', '.join(functions[:20]) or 'nothing'}.",
        )
    return getattr(module, attribute)


def _similar_module(name: str) -> str:
    """The module that was meant, where Python finds one of a name like it."""
    parent, _, last = name.rpartition(".")
    try:
        places = list(importlib.import_module(parent).__path__) if parent else None
    except (ImportError, AttributeError):
        return ""
    return did_you_mean(last, (found.name for found in pkgutil.iter_modules(places)))


def _where(error: BaseException) -> str:
    """The line of the user's own code that raised, as ` (file.py, line 3)`."""
    frames_of_error = traceback.extract_tb(error.__traceback__)
    outside = [
        frame for frame in frames_of_error if "site-packages" not in frame.filename and frame.filename != __file__
    ]
    own = [frame for frame in outside if not frame.filename.startswith("<frozen")]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
