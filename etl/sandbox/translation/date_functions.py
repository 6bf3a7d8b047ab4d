"""Functions over dates and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.moments import DAY, MICROSECOND, MINUTE, SECOND, unit_of
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation.context import Context
from etl.sandbox.translation.conversion import convert
from etl.sandbox.translation.expression import Expression
from etl.sandbox.translation.functions import function, integer, word
from etl.sandbox.translation.nodes import value, value_node
from etl.sandbox.translation.types import BIGINT, DATE, DATETIME, DATETIME2, DATETIMEOFFSET, INT, family, time_scale

# https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql
_PARTS = {
    **dict.fromkeys(("year", "yy", "yyyy"), "year"),
    **dict.fromkeys(("quarter", "qq", "q"), "quarter"),
    **dict.fromkeys(("month", "mm", "m"), "month"),
    **dict.fromkeys(("dayofyear", "dy", "y"), "dayofyear"),
    **dict.fromkeys(("day", "dd", "d"), "day"),
    **dict.fromkeys(("week", "wk", "ww"), "week"),
    **dict.fromkeys(("weekday", "dw", "w"), "weekday"),
    **dict.fromkeys(("iso_week", "isowk", "isoww"), "iso_week"),
    **dict.fromkeys(("hour", "hh"), "hour"),
    **dict.fromkeys(("minute", "mi", "n"), "minute"),
    **dict.fromkeys(("second", "ss", "s"), "second"),
    **dict.fromkeys(("millisecond", "ms"), "millisecond"),
    **dict.fromkeys(("microsecond", "mcs"), "microsecond"),
    **dict.fromkeys(("nanosecond", "ns"), "nanosecond"),
    **dict.fromkeys(("tzoffset", "tz"), "tzoffset"),
}
_TIME_PARTS = {"hour", "minute", "second", "millisecond", "microsecond", "nanosecond"}
_CLOCK = "sandbox.stamp_of(statement_timestamp()::timestamp)"
_NOW = {
    **dict.fromkeys(
        ("GETDATE", "CURRENT_TIMESTAMP", "GETUTCDATE"),
        (f"sandbox.datetime_fit({_CLOCK}, 'datetime', true, 'datetime')", DATETIME),
    ),
    **dict.fromkeys(("SYSDATETIME", "SYSUTCDATETIME"), (_CLOCK, DATETIME2)),
    "SYSDATETIMEOFFSET": (f"sandbox.dto_make({_CLOCK}, 0)", DATETIMEOFFSET),
}


def _now(name: str) -> None:
    @function(name, 0)
    def _handler(_context: Context, _arguments: Sequence[exp.Expr]) -> Expression:
        sql, kind = _NOW[name]
        return Expression(f"({sql})", kind, nullable=False)


for _name in _NOW:
    _now(_name)


def _part(node: exp.Expr, call: str) -> str:
    name = word(node)
    if name not in _PARTS:
        raise SqlServerError(155, f"'{name}' is not a recognized {call} option.", severity=15, ends_batch=True)
    return _PARTS[name]


def moment(context: Context, node: exp.Expr) -> Expression:
    """An argument as a date or time: texts become datetime2, numbers and NULL datetime."""
    given = value(context, node)
    if given.is_null:
        return convert(given, DATETIME)
    kind = family(given.type)
    if kind == "text":
        return convert(given, DATETIME2)
    if kind in {"int", "bit", "float", "decimal", "money"}:
        return convert(given, DATETIME)
    return given


def as_stamp(given: Expression) -> str:
    """The local time of any moment as a stamp in all digits; a time stands on 1900-01-01."""
    kind = family(given.type)
    if kind == "offset":
        return f"sandbox.dto_local({given.sql})"
    if kind in {"time", "date"}:
        return f"sandbox.stamp_of({given.sql})"
    return f"sandbox.datetime_exact({given.sql})" if given.type.name == "datetime" else given.sql


def _like(given: Expression, stamp: str) -> str:
    """What was computed of `given`'s local time, in the storage and the digits of its type."""
    kind = given.type
    if kind.name in {"datetime", "smalldatetime"}:
        return f"sandbox.datetime_fit({stamp}, '{kind.name}', true, 'expression')"
    if kind.name == "date":
        return f"sandbox.day_of({stamp})"
    unit = unit_of(time_scale(kind))
    if kind.name == "time":
        return f"sandbox.clock_round(sandbox.clock_of({stamp}), {unit})"
    fitted = stamp if unit == 1 else f"sandbox.stamp_round({stamp}, {unit}, '{kind.name}', true)"
    return f"sandbox.dto_make({fitted}, ({given.sql}).minutes::int4)" if kind.name == "datetimeoffset" else fitted


@function("DATEADD", 3)
def _dateadd(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    part = _part(arguments[0], "dateadd")
    count = convert(value(context, arguments[1]), BIGINT, implicit=False)
    given = value(context, arguments[2])
    kind = DATETIME if family(given.type) == "text" or given.is_null else moment(context, arguments[2]).type
    start = convert(given, kind)
    if kind.name == "date" and part in _TIME_PARTS:
        raise SqlServerError(
            9810, f"The datepart {part} is not supported by date function dateadd for data type date.", ends_batch=True
        )
    if kind.name == "time" and part not in _TIME_PARTS:
        raise SqlServerError(
            9810, f"The datepart {part} is not supported by date function dateadd for data type time.", ends_batch=True
        )
    moved = f"sandbox.date_add('{part}', {count.sql}, {as_stamp(start)}, '{kind.name}')"
    return Expression(_like(start, moved), kind, nullable=start.nullable or count.nullable)


_TICKS_OF_PART = {"microsecond": MICROSECOND, "second": SECOND, "minute": MINUTE, "hour": 60 * MINUTE, "day": DAY}


def _datediff(name: str, kind: SqlType, postgres: str) -> None:
    @function(name, 3)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        part = _part(arguments[0], name.lower())
        first, second = moment(context, arguments[1]), moment(context, arguments[2])
        sides = [_instant(side) for side in (first, second)]
        sql = f"sandbox.{postgres}('{part}', {sides[0]}, {sides[1]})"
        if part in _TICKS_OF_PART:
            # Written out it is a few machine instructions a row, which makes sums over a table bearable.
            start, end = (f"(({side})::int8 + {DAY}) / {_TICKS_OF_PART[part]}" for side in sides)
            sql = f"({end} - {start})" if kind is BIGINT else f"sandbox.date_diff_int({end} - {start})"
        return Expression(
            sql,
            kind,
            nullable=first.nullable or second.nullable,
            aggregate=first.aggregate,
        )


def _instant(given: Expression) -> str:
    return f"({given.sql}).utc::sandbox.stamp" if family(given.type) == "offset" else as_stamp(given)


_datediff("DATEDIFF", INT, "date_diff")
_datediff("DATEDIFF_BIG", BIGINT, "date_diff_big")


@function("DATEPART", 2)
def _datepart(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    part, given = _part(arguments[0], "datepart"), moment(context, arguments[1])
    return _part_of(part, given)


def _part_of(part: str, given: Expression) -> Expression:
    if part == "tzoffset":
        sql = f"(({given.sql}).minutes)::int4" if family(given.type) == "offset" else "0"
    else:
        sql = f"sandbox.date_part('{part}', {as_stamp(given)})"
    return Expression(sql, INT, nullable=given.nullable, aggregate=given.aggregate)


def _single_part(name: str) -> None:
    @function(name, 1)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        return _part_of(name.lower(), moment(context, arguments[0]))


for _name in ("YEAR", "MONTH", "DAY"):
    _single_part(_name)


@function("DATENAME", 2)
def _datename(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    part, given = _part(arguments[0], "datename"), moment(context, arguments[1])
    formats = {"month": "FMMonth", "weekday": "FMDay"}
    stamp = f"sandbox.timestamp_of({as_stamp(given)})"
    sql = f"to_char({stamp}, '{formats[part]}')" if part in formats else f"({_part_of(part, given).sql})::text"
    return Expression(f"({sql})::citext", SqlType("nvarchar", length=30), nullable=given.nullable)


@function("EOMONTH", 1, 2)
def _eomonth(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given = moment(context, arguments[0])
    months = integer(context, arguments[1]).sql if len(arguments) == 2 else "0"
    month = f"date_trunc('month', sandbox.timestamp_of({as_stamp(given)}))"
    sql = f"({month} + make_interval(months => {months} + 1) - interval '1 day')::date"
    return Expression(sql, DATE)


_TRUNCATED = {
    part: f"sandbox.stamp_of({of_timestamp.format('sandbox.timestamp_of({})')})"
    for part, of_timestamp in {
        **{part: f"date_trunc('{part}', {{}})" for part in ("year", "quarter", "month")},
        **{part: f"date_trunc('{part}', {{}})" for part in ("day", "hour", "minute", "second")},
        **{"dayofyear": "date_trunc('day', {})", "iso_week": "date_trunc('week', {})"},
        "week": "(date_trunc('week', {} + interval '1 day') - interval '1 day')",  # they begin on Sunday: DATEFIRST is 7
        **{part: f"date_trunc('{part}s', {{}})" for part in ("millisecond", "microsecond")},
    }.items()
}


@function("DATETRUNC", 2)
def _datetrunc(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    """The type stays; a text is datetime2(7). Error 9810 for a part that the type has not."""
    part, given = _part(arguments[0], "datetrunc"), moment(context, arguments[1])
    name = family(given.type)
    if (
        part not in _TRUNCATED
        or (name == "date" and part in _TIME_PARTS)
        or (name == "time" and part not in _TIME_PARTS)
    ):
        message = f"The datepart {part} is not supported by date function datetrunc for data type {given.type.name}."
        raise SqlServerError(9810, message, ends_batch=True)
    cut = _TRUNCATED[part].format(as_stamp(given))
    return Expression(_like(given, cut), given.type, nullable=given.nullable)


@value_node(exp.AtTimeZone, "this", "zone")
def _at_time_zone(context: Context, node: exp.Expr) -> Expression:
    """AT TIME ZONE 'UTC': the other zones are Windows' own names and rules."""
    given, zone = moment(context, node.args["this"]), value(context, node.args["zone"]).literal
    if str(zone).upper() != "UTC":
        raise not_supported(f"AT TIME ZONE {zone!r}")
    if family(given.type) == "offset":
        return replace(given, sql=f"ROW(({given.sql}).utc, 0)::sandbox.dto", literal=None).unnamed()
    if family(given.type) != "stamp":
        raise SqlServerError(
            8116,
            f"Argument data type {given.type.name} is invalid for argument 1 of AT TIME ZONE function.",
            ends_batch=True,
        )
    return _at_offset(given, "0")


def _from_parts(name: str, kind: SqlType, count: int) -> None:
    @function(name, count)
    def _handler(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
        parts = [integer(context, argument).sql for argument in arguments]
        if kind.name == "date":
            return Expression(f"sandbox.date_from_parts({', '.join(parts)})", DATE)
        if kind.name == "datetime":
            sql = f"sandbox.stamp_from_parts({', '.join(parts[:6])}, {parts[6]}, 3)"
            return Expression(f"sandbox.datetime_fit({sql}, 'datetime', true, 'int')", DATETIME)
        precision = value(context, arguments[7]).literal
        if not isinstance(precision, int):
            raise not_supported("a DATETIME2FROMPARTS precision that is not a number in the text")
        return Expression(
            f"sandbox.stamp_from_parts({', '.join(parts[:7])}, {precision})", SqlType("datetime2", scale=precision)
        )


_from_parts("DATEFROMPARTS", DATE, 3)
_from_parts("DATETIMEFROMPARTS", DATETIME, 7)
_from_parts("DATETIME2FROMPARTS", DATETIME2, 8)


@function("ISDATE", 1)
def _isdate(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given = convert(value(context, arguments[0]), SqlType("varchar", length=8000))
    return Expression(
        f"(CASE WHEN sandbox.stamp_from_text({given.sql}, 'datetime', 1, false, 'varchar') IS NULL THEN 0 ELSE 1 END)",
        INT,
        nullable=False,
    )


@function("TODATETIMEOFFSET", 2)
def _to_offset(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given, minutes = moment(context, arguments[0]), _offset_minutes(context, arguments[1])
    return _at_offset(given, minutes)


def _at_offset(given: Expression, minutes: str) -> Expression:
    """Any moment's local time, with as many digits as it shows, at an offset."""
    scale = time_scale(given.type)
    local = convert(given, SqlType("datetime2", scale=scale), implicit=False)
    kind = SqlType("datetimeoffset", scale=scale)
    return Expression(f"sandbox.dto_make({local.sql}, {minutes})", kind, nullable=given.nullable)


@function("SWITCHOFFSET", 2)
def _switch_offset(context: Context, arguments: Sequence[exp.Expr]) -> Expression:
    given, minutes = convert(value(context, arguments[0]), DATETIMEOFFSET), _offset_minutes(context, arguments[1])
    return Expression(f"ROW(({given.sql}).utc, {minutes})::sandbox.dto", DATETIMEOFFSET)


def _offset_minutes(context: Context, node: exp.Expr) -> str:
    given = value(context, node)
    if family(given.type) == "text":
        return f"sandbox.offset_minutes(({given.sql})::text)"
    return integer(context, node).sql
