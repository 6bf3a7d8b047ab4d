"""CAST, CONVERT and the implicit conversions, as PostgreSQL text.

One function for each pair of families; SQL Server's table of what may be converted is
https://learn.microsoft.com/sql/t-sql/data-types/data-type-conversion-database-engine#implicit-conversions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.expression import Expression, text_literal
from etl.sandbox.translation.types import family, is_fixed_text, is_wide, storage, time_scale

_INT_RANK = {"tinyint": 1, "smallint": 2, "int": 3, "bigint": 4}
_DEFAULT_TEXT_LENGTH = {"int": 12, "bit": 1, "float": 24, "decimal": 41, "money": 21}


@dataclass(frozen=True, slots=True)
class _Request:
    source: SqlType
    target: SqlType
    style: int | None
    strict: str
    """`true`, or `false` for TRY_CAST."""

    @property
    def source_name(self) -> str:
        return text_literal(self.source.name)


def convert(
    value: Expression, target: SqlType, *, style: int | None = None, safe: bool = False, implicit: bool = True
) -> Expression:
    """`value` as `target`. `safe` is TRY_CONVERT. Errors 257 and 529 for pairs that SQL Server does not convert."""
    collation = value.collation if family(target) == "text" else None
    if value.is_null:
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
    if rule is None:
        raise SqlServerError(
            529,
            f"Explicit conversion from data type {value.type.name} to {target.name} is not allowed.",
            ends_batch=True,
        )
    sql = rule(value.sql, _Request(value.type, target, style, "false" if safe else "true"))
    if collation is not None and storage(target, collation) == "text":
        sql = f"({sql})::text"
    nullable = value.nullable or safe
    return Expression(sql, target, nullable=nullable, collation=collation, name=value.name, aggregate=value.aggregate)


def shown(value: Expression) -> Expression:
    """A char or nchar with its trailing blanks; anything else as it is."""
    if not is_fixed_text(value.type) or value.is_null:
        return value
    kind = storage(value.type, value.collation)
    return replace(value, sql=f"rpad(({value.sql})::text, {value.type.length})::{kind}")


def _from_int(sql: str, request: _Request) -> str:
    target = request.target.name
    if _INT_RANK.get(request.source.name, 0) <= _INT_RANK[target] and request.source.name != "tinyint":
        return f"({sql})::{storage(request.target)}"
    if request.source.name in {"tinyint", "bit"}:
        return f"({sql})::int4::{storage(request.target)}"
    return (
        f"sandbox.int_from_number(({sql})::numeric, '{target}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def _bit_to_number(sql: str, request: _Request) -> str:
    return f"({sql})::int4::{storage(request.target)}"


def _number_to_int(sql: str, request: _Request) -> str:
    return (
        f"sandbox.int_from_number(({sql})::numeric, '{request.target.name}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def _text_to_int(sql: str, request: _Request) -> str:
    return (
        f"sandbox.int_from_text({sql}, '{request.target.name}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def _number_to_bit(sql: str, _request: _Request) -> str:
    return f"(({sql}) <> 0)"


def _text_to_bit(sql: str, request: _Request) -> str:
    return f"sandbox.bit_from_text({sql}, {request.strict}, {request.source_name})"


def _number_to_float(sql: str, request: _Request) -> str:
    return f"({sql})::{storage(request.target)}"


def _text_to_float(sql: str, request: _Request) -> str:
    return (
        f"sandbox.float_from_text({sql}, '{request.target.name}', {request.strict},"
        f" {request.source_name})::{storage(request.target)}"
    )


def _fit_decimal(sql: str, request: _Request) -> str:
    target = request.target
    name = "numeric" if request.source.name == "decimal" else request.source.name
    return f"sandbox.decimal_fit({sql}, {target.precision}, {target.scale}, {request.strict}, '{name}')"


def _number_to_decimal(sql: str, request: _Request) -> str:
    source, target = request.source, request.target
    assert target.precision is not None
    assert target.scale is not None
    if source.name == "decimal":
        assert source.precision is not None
        assert source.scale is not None
        if source.scale <= target.scale and source.precision - source.scale <= target.precision - target.scale:
            return f"({sql})::numeric({target.precision},{target.scale})"
    widths = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
    if source.name in widths and widths[source.name] <= target.precision - target.scale:
        return f"({sql}){'::int4' if source.name == 'bit' else ''}::numeric({target.precision},{target.scale})"
    if source.name == "bit":
        sql = f"({sql})::int4"
    if source.name in {"real", "float"}:
        return _fit_decimal(f"sandbox.exact({sql})", request)
    return _fit_decimal(f"({sql})::numeric", request)


def _text_to_decimal(sql: str, request: _Request) -> str:
    target = request.target
    return (
        f"sandbox.decimal_from_text({sql}, {target.precision}, {target.scale}, {request.strict}, {request.source_name})"
    )


def _number_to_money(sql: str, request: _Request) -> str:
    inner = f"({sql})::int4::numeric" if request.source.name == "bit" else f"({sql})::numeric"
    return f"sandbox.money_fit({inner}, '{request.target.name}', {request.strict}, {request.source_name})"


def _text_to_money(sql: str, request: _Request) -> str:
    return f"sandbox.money_from_text({sql}, '{request.target.name}', {request.strict}, {request.source_name})"


def _text_to_date(sql: str, request: _Request) -> str:
    _text_style(request)
    return f"sandbox.date_from_text({sql}, {request.strict})"


def _text_to_time(sql: str, request: _Request) -> str:
    _text_style(request)
    return f"sandbox.time_from_text({sql}, {request.target.scale}, {request.strict})"


def _text_to_stamp(sql: str, request: _Request) -> str:
    _text_style(request)
    scale = time_scale(request.target)
    return f"sandbox.stamp_from_text({sql}, '{request.target.name}', {scale}, {request.strict}, {request.source_name})"


def _text_to_offset(sql: str, request: _Request) -> str:
    _text_style(request)
    return f"sandbox.dto_from_text({sql}, {request.target.scale}, {request.strict})"


def _text_style(request: _Request) -> None:
    if request.style is not None and request.style not in {0, 20, 21, 23, 100, 101, 111, 112, 120, 121, 126, 127, 1}:
        raise not_supported(f"CONVERT of a text to {request.target.name} with style {request.style}")


def _to_stamp(sql: str, request: _Request) -> str:
    target = request.target
    if target.name != "datetime2":
        return f"sandbox.datetime_fit({sql}, '{target.name}', {request.strict}, {request.source_name})"
    assert target.scale is not None
    if time_scale(request.source) <= target.scale or target.scale >= 6:
        return sql
    return f"sandbox.stamp_round({sql}, {target.scale})"


def _date_to_stamp(sql: str, request: _Request) -> str:
    return _to_stamp(f"({sql})::timestamp", request)


def _time_to_stamp(sql: str, request: _Request) -> str:
    return _to_stamp(f"(date '1900-01-01' + {sql})", request)


def _offset_to_stamp(sql: str, request: _Request) -> str:
    return _to_stamp(f"sandbox.dto_local({sql})", request)


def _stamp_to_time(sql: str, request: _Request) -> str:
    return f"sandbox.time_round(({sql})::time, {request.target.scale})"


def _offset_to_time(sql: str, request: _Request) -> str:
    return f"sandbox.time_round(sandbox.dto_local({sql})::time, {request.target.scale})"


def _stamp_to_offset(sql: str, request: _Request) -> str:
    return f"sandbox.dto_make(sandbox.stamp_round(({sql})::timestamp, {request.target.scale}), 0)"


def _time_to_offset(sql: str, request: _Request) -> str:
    return f"sandbox.dto_make(sandbox.stamp_round(date '1900-01-01' + {sql}, {request.target.scale}), 0)"


def _offset_to_offset(sql: str, request: _Request) -> str:
    if (request.source.scale or 0) <= (request.target.scale or 0) or (request.target.scale or 0) >= 6:
        return sql
    return (
        f"(SELECT ROW(sandbox.stamp_round((o).utc, {request.target.scale}), (o).minutes)::sandbox.dto FROM (SELECT"
        f" {sql}) x (o))"
    )


def _text_to_text(sql: str, request: _Request) -> str:
    source, target = request.source, request.target
    if is_fixed_text(source) and not is_fixed_text(target):
        sql = f"rpad(({sql})::text, {source.length})::citext"
    if is_wide(source) and not is_wide(target):
        sql = f"sandbox.ansi({sql})::citext"
    if target.length is not None and (source.length is None or source.length > target.length):
        cut = "sandbox.left_utf16" if is_wide(target) else "left"
        sql = f"{cut}(({sql})::text, {target.length})::citext"
    if is_fixed_text(target):
        sql = f"rtrim(({sql})::text, ' ')::citext"
    return f"({sql})::citext"


def _fit_text(sql: str, request: _Request, source: str | None = None) -> str:
    length = -1 if request.target.length is None else request.target.length
    return (
        f"sandbox.number_text_fit({sql}, {length}, '{source or request.source.name}', '{request.target.name}',"
        f" {request.strict})"
    )


def _int_to_text(sql: str, request: _Request) -> str:
    return _fit_text(f"({sql})::text", request)


def _bit_to_text(sql: str, request: _Request) -> str:
    return _fit_text(f"({sql})::int4::text", request)


def _decimal_to_text(sql: str, request: _Request) -> str:
    return _fit_text(f"({sql})::numeric({request.source.precision},{request.source.scale})::text", request)


def _money_to_text(sql: str, request: _Request) -> str:
    styles = {
        None: "round({}, 2)::text",
        0: "round({}, 2)::text",
        2: "round({}, 4)::text",
        126: "round({}, 4)::text",
        1: "to_char({}, 'FM999,999,999,999,990.00')",
    }
    if request.style not in styles:
        raise not_supported(f"CONVERT style {request.style} of money")
    return _fit_text(styles[request.style].format(sql), request)


def _float_to_text(sql: str, request: _Request) -> str:
    return _fit_text(f"sandbox.float_to_text({sql}, {request.style or 0})", request)


def _cut(sql: str, target: SqlType) -> str:
    """Dates, times and guids shorten silently in a short text, as SQL Server's do for char types."""
    return sql if target.length is None else f"left(({sql})::text, {target.length})::citext"


def _moment_to_text(sql: str, request: _Request) -> str:
    source = request.source
    default = 0 if source.name in {"datetime", "smalldatetime"} else 121
    style = default if request.style is None else request.style
    if source.name == "datetimeoffset":
        return _cut(f"sandbox.dto_to_text({sql}, {source.scale}, {style})", request.target)
    inner = f"(date '1900-01-01' + {sql})" if source.name == "time" else f"({sql})::timestamp"
    return _cut(f"sandbox.stamp_to_text({inner}, '{source.name}', {time_scale(source)}, {style})", request.target)


def _guid_to_text(sql: str, request: _Request) -> str:
    if request.target.length is not None and request.target.length < 36:
        raise SqlServerError(
            8170, "Insufficient result space to convert uniqueidentifier value to char.", ends_batch=True
        )
    return f"sandbox.guid_to_text({sql})"


def _text_to_guid(sql: str, request: _Request) -> str:
    return f"sandbox.guid_from_text({sql}, {request.strict})"


def _fit_bytes(sql: str, target: SqlType) -> str:
    if target.name == "binary":
        return f"sandbox.bytes_pad({sql}, {target.length})"
    return sql if target.length is None else f"substr({sql}, 1, {target.length})"


def _text_to_binary(sql: str, request: _Request) -> str:
    if request.style in {1, 2}:
        return _fit_bytes(f"sandbox.bytes_from_hex({sql}, {request.style}, {request.strict})", request.target)
    encode = "utf16_bytes" if is_wide(request.source) else "ansi_bytes"
    return _fit_bytes(
        f"sandbox.{encode}({_text_to_text(sql, _Request(request.source, replace_varying(request.source), None, 'true'))})",
        request.target,
    )


def replace_varying(kind: SqlType) -> SqlType:
    """The varying form of a fixed type: `char(5)` gives `varchar(5)`."""
    return replace(kind, name={"char": "varchar", "nchar": "nvarchar", "binary": "varbinary"}.get(kind.name, kind.name))


def _binary_to_text(sql: str, request: _Request) -> str:
    if request.style in {1, 2}:
        return _cut(f"sandbox.bytes_to_hex({sql}, {request.style})", request.target)
    raise not_supported(f"CONVERT of {request.source.name} to {request.target.name} without style 1 or 2")


def _binary_to_binary(sql: str, request: _Request) -> str:
    return _fit_bytes(sql, request.target)


def _binary_to_int(sql: str, request: _Request) -> str:
    return (
        f"sandbox.int_from_bytes({sql},"
        f" {({'tinyint': 1, 'smallint': 2, 'int': 4, 'bigint': 8})[request.target.name]})::{storage(request.target)}"
    )


def _int_to_binary(sql: str, request: _Request) -> str:
    send = {
        "tinyint": "substr(int2send({}), 2)",
        "smallint": "int2send({})",
        "int": "int4send({})",
        "bigint": "int8send({})",
    }
    inner = send[request.source.name].format(f"({sql})::{storage(request.source)}")
    length = request.target.length
    if length is None:
        return inner
    if request.target.name == "binary":
        return f"sandbox.bytes_right({inner}, {length})"
    return f"substr({inner}, greatest(length({inner}) - {length} + 1, 1))"


def _guid_to_binary(sql: str, request: _Request) -> str:
    return _fit_bytes(f"sandbox.guid_bytes({sql})", request.target)


def _binary_to_guid(sql: str, _request: _Request) -> str:
    return f"sandbox.guid_from_bytes({sql})"


def _same(sql: str, _request: _Request) -> str:
    return sql


def _text_to_xml(sql: str, request: _Request) -> str:
    inner = _text_to_text(sql, _Request(request.source, replace_varying(request.source), None, "true"))
    return f"sandbox.xml_from_text(({inner})::text)"


def _xml_to_text(sql: str, request: _Request) -> str:
    return _cut(f"({sql})::citext", request.target)


def _days_to_stamp(sql: str, request: _Request) -> str:
    if request.target.name == "datetime2":
        raise SqlServerError(
            529,
            f"Explicit conversion from data type {request.source.name} to {request.target.name} is not allowed.",
            ends_batch=True,
        )
    inner = f"({sql})::int4" if request.source.name == "bit" else sql
    stamp = f"(timestamp '1900-01-01' + make_interval(secs => (({inner})::numeric * 86400)::float8))"
    return f"sandbox.datetime_fit({stamp}, '{request.target.name}', {request.strict}, {request.source_name})"


def _stamp_to_days(sql: str, request: _Request) -> str:
    if request.source.name == "datetime2":
        raise SqlServerError(
            529,
            f"Explicit conversion from data type {request.source.name} to {request.target.name} is not allowed.",
            ends_batch=True,
        )
    days = f"(extract(epoch FROM ({sql}) - timestamp '1900-01-01') / 86400)"
    target = request.target
    if family(target) == "int":
        return (
            f"sandbox.int_from_number(round({days}), '{target.name}', {request.strict},"
            f" {request.source_name})::{storage(target)}"
        )
    return f"({days})::float8::{storage(target)}"


_Rule = Callable[[str, _Request], str]
_NUMBERS = ("int", "decimal", "money", "float")

_RULES: dict[tuple[str, str], _Rule] = {
    ("bit", "bit"): _same,
    ("bit", "int"): _bit_to_number,
    ("bit", "float"): _bit_to_number,
    ("bit", "decimal"): _number_to_decimal,
    ("bit", "money"): _number_to_money,
    ("bit", "text"): _bit_to_text,
    ("int", "int"): _from_int,
    **{(source, "int"): _number_to_int for source in ("decimal", "money", "float")},
    **{(source, "bit"): _number_to_bit for source in _NUMBERS},
    **{(source, "float"): _number_to_float for source in _NUMBERS},
    **{(source, "decimal"): _number_to_decimal for source in _NUMBERS},
    **{(source, "money"): _number_to_money for source in _NUMBERS},
    **{(source, "stamp"): _days_to_stamp for source in (*_NUMBERS, "bit")},
    ("int", "text"): _int_to_text,
    ("decimal", "text"): _decimal_to_text,
    ("money", "text"): _money_to_text,
    ("float", "text"): _float_to_text,
    ("int", "binary"): _int_to_binary,
    ("text", "bit"): _text_to_bit,
    ("text", "int"): _text_to_int,
    ("text", "float"): _text_to_float,
    ("text", "decimal"): _text_to_decimal,
    ("text", "money"): _text_to_money,
    ("text", "date"): _text_to_date,
    ("text", "time"): _text_to_time,
    ("text", "stamp"): _text_to_stamp,
    ("text", "offset"): _text_to_offset,
    ("text", "text"): _text_to_text,
    ("text", "binary"): _text_to_binary,
    ("text", "guid"): _text_to_guid,
    ("text", "xml"): _text_to_xml,
    ("date", "date"): _same,
    ("date", "stamp"): _date_to_stamp,
    ("date", "offset"): _stamp_to_offset,
    ("date", "text"): _moment_to_text,
    ("time", "time"): lambda sql, request: f"sandbox.time_round({sql}, {request.target.scale})",
    ("time", "stamp"): _time_to_stamp,
    ("time", "offset"): _time_to_offset,
    ("time", "text"): _moment_to_text,
    ("stamp", "date"): lambda sql, _: f"({sql})::date",
    ("stamp", "time"): _stamp_to_time,
    ("stamp", "stamp"): _to_stamp,
    ("stamp", "offset"): _stamp_to_offset,
    ("stamp", "text"): _moment_to_text,
    ("stamp", "int"): _stamp_to_days,
    ("stamp", "float"): _stamp_to_days,
    ("offset", "date"): lambda sql, _: f"sandbox.dto_local({sql})::date",
    ("offset", "time"): _offset_to_time,
    ("offset", "stamp"): _offset_to_stamp,
    ("offset", "offset"): _offset_to_offset,
    ("offset", "text"): _moment_to_text,
    ("binary", "binary"): _binary_to_binary,
    ("binary", "text"): _binary_to_text,
    ("binary", "int"): _binary_to_int,
    ("binary", "guid"): _binary_to_guid,
    ("guid", "guid"): _same,
    ("guid", "text"): _guid_to_text,
    ("guid", "binary"): _guid_to_binary,
    ("xml", "xml"): _same,
    ("xml", "text"): _xml_to_text,
}

_EXPLICIT_ONLY = frozenset(
    {
        ("text", "binary"),
        ("binary", "text"),
        ("xml", "text"),
        ("stamp", "int"),
        ("stamp", "float"),
    }
)
