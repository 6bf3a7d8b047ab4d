"""OPENJSON, ISJSON, JSON_VALUE, JSON_QUERY and STRING_SPLIT."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal

import pytest

from tests.sandbox.tsql import Session, argument

VALUES = [
    ("ISJSON('[1]')", 1),
    ("ISJSON('{\"a\": [1, {}]}')", 1),
    ("ISJSON('1')", 0),
    ("ISJSON('{\"a\":')", 0),
    ("ISJSON(NULL)", None),
    ('JSON_VALUE(\'{"a": {"b c": [1, 2.50]}}\', \'$.a."b c"[1]\')', "2.50"),
    ("JSON_VALUE('{\"a\": true}', 'lax $.a')", "true"),
    ("JSON_VALUE('{\"a\": null}', 'strict $.a')", None),
    ("JSON_VALUE('{\"a\": 1}', '$.b')", None),
    ("JSON_VALUE('{\"a\": {}}', '$.a')", None),
    ("JSON_VALUE('{\"A\": 1}', '$.a')", None),
    ("JSON_QUERY('{\"a\": [1,  2]}', '$.a')", "[1,  2]"),
    ("JSON_QUERY('{\"a\": 1}', '$.a')", None),
    ("JSON_QUERY('[1]')", "[1]"),
]


@pytest.mark.parametrize(("expression", "value"), VALUES, ids=[case[0] for case in VALUES])
def test_a_json_function(shared: Session, expression: str, value: object) -> None:
    assert shared.value(expression) == value


ERRORS = [
    ("SELECT JSON_VALUE('{\"a\": 1}', '$a')", 13607, "Unexpected character 'a' is found at position 1."),
    ("SELECT JSON_VALUE('{\"a\": 1}', 'strict $.b')", 13608, "Property cannot be found on the specified JSON path."),
    ("SELECT JSON_VALUE('{\"a\": x}', '$.a')", 13609, "Unexpected character 'x' is found at position 6."),
    ("SELECT JSON_VALUE('5', '$')", 13609, "Unexpected character '5' is found at position 0."),
    ("SELECT JSON_VALUE('{\"a\": {}}', 'strict $.a')", 13623, "Scalar value cannot be found"),
    ("SELECT JSON_QUERY('{\"a\": 1}', 'strict $.a')", 13624, "Object or array cannot be found"),
    ("SELECT * FROM OPENJSON('{\"a\": 1}', 'strict $.b')", 13608, "Property cannot be found"),
    ("SELECT * FROM OPENJSON('{\"a\": 1}', 'strict $.a')", 13611, "cannot be opened with OPENJSON"),
    ("SELECT * FROM OPENJSON('[{\"a\": 1}]') WITH (a int AS JSON)", 13618, "AS JSON option"),
    ('SELECT * FROM OPENJSON(\'[{"a": "x"}]\') WITH (a int)', 245, "the nvarchar value 'x' to data type int"),
    ("SELECT * FROM OPENJSON('[{\"a\": 1e2}]') WITH (a int)", 245, "the nvarchar value '1e2' to data type int"),
    ('SELECT * FROM OPENJSON(\'[{"a": "2020-13-01"}]\') WITH (a date)', 241, "Conversion failed"),
    ('SELECT * FROM OPENJSON(\'[{"a": "abcd"}]\') WITH (a varchar(3))', 40517, "longer than its column"),
    ("SELECT * FROM STRING_SPLIT('a', ',,')", 214, "'separator'"),
]


@pytest.mark.parametrize(("text", "number", "words"), ERRORS, ids=[case[0] for case in ERRORS])
def test_a_json_error(shared: Session, text: str, number: int, words: str) -> None:
    error = shared.error(text)
    assert error.number == number
    assert words in error.message


def test_without_columns_the_rows_are_key_value_and_type(shared: Session) -> None:
    answer = shared.run("""SELECT * FROM OPENJSON('["a", 1.50, null, true, [1, 2], {"b": 1}]')""")
    assert answer.types == ["nvarchar(4000)", "nvarchar(max)", "tinyint"]
    assert answer.rows == [
        ("0", "a", 1),
        ("1", "1.50", 2),
        ("2", None, 0),
        ("3", "true", 3),
        ("4", "[1, 2]", 4),
        ("5", '{"b": 1}', 5),
    ]
    assert shared.rows("""SELECT [key], value FROM OPENJSON('{"x": 1, "y": [2]}', '$.y') j""") == [("0", "2")]
    assert shared.rows("SELECT * FROM OPENJSON(NULL)") == []


COLUMNS = """
a int, b nvarchar(5), c decimal(10,3), d datetime2(3), e bit, f nvarchar(max) AS JSON, g int '$.f.g[1]',
h varbinary(10), i uniqueidentifier, j float, [k l] smallmoney '$."k l"', m date '$.d', n char(3) 'lax $.b'
"""
DOCUMENT = """
[{"a": 1, "b": "x", "c": 1.50, "d": "2020-01-02T03:04:05.123", "e": true, "f": {"g": [1, 2]}, "h": "SGVsbG8=",
  "i": "6F9619FF-8B86-D011-B42D-00C04FC964FF", "j": 1e5, "k l": "2.5", "z": 1}, {"a": null}, 5]
"""


def test_with_columns_values_have_their_types(shared: Session) -> None:
    answer = shared.run(
        f"SELECT * FROM OPENJSON(@j) WITH ({COLUMNS})", "@j nvarchar(max)", [argument(DOCUMENT, "nvarchar")]
    )
    assert answer.types[:5] == ["int", "nvarchar(5)", "decimal(10,3)", "datetime2(3)", "bit"]
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, 123000)
    guid = uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
    first = (1, "x", Decimal("1.500"), moment, True, '{"g": [1, 2]}', 2, b"Hello", guid, 1e5, Decimal("2.5000"))
    nothing = (None,) * 13
    assert answer.rows == [(*first, moment.date(), "x  "), nothing, nothing]


def test_an_object_is_one_row_and_scalars_are_their_own_value(shared: Session) -> None:
    assert shared.rows("""SELECT * FROM OPENJSON('{"a": 3}') WITH (a int)""") == [(3,)]
    assert shared.rows("SELECT * FROM OPENJSON('[3, 4]') WITH (v int '$') t") == [(3,), (4,)]
    nested = """SELECT q FROM OPENJSON('{"x": {"y": [{"q": 1}, {"q": 2}]}}', N'$.x.y') WITH (q int)"""
    assert shared.rows(nested) == [(1,), (2,)]


def test_apply_opens_the_json_of_each_row(session: Session) -> None:
    session.run("CREATE TABLE t (id int, tags nvarchar(50)); INSERT INTO t VALUES (1, '[\"a\", \"b\"]'), (2, '[]')")
    assert session.rows("SELECT id, value FROM t CROSS APPLY OPENJSON(tags) j") == [(1, "a"), (1, "b")]
    assert session.rows("SELECT t.id, j.v FROM t OUTER APPLY OPENJSON(t.tags) WITH (v varchar(9) '$') AS j") == [
        (1, "a"),
        (1, "b"),
        (2, None),
    ]
    assert session.rows("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM OPENJSON(t.tags) WHERE value = 'A')") == [(1,)]


def test_thousands_of_rows_are_inserted_through_one_parameter(session: Session) -> None:
    columns = "id int, name nvarchar(40), price decimal(9,2), at datetime2(6)"
    session.run(f"CREATE TABLE t ({columns})")
    rows = [
        {"id": i, "name": f"ñame {i}", "price": f"{i}.25", "at": f"2020-01-01 00:00:{i % 60:02}.{i:06}"}
        for i in range(4000)
    ]
    text = argument(json.dumps(rows), "nvarchar")
    answer = session.run(f"INSERT INTO t SELECT * FROM OPENJSON(@j) WITH ({columns})", "@j nvarchar(max)", [text])
    assert answer.counts == [4000]
    assert session.rows("SELECT COUNT(*), SUM(price), MAX(at) FROM t") == [
        (4000, Decimal(3999 * 2000) + Decimal(1000), dt.datetime(2020, 1, 1, 0, 0, 59, 3959))
    ]
    # A SELECT gets a parameter larger than the socket's buffer too.
    counted = "SELECT COUNT(*) FROM OPENJSON(@j) WITH (id int) WHERE id % 2 = 0"
    assert session.rows(counted, "@j nvarchar(max)", [text]) == [(2000,)]


def test_string_split(shared: Session) -> None:
    answer = shared.run("SELECT * FROM STRING_SPLIT('a,b,,c', ',', 1) s WHERE value <> ''")
    assert answer.types == ["varchar(6)", "bigint"]
    assert answer.rows == [("a", 1), ("b", 2), ("c", 4)]
    assert shared.rows("SELECT value FROM STRING_SPLIT(N'', ',')") == [("",)]
    assert shared.rows("SELECT value FROM STRING_SPLIT(NULL, ',')") == []
