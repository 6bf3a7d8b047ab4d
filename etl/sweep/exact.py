"""Values as JSON that is the same for the same value, whatever wrote it, and what has no place in JSON refused by name."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 100
"""Python's own reader and writer go down by recursion and end at some hundred."""
DOUBLE_BYTES = 8


class NotJson(ValueError):
    """A value that JSON has no form for. The message names its place and type, never the value."""

    def __init__(self, path: str, what: str, advice: str = "") -> None:
        super().__init__(f"{path} is {what}" + (f"; {advice}" if advice else ""))


def canonical(value: Any) -> str:
    """The value's JSON with sorted keys: equal for equal values only. Raises NotJson.

    1, 1.0 and true are three values, as a function may tell them apart; so are 0.0 and -0.0. 1e2 and 100.0 are one.
    """
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, sort_keys=True)


def text(value: Any) -> str:
    """The value's JSON, with keys in their own order. Raises NotJson."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def plain(value: Any, path: str = "it", depth: int = 0) -> Any:
    """The value in JSON's own types: tuples become lists, NumPy's scalars and arrays what they hold. Raises NotJson."""
    if depth > MAX_DEPTH:
        raise NotJson(path, f"more than {MAX_DEPTH} lists and mappings inside each other")
    value = _out_of_numpy(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotJson(path, f"{float(value)}, a number that JSON does not have", "use None or a text for it")
        return float(value)
    if isinstance(value, Mapping):
        return {_key(key, path): plain(part, f"{path}[{key!r}]", depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, f"{path}[{place}]", depth + 1) for place, part in enumerate(value)]
    raise NotJson(path, f"a {_type_name(value)}, which JSON does not have", ADVICE.get(_type_name(value), ""))


ADVICE = {
    "pandas.DataFrame": "return frame.to_dict('records')",
    "pandas.Series": "return series.tolist()",
    "datetime.date": "use its isoformat()",
    "datetime.datetime": "use its isoformat()",
    "pandas.Timestamp": "use its isoformat()",
    "decimal.Decimal": "use str() or float() of it",
    "set": "use sorted() of it",
}


def _out_of_numpy(value: Any) -> Any:
    numpy = sys.modules.get("numpy")  # what is of NumPy has imported it
    if numpy is None or not isinstance(value, numpy.generic | numpy.ndarray):
        return value
    kind, size = value.dtype.kind, value.dtype.itemsize
    # Of what Python has no type for (nanoseconds, long doubles) tolist gives NumPy's own again, or integers.
    return value.tolist() if kind in "biuUO" or (kind == "f" and size <= DOUBLE_BYTES) else value


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotJson(path, "text with half of a surrogate pair in it") from None
    return str.__str__(value)


def _integer(value: int, path: str) -> int:
    try:
        str(int(value))
    except ValueError:
        raise NotJson(path, f"an integer of more than {sys.get_int_max_str_digits()} digits") from None
    return int(value)


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise NotJson(path, f"a mapping with a {_type_name(key)} as a key", "JSON's keys are text")
    return _text(key, f"a key of {path}")


def _type_name(value: object) -> str:
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"
