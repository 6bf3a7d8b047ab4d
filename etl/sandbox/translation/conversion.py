"""CAST, CONVERT and the implicit conversions, as PostgreSQL text.

One function for each pair of families; SQL Server's table of what may be converted is
https://learn.microsoft.com/sql/t-sql/data-types/data-type-conversion-database-engine#implicit-conversions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import binary_conversion as binary
from etl.sandbox.translation import moment_conversion as moment
from etl.sandbox.translation import number_conversion as number
from etl.sandbox.translation import text_conversion as text
from etl.sandbox.translation.conversion_request import Request
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.text_conversion import padded
from etl.sandbox.translation.types import family, is_fixed_text, storage, under


def convert(
    value: Expression, target: SqlType, *, style: int | None = None, safe: bool = False, implicit: bool = True
) -> Expression:
    """`value` as `target`. `safe` is TRY_CONVERT. Errors 257 and 529 for pairs that SQL Server does not convert."""
    collation = value.collation if family(target) == "text" else None
    if collation is not None:
        target = under(target, collation)
    if value.is_null:
        value.typed(target)
        return Expression(f"NULL::{storage(target)}", target, name=value.name)
    if value.type == target and style is None:
        return value
    source_family, target_family = family(value.type), family(target)
    if implicit and (source_family, target_family) in _EXPLICIT_ONLY:
        raise SqlServerError(
            257,
            f"Implicit conversion from data type {value.type.name} to {target.name} is not allowed. Use the CONVERT"
            " function to run this query.",
            ends_batch=True,
        )
    rule = _RULES.get((source_family, target_family))
    if rule is None and "binary" in {source_family, target_family} and "xml" not in {source_family, target_family}:
        raise not_supported(f"the conversion of {value.type.name} to {target.name}")
    if rule is None:
        raise SqlServerError(
            529,
            f"Explicit conversion from data type {value.type.name} to {target.name} is not allowed.",
            ends_batch=True,
        )
    sql = rule(value.sql, Request(value.type, target, style, "false" if safe else "true"))
    if collation is not None and storage(target, collation) == "text":
        sql = f"({sql})::text"
    nullable = value.nullable or safe
    return Expression(sql, target, nullable=nullable, collation=collation, name=value.name, aggregate=value.aggregate)


def shown(value: Expression) -> Expression:
    """A char or nchar with its trailing blanks; anything else as it is."""
    if not is_fixed_text(value.type) or value.is_null:
        return value
    kind = storage(value.type, value.collation)
    return replace(value, sql=f"{padded(value.sql, value.type)}::{kind}")


def _same(sql: str, _request: Request) -> str:
    return sql


_Rule = Callable[[str, Request], str]
_NUMBERS = ("int", "decimal", "money", "float")

_RULES: dict[tuple[str, str], _Rule] = {
    ("bit", "bit"): _same,
    ("bit", "int"): number.bit_to_number,
    ("bit", "float"): number.bit_to_number,
    ("bit", "decimal"): number.number_to_decimal,
    ("bit", "money"): number.number_to_money,
    ("bit", "text"): number.bit_to_text,
    ("int", "int"): number.from_int,
    **{(source, "int"): number.number_to_int for source in ("decimal", "money", "float")},
    **{(source, "bit"): number.number_to_bit for source in _NUMBERS},
    **{(source, "float"): number.number_to_float for source in _NUMBERS},
    **{(source, "decimal"): number.number_to_decimal for source in _NUMBERS},
    **{(source, "money"): number.number_to_money for source in _NUMBERS},
    **{(source, "stamp"): moment.days_to_stamp for source in (*_NUMBERS, "bit")},
    ("int", "text"): number.int_to_text,
    ("decimal", "text"): number.decimal_to_text,
    ("money", "text"): number.money_to_text,
    ("float", "text"): number.float_to_text,
    ("int", "binary"): binary.int_to_binary,
    ("text", "bit"): number.text_to_bit,
    ("text", "int"): number.text_to_int,
    ("text", "float"): number.text_to_float,
    ("text", "decimal"): number.text_to_decimal,
    ("text", "money"): number.text_to_money,
    ("text", "date"): moment.text_to_date,
    ("text", "time"): moment.text_to_time,
    ("text", "stamp"): moment.text_to_stamp,
    ("text", "offset"): moment.text_to_offset,
    ("text", "text"): text.text_to_text,
    ("text", "binary"): binary.text_to_binary,
    ("text", "guid"): binary.text_to_guid,
    ("text", "xml"): text.text_to_xml,
    ("date", "date"): _same,
    ("date", "stamp"): moment.date_to_stamp,
    ("date", "offset"): moment.stamp_to_offset,
    ("date", "text"): moment.moment_to_text,
    ("time", "time"): moment.time_to_time,
    ("time", "stamp"): moment.time_to_stamp,
    ("time", "offset"): moment.stamp_to_offset,
    ("time", "text"): moment.moment_to_text,
    ("stamp", "date"): lambda sql, _: f"sandbox.day_of({sql})",
    ("stamp", "time"): moment.stamp_to_time,
    ("stamp", "stamp"): moment.to_stamp,
    ("stamp", "offset"): moment.stamp_to_offset,
    ("stamp", "text"): moment.moment_to_text,
    ("stamp", "int"): moment.stamp_to_days,
    ("stamp", "float"): moment.stamp_to_days,
    ("offset", "date"): lambda sql, _: f"sandbox.day_of(sandbox.dto_local({sql}))",
    ("offset", "time"): moment.offset_to_time,
    ("offset", "stamp"): moment.offset_to_stamp,
    ("offset", "offset"): moment.offset_to_offset,
    ("offset", "text"): moment.moment_to_text,
    ("binary", "binary"): binary.binary_to_binary,
    ("binary", "text"): binary.binary_to_text,
    ("binary", "int"): binary.binary_to_int,
    ("binary", "guid"): binary.binary_to_guid,
    ("binary", "bit"): binary.binary_to_bit,
    ("bit", "binary"): binary.bit_to_binary,
    ("guid", "guid"): _same,
    ("guid", "text"): binary.guid_to_text,
    ("guid", "binary"): binary.guid_to_binary,
    ("xml", "xml"): _same,
    ("xml", "text"): text.xml_to_text,
}

_EXPLICIT_ONLY = frozenset(
    {
        ("text", "binary"),
        ("xml", "text"),
        ("stamp", "int"),
        ("stamp", "float"),
    }
)
