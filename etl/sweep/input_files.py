"""Inputs from a file: JSON, JSON lines, CSV or YAML, by its name; or from a Python iterable, as `module:name`."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from etl import named
from etl.errors import JobError
from etl.misplaced import hidden, is_connection
from etl.nearest import listed
from etl.statements import shortened

OBJECT = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")
STDIN = "-"


def read(source: str) -> list[Any]:
    """The values in a file, in standard input as JSON lines (`-`), or in the iterable `module:name`.

    Raises JobError, with the line, for what cannot be read or is no list.
    """
    if is_connection(source):
        raise JobError(f"{hidden(source)} stands where the inputs belong", advice="Give it with --database.")
    if source == STDIN:
        return _json_lines(sys.stdin.read(), "standard input")
    path = Path(source)
    if OBJECT.fullmatch(source) and not path.exists():
        return _iterable(source)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise JobError(
            f"{shortened(source)} is no file of inputs",
            advice=f"Name a {listed(READERS)} file, module:name of a Python iterable, or - for JSON lines.",
        )
    return reader(_text(path), source)


def _iterable(source: str) -> list[Any]:
    found = named.find_object(source, "list of inputs")
    try:
        if callable(found) and not isinstance(found, Iterable):
            found = found()
        if isinstance(found, Iterable) and not isinstance(found, str | bytes | Mapping):
            return list(found)
    except Exception as error:
        raise JobError(
            f"the list of inputs {source} raised {type(error).__name__}: {error}{named.own_line(error)}"
        ) from error
    raise JobError(f"{source} is {type(found).__name__}, not a list of inputs")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JobError(f"cannot read the inputs in {path}: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise JobError(f"{path}, line {line}: this is not UTF-8", advice="Save the file as UTF-8.") from None


def _json(text: str, name: str) -> list[Any]:
    return _listed(_parsed(text, name, 1), name)


def _json_lines(text: str, name: str) -> list[Any]:
    # Not splitlines: text in JSON may have U+2028 and its like in it as they are.
    lines = enumerate(text.split("\n"), 1)
    return [_parsed(line, name, number) for number, line in lines if line.strip()]


def _parsed(text: str, name: str, line: int) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise JobError(f"{name}, line {line + error.lineno - 1}: this is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else error
        raise JobError(f"{name}, line {line} or below: {reason}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a mapping has a key twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _csv(text: str, name: str) -> list[Any]:
    """A mapping a row. A cell that reads as a JSON number, true or false is that; an empty one is null; others are text."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if len(set(header)) < len(header):
            raise JobError(f"{name}, line 1: a column's name stands there twice")
        found = []
        for row in filter(None, rows):
            if len(row) != len(header):
                raise JobError(f"{name}, line {rows.line_num}: {len(row)} cells under {len(header)} names")
            found.append(dict(zip(header, map(_cell, row), strict=True)))
    except csv.Error as error:
        raise JobError(f"{name}, line {rows.line_num}: this is not CSV: {error}") from None
    return found


JSON_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"


def _cell(text: str) -> Any:
    if text == "":
        return None
    return json.loads(text) if re.fullmatch(f"true|false|{JSON_NUMBER}", text) else text


def _yaml(text: str, name: str) -> list[Any]:
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise JobError(f"{where}: this is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise JobError(f"{name}: this is not YAML: {type(error).__name__}") from None
    return _listed(found, name)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema (https://yaml.org/spec/1.2.2/, 10.3.2), in which 1e-5 is a number, and `no` and dates are text.

    PyYAML's own is 1.1, where 1e-5 is text, `no` is false and 12:30 is 750.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping that has no key twice."""
        names = [key.value for key, _ in node.value]
        found = super().construct_mapping(node, deep)
        if len(set(names)) < len(names):
            raise yaml.constructor.ConstructorError(None, None, "a mapping has a key twice", node.start_mark)
        return found


for _tag, _pattern in {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "merge": r"<<",
}.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), None)


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    written = str(loader.construct_scalar(node))
    return int(written, 0 if written[:2] in {"0o", "0x"} else 10)


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def _listed(found: Any, name: str) -> list[Any]:
    if not isinstance(found, list):
        raise JobError(f"{name} holds a {type(found).__name__}, not a list of inputs", advice="Write [input, …].")
    return found


READERS: dict[str, Callable[[str, str], list[Any]]] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": _csv,
    ".yaml": _yaml,
    ".yml": _yaml,
}
