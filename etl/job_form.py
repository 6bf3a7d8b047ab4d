"""The job's JSON schema as Prefect's form draws it: in a sensible order, with readable titles, and without choices of no type.

Prefect sorts a form by `position`, since its database may not keep the order of keys. Of a field that may be None it draws a
switch between `str` and `None`; its server takes None anyway for a field without a default that is not required
(`_fix_null_typing` in prefect/utilities/schema_tools/validation.py), so that such a field is a plain one here.
"""

from __future__ import annotations

from typing import Any

from pydantic.fields import ComputedFieldInfo, FieldInfo

WITH_PASSWORD = {
    "description": "a URL with a password: give env:NAME of a variable, or block:NAME",
    "pattern": r"://[^/?#]*:[^/?#]*@|\b([Pp][Ww][Dd]|[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]|odbc_connect)=",
}
"""What a database's field must not be: Prefect's server refuses a password before it keeps it, with all this in its message."""
WORDS = {"sec": "(seconds)", "utc": "UTC", "dtypes": "types"}
KINDS = {"integer": "Number", "string": "Text", "object": "Fields"}
"""What a choice between types calls them."""
LIMITS = {"ge": "minimum", "le": "maximum"}
"""As JSON Schema says what pydantic leaves as it is where another validator stands before it."""


def title(name: str, field: FieldInfo | ComputedFieldInfo) -> str:
    """A field's title, from its name in a file."""
    first, *others = ((field.alias or name) if isinstance(field, FieldInfo) else name).split("_")
    return " ".join([WORDS.get(first, first.capitalize()), *(WORDS.get(word, word) for word in others)])


def shape(schema: dict[str, Any]) -> None:
    """Change a model's schema in place, as `json_schema_extra` of its configuration."""
    for position, (name, described) in enumerate(schema["properties"].items()):
        described["position"] = position
        _plain(described)
        if name in {"source", "target"}:
            described["not"] = WITH_PASSWORD


def _plain(described: dict[str, Any]) -> None:
    kinds = described.get("anyOf", [])
    some = [kind for kind in kinds if kind.get("type") != "null"]
    if len(some) < len(kinds):
        del described["default"]
    if len(some) == 1:
        del described["anyOf"]
        described.update({LIMITS.get(key, key): value for key, value in some[0].items() if key != "format"})
        return
    for kind in some:
        kind["title"] = KINDS[kind.get("type", "object")]
