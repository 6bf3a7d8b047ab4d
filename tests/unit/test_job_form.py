"""The job's schema, from which Prefect draws its form."""

from __future__ import annotations

from etl.job import Job

SCHEMA = Job.model_json_schema()
FIELDS = SCHEMA["properties"]


def test_fields_are_in_the_order_of_a_file() -> None:
    names = sorted(FIELDS, key=lambda name: FIELDS[name]["position"])
    assert names[:6] == ["source", "target", "source_table", "query", "target_table", "mode"]
    assert names == [field.alias or name for name, field in Job.model_fields.items()]
    assert SCHEMA["required"] == ["target_table"]


def test_each_field_is_described_and_titled() -> None:
    assert not [name for name, field in FIELDS.items() if not field.get("description")]
    assert FIELDS["watermark_lag_sec"]["title"] == "Watermark lag (seconds)"
    assert FIELDS["schema"]["title"] == "Schema"


def test_an_optional_field_is_a_plain_one() -> None:
    assert FIELDS["key"].items() >= {"type": "string", "title": "Key"}.items()
    assert FIELDS["writers"].items() >= {"type": "integer", "minimum": 1, "maximum": 256}.items()
    assert "default" not in FIELDS["key"]
    choices = {name for name, field in FIELDS.items() if "anyOf" in field}
    assert choices == {"max_rejects", "cluster"}


def test_choices_are_listed() -> None:
    assert FIELDS["mode"]["enum"] == ["append", "replace"]
    assert [kind.get("title", kind["type"]) for kind in FIELDS["max_rejects"]["anyOf"]] == ["Number", "Text"]
