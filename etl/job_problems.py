"""What is wrong with a job's fields: which field, and what it must be instead. Never a value, which may be a password."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from etl.cluster.description import TOLD
from etl.errors import JobError
from etl.job_file import name_shown
from etl.nearest import did_you_mean, listed, nearest

MAX_SAID = 5
"""Problems of a job that are told at once."""

KINDS: list[tuple[type | tuple[type, ...], str]] = [
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    (dt.date, "a date"),
    ((list, tuple, set, frozenset), "a list"),
    (Mapping, "a mapping"),
]


@dataclass(frozen=True, slots=True)
class Words:
    """What a field must be, in words, where its type does not say it."""

    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a field, or with all of them together (`field` is empty then)."""

    field: str
    sentence: str
    is_strange: bool = False
    """Whether there is no such field, nor one of a name like it."""


def problems(error: ValidationError, fields: Mapping[str, FieldInfo], given: Mapping[str, Any]) -> list[Problem]:
    """A sentence for each field that is wrong, as `fields` describe them, in the order in which they are declared."""
    found: dict[str, Problem] = {}
    for item in error.errors(include_input=False, include_url=False):
        name = str(item["loc"][0]) if item["loc"] else item.get("ctx", {}).get("field", "")
        if name not in found:
            sentence = _sentence(item, name, fields, given)
            found[name] = Problem(
                name, sentence, item["type"] == "extra_forbidden" and nearest(name, _names(fields)) is None
            )
    return list(found.values())


def invalid(found: list[Problem], what: str, lines: Mapping[str, int], fields: Mapping[str, FieldInfo]) -> JobError:
    """The error that tells of them. `lines` has those of a file in which fields stand."""
    said = [f"line {lines[one.field]}: {one.sentence}" if one.field in lines else one.sentence for one in found]
    more = f"; and {len(said) - MAX_SAID} more" if len(said) > MAX_SAID else ""
    return JobError(
        f"{what} is not valid: {'; '.join(said[:MAX_SAID])}{more}",
        advice=f"Its fields: {', '.join(_names(fields))}." if any(one.is_strange for one in found) else "",
    )


def _sentence(item: Any, name: str, fields: Mapping[str, FieldInfo], given: Mapping[str, Any]) -> str:
    if not item["loc"] or item["type"] == TOLD:
        return str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "missing":
        return f"{name} is missing"
    by_name = {field.alias or key: field for key, field in fields.items()} | dict(fields)
    field = by_name.get(name)
    if field is None or item["type"] == "extra_forbidden":
        return _unknown(name, fields)
    value = given.get(name)
    return f"{name} must be {_expected(field)}{_instead(value, field)}"


def _names(fields: Mapping[str, FieldInfo]) -> list[str]:
    """The fields' names as a file has them."""
    return [field.alias or name for name, field in fields.items()]


def _unknown(name: str, fields: Mapping[str, FieldInfo]) -> str:
    if name in fields:
        return f"{name} and {fields[name].alias} are one field; give one of them"
    return f"{name_shown(name)} is not a field of a job{did_you_mean(name, _names(fields))}"


def _expected(field: FieldInfo) -> str:
    words = [known.text for known in field.metadata if isinstance(known, Words)]
    kind = _kind(field.annotation)
    if words:
        return words[0]
    if get_origin(kind) is Literal:
        return listed(get_args(kind))
    if kind is int:
        return f"a whole number{_range(field)}"
    return {bool: "true or false", str: "text", Path: "the path of a folder"}[kind]


def _kind(annotation: Any) -> Any:
    """The annotation without its None and without what is checked of it."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return _kind(kinds[0]) if len(kinds) == 1 else annotation


def _range(field: FieldInfo) -> str:
    low = next((limit.ge for limit in field.metadata if isinstance(limit, annotated_types.Ge)), None)
    high = next((limit.le for limit in field.metadata if isinstance(limit, annotated_types.Le)), None)
    if high is None:
        return "" if low is None else f", {low} or more"
    return f" from {low} to {high}"


def _instead(value: Any, field: FieldInfo) -> str:
    """What stands there now, by kind, or the choice that was probably meant."""
    kind = _kind(field.annotation)
    choices, parts = _choices(kind), value if isinstance(value, list) else [value]
    wrong = [part for part in parts if isinstance(part, str) and part not in choices]
    return did_you_mean(wrong[0], choices) if choices and wrong else _not(value, kind)


def _choices(kind: Any) -> list[str]:
    """What a field, or each part of it, is one of."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return _choices(get_args(kind)[0]) if get_origin(kind) is frozenset else []


def _not(value: Any, kind: Any) -> str:
    if value is None:
        return ", and is empty"
    found = next((words for known, words in KINDS if isinstance(value, known)), "something else")
    wanted = {str: "text", int: "a number", frozenset: "a list", dict: "a mapping"}
    if kind is str and isinstance(value, int | float | dt.date):
        return f", not {found}: put it in quotes"
    kinds = get_args(kind) if get_origin(kind) in {Union, UnionType} else [get_origin(kind) or kind]
    return "" if found in {wanted.get(one) for one in kinds} else f", not {found}"
